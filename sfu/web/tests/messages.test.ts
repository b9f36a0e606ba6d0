import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, utf8 } from "../src/e2ee/bytes.ts";
import { gcm } from "../src/e2ee/ciphers.ts";
import { derive, importSecret } from "../src/e2ee/hkdf.ts";
import { checkText, ChatOrder, ChatRate, parseLine } from "../src/e2ee/chat.ts";
import { LastNumbers } from "../src/e2ee/numbers.ts";
import { roomKeys } from "../src/e2ee/keys.ts";
import { checkName, parseProfile, profileFields } from "../src/e2ee/profile.ts";
import { CHAT, MessageError, openSealed, PROFILE, seal, UnsendableError, type Channel } from "../src/e2ee/sealed.ts";
import { hex, seeded, SENDER, unhex, VECTORS, type MessageVector } from "./vectors.ts";

async function channels(): Promise<{ profile: Channel; chat: Channel }> {
  const { roomId, profile, chat } = await roomKeys(unhex(VECTORS.link.secret));
  assert.equal(hex(roomId), VECTORS.keys.room_id);
  return { profile: { kind: PROFILE, key: profile, roomId }, chat: { kind: CHAT, key: chat, roomId } };
}

async function count(opening: Promise<unknown>): Promise<string> {
  const error: unknown = await opening.then(
    () => assert.fail("it was taken"),
    (thrown: unknown) => thrown,
  );
  assert(error instanceof MessageError, String(error));
  return error.count;
}

const openProfile = async (data: Uint8Array): Promise<unknown> =>
  profileFields(parseProfile(await openSealed((await channels()).profile, new Uint8Array(data))));
const openChat = async (data: Uint8Array): Promise<unknown> =>
  parseLine(await openSealed((await channels()).chat, new Uint8Array(data)));

const KINDS = [
  { name: "profile", good: VECTORS.profiles, bad: VECTORS.profiles_invalid, open: openProfile },
  { name: "chat", good: VECTORS.chat, bad: VECTORS.chat_invalid, open: openChat },
] as const;

test("keys of messages are those of the vectors", async () => {
  // They cannot be exported: what they seal shows them.
  const { profile, chat } = await channels();
  for (const [channel, key] of [[profile, VECTORS.keys.profiles], [chat, VECTORS.keys.chat]] as const) {
    const same = { ...channel, key: await importSecret(unhex(key)) };
    assert.deepEqual(await openSealed(same, await seal(channel, [1])), [1]);
  }
});

for (const { name, good, bad, open } of KINDS) {
  test(`${name}: sealed as the vectors have it, and opened`, async () => {
    const channel = (await channels())[name];
    for (const vector of good as MessageVector[]) {
      const { later: _, ...known } = vector.value; // a field of another version, in some
      assert.deepEqual(await open(unhex(vector.sealed)), known, vector.name);
      assert.equal(JSON.stringify(JSON.parse(vector.json)), vector.json, "written as we write it");
      assert.equal(hex(await seal(channel, JSON.parse(vector.json), unhex(vector.salt))), vector.sealed, vector.name);
    }
  });

  test(`${name}: dropped under the name of the rule it breaks`, async () => {
    const names = new Set<string>();
    for (const vector of bad) {
      assert.equal(await count(open(unhex(vector.sealed))), vector.count, vector.name);
      names.add(vector.count);
    }
    assert.deepEqual(names, new Set(["message_forged", "message_malformed"]));
  });

  test(`${name}: cut anywhere or altered anywhere it does not open`, async () => {
    const data = unhex(good[0]?.sealed ?? "");
    const random = seeded(5);
    for (let end = 0; end < data.length; end++) assert.equal(await count(open(data.slice(0, end))), "message_forged");
    for (let at = 0; at < data.length; at++) {
      const altered = data.map((byte, index) => (index === at ? byte ^ (1 + random(255)) : byte));
      assert.equal(await count(open(altered)), "message_forged");
    }
  });
}

test("a message of one kind or room is none of another", async () => {
  const { profile, chat } = await channels();
  const data = await seal(profile, {});
  assert.equal(await count(openSealed({ ...profile, kind: CHAT }, data)), "message_forged");
  assert.equal(await count(openSealed({ ...profile, key: chat.key }, data)), "message_forged");
  assert.equal(await count(openSealed({ ...profile, roomId: new Uint8Array(16) }, data)), "message_forged");
});

/** A message around any plaintext, as `seal` never makes it. */
async function sealedRaw({ kind, key, roomId }: Channel, plaintext: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const salt = new Uint8Array(24);
  const derived = await derive(key, "sfu/0 seal", 44, { salt });
  const additional = concat(utf8("sfu/0"), Uint8Array.of(kind.id), roomId);
  return concat(Uint8Array.of(0), salt, await (await gcm(derived.slice(0, 32))).seal(derived.slice(32), additional, plaintext));
}

test("what is sealed and is no JSON in UTF-8 of its length is malformed", async () => {
  const { chat } = await channels();
  const message = (length: number, ...text: Uint8Array[]): Promise<unknown> =>
    sealedRaw(chat, concat(Uint8Array.of(length >> 8, length), ...text)).then((data) => openSealed(chat, data));
  assert.equal(await message(3, utf8('"x"')), "x");
  assert.equal(await count(message(4, utf8('"x"'))), "message_malformed", "longer than what is there");
  assert.equal(await count(message(3, utf8('"xy"'))), "message_malformed", "cut");
  assert.equal(await count(message(6, utf8('\ufeff"x"'))), "message_malformed", "a byte order mark");
  assert.equal(await count(message(3, Uint8Array.of(0x22, 0xff, 0x22))), "message_malformed", "not UTF-8");
  assert.equal(await count(sealedRaw(chat, new Uint8Array(1)).then((data) => openSealed(chat, data))), "message_malformed");
});

test("no two messages have the same salt, and sizes are those of blocks", async () => {
  const { chat } = await channels();
  const salts = new Set<string>();
  for (const length of [0, 1, 200, 252, 253, 508, 509, 4000]) {
    const data = await seal(chat, "x".repeat(length));
    assert.equal((data.length - 1 - 24 - 16) % 256, 0);
    assert.equal(data.length, 41 + Math.ceil((length + 4) / 256) * 256);
    salts.add(hex(data.slice(1, 25)));
  }
  assert.equal(salts.size, 8);
});

test("what is too long is not sealed", async () => {
  const { profile, chat } = await channels();
  await seal(profile, "x".repeat(3840 - 4));
  await assert.rejects(seal(profile, "x".repeat(3840 - 3)), UnsendableError);
  await seal(chat, "x".repeat(8192 - 4));
  await assert.rejects(seal(chat, "x".repeat(8192 - 3)), UnsendableError);
});

test("names and lines that may be sent", () => {
  for (const name of ["", "Ana", "🎧".repeat(64), "שלום", "a b"]) checkName(name);
  for (const name of ["x".repeat(65), "🎧".repeat(65), "a\nb", "a\u202eb", "\u0085", "\u200f", "\ud83c"]) {
    assert.throws(() => checkName(name), UnsendableError, JSON.stringify(name));
  }
  for (const line of ["x", "🎧".repeat(2000), "a\n\tb", "\u202e"]) checkText(line);
  for (const line of ["", "x".repeat(2001), "a\rb", "\u0000", "\u009f", "\udc00"]) {
    assert.throws(() => checkText(line), UnsendableError, JSON.stringify(line));
  }
});

test("each line once, in its sender's order, gaps told", () => {
  const order = new ChatOrder(new LastNumbers("me", () => false));
  const line = (n: number, sender = SENDER): number => order.accept({ sender, n, at: 0, text: "x" });
  assert.equal(line(7), 0, "who comes later has missed nothing");
  assert.equal(line(8), 0);
  assert.equal(line(11), 2);
  assert.equal(line(1, "bob"), 0);
  for (const n of [11, 10, 7, 1]) assert.throws(() => line(n), { count: "message_replayed" });
  assert.equal(line(12), 0);
  assert.throws(() => line(1, "me"), { count: "message_replayed" }, "one's own brought back");
});

test("twenty lines at once, then five a second", () => {
  const rate = new ChatRate();
  for (let line = 0; line < 20; line++) assert(rate.take(1000));
  assert(!rate.take(1000));
  assert(!rate.take(1199));
  assert(rate.take(1200));
  assert(!rate.take(1200));
  for (let line = 0; line < 20; line++) assert(rate.take(100_000));
  assert(!rate.take(100_000));
});
