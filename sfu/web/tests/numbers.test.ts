import assert from "node:assert/strict";
import { test } from "node:test";
import { LastNumbers } from "../src/e2ee/numbers.ts";

function isReplayed(numbers: LastNumbers, sender: string, n: number): boolean {
  try {
    numbers.check(sender, n);
  } catch (error) {
    assert.equal((error as { count: unknown }).count, "message_replayed");
    return true;
  }
  return false;
}

/** Senders that somebody makes up. */
function crowd(numbers: LastNumbers, begin: number, end: number): void {
  for (let index = begin; index < end; index++) {
    numbers.check(`made up ${index}`, 1);
    numbers.remember(`made up ${index}`, 1);
  }
}

test("a number is taken once, and the one before is told", () => {
  const numbers = new LastNumbers("own", () => false);
  assert.equal(numbers.check("ana", 5), undefined);
  numbers.remember("ana", 5);
  assert.equal(numbers.check("ana", 8), 5);
  for (const n of [1, 4, 5]) assert(isReplayed(numbers, "ana", n));
  assert(isReplayed(numbers, "own", 1));
});

test("who was silent for longest is forgotten", () => {
  const numbers = new LastNumbers("own", () => false, 10);
  for (const sender of ["ana", "bob"]) numbers.remember(sender, 1);
  crowd(numbers, 0, 8);
  numbers.remember("ana", 2); // seen first, heard last
  crowd(numbers, 8, 17);
  assert(isReplayed(numbers, "ana", 2));
  assert(!isReplayed(numbers, "bob", 1));
});

test("nobody who is present is pushed out", () => {
  for (const present of [["ana"], ["ana", "bob"]]) {
    const numbers = new LastNumbers("own", (sender) => present.includes(sender), 10);
    for (const sender of ["ana", "bob"]) numbers.remember(sender, 3);
    crowd(numbers, 0, 1000);
    assert.deepEqual(["ana", "bob"].filter((sender) => isReplayed(numbers, sender, 3)), present);
    const kept = Array.from({ length: 1000 }, (_, index) => isReplayed(numbers, `made up ${index}`, 1));
    assert.equal(kept.filter(Boolean).length, 10 - present.length);
  }
});
