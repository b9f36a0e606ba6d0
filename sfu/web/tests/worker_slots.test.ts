import assert from "node:assert/strict";
import { test } from "node:test";
import { roomKeys } from "../src/e2ee/keys.ts";
import { PROFILE, seal } from "../src/e2ee/sealed.ts";
import { DRAW_MS } from "../src/worker/screen.ts";
import { FAILING_MS } from "../src/worker/slot_state.ts";
import { Clock, FakePage, settle, turns } from "./browser.ts";
import { SENDER, unhex, VECTORS } from "./vectors.ts";
import { LINK, VP8_DELTA, VP8_KEY, introduce, pair, received, sealFrames, shows } from "./worker_pair.ts";

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
  assert.deepEqual(bob.told("opened"), [{ slot: 0, transform: 100, sender, source: "camera", from: null, change: 1 }]);
  assert.deepEqual(bob.told("failed"), [{ slot: 0, transform: 100, reason: "no_key_frame", sender: SENDER, source: "screen" }]);
  line.put(unhex(key.sealed), "video/VP8");
  await received(bob, 5);
  assert.deepEqual(bob.told("opened").at(-1), { slot: 0, transform: 100, sender: SENDER, source: "screen", from: null, change: 2 });
  assert.equal(line.out.length, 2);
});

const SEEN = 90_000; // RTP timestamp of the picture of Ana's that is seen

/** Ana's picture is in slot 0 of Bob's page, which draws nothing from now on, and `theirs` is a key frame of Vera's. */
async function anaIsSeen() {
  const both = await pair();
  const { ana, bob } = both;
  await introduce(both);
  await introduceVectors(bob, 2);
  const line = shows(bob, 0, "video");
  const [first, ...rest] = await sealFrames(ana, "camera", "video/VP8", VP8_KEY, VP8_DELTA, VP8_DELTA, VP8_DELTA);
  line.put(first!, "video/VP8", SEEN);
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
  line.put(rest[1]!, "video/VP8"); // which tells nothing new
  await turns();
  assert.equal(line.out.length, 1);
  assert.equal(line.requests, 0, "nobody sees what would come");
  await bob.request("drawn", { change: bob.told("opened")[2]!.change });
  line.put(rest[2]!, "video/VP8");
  await settle(() => line.out.length === 2);
  assert.equal(line.requests, 1, "what it builds on was not shown");
});

test("the next one's picture is no earlier than what may still wait to be shown", async () => {
  for (const [stamp, isShown] of [[SEEN - 1, false], [SEEN, false], [SEEN + 1, true]] as const) {
    const { bob, line, theirs } = await anaIsSeen();
    bob.draws = true;
    line.put(theirs, "video/VP8", stamp);
    await received(bob, 2);
    await turns();
    assert.equal(line.out.length, isShown ? 2 : 1);
    assert.equal((await bob.request("stats", {})).no_key_frame, isShown ? 0 : 1);
  }
});

test("a connection that is over has no say in the slots of the next", async () => {
  const both = await pair();
  const { ana, bob } = both;
  await introduceVectors(bob, 2);
  const [key, delta] = await sealFrames(ana, "camera", "video/VP8", VP8_KEY, VP8_DELTA);
  const before = shows(bob, 0, "video");
  before.put(key!, "video/VP8", 7);
  await received(bob, 1); // held: who Ana is nobody knows
  const now = shows(bob, 0, "video", 200);
  now.put(unhex(veras().find(({ sealed }) => sealed.startsWith("10"))!.sealed), "video/VP8", 1000);
  await settle(() => now.out.length === 1);
  await introduce(both);
  before.put(delta!, "video/VP8", 8);
  await turns();
  assert.deepEqual(bob.told("opened").map(({ sender, transform }) => [sender, transform]), [[SENDER, 200]]);
  assert.equal(before.out.length, 0);
});

test("nor what waited for the page to draw when the connection ended", async () => {
  const { bob, line, theirs } = await anaIsSeen();
  line.put(theirs, "video/VP8", SEEN + 1);
  await settle(() => bob.told("opened").length === 2);
  const now = shows(bob, 0, "video", 200);
  await bob.request("drawn", { change: bob.told("opened")[1]!.change });
  await turns();
  assert.deepEqual([line.out.length, now.out.length], [1, 0]);
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
    { event: "opened", data: { slot: 3, transform: 103, sender, source: "microphone", from: null, change: 1 } },
    { event: "failed", data: { slot: 3, transform: 103, reason: "forged", sender, source: "microphone" } },
    { event: "opened", data: { slot: 3, transform: 103, sender, source: "microphone", from: null, change: 2 } },
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
  assert.deepEqual(bob.told("failed"), [{ slot: 0, transform: 100, reason: "no_key", sender: null, source: null }]);
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
  assert.deepEqual(bob.told("wrong_sender"), [{ slot: 0, transform: 100, sender, participant: 2 }]);
  assert.deepEqual(bob.told("opened"), [{ slot: 0, transform: 100, sender, source: "microphone", from: null, change: 1 }]);
  await bob.request("slots", { slots: [{ slot: 0, participant: 1 }] });
  await show();
  await bob.request("slots", { slots: [{ slot: 0, participant: 0 }] });
  for (const ms of [0, 600, 401]) (clock.advance(ms), await show());
  assert.equal((await bob.request("stats", {})).wrong_sender, 2);
});

test("a slot of a new connection is told anew, though it shows the same", async () => {
  const both = await pair();
  await introduce(both);
  const { ana, bob, sender } = both;
  const [first, second] = await sealFrames(ana, "microphone", "audio/opus", Uint8Array.of(1), Uint8Array.of(2));
  shows(bob, 0, "audio").put(first!, "audio/opus");
  await received(bob, 1);
  shows(bob, 0, "audio", 200).put(second!, "audio/opus");
  await received(bob, 2);
  const opened = { slot: 0, sender, source: "microphone", from: null };
  assert.deepEqual(bob.told("opened"), [
    { ...opened, transform: 100, change: 1 },
    { ...opened, transform: 200, change: 2 },
  ]);
});
