import assert from "node:assert/strict";
import { test } from "node:test";
import { settle } from "./browser.ts";
import { VP8_DELTA, VP8_KEY, counts, introduce, pair, received, sealFrames, sends, shows } from "./worker_pair.ts";

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
    { slot: 0, transform: 100, sender, source: "camera", from: null, change: 1 },
    { slot: 1, transform: 101, sender, source: "microphone", from: null, change: 2 },
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
