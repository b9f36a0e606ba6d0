import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, fromBigInt, type Bytes } from "../src/e2ee/bytes.ts";
import { codecOf, CODEC_NAMES } from "../src/e2ee/envelope.ts";
import { FrameOpener, type FrameCount, type Outcome } from "../src/e2ee/frame_opener.ts";
import { HELD_BYTES, HELD_FRAMES, HELD_KIDS, HELD_MS } from "../src/e2ee/held.ts";
import { CLAIMS, LinkKeys } from "../src/e2ee/keys.ts";
import { KID_FRAMES, SendingSource } from "../src/e2ee/sending_source.ts";
import { U64_END } from "../src/e2ee/sframe_header.ts";
import type { MediaKind, SourceKind } from "../src/e2ee/source.ts";
import { claimedKeys, codec, hex, linkKeys, seeded, SENDER, unhex, VECTORS } from "./vectors.ts";

const [MICROPHONE, CAMERA] = VECTORS.sources.map(({ kid }) => BigInt(`0x${kid}`)) as [bigint, bigint];
const STRANGER = 0x1111111111111111n;
const TIME_MS = 1_795_539_600_123;

function never(): void {
  assert.fail("no KID should have been renewed");
}

async function sending(kid: bigint, counter = 0n, source: SourceKind = "microphone"): Promise<SendingSource> {
  return SendingSource.begin(source, await linkKeys(() => kid), never, { counter, left: KID_FRAMES });
}

async function sealed(kid: bigint, counter = 0n, size = 10): Promise<Bytes> {
  return (await sending(kid, counter)).seal("opus", new Uint8Array(size).fill(7), TIME_MS);
}

/** As if the frame before on its m-line had been of `shown`; by default of the same KID. */
async function open(
  opener: FrameOpener<string>,
  data: Bytes,
  name = "opus",
  media: MediaKind = "audio",
  { nowMs = 0, shown, isNewest = true }: { nowMs?: number; shown?: bigint | null; isNewest?: boolean } = {},
) {
  const accepted = opener.accept(codec(name), media, data, "context", nowMs);
  if (accepted?.type !== "accepted") return accepted;
  return opener.open(accepted, { kid: shown === undefined ? accepted.header.kid : shown, isNewest });
}

function only(opener: FrameOpener<string>, name?: string | null, count = 1): void {
  const none = { malformed: 0, no_key: 0, replayed: 0, forged: 0, wrong_kind: 0, newer: 0, no_key_frame: 0 };
  assert.deepEqual(opener.counts, name ? { ...none, [name]: count } : none);
}

test("frames are sealed as the vectors have them", async () => {
  for (const vector of VECTORS.frames) {
    const source = await sending(BigInt(`0x${vector.kid}`), BigInt(vector.counter), vector.source);
    const data = await source.seal(codec(vector.codec), unhex(vector.frame), vector.time_ms, vector.padding ?? undefined);
    assert.equal(hex(data), vector.sealed, vector.name);
  }
});

test("frames of the vectors open once", async () => {
  for (const vector of VECTORS.frames) {
    const opener = new FrameOpener<string>(await claimedKeys({ kid: vector.kid, source: vector.source }));
    const opened = await open(opener, unhex(vector.sealed), vector.codec, vector.media);
    assert(opened?.type === "opened", vector.name);
    assert.equal(hex(opened.frame), vector.frame);
    assert.deepEqual(
      [opened.kid, opened.sender, opened.source, opened.timeMs],
      [BigInt(`0x${vector.kid}`), SENDER, vector.source, vector.time_ms],
    );
    only(opener);
    const again = await open(opener, unhex(vector.sealed), vector.codec, vector.media);
    assert.deepEqual(again, { type: "dropped", reason: "replayed", sender: SENDER, source: vector.source });
    only(opener, "replayed");
  }
});

test("a frame that breaks a rule is dropped under its name", async () => {
  const names = new Set<string | null>();
  for (const { name, codec, media, sealed, count } of VECTORS.frames_invalid) {
    const opener = new FrameOpener<string>(await claimedKeys());
    const outcome = await open(opener, unhex(sealed), codec, media);
    assert(outcome?.type !== "opened", name);
    opener.expire(HELD_MS);
    only(opener, count);
    names.add(count);
  }
  assert.deepEqual(names, new Set([null, "malformed", "no_key", "forged", "wrong_kind", "newer"]));
});

test("a frame cut anywhere is dropped", async () => {
  for (const { sealed, codec, media } of VECTORS.frames.slice(0, 6)) {
    const opener = new FrameOpener<string>(await claimedKeys());
    const data = unhex(sealed);
    for (let end = 1; end < data.length; end++) {
      assert.equal((await open(opener, data.slice(0, end), codec, media))?.type, "dropped");
    }
    assert.equal(opener.counts.malformed + opener.counts.forged, data.length - 1);
    assert.equal((await open(opener, data, codec, media))?.type, "opened");
  }
});

test("a mutated frame is never delivered", async () => {
  const random = seeded(20_261_124);
  for (let round = 0; round < 2000; round++) {
    const vector = VECTORS.frames[random(VECTORS.frames.length)] ?? assert.fail();
    const data = unhex(vector.sealed);
    for (let flips = 1 + random(3); flips > 0; flips--) {
      const at = random(data.length);
      data[at] = (data[at] ?? 0) ^ (1 + random(255));
    }
    if (hex(data) === vector.sealed) continue; // flipped back
    const opener = new FrameOpener<string>(await claimedKeys({ kid: vector.kid, source: vector.source }));
    const outcome = await open(opener, data, vector.codec, vector.media);
    assert(outcome?.type === "dropped" || outcome?.type === "held", vector.name);
  }
});

test("any bytes are dropped without an error", async () => {
  const random = seeded(7);
  const opener = new FrameOpener<string>(await claimedKeys());
  for (let round = 0; round < 3000; round++) {
    const data = Uint8Array.from({ length: 1 + random(60) }, () => random(256));
    const outcome = await open(opener, data, CODEC_NAMES[random(3)], "video");
    assert.notEqual(outcome?.type, "opened");
  }
});

test("a codec without an envelope is malformed", async () => {
  const opener = new FrameOpener<string>(await claimedKeys());
  assert.deepEqual(opener.accept(null, "video", await sealed(CAMERA), "context", 0)?.type, "dropped");
  only(opener, "malformed");
  const names = ["video/VP8", "video/vp9", "audio/opus", "audio/red", "video/H264", "video/AV1", "video/rtx", ""];
  assert.deepEqual(names.map(codecOf), ["VP8", "VP9", "opus", "opus", null, null, null, null]);
});

test("the key is that of the KID, and one is tried", async () => {
  // Sealed under another KID's key, though that key is known.
  const data = await sealed(MICROPHONE);
  const relabelled = concat(data.slice(0, 1), fromBigInt(CAMERA, 8), data.slice(9));
  const opener = new FrameOpener<string>(await claimedKeys());
  assert.deepEqual(await open(opener, relabelled), { type: "dropped", reason: "forged", sender: SENDER, source: "camera" });
  only(opener, "forged");
});

test("a forgery does not move the window", async () => {
  const far = await sealed(MICROPHONE, 1n << 20n);
  far[far.length - 1] = (far[far.length - 1] ?? 0) ^ 1;
  const opener = new FrameOpener<string>(await claimedKeys());
  assert.equal((await open(opener, far))?.type, "dropped");
  assert.equal((await open(opener, await sealed(MICROPHONE, 3n)))?.type, "opened");
});

test("a repeat is a repeat, whatever its tag", async () => {
  const opener = new FrameOpener<string>(await claimedKeys());
  const data = await sealed(MICROPHONE);
  assert.equal((await open(opener, data))?.type, "opened");
  data[data.length - 1] = (data[data.length - 1] ?? 0) ^ 1;
  assert.deepEqual(await open(opener, data), { type: "dropped", reason: "replayed", sender: SENDER, source: "microphone" });
});

test("the same frame in two slots at once opens once", async () => {
  const opener = new FrameOpener<string>(await claimedKeys());
  const data = await sealed(MICROPHONE);
  const outcomes = await Promise.all([open(opener, data), open(opener, data.slice()), open(opener, data.slice())]);
  assert.deepEqual(outcomes.map((outcome) => outcome?.type).sort(), ["dropped", "dropped", "opened"]);
  only(opener, "replayed", 2);
});

test("the window outlives its owner's leaving", async () => {
  const keys = await claimedKeys();
  const opener = new FrameOpener<string>(keys);
  assert.equal((await open(opener, await sealed(MICROPHONE)))?.type, "opened");
  keys.release(SENDER);
  assert(keys.claim("another", MICROPHONE, "microphone"));
  const outcome: Outcome | null = await open(opener, await sealed(MICROPHONE));
  assert.deepEqual(outcome, { type: "dropped", reason: "replayed", sender: "another", source: "microphone" });
});

test("frames of a KID that nobody has claimed open in their order once it is claimed", async () => {
  const keys = await linkKeys();
  const opener = new FrameOpener<string>(keys);
  const source = await sending(STRANGER);
  for (let index = 0; index < 5; index++) {
    assert.deepEqual(await open(opener, await source.seal("opus", Uint8Array.of(index), TIME_MS)), { type: "held" });
  }
  assert.equal(opener.heldFrames, 5);
  keys.claim(SENDER, STRANGER, "microphone");
  const outcomes = await Promise.all(opener.take(STRANGER).map((frame) => opener.open(frame, { kid: null, isNewest: true })));
  assert.deepEqual(outcomes.map((outcome) => outcome.type === "opened" && outcome.frame[0]), [0, 1, 2, 3, 4]);
  assert.equal(opener.heldFrames, 0);
  only(opener);
});

test("what is held is bounded by KID", async () => {
  const opener = new FrameOpener<string>(await linkKeys());
  const source = await sending(STRANGER);
  for (let index = 0; index < HELD_FRAMES; index++) {
    assert.equal((await open(opener, await source.seal("opus", Uint8Array.of(1), TIME_MS)))?.type, "held");
  }
  assert.equal((await open(opener, await source.seal("opus", Uint8Array.of(1), TIME_MS)))?.type, "dropped");
  only(opener, "no_key");
  // Another KID still has room, and again the first once its frames are gone.
  assert.equal((await open(opener, await sealed(STRANGER + 1n)))?.type, "held");
  assert.equal(opener.take(STRANGER).length, HELD_FRAMES);
  assert.equal((await open(opener, await source.seal("opus", Uint8Array.of(1), TIME_MS)))?.type, "held");
});

test("what is held is bounded in KIDs and bytes", async () => {
  const opener = new FrameOpener<string>(await linkKeys());
  for (let index = 0; index < HELD_KIDS; index++) {
    assert.equal((await open(opener, await sealed(STRANGER + BigInt(index))))?.type, "held");
  }
  assert.equal((await open(opener, await sealed(STRANGER - 1n)))?.type, "dropped");
  const large = new FrameOpener<string>(await linkKeys());
  const third = Math.floor(HELD_BYTES / 3);
  for (const expected of ["held", "held", "dropped"]) {
    assert.equal((await open(large, await sealed(STRANGER, 0n, third)))?.type, expected);
  }
  large.expire(HELD_MS);
  assert.equal((await open(large, await sealed(STRANGER, 0n, third)))?.type, "held", "the bytes are given back");
  // The whole frame counts: ciphertexts alone would have fitted.
  const exact = new FrameOpener<string>(await linkKeys());
  const around = (await sealed(STRANGER, 0n, 1)).length - 1;
  assert.equal((await open(exact, await sealed(STRANGER, 0n, HELD_BYTES - around)))?.type, "held");
  const full = new FrameOpener<string>(await linkKeys());
  assert.equal((await open(full, await sealed(STRANGER, 0n, HELD_BYTES - around + 1)))?.type, "dropped");
});

test("what is held expires, and only then", async () => {
  const opener = new FrameOpener<string>(await linkKeys());
  await open(opener, await sealed(STRANGER), "opus", "audio", { nowMs: 1000 });
  await open(opener, await sealed(STRANGER, 1n), "opus", "audio", { nowMs: 2000 });
  assert.deepEqual(opener.expire(1000 + HELD_MS - 1), []);
  assert.deepEqual(opener.expire(1000 + HELD_MS).map(({ context }) => context), ["context"]);
  assert.equal(opener.heldFrames, 1);
  only(opener, "no_key");
});

test("one's own KIDs are named by nobody", async () => {
  const keys = await linkKeys(() => STRANGER);
  const own = await SendingSource.begin("microphone", keys, never);
  assert(!keys.claim(SENDER, STRANGER, "microphone"));
  const opener = new FrameOpener<string>(keys);
  assert.deepEqual(await open(opener, await own.seal("opus", Uint8Array.of(1), TIME_MS)), { type: "held" });
});

test("a KID is its first claimer's, of the kind first named, and claims are bounded", async () => {
  const keys: LinkKeys = await linkKeys();
  assert(keys.claim("ana", 9n, "microphone"));
  assert(!keys.claim("bob", 9n, "microphone"));
  assert(!keys.claim("ana", 9n, "screen_audio"));
  assert(keys.holds("ana", 9n, "microphone") && !keys.holds("ana", 9n, "screen_audio") && !keys.holds("bob", 9n, "microphone"));
  assert.equal(keys.opening(9n)?.source, "microphone");
  for (let kid = 10n; kid < 9n + BigInt(CLAIMS); kid++) assert(keys.claim("ana", kid, "camera"));
  assert(!keys.claim("ana", 1000n, "camera"));
  assert(keys.claim("bob", 1000n, "camera"));
  keys.release("ana");
  assert.equal(keys.opening(9n), null);
  assert(keys.claim("bob", 9n, "camera"));
});

test("each frame has a counter of its own, also those sealed at once", async () => {
  const source = await sending(MICROPHONE);
  const opener = new FrameOpener<string>(await claimedKeys());
  const frames = await Promise.all(Array.from({ length: 300 }, () => source.seal("opus", Uint8Array.of(1), TIME_MS)));
  for (const frame of frames) assert.equal((await open(opener, frame))?.type, "opened");
});

test("a KID ends before its counter or its number of frames does, and another follows", async () => {
  for (const start of [{ counter: U64_END - 3n, left: KID_FRAMES }, { counter: 5n, left: 2 }]) {
    let drawn = 100n;
    let renewed = 0;
    const keys = await linkKeys(() => drawn++);
    const source = await SendingSource.begin("camera", keys, () => renewed++, start);
    const frames = await Promise.all(Array.from({ length: 6 }, () => source.seal("VP9", Uint8Array.of(1), TIME_MS)));
    assert.equal(renewed, 1);
    assert.equal(source.kid, 101n);
    const others = await linkKeys();
    others.claim(SENDER, 100n, "camera");
    others.claim(SENDER, 101n, "camera");
    const opener = new FrameOpener<string>(others);
    const kids: (bigint | undefined)[] = [];
    for (const frame of frames) {
      const outcome = await open(opener, frame, "VP9", "video");
      kids.push(outcome?.type === "opened" ? outcome.kid : undefined);
    }
    assert.deepEqual(kids, [100n, 100n, 101n, 101n, 101n, 101n]);
  }
});

test("an empty frame is not sealed, and a KID drawn twice is not used twice", async () => {
  const draws = [5n, 5n, 5n, 6n];
  const keys = await linkKeys(() => draws.shift() ?? assert.fail());
  const first = await SendingSource.begin("camera", keys, never);
  const second = await SendingSource.begin("screen", keys, never);
  assert.deepEqual([first.kid, second.kid], [5n, 6n]);
  await assert.rejects(first.seal("VP8", new Uint8Array(0), TIME_MS), RangeError);
});

test("audio does not open in a video slot, nor a camera in an audio slot", async () => {
  for (const { source, kid } of VECTORS.sources) {
    const right: MediaKind = source === "camera" || source === "screen" ? "video" : "audio";
    for (const media of ["audio", "video"] as const) {
      const opener = new FrameOpener<string>(await claimedKeys());
      const outcome = await open(opener, await sealed(BigInt(`0x${kid}`)), "VP9", media);
      assert.equal(outcome?.type, media === right ? "opened" : "dropped");
      only(opener, media === right ? null : ("wrong_kind" satisfies FrameCount));
    }
  }
});

test("a key frame is known by what was authenticated", async () => {
  for (const vector of VECTORS.frames) {
    const opener = new FrameOpener<string>(await claimedKeys({ kid: vector.kid, source: vector.source }));
    const outcome = await open(opener, unhex(vector.sealed), vector.codec, vector.media, { shown: null });
    assert.equal(outcome?.type, vector.is_key ? "opened" : "dropped", vector.name);
    only(opener, vector.is_key ? null : "no_key_frame");
  }
});

test("another's key frame is not shown where it is not later than all that may still wait", async () => {
  const opener = new FrameOpener<string>(await claimedKeys({ kid: "0000000000000001", source: "camera" }));
  const data = await (await sending(1n)).seal("VP8", Uint8Array.of(0x10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10), TIME_MS);
  const outcome = await open(opener, data, "VP8", "video", { shown: 2n, isNewest: false });
  assert.equal(outcome?.type, "dropped");
  only(opener, "no_key_frame");
});
