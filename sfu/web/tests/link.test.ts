import assert from "node:assert/strict";
import { test } from "node:test";
import * as base64url from "../src/e2ee/base64url.ts";
import { roomKeys } from "../src/e2ee/keys.ts";
import { encodeLink, LinkError, makeLink, parseLink } from "../src/e2ee/link.ts";
import { hex, unhex, VECTORS } from "./vectors.ts";

const { secret, room, accepted, refused } = VECTORS.link;
const fragment = (link: string): string => link.trim().slice(link.trim().indexOf("#") + 1);
const GOOD = fragment(accepted[0]?.link ?? "");

async function refusal(text: string): Promise<string> {
  const error: unknown = await parseLink(text).then(
    () => assert.fail(`${text} was taken`),
    (thrown: unknown) => thrown,
  );
  assert(error instanceof LinkError);
  assert(!error.message.includes(GOOD.slice(4, 20)), "the secret is in the error");
  return error.code;
}

test("links of the vectors are taken, and lead to the room", async () => {
  for (const { link } of accepted) {
    const parsed = await parseLink(fragment(link));
    assert.equal(hex(parsed.secret), secret);
    assert.equal(parsed.host, /@(.+)/.exec(link.trim())?.[1] ?? null);
    assert.equal(base64url.encode((await roomKeys(parsed.secret)).roomId), room);
  }
});

test("links of the vectors are refused by name", async () => {
  // One without # never gets as far as this.
  for (const { name, link, code } of refused.filter(({ link }) => link.includes("#"))) {
    assert.equal(await refusal(fragment(link)), code, name);
  }
});

test("a link cut anywhere is refused", async () => {
  for (let end = 0; end < GOOD.length; end++) assert.equal(await refusal(GOOD.slice(0, end)), "link_cut");
});

test("a link with one letter another is refused", async () => {
  for (let at = 0; at < GOOD.length; at++) {
    const letter = GOOD[at] === "B" ? "C" : "B";
    const code = await refusal(GOOD.slice(0, at) + letter + GOOD.slice(at + 1));
    assert(code === "link_cut" || (at < 2 && code === "link_version"), `${at}: ${code}`);
  }
});

test("a link made is read, and each has another secret", async () => {
  const [first, second] = [await makeLink(), await makeLink("sfu.example.org:8443")];
  const [one, other] = [await parseLink(first), await parseLink(second)];
  assert.notDeepEqual(one.secret, other.secret);
  assert.deepEqual([one.host, other.host], [null, "sfu.example.org:8443"]);
  assert.equal(await encodeLink({ secret: unhex(secret), host: null }), GOOD);
});
