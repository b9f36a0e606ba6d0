import assert from "node:assert/strict";
import { test } from "node:test";
import * as base64url from "../src/e2ee/base64url.ts";
import { roomKeys } from "../src/e2ee/keys.ts";
import { encodeLink, joinLink, LinkError, makeLink, parseLink, splitLink } from "../src/e2ee/link.ts";
import { FRAGMENT_LENGTH } from "../src/sdk/link.ts";
import { hex, unhex, VECTORS } from "./vectors.ts";

const { secret, room, accepted, refused } = VECTORS.link;
const fragment = (link: string): string => link.trim().slice(link.trim().indexOf("#") + 1);
const GOOD = fragment(accepted[0]?.link ?? "");

function refusal(text: string): Promise<string> {
  return codeOf(parseLink(text));
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => assert.fail("it was taken"),
    (thrown: unknown) => thrown,
  );
  assert(error instanceof LinkError);
  assert(!error.message.includes(GOOD.slice(4, 20)), "the secret is in the error");
  return error.code;
}

test("a fragment is as long as the page tells people whose link was cut", async () => {
  assert.equal((await makeLink()).length, FRAGMENT_LENGTH);
});

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

// ---- link and key apart ----

const { apart } = VECTORS;

test("a link without key and its key make the whole link", async () => {
  for (const { link, key, whole } of apart.joined) {
    assert.equal(await joinLink(` ${fragment(link)}\n`, `\t${key} `), fragment(whole));
    assert.equal(await refusal(fragment(link)), "link_apart", "nobody goes in without the key");
  }
});

test("what does not fit is refused by name", async () => {
  for (const { name, link, key, code } of apart.refused) assert.equal(await codeOf(joinLink(fragment(link), key)), code, name);
});

test("a key with one letter another fits no more", async () => {
  const { link, key } = apart.joined[0]!;
  for (let at = 0; at < key.length; at++) {
    const letter = key[at] === "B" ? "C" : "B";
    assert.equal(await codeOf(joinLink(fragment(link), key.slice(0, at) + letter + key.slice(at + 1))), "key_wrong");
  }
});

test("a split link is whole again with its own key alone, and each split is another", async () => {
  const whole = `${GOOD}@sfu.example.org`;
  const [one, other] = [await splitLink(whole), await splitLink(whole)];
  assert.equal(await joinLink(one.link, one.key), whole);
  assert.equal(await joinLink(other.link, other.key), whole);
  assert.notEqual(one.link, other.link);
  assert.notEqual(one.key, other.key);
  assert.equal(await codeOf(joinLink(one.link, other.key)), "key_wrong");
  assert.equal(await codeOf(joinLink(one.link, one.link)), "key_wrong");
  assert.equal(await codeOf(splitLink(one.link)), "link_apart");
  // Neither part has a stretch of the secret in it.
  const bytes = unhex(secret);
  for (const part of [base64url.decode(one.link.split("@")[0]!)!.slice(3, 35), base64url.decode(one.key)!.slice(0, 32)]) {
    assert.equal(part.length, 32);
    assert(part.filter((byte, at) => byte === bytes[at]).length < 8);
  }
});
