// What is not seen or heard, and why.
import assert from "node:assert/strict";
import test from "node:test";
import { troubleText, troubleTitle } from "../../src/app/call/trouble_words.ts";
import { slotsWithoutKey, troubleWith, troublesOf } from "../../src/app/model/trouble.ts";
import type { Failure, Person, Tile } from "../../src/sdk/index.ts";

const ana: Person = {
  sender: "ana", name: "Ana", isSelf: false, microphone: "on", camera: "on", screen: "on", recording: false, away: false, heard: true,
  behindSeconds: 0, clockSeconds: 0,
}; // prettier-ignore
const NOTHING: Tile = {
  slot: 0, kind: "video", track: {} as MediaStreamTrack, sender: null, source: null, failure: null, from: null, mislabelled: null,
}; // prettier-ignore
const tile = (change: Partial<Tile>): Tile => ({ ...NOTHING, ...change });
const failing = (failure: Partial<Failure>, change: Partial<Tile> = {}): Tile =>
  tile({ ...change, failure: { reason: "forged", from: null, source: null, said: null, tries: 0, ...failure } });

test("nothing that comes is no trouble: whatever the server says of a slot, only frames that fail are one", () => {
  assert.deepEqual(troublesOf(ana, []), []);
  assert.deepEqual(troublesOf(ana, [tile({}), tile({ kind: "audio" }), tile({ sender: "ben", source: "camera" })]), []);
});

test("each failure has its reason", () => {
  const reasons = { no_key: "no_key", newer: "newer", forged: "changed", malformed: "changed", wrong_kind: "changed" } as const;
  for (const [reason, told] of Object.entries(reasons)) {
    const found = troubleWith(ana, "video", [failing({ reason: reason as "forged", from: "ana", source: "camera" })]);
    assert.deepEqual(found, { part: "video", reason: told, tries: 0 });
  }
  assert.equal(troubleWith(ana, "video", [failing({ reason: "no_key_frame", from: "ana", source: "camera" })]), null, "that is waited for");
});

test("it goes by whose the key is, and by the server's word only where no key names anybody", () => {
  assert.equal(troubleWith(ana, "video", [failing({ from: "ben", source: "camera", said: "ana" })]), null);
  assert.notEqual(troubleWith(ana, "video", [failing({ from: "ana", source: "camera", said: "ben" })]), null);
  assert.notEqual(troubleWith(ana, "video", [failing({ reason: "no_key", said: "ana" })]), null);
  assert.equal(troubleWith(ana, "video", [failing({ reason: "no_key", said: "ben" })]), null);
});

test("what opens somewhere is no trouble, whatever fails elsewhere under that label", () => {
  const opens = tile({ slot: 1, sender: "ana", source: "camera" });
  assert.equal(troubleWith(ana, "video", [failing({ reason: "no_key", said: "ana" }), opens]), null);
  assert.equal(troubleWith(ana, "video", [tile({ sender: "ben", source: "camera", mislabelled: "ana" }), opens]), null);
});

test("a failure is of the source that the key names, and of each kind that it may be where it names none", () => {
  const parts = (...tiles: Tile[]) => troublesOf(ana, tiles).map(({ part }) => part);
  assert.deepEqual(parts(failing({ from: "ana", source: "screen" })), ["screen"]);
  assert.deepEqual(parts(failing({ from: "ana", source: "microphone" }, { kind: "audio" })), ["sound"]);
  assert.deepEqual(parts(failing({ reason: "no_key", said: "ana" })), ["video", "screen"]);
  assert.deepEqual(parts(failing({ reason: "no_key", said: "ana" }), tile({ sender: "ana", source: "camera" })), ["screen"]);
  assert.deepEqual(parts(failing({ from: "ana", source: "screen_audio" }, { kind: "audio" })), []);
});

test("what somebody does not send is not missed, nor anything of oneself", () => {
  const tiles = [failing({ from: "ana", source: "camera" })];
  assert.deepEqual(troublesOf({ ...ana, camera: "muted" }, tiles), []);
  assert.deepEqual(troublesOf({ ...ana, isSelf: true }, tiles), []);
});

test("what the server labels as theirs and another's key made, is not shown as theirs", () => {
  const tiles = [tile({ sender: "ben", source: "camera", mislabelled: "ana" })];
  assert.deepEqual(troublesOf(ana, tiles), [
    { part: "video", reason: "wrong_sender", tries: null },
    { part: "screen", reason: "wrong_sender", tries: null },
  ]);
  assert.deepEqual(troublesOf({ ...ana, sender: "cem" }, tiles), []);
});

test("keys that are missing are asked for where they are", () => {
  const tiles = [
    failing({ reason: "no_key", said: "ana" }),
    failing({ reason: "forged", from: "ana" }, { slot: 1 }),
    failing({ reason: "no_key", said: "ben" }, { slot: 2 }),
    failing({ reason: "no_key", said: "ana" }, { slot: 3, kind: "audio" }),
  ];
  assert.deepEqual(slotsWithoutKey(ana, tiles), [0, 3]);
});

test("in words: what happened, then what to do", () => {
  const video = { part: "video", reason: "no_key", tries: 2 } as const;
  const sound = { ...video, part: "sound" } as const;
  assert.equal(troubleTitle(video, "Ana"), "Can’t open Ana’s video");
  assert.equal(troubleTitle(sound, "Ana"), "Can’t open Ana’s sound");
  assert.equal(troubleTitle({ ...video, part: "screen" }, "Ana"), "Can’t open Ana’s screen");
  assert.equal(troubleTitle(video, "Ana", [video, sound]), "Can’t open Ana’s video and sound");
  assert.equal(troubleTitle(video, "Ana", [video, { ...sound, reason: "changed" }]), "Can’t open Ana’s video");
  assert.equal(troubleTitle({ ...video, reason: "wrong_sender" }, "Ana"), "Not shown: this isn’t Ana");
  assert.equal(troubleTitle({ ...sound, reason: "wrong_sender" }, "Ana"), "Not played: this isn’t Ana");
  assert.equal(troubleText({ ...video, tries: 0 }, "Ana"), "The key hasn’t arrived. Asking again, try 1 of 5.");
  assert.equal(troubleText({ ...video, tries: 5 }, "Ana"), "The key hasn’t arrived. Asking again, try 5 of 5.");
  assert.equal(troubleText({ ...video, tries: null }, "Ana"), "It still hasn’t arrived. Ask Ana to leave and come back.");
  assert.equal(troubleText({ ...video, reason: "changed" }, "Ana"), "It was changed on the way and thrown away.");
  assert.equal(troubleText({ ...video, reason: "newer" }, "Ana"), "Ana’s page is newer than yours. Reload to see it.");
  assert.equal(troubleText({ ...video, reason: "wrong_sender" }, "Ana"), "The server labelled it Ana, but Ana’s key didn’t make it.");
});
