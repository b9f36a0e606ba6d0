// Seats: kept to the end, one swap, the first page.
import assert from "node:assert/strict";
import test from "node:test";
import { Seats, type Leaving } from "../../src/app/model/seats.ts";
import { Speech } from "../../src/app/model/speech.ts";

const sitter = (sender: string, hasCamera = true) => ({ sender, hasCamera });
const letters = (text: string) => [...text].map((sender) => sitter(sender));
const went = (): Leaving => "left";

function settled(people: string): { seats: Seats; speech: Speech } {
  const seats = new Seats(0);
  const speech = new Speech(0);
  seats.update(letters(people), went, speech, 0);
  seats.settle();
  return { seats, speech };
}

test("who joins has the last seat, and a leave closes a seat after a second", () => {
  const { seats, speech } = settled("abc");
  seats.update(letters("acd"), went, speech, 10_000);
  assert.deepEqual(seats.order, ["a", "b", "c", "d"]);
  assert.equal(seats.isAway("b"), true);
  assert.equal(seats.nextAt, 11_000);
  seats.expire(10_999);
  assert.deepEqual(seats.order, ["a", "b", "c", "d"]);
  seats.expire(11_000);
  assert.deepEqual(seats.order, ["a", "c", "d"]);
  assert.equal(seats.nextAt, Infinity);
});

test("a lost connection keeps the seat for half a minute, and a return takes it back", () => {
  const { seats, speech } = settled("abc");
  seats.update(letters("ac"), () => "lost", speech, 10_000);
  seats.expire(39_999);
  seats.update(letters("acb"), went, speech, 39_999);
  assert.deepEqual(seats.order, ["a", "b", "c"]);
  assert.equal(seats.isAway("b"), false);
  seats.update(letters("ac"), () => "lost", speech, 50_000);
  seats.expire(80_000);
  assert.deepEqual(seats.order, ["a", "c"]);
});

test("the first page: cameras by last speech, then the others by joining; then nobody moves", () => {
  const seats = new Seats(0);
  const speech = new Speech(0);
  seats.update([sitter("off", false), sitter("a"), sitter("b")], went, speech, 100);
  assert.deepEqual(seats.order, ["a", "b", "off"]);
  speech.update(new Set(["b"]), 200);
  speech.update(new Set(), 300);
  seats.update([sitter("off", false), sitter("a"), sitter("b"), sitter("c")], went, speech, 2_000);
  assert.deepEqual(seats.order, ["b", "a", "c", "off"]);
  seats.update([sitter("off", false), sitter("a"), sitter("b"), sitter("c")], went, speech, 3_000);
  // Settled: a camera that starts now moves nobody.
  seats.update([sitter("off"), sitter("a"), sitter("b", false), sitter("c"), sitter("d")], went, speech, 4_000);
  assert.deepEqual(seats.order, ["b", "a", "c", "off", "d"]);
});

test("the pinned come first in the order pinned, and keep their own seats", () => {
  const { seats } = settled("abcd");
  seats.pin("d");
  seats.pin("b");
  seats.pin("d");
  assert.deepEqual(seats.order, ["d", "b", "a", "c"]);
  seats.unpin("d");
  assert.deepEqual(seats.order, ["b", "a", "c", "d"]);
  assert.equal(seats.isPinned("d"), false);
});

test("a pin ends with its seat", () => {
  const { seats, speech } = settled("ab");
  seats.pin("a");
  seats.update(letters("b"), went, speech, 0);
  seats.expire(1_000);
  assert.equal(seats.isPinned("a"), false);
});

function speak(speech: Speech, sender: string, from: number, to: number): void {
  speech.update(new Set([sender]), from);
  speech.update(new Set(), to);
}

test("the swap: two seconds of the last four against the one silent longest, those two alone", () => {
  const { seats, speech } = settled("abcd");
  speak(speech, "a", 5_000, 6_000);
  speak(speech, "d", 28_000, 30_000);
  assert.equal(seats.swap(2, speech, 30_000), true);
  // b has never been heard: it was silent the longest.
  assert.deepEqual(seats.order, ["a", "d", "c", "b"]);
});

test("no swap for a short word, for a neighbour who spoke lately, for the pinned, or twice in five seconds", () => {
  const { seats, speech } = settled("abcd");
  speak(speech, "d", 28_500, 30_000);
  assert.equal(seats.swap(2, speech, 30_000), false, "a second and a half");
  speak(speech, "d", 30_000, 31_000);
  seats.pin("a");
  seats.pin("b");
  assert.equal(seats.swap(2, speech, 31_000), false, "all of the page are pinned");
  seats.unpin("a");
  seats.unpin("b");
  speak(speech, "a", 12_000, 12_100);
  speak(speech, "b", 12_000, 12_100);
  assert.equal(seats.swap(2, speech, 31_000), false, "both spoke 19 s ago");
  assert.equal(seats.swap(2, speech, 32_200), true);
  speak(speech, "c", 32_200, 34_500);
  assert.equal(seats.swap(2, speech, 34_500), false);
  speak(speech, "c", 35_000, 37_300);
  assert.equal(seats.swap(2, speech, 37_300), true);
});

test("one large: two seconds of speech, held for five", () => {
  const speech = new Speech(0);
  const people = ["a", "b", "c"];
  assert.equal(speech.large(people, 0), "a");
  speak(speech, "b", 1_000, 3_000);
  assert.equal(speech.large(people, 3_000), "a", "held");
  speak(speech, "b", 4_000, 6_000);
  assert.equal(speech.large(people, 6_000), "b");
  speak(speech, "c", 7_000, 10_000);
  assert.equal(speech.large(people, 10_000), "b", "held");
  assert.equal(speech.large(people, 11_000), "c");
  assert.equal(speech.large(["a"], 11_500), "a", "who has gone is not large");
  assert.equal(speech.large([], 12_000), null);
});

test("speech is counted over the last four seconds, also while it goes on", () => {
  const speech = new Speech(0);
  speech.update(new Set(["a"]), 1_000);
  assert.equal(speech.spokenMs("a", 3_000), 2_000);
  assert.equal(speech.spokenMs("a", 9_000), 4_000);
  assert.equal(speech.silentMs("a", 9_000), 0);
  speech.update(new Set(), 9_000);
  assert.equal(speech.spokenMs("a", 11_000), 2_000);
  assert.equal(speech.silentMs("a", 11_000), 2_000);
  assert.equal(speech.silentMs("nobody", 11_000), 11_000);
  assert.equal(speech.lastSpoke("nobody"), -Infinity);
});
