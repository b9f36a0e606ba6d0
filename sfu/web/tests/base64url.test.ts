import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "../src/e2ee/base64url.ts";

const GOLDEN: readonly [number[], string][] = [
  [[], ""],
  [[0], "AA"],
  [[0xff], "_w"],
  [[0xfb, 0xff], "-_8"],
  [[0x66, 0x6f, 0x6f, 0x62, 0x61, 0x72], "Zm9vYmFy"], // RFC 4648 section 10
  [[0x66, 0x6f, 0x6f, 0x62, 0x61], "Zm9vYmE"],
];

test("golden values both ways", () => {
  for (const [bytes, text] of GOLDEN) {
    assert.equal(encode(Uint8Array.from(bytes)), text);
    assert.deepEqual(decode(text), Uint8Array.from(bytes));
  }
});

test("every length and byte comes back", () => {
  const all = Uint8Array.from({ length: 256 }, (_, value) => value);
  for (let length = 0; length <= 256; length++) {
    assert.deepEqual(decode(encode(all.subarray(0, length))), all.slice(0, length));
  }
});

test("only the canonical form is read", () => {
  for (const text of ["A", "AAAAA", "AB", "AAB", "_x", "AA==", "AA=", "A A", "+w", "/w", "Zm9v\n", "Zm9é", "𝄞𝄞"]) {
    assert.equal(decode(text), null, JSON.stringify(text));
  }
});
