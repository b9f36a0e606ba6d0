import assert from "node:assert/strict";
import { test } from "node:test";
import { roomKeys } from "../src/e2ee/keys.ts";
import { FRAME_COUNTS } from "../src/e2ee/frame_opener.ts";
import { PROFILE, seal } from "../src/e2ee/sealed.ts";
import type { Requests, Stats } from "../src/worker/messages.ts";
import { DRAW_MS, Screen } from "../src/worker/screen.ts";
import { FAILING_MS, SlotState } from "../src/worker/slot_state.ts";
import { Clock, FakePage, settle, turns, type FakeTransformer } from "./browser.ts";
import { SENDER, unhex, VECTORS } from "./vectors.ts";

const LINK = VECTORS.link.accepted[0]?.link.split("#")[1] ?? "";
const VP8_KEY = Uint8Array.of(0x50, 1, 2, 3);
const VP8_DELTA = Uint8Array.of(0x51, 4, 5);

interface Pair {
  clock: Clock;
  ana: FakePage;
  bob: FakePage;
  sender: string;
}

/** Ana, who is participant 1 by the server's word, and Bob, who has not heard of her yet. */
async function pair(): Promise<Pair> {
  const clock = new Clock();
  const [ana, bob] = [new FakePage(clock), new FakePage(clock)];
  const { senderId: sender, roomId } = await ana.request("open", { fragment: LINK });
  assert.equal(roomId, VECTORS.link.room);
  await bob.request("open", { fragment: LINK });
  return { clock, ana, bob, sender };
}

async function introduce({ clock, ana, bob }: Pair, participant = 1): Promise<void> {
  const sources = [{ kind: "microphone", muted: false }, { kind: "camera", muted: true }] as const;
  for (const { kind } of sources) await ana.request("addSource", { source: kind });
  const bytes = await ana.request("sealProfile", { name: "Ana", sources, recording: false });
  assert(await bob.request("openProfile", { participant, bytes }));
  clock.advance(50);
}

function sends(page: FakePage, source: "microphone" | "camera", transform = 1): FakeTransformer {
  return page.transform({ direction: "send", transform, source });
}

function shows(page: FakePage, slot: number, kind: "audio" | "video"): FakeTransformer {
  return page.transform({ direction: "receive", transform: 100 + slot, slot, kind });
}

/** The sealed frames of these, which went in one after the other. */
async function sealFrames(page: FakePage, source: "microphone" | "camera", mimeType: string, ...frames: Uint8Array[]) {
  const line = sends(page, source);
  for (const frame of frames) line.put(frame, mimeType);
  await settle(() => line.out.length === frames.length);
  return line.out.map(({ data }) => new Uint8Array(data));
}

/** Until so many frames that came are opened, dropped or held. */
function received(page: FakePage, count: number): Promise<void> {
  return settle(async () => {
    const stats = await page.request("stats", {});
    return FRAME_COUNTS.reduce((sum, name) => sum + stats[name], stats.opened + stats.held) === count;
  });
}

async function counts(page: FakePage): Promise<Partial<Stats>> {
  return Object.fromEntries(Object.entries(await page.request("stats", {})).filter(([, count]) => count));
}

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

test("what is sent opens at the other's, in its order, by its source", async () => {
  const both = await pair();
  const { ana, bob, sender } = both;
  await introduce(both);
  const video = await sealFrames(ana, "camera", "video/VP8", VP8_KEY, VP8_DELTA, VP8_DELTA);
  assert.deepEqual(video.map((data) => data[0]), [0x10, 0x11, 0x11]);
  const audio = await sealFrames(ana, "microphone", "audio/opus", Uint8Array.of(1), Uint8Array.of(2));
  const [picture, sound] = [shows(bob, 0, "video"), shows(bob, 1, "audio")];
  for (const data of video) picture.put(data, "video/VP8");
  for (const data of audio) sound.put(data, "audio/opus");
  await settle(() => picture.out.length === 3 && sound.out.length === 2);
  assert.deepEqual(picture.bytes, [[...VP8_KEY], [...VP8_DELTA], [...VP8_DELTA]]);
  assert.deepEqual(sound.bytes, [[1], [2]]);
  assert.deepEqual(bob.told("opened").sort((a, b) => a.slot - b.slot), [
    { slot: 0, sender, source: "camera", from: null, change: 1 },
    { slot: 1, sender, source: "microphone", from: null, change: 2 },
  ]);
  assert.deepEqual(await counts(ana), { sealed: 5 });
  assert.deepEqual(await counts(bob), { opened: 5 });
});

test("nothing that could not be sealed is sent", async () => {
  const { ana } = await pair();
  const line = sends(ana, "camera");
  line.put(VP8_KEY, "video/H264"); // without an envelope
  line.put(VP8_KEY, "video/AV1");
  line.put(VP8_KEY); // a codec that nobody has named
  line.put(new Uint8Array(0), "video/VP8");
  line.put(VP8_DELTA, "video/VP8");
  await settle(() => line.out.length === 1);
  assert.deepEqual(await counts(ana), { sealed: 1, not_sealed: 3 });
  await ana.request("codecs", { audio: "opus", video: "VP9" });
  line.put(VP8_KEY);
  await settle(() => line.out.length === 2);
});

test("a source's counter goes on under another transform", async () => {
  const both = await pair();
  const { ana, bob } = both;
  await introduce(both);
  const first = await sealFrames(ana, "camera", "video/VP8", VP8_KEY, VP8_KEY);
  const second = await sealFrames(ana, "camera", "video/VP8", VP8_KEY, VP8_KEY);
  const line = shows(bob, 0, "video");
  for (const data of [...first, ...second]) line.put(data, "video/VP8");
  await settle(() => line.out.length === 4);
  assert.deepEqual(await counts(bob), { opened: 4 });
});

test("frames that come before the profile are shown after it, in their order", async () => {
  const both = await pair();
  const { ana, bob } = both;
  const video = await sealFrames(ana, "camera", "video/VP8", VP8_KEY, VP8_DELTA);
  const line = shows(bob, 0, "video");
  for (const data of video) line.put(data, "video/VP8");
  await received(bob, 2);
  assert.deepEqual(line.out, []);
  assert.deepEqual(await counts(bob), { held: 2 });
  await introduce(both);
  for (const data of await sealFrames(ana, "camera", "video/VP8", VP8_DELTA)) line.put(data, "video/VP8");
  await settle(() => line.out.length === 3);
  assert.deepEqual(line.bytes, [[...VP8_KEY], [...VP8_DELTA], [...VP8_DELTA]]);
  assert.equal(line.requests, 0, "nothing is missing");
});

test("a large frame that was held is not overtaken by the small ones behind it", async () => {
  const both = await pair();
  const { ana, bob } = both;
  const sizes = [900_000, 1, 1, 1, 1];
  const video = await sealFrames(ana, "camera", "video/VP8", ...sizes.map((size) => new Uint8Array(size)));
  const line = shows(bob, 0, "video");
  for (const data of video) line.put(data, "video/VP8");
  await received(bob, 5);
  await introduce(both);
  await settle(() => line.out.length === 5);
  assert.deepEqual(line.out.map(({ data }) => data.byteLength), sizes);
});

test("what nobody claims in five seconds is dropped, and a key frame asked for", async () => {
  const both = await pair();
  const { clock, ana, bob } = both;
  const line = shows(bob, 0, "video");
  for (const data of await sealFrames(ana, "camera", "video/VP8", VP8_KEY)) line.put(data, "video/VP8");
  await received(bob, 1);
  clock.advance(4999);
  bob.worker.tick();
  assert.equal(line.requests, 0);
  clock.advance(1);
  bob.worker.tick();
  assert.equal(line.requests, 1);
  assert.deepEqual(await counts(bob), { no_key: 1 });
});

test("where more came before the profile than is held, a key frame is asked for after it", async () => {
  const both = await pair();
  const { ana, bob } = both;
  const video = await sealFrames(ana, "camera", "video/VP8", VP8_KEY, ...Array.from({ length: 64 }, () => VP8_DELTA));
  const line = shows(bob, 0, "video");
  for (const data of video) line.put(data, "video/VP8");
  await received(bob, 65);
  assert.deepEqual([line.requests, await counts(bob)], [0, { held: 64, no_key: 1 }]);
  await introduce(both);
  await settle(() => line.out.length === 64);
  assert.equal(line.requests, 1);
});

test("a picture that lost a frame asks for a key frame once one opens, once a second", async () => {
  const both = await pair();
  const { clock, ana, bob } = both;
  await introduce(both);
  const video = await sealFrames(ana, "camera", "video/VP8", VP8_KEY, VP8_DELTA, VP8_DELTA, VP8_DELTA, VP8_DELTA);
  const line = shows(bob, 0, "video");
  for (const [index, data] of video.entries()) {
    if (index === 1 || index === 3) data[data.length - 1] = (data[data.length - 1] ?? 0) ^ 1;
    line.put(data, "video/VP8");
  }
  await settle(() => line.out.length === 3);
  assert.equal(line.requests, 1);
  assert.deepEqual(await counts(bob), { opened: 3, forged: 2 });
  // The second loss is not forgotten for having come too soon.
  const more = await sealFrames(ana, "camera", "video/VP8", VP8_DELTA, VP8_DELTA);
  for (const [index, data] of more.entries()) {
    clock.advance(1000);
    line.put(data, "video/VP8");
    await settle(() => line.out.length === 4 + index);
    assert.equal(line.requests, 2);
  }
});

test("a repeat is no loss: no key frame is asked for", async () => {
  const both = await pair();
  const { ana, bob } = both;
  await introduce(both);
  const [key, delta] = await sealFrames(ana, "camera", "video/VP8", VP8_KEY, VP8_DELTA);
  const line = shows(bob, 0, "video");
  for (const data of [key, key, delta]) line.put(data ?? assert.fail(), "video/VP8");
  await settle(() => line.out.length === 2);
  assert.equal(line.requests, 0);
  assert.deepEqual(await counts(bob), { opened: 2, replayed: 1 });
});

/** The sender of the vectors, with all their sources. */
async function introduceVectors(page: FakePage, participant: number): Promise<void> {
  const { profile: key, roomId } = await roomKeys(unhex(VECTORS.link.secret));
  const sources = VECTORS.sources.map(({ kid, source }) => ({ kid, kind: source, muted: false }));
  const bytes = await seal({ kind: PROFILE, key, roomId }, { sender: SENDER, n: 1, at: 0, name: "Vera", sources, recording: false });
  assert.equal(await page.request("openProfile", { participant, bytes }), SENDER);
}

/** Frames of Vera's screen in VP8, which begins differences with "11" and key frames with "10". */
function veras() {
  return VECTORS.pictures.find(({ codec }) => codec === "VP8")?.steps.filter(({ source }) => source === "screen") ?? [];
}

test("a slot is another's from a key frame of theirs on, and the decoder gets nothing of them before", async () => {
  for (const { codec, steps } of VECTORS.pictures) {
    const page = new FakePage(new Clock());
    await page.request("open", { fragment: LINK });
    await introduceVectors(page, 1);
    const line = shows(page, 0, "video");
    const opened: string[] = [];
    let shown = 0;
    for (const [index, { source, sealed, count }] of steps.entries()) {
      const before = await page.request("stats", {});
      line.put(unhex(sealed), `video/${codec}`);
      await received(page, index + 1);
      if (count === null) {
        await settle(() => line.out.length > shown);
        shown++;
        if (opened.at(-1) !== source) opened.push(source);
      } else {
        assert.equal((await page.request("stats", {}))[count], before[count] + 1, `${codec} ${index}`);
      }
      assert.equal(line.out.length, shown);
      assert.deepEqual(page.told("opened").map((told) => told.source), opened, `${codec} ${index}`);
    }
  }
});

test("a key frame is asked for at once where another's comes without one, and the picture of before is not shown for long", async () => {
  const both = await pair();
  const { clock, ana, bob, sender } = both;
  await introduce(both);
  await introduceVectors(bob, 2);
  const line = shows(bob, 0, "video");
  for (const data of await sealFrames(ana, "camera", "video/VP8", VP8_KEY)) line.put(data, "video/VP8");
  await received(bob, 1);
  const vera = veras();
  const deltas = vera.filter(({ sealed }) => sealed.startsWith("11"));
  const key = vera.find(({ sealed }) => sealed.startsWith("10")) ?? assert.fail();
  for (const [index, { sealed }] of deltas.slice(0, 3).entries()) {
    line.put(unhex(sealed), "video/VP8");
    await received(bob, 2 + index);
    assert.equal(line.requests, [1, 1, 2][index]);
    clock.advance(FAILING_MS / 2);
  }
  assert.deepEqual(bob.told("opened"), [{ slot: 0, sender, source: "camera", from: null, change: 1 }]);
  assert.deepEqual(bob.told("failed"), [{ slot: 0, reason: "no_key_frame", sender: SENDER, source: "screen" }]);
  line.put(unhex(key.sealed), "video/VP8");
  await received(bob, 5);
  assert.deepEqual(bob.told("opened").at(-1), { slot: 0, sender: SENDER, source: "screen", from: null, change: 2 });
  assert.equal(line.out.length, 2);
});

/** Ana's picture is in slot 0 of Bob's page, which draws nothing from now on, and `theirs` is a key frame of Vera's. */
async function anaIsSeen() {
  const both = await pair();
  const { ana, bob } = both;
  await introduce(both);
  await introduceVectors(bob, 2);
  const line = shows(bob, 0, "video");
  const [first, ...rest] = await sealFrames(ana, "camera", "video/VP8", VP8_KEY, VP8_DELTA, VP8_DELTA);
  line.put(first!, "video/VP8");
  await settle(() => line.out.length === 1);
  bob.draws = false;
  return { ...both, line, rest, theirs: unhex(veras().find(({ sealed }) => sealed.startsWith("10"))!.sealed) };
}

test("the next one's picture waits until the page has drawn that it is theirs, and all that comes after waits with it", async () => {
  const { bob, line, rest, theirs } = await anaIsSeen();
  line.put(theirs, "video/VP8");
  line.put(rest[0]!, "video/VP8");
  await settle(() => bob.told("opened").length === 2);
  await turns();
  assert.equal(line.out.length, 1);
  const { change, sender } = bob.told("opened")[1]!;
  assert.equal(sender, SENDER);
  await bob.request("drawn", { change: change - 1 });
  await turns();
  assert.equal(line.out.length, 1);
  await bob.request("drawn", { change });
  await settle(() => line.out.length === 2);
});

test("a page that does not draw is shown nobody else, nor who was there before, until it draws", async () => {
  const { clock, bob, line, rest, theirs } = await anaIsSeen();
  line.put(theirs, "video/VP8");
  await settle(() => bob.told("opened").length === 2);
  await turns();
  clock.advance(DRAW_MS - 1);
  await turns();
  assert.equal(line.out.length, 1);
  clock.advance(1);
  // Ana again: that it is Vera's may be on the screen any moment.
  line.put(rest[0]!, "video/VP8");
  await settle(() => bob.told("opened").length === 3);
  clock.advance(DRAW_MS);
  await turns();
  assert.equal(line.out.length, 1);
  assert.equal(line.requests, 0, "nobody sees what would come");
  await bob.request("drawn", { change: bob.told("opened")[2]!.change });
  line.put(rest[1]!, "video/VP8");
  await settle(() => line.out.length === 2);
  assert.equal(line.requests, 1, "what it builds on was not shown");
});

test("what a page says that it has drawn is no more than it was told", async () => {
  const { bob, line, theirs } = await anaIsSeen();
  await bob.request("drawn", { change: 1_000_000 });
  line.put(theirs, "video/VP8");
  await settle(() => bob.told("opened").length === 2);
  await turns();
  assert.equal(line.out.length, 1);
});

test("sound, and the first picture of a slot, wait for no page", async () => {
  const both = await pair();
  const { ana, bob } = both;
  bob.draws = false;
  await introduce(both);
  const [camera, microphone] = [shows(bob, 0, "video"), shows(bob, 1, "audio")];
  for (const data of await sealFrames(ana, "camera", "video/VP8", VP8_KEY, VP8_DELTA)) camera.put(data, "video/VP8");
  for (const data of await sealFrames(ana, "microphone", "audio/opus", Uint8Array.of(1), Uint8Array.of(2))) microphone.put(data, "audio/opus");
  await settle(() => camera.out.length === 2 && microphone.out.length === 2);
});

test("repeats and empty frames are dropped without a word", async () => {
  const both = await pair();
  const { clock, ana, bob } = both;
  await introduce(both);
  const [data] = await sealFrames(ana, "microphone", "audio/opus", Uint8Array.of(1));
  const line = shows(bob, 0, "audio");
  for (let round = 0; round < 3; round++) {
    line.put(data ?? assert.fail(), "audio/opus");
    line.put(new Uint8Array(0), "audio/opus");
    await received(bob, round + 1);
    clock.advance(1000);
  }
  assert.deepEqual(line.bytes, [[1]]);
  assert.deepEqual(await counts(bob), { opened: 1, replayed: 2 });
  assert.deepEqual(bob.told("failed"), []);
});

test("a slot whose frames do not open is told once, with who the KID names, and that it is over", async () => {
  const both = await pair();
  const { clock, ana, bob, sender } = both;
  await introduce(both);
  const line = shows(bob, 3, "audio");
  const audio = await sealFrames(ana, "microphone", "audio/opus", ...Array.from({ length: 8 }, () => Uint8Array.of(1)));
  for (const [index, data] of audio.entries()) {
    if (index > 0 && index < 6) data[data.length - 1] = (data[data.length - 1] ?? 0) ^ 1;
    line.put(data, "audio/opus");
    await received(bob, index + 1);
    clock.advance(500);
  }
  await settle(() => line.out.length === 3);
  const told = bob.events.filter(({ event }) => event === "opened" || event === "failed");
  assert.deepEqual(told, [
    { event: "opened", data: { slot: 3, sender, source: "microphone", from: null, change: 1 } },
    { event: "failed", data: { slot: 3, reason: "forged", sender, source: "microphone" } },
    { event: "opened", data: { slot: 3, sender, source: "microphone", from: null, change: 2 } },
  ]);
});

test("a slot that opens again does not make theirs what is earlier than their first frame", async () => {
  const both = await pair();
  const { clock, ana, bob } = both;
  await introduce(both);
  const line = shows(bob, 0, "video");
  const video = await sealFrames(ana, "camera", "video/VP8", VP8_KEY, ...Array.from({ length: 6 }, () => VP8_DELTA));
  // After each failure of the slot a frame that the server has given a timestamp as it liked: an early one, then a later one.
  const stamps = [9000, null, null, 3000, null, null, 12_000];
  for (const [index, data] of video.entries()) {
    const stamp = stamps[index] ?? null;
    if (stamp === null) data[data.length - 1]! ^= 1;
    line.put(data, "video/VP8", stamp ?? 9000);
    await received(bob, index + 1);
    clock.advance(FAILING_MS);
  }
  assert.equal(bob.told("failed").length, 2);
  assert.deepEqual(bob.told("opened").map(({ from }) => from), [9000, 9000, 12_000]);
});

test("a stranger's frames are told as such", async () => {
  const both = await pair();
  const { clock, ana, bob } = both;
  const line = shows(bob, 0, "audio");
  const audio = await sealFrames(ana, "microphone", "audio/opus", Uint8Array.of(1), Uint8Array.of(2));
  for (const [index, data] of audio.entries()) {
    line.put(data, "audio/opus");
    await received(bob, index + 1);
    clock.advance(1000);
  }
  assert.deepEqual(bob.told("failed"), [{ slot: 0, reason: "no_key", sender: null, source: null }]);
});

test("who is shown is who the key says, and the server's other word is told", async () => {
  const both = await pair();
  const { clock, ana, bob, sender } = both;
  await introduce(both, 1);
  await bob.request("slots", { slots: [{ slot: 0, participant: 2 }] });
  const line = shows(bob, 0, "audio");
  const show = async (): Promise<void> => {
    const had = line.out.length;
    for (const data of await sealFrames(ana, "microphone", "audio/opus", Uint8Array.of(1))) line.put(data, "audio/opus");
    await settle(() => line.out.length > had);
  };
  await show();
  clock.advance(1000);
  await show();
  assert.deepEqual(bob.told("wrong_sender"), []);
  clock.advance(1);
  await show();
  await show();
  assert.deepEqual(bob.told("wrong_sender"), [{ slot: 0, sender, participant: 2 }]);
  assert.deepEqual(bob.told("opened"), [{ slot: 0, sender, source: "microphone", from: null, change: 1 }]);
  await bob.request("slots", { slots: [{ slot: 0, participant: 1 }] });
  await show();
  await bob.request("slots", { slots: [{ slot: 0, participant: 0 }] });
  for (const ms of [0, 600, 401]) (clock.advance(ms), await show());
  assert.equal((await bob.request("stats", {})).wrong_sender, 2);
});

test("a microphone in a video slot is not shown", async () => {
  const both = await pair();
  const { ana, bob } = both;
  await introduce(both);
  const line = shows(bob, 0, "video");
  for (const data of await sealFrames(ana, "microphone", "audio/opus", Uint8Array.of(1))) line.put(data, "video/VP9");
  await received(bob, 1);
  assert.deepEqual(line.out, []);
  assert.deepEqual(await counts(bob), { wrong_kind: 1 });
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

function slotState(): SlotState {
  return new SlotState(0, new Screen(new Clock()));
}

test("frames that fail now and then are no failure of the slot", () => {
  const slot = slotState();
  const failed = (nowMs: number) => slot.onFailed({ reason: "forged", sender: "ana", source: "camera" }, nowMs);
  slot.onOpened("ana", "camera", 1, 0);
  assert.deepEqual(failed(100), []);
  assert.deepEqual(slot.onOpened("ana", "camera", 1, 900), []);
  assert.deepEqual(failed(1000), []);
  assert.deepEqual(failed(1000 + FAILING_MS - 1), []);
  assert.equal(failed(1000 + FAILING_MS).length, 1);
});

test("a failure is told anew of who the server puts into the slot next", () => {
  const slot = slotState();
  const failed = (nowMs: number): number => slot.onFailed({ reason: "no_key", sender: null, source: null }, nowMs).length;
  slot.onSaid(1);
  slot.onOpened("ana", "camera", 1, 0);
  assert.deepEqual([failed(100), failed(100 + FAILING_MS), failed(200 + FAILING_MS)], [0, 1, 0]);
  slot.onSaid(1);
  assert.equal(failed(9000), 0);
  slot.onSaid(2);
  assert.deepEqual([failed(10_000), failed(9_999 + FAILING_MS), failed(10_000 + FAILING_MS)], [0, 0, 1]);
  slot.onSaid(1);
  assert.equal(slot.onOpened("ana", "camera", 1, 20_000).length, 1, "the page has been told that she is not seen");
});

test("the server's word counts as wrong only where it was so for long at a time", () => {
  const slot = slotState();
  slot.onSaid(2);
  const events = (owner: number, nowMs: number): string[] =>
    slot.onOpened("ana", "camera", owner, nowMs).map(({ event }) => event);
  assert.deepEqual(events(1, 0), ["opened"]);
  assert.deepEqual(events(2, 500), []);
  assert.deepEqual(events(1, 900), []);
  assert.deepEqual(events(1, 1900), []);
  assert.deepEqual(events(1, 1901), ["wrong_sender"]);
});

test("a lie is told again where the page has lost sight of it, and where it becomes another", () => {
  const slot = slotState();
  const events = (owner: number, nowMs: number): string[] =>
    slot.onOpened(`owner ${owner}`, "camera", owner, nowMs).map(({ event }) => event);
  slot.onSaid(2);
  assert.deepEqual([events(1, 0), events(1, 900), events(1, 1800), events(1, 1900)], [["opened"], [], ["wrong_sender"], []]);
  slot.onSaid(3);
  assert.deepEqual(events(1, 2000), ["wrong_sender"], "a server that says another each time is told of as well");
  assert.deepEqual(events(4, 2100), ["opened", "wrong_sender"]);
  for (const nowMs of [2200, 3200]) slot.onFailed({ reason: "forged", sender: "owner 4", source: "camera" }, nowMs);
  assert.deepEqual(events(4, 3201), ["opened"], "nothing differed for a second");
});

test("a late frame of whom was here before is no lie, though nothing comes after it for long", () => {
  const slot = slotState();
  const events = (owner: number, nowMs: number): string[] =>
    slot.onOpened(`owner ${owner}`, "camera", owner, nowMs).map(({ event }) => event);
  slot.onSaid(1);
  events(1, 0);
  slot.onSaid(0);
  assert.deepEqual(events(1, 100), []);
  assert.deepEqual(events(2, 60_000), ["opened"], "that it is another's comes by another way, and may come later");
  slot.onSaid(2);
  assert.deepEqual(events(2, 60_050), []);
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

test("a slot of a new connection is told anew, though it shows the same", async () => {
  const both = await pair();
  await introduce(both);
  const { ana, bob, sender } = both;
  const [first, second] = await sealFrames(ana, "microphone", "audio/opus", Uint8Array.of(1), Uint8Array.of(2));
  shows(bob, 0, "audio").put(first!, "audio/opus");
  await received(bob, 1);
  shows(bob, 0, "audio").put(second!, "audio/opus");
  await received(bob, 2);
  const opened = { slot: 0, sender, source: "microphone", from: null };
  assert.deepEqual(bob.told("opened"), [1, 2].map((change) => ({ ...opened, change })));
});
