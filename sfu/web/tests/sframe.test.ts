import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, fromBigInt } from "../src/e2ee/bytes.ts";
import { gcm, type Aead } from "../src/e2ee/ciphers.ts";
import { ctrHmac } from "../src/e2ee/ctr_hmac.ts";
import { importSecret } from "../src/e2ee/hkdf.ts";
import { AES_128_GCM_SHA256_128, AES_256_GCM_SHA512_128, deriveBytes, SframeKey, type Suite } from "../src/e2ee/sframe.ts";
import { encodeHeader, parseHeader, U64_END } from "../src/e2ee/sframe_header.ts";
import { hex, rfc9605, unhex, VECTORS } from "./vectors.ts";

const { vectors, skip } = rfc9605();
const ctr = (id: number, tagBytes: number): Suite => ({
  id,
  hash: "SHA-256",
  keyBytes: 48,
  aead: (key) => ctrHmac(key, tagBytes),
});
const SUITES = [ctr(1, 10), ctr(2, 8), ctr(3, 4), AES_128_GCM_SHA256_128, AES_256_GCM_SHA512_128];

test("headers of RFC 9605, both ways and cut anywhere", { skip }, () => {
  assert.equal(vectors?.["header"]?.length, 289);
  for (const { kid, ctr, encoded } of vectors?.["header"] ?? []) {
    // Above 2^53 JSON's numbers are no longer exact: the bytes say what was meant.
    const parsed = parseHeader(unhex(`${encoded}`));
    assert(parsed);
    assert.deepEqual([Number(parsed.kid), Number(parsed.counter)], [kid, ctr]);
    assert.equal(hex(encodeHeader(parsed)), encoded);
    for (let end = 0; end < `${encoded}`.length / 2; end++) assert.equal(parseHeader(unhex(`${encoded}`).slice(0, end)), null);
  }
});

test("CTR with HMAC of RFC 9605", { skip }, async () => {
  for (const { cipher_suite, key, nonce, aad, pt, ct } of vectors?.["aes_ctr_hmac"] ?? []) {
    const suite = SUITES.find(({ id }) => id === cipher_suite);
    const aead: Aead = (await suite?.aead(unhex(`${key}`))) ?? assert.fail();
    const [n, a, p, c] = [nonce, aad, pt, ct].map((value) => unhex(`${value}`)) as [Bytes, Bytes, Bytes, Bytes];
    assert.deepEqual(await aead.seal(n, a, p), c);
    assert.deepEqual(await aead.open(n, a, c), p);
    for (let at = 0; at < c.length; at++) {
      assert.equal(await aead.open(n, a, c.map((byte, index) => (index === at ? byte ^ 1 : byte))), null);
    }
    assert.equal(await aead.open(n, a, c.slice(0, 3)), null);
  }
});
type Bytes = Uint8Array<ArrayBuffer>;

test("all suites of RFC 9605: keys, nonce, ciphertext", { skip }, async () => {
  const list = vectors?.["sframe"] ?? [];
  assert.deepEqual(list.map(({ cipher_suite }) => cipher_suite), SUITES.map(({ id }) => id));
  for (const [index, suite] of SUITES.entries()) {
    const vector = list[index] ?? assert.fail();
    const bytes = (name: string): Bytes => unhex(`${vector[name]}`);
    const header = { kid: BigInt(vector["kid"] ?? 0), counter: BigInt(vector["ctr"] ?? 0) };
    const base = await importSecret(bytes("base_key"));
    const derived = await deriveBytes(suite, header.kid, base);
    assert.deepEqual([derived.key, derived.salt], [bytes("sframe_key"), bytes("sframe_salt")]);
    const key = await SframeKey.derive(suite, header.kid, base);
    const sealed = await key.seal(header, bytes("metadata"), bytes("pt"));
    assert.deepEqual(sealed, bytes("ct"));
    const parsed = parseHeader(sealed) ?? assert.fail();
    assert.deepEqual(await key.open(parsed, bytes("metadata"), sealed.subarray(parsed.end)), bytes("pt"));
    assert.equal(await key.open(parsed, bytes("aad"), sealed.subarray(parsed.end)), null);
  }
});

test("keys of KIDs as the vectors have them", async () => {
  const base = await importSecret(unhex(VECTORS.keys.frames));
  for (const { kid, key, salt } of VECTORS.keys.kids) {
    const derived = await deriveBytes(AES_128_GCM_SHA256_128, BigInt(`0x${kid}`), base);
    assert.deepEqual([hex(derived.key), hex(derived.salt)], [key, salt]);
  }
});

test("every boundary of a header's numbers is in its shortest form", () => {
  const numbers = [0n, 1n, 7n, 8n, 255n, 256n];
  for (let bits = 16n; bits <= 64n; bits += 8n) numbers.push((1n << bits) - 1n, 1n << bits);
  for (const kid of numbers.filter((value) => value < U64_END)) {
    for (const counter of numbers.filter((value) => value < U64_END)) {
      const encoded = encodeHeader({ kid, counter });
      const bytes = (value: bigint): number => (value < 8n ? 0 : Math.ceil(value.toString(16).length / 2));
      assert.equal(encoded.length, 1 + bytes(kid) + bytes(counter));
      assert.deepEqual(parseHeader(concat(Uint8Array.of(9, 9), encoded, Uint8Array.of(9)), 2), {
        kid,
        counter,
        end: 2 + encoded.length,
      });
    }
  }
  assert.throws(() => encodeHeader({ kid: U64_END, counter: 0n }), RangeError);
  assert.throws(() => encodeHeader({ kid: 0n, counter: -1n }), RangeError);
});

test("numbers in a longer form are refused", () => {
  for (const text of ["8007", "0807", "900008", "09000000", "09000008", "a0000100", "f000ffffffffffffff", "0f0000000000000008"]) {
    assert.equal(parseHeader(unhex(text)), null, text);
  }
});

test("GCM takes nothing too short for a tag", async () => {
  const aead = await gcm(fromBigInt(5n, 16));
  for (let length = 0; length < 16; length++) {
    assert.equal(await aead.open(new Uint8Array(12), new Uint8Array(0), new Uint8Array(length)), null);
  }
});
