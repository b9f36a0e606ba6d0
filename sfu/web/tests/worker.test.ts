import assert from "node:assert/strict";
import { test } from "node:test";
import { roomKeys } from "../src/e2ee/keys.ts";
import { PROFILE, seal } from "../src/e2ee/sealed.ts";
import type { Requests } from "../src/worker/messages.ts";
import { Clock, FakePage, settle, turns } from "./browser.ts";
import { SENDER, unhex, VECTORS } from "./vectors.ts";
import { LINK, VP8_KEY, counts, introduce, pair, sealFrames, sends, shows } from "./worker_pair.ts";

test("before a link is open nothing is answered, sealed or shown", async () => {
  const page = new FakePage(new Clock());
  for (const [method, params] of [["stats", {}], ["addSource", { source: "camera" }], ["sealChat", { text: "x" }]] as const) {
    await assert.rejects(page.request(method, params as never), { code: "bad_state" });
  }
  const [out, into] = [sends(page, "camera"), shows(page, 0, "video")];
  out.put(VP8_KEY, "video/VP8");
  into.put(VP8_KEY, "video/VP8");
  await turns();
  assert.deepEqual([out.out, into.out, page.events], [[], [], []]);
});

test("a transform made before the link is open runs once it is", async () => {
  const page = new FakePage(new Clock());
  const line = sends(page, "camera", 7);
  line.put(VP8_KEY, "video/VP8");
  await turns();
  assert.deepEqual(page.told("ready"), []);
  await page.request("open", { fragment: LINK });
  await settle(() => line.out.length === 1);
  assert.deepEqual(page.told("ready"), [{ transform: 7 }]);
});

test("requests are done one after the other, also those that nobody waited for", async () => {
  const page = new FakePage(new Clock());
  const asked = [page.request("open", { fragment: LINK }), page.request("addSource", { source: "camera" })];
  const lines = ["one", "two", "three"].map((text) => page.request("sealChat", { text }));
  await Promise.all(asked);
  assert.deepEqual((await Promise.all(lines)).map(({ line }) => line.n), [1, 2, 3]);
});

test("a link is refused by name, and another opened then; one alone is", async () => {
  const page = new FakePage(new Clock());
  await assert.rejects(page.request("open", { fragment: LINK.slice(0, 40) }), (error: Error & { code: string }) => {
    assert(!error.message.includes(LINK.slice(5, 30)));
    return error.code === "link_cut";
  });
  const made = await page.request("make", {});
  const room = await page.request("open", { fragment: `${made}@sfu.example.org` });
  assert.equal(room.server, "sfu.example.org");
  await assert.rejects(page.request("open", { fragment: LINK }), { code: "bad_state" });
});

test("two workers of a link are two senders, with KIDs that nobody gave them", async () => {
  const { ana, bob, sender } = await pair();
  const kids = new Set<string>();
  for (const page of [ana, bob]) {
    for (const source of ["microphone", "camera", "screen", "screen_audio"] as const) {
      const { kid } = await page.request("addSource", { source });
      assert.match(kid, /^[0-9a-f]{16}$/);
      assert.deepEqual(await page.request("addSource", { source }), { kid }, "a source has one");
      kids.add(kid);
    }
  }
  assert.equal(kids.size, 8);
  assert.match(sender, /^[\w-]{22}$/);
});

test("the roster: name, sources, mute, recording, heard, gone", async () => {
  const both = await pair();
  const { clock, ana, bob, sender } = both;
  await introduce(both, 5);
  const latest = (): unknown => bob.told("roster").at(-1)?.people;
  const person = {
    sender,
    participant: 5,
    name: "Ana",
    recording: false,
    heard: false,
    sources: [{ kind: "microphone", muted: false }, { kind: "camera", muted: true }],
  };
  assert.deepEqual(latest(), [person]);
  const line = shows(bob, 0, "audio");
  for (const data of await sealFrames(ana, "microphone", "audio/opus", Uint8Array.of(1))) line.put(data, "audio/opus");
  await settle(() => line.out.length === 1);
  clock.advance(50);
  assert.deepEqual(latest(), [{ ...person, heard: true }]);
  const sources = [{ kind: "microphone", muted: true }] as const;
  const bytes = await ana.request("sealProfile", { name: "Ana B", sources, recording: true });
  assert.equal(await bob.request("openProfile", { participant: 5, bytes }), sender);
  assert.equal(await bob.request("openProfile", { participant: 5, bytes }), null);
  clock.advance(50);
  assert.deepEqual(latest(), [{ ...person, heard: true, name: "Ana B", recording: true, sources }]);
  await bob.request("participantLeft", { participant: 5 });
  clock.advance(50);
  assert.deepEqual(latest(), []);
  assert.deepEqual(await counts(bob), { opened: 1, message_replayed: 1 });
});

test("a source that another has claimed is not shown as theirs", async () => {
  const both = await pair();
  const { clock, ana, bob, sender } = both;
  await introduce(both);
  const { kid } = await ana.request("addSource", { source: "camera" });
  const { profile: key, roomId } = await roomKeys(unhex(VECTORS.link.secret));
  const sources = [{ kid, kind: "camera", muted: false }, { kid: "00000000000000aa", kind: "screen", muted: false }];
  const fields = { sender: SENDER, n: 1, at: 0, name: "Eve", sources, recording: false };
  const bytes = await seal({ kind: PROFILE, key, roomId }, fields);
  assert.equal(await bob.request("openProfile", { participant: 9, bytes }), SENDER);
  clock.advance(50);
  const people = bob.told("roster").at(-1)?.people ?? [];
  assert.deepEqual(people.find((person) => person.sender === SENDER)?.sources, [{ kind: "screen", muted: false }]);
  assert.deepEqual(people.find((person) => person.sender === sender)?.sources.length, 2);
});

test("a profile names only sources that there are, and a name that may be sent", async () => {
  const { ana } = await pair();
  const profile = { name: "Ana", sources: [{ kind: "screen", muted: false }], recording: false } as const;
  await assert.rejects(ana.request("sealProfile", profile), { code: "no_source" });
  await assert.rejects(ana.request("sealProfile", { ...profile, name: "a\u202eb", sources: [] }), { code: "bad_name" });
});

test("chat: each line once, named by its sender's profile", async () => {
  const both = await pair();
  const { ana, bob, sender } = both;
  const lines: Requests["sealChat"]["result"][] = [];
  for (const text of ["one", "two", "three", "four"]) lines.push(await ana.request("sealChat", { text }));
  assert.deepEqual(lines[0]?.line, { sender, name: "", n: 1, at: both.clock.nowMs, text: "one", missing: 0 });
  const open = (index: number) => bob.request("openChat", { participant: 1, bytes: lines[index]?.bytes ?? assert.fail() });
  assert.deepEqual(await open(0), lines[0]?.line);
  await introduce(both);
  assert.deepEqual(await open(3), { ...lines[3]?.line, name: "Ana", missing: 2 });
  assert.equal(await open(1), null);
  assert.equal(await open(3), null);
  assert.equal(await ana.request("openChat", { participant: 2, bytes: lines[0]?.bytes ?? assert.fail() }), null);
  assert.equal(await bob.request("openChat", { participant: 1, bytes: new Uint8Array(80) }), null);
  assert.deepEqual(await counts(bob), { message_replayed: 2, message_forged: 1 });
});

test("chat: bounded in rate and length", async () => {
  const { clock, ana } = await pair();
  await assert.rejects(ana.request("sealChat", { text: "" }), { code: "bad_text" });
  await assert.rejects(ana.request("sealChat", { text: "x".repeat(2001) }), { code: "bad_text" });
  for (let line = 0; line < 20; line++) await ana.request("sealChat", { text: "x" });
  await assert.rejects(ana.request("sealChat", { text: "x" }), { code: "rate_limited" });
  clock.advance(200);
  assert.equal((await ana.request("sealChat", { text: "x" })).line.n, 21);
});

test("a sender that falls behind is told in whole seconds, and when it is over", async () => {
  const both = await pair();
  const { clock, ana, bob, sender } = both;
  await introduce(both);
  const line = shows(bob, 0, "audio");
  const show = async (data: Uint8Array): Promise<void> => {
    const had = line.out.length;
    line.put(data, "audio/opus");
    await settle(() => line.out.length > had);
    bob.worker.tick();
  };
  const [first, late] = await sealFrames(ana, "microphone", "audio/opus", Uint8Array.of(1), Uint8Array.of(2));
  await show(first ?? assert.fail());
  clock.advance(14_700);
  await show(late ?? assert.fail());
  assert.deepEqual(bob.told("behind"), [{ sender, seconds: 14, clock: 0 }]);
  for (const data of await sealFrames(ana, "microphone", "audio/opus", Uint8Array.of(3))) await show(data);
  assert.deepEqual(bob.told("behind"), [{ sender, seconds: 14, clock: 0 }, { sender, seconds: 0, clock: 0 }]);
});

test("a call of yesterday, played to somebody who comes new, is told as such", async () => {
  const both = await pair();
  const { clock, ana, bob, sender } = both;
  await introduce(both);
  const line = shows(bob, 0, "audio");
  const recorded = await sealFrames(ana, "microphone", "audio/opus", Uint8Array.of(1), Uint8Array.of(2));
  clock.advance(86_400_000);
  for (const data of recorded) line.put(data, "audio/opus");
  await settle(() => line.out.length === 2);
  bob.worker.tick();
  assert.deepEqual(bob.told("behind"), [{ sender, seconds: 86_400, clock: 86_400 }]);
  clock.advance(2000);
  bob.worker.tick();
  assert.deepEqual(bob.told("behind").at(-1), { sender, seconds: 0, clock: 0 });
});

test("a key frame is asked of the encoder where the browser has a way to", async () => {
  const { ana } = await pair();
  assert.equal(await ana.request("keyFrame", { source: "camera" }), false);
  const line = sends(ana, "camera");
  await settle(() => ana.told("ready").length === 1);
  assert.equal(await ana.request("keyFrame", { source: "camera" }), false);
  let asked = 0;
  line.generateKeyFrame = () => Promise.resolve(++asked);
  assert.equal(await ana.request("keyFrame", { source: "camera" }), true);
  assert.equal(await ana.request("keyFrame", { source: "microphone" }), false);
  line.generateKeyFrame = () => Promise.reject(new Error("no encoder"));
  assert.equal(await ana.request("keyFrame", { source: "camera" }), false);
  assert.equal(asked, 1);
  line.generateKeyFrame = () => Promise.resolve();
  line.end();
  await settle(async () => !(await ana.request("keyFrame", { source: "camera" })));
});

test("an error that nobody foresaw says nothing", async () => {
  const page = new FakePage(new Clock());
  await assert.rejects(page.request("open", {} as never), (error: Error & { code: string }) => {
    assert.equal(error.message, "the worker failed");
    return error.code === "internal";
  });
  await assert.rejects(page.request("steal" as "stats", {}), { code: "internal" });
});
