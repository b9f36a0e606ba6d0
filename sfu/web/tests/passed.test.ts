// Whether a frame is later than all that a decoder may still have before it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isTheirs } from "../src/sdk/tiles.ts";
import { PASSED, PASSED_MS, Passed, isLater } from "../src/worker/passed.ts";

const WRAPS = [0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

test("later, over every wrap", () => {
  for (const stamp of WRAPS) {
    assert.equal(isLater(stamp, stamp), false);
    assert.equal(isLater((stamp + 1) >>> 0, stamp), true);
    assert.equal(isLater(stamp, (stamp + 1) >>> 0), false);
    assert.equal(isTheirs(stamp, stamp), true);
    assert.equal(isTheirs((stamp + 3000) >>> 0, stamp), true);
    assert.equal(isTheirs(stamp, (stamp + 1) >>> 0), false);
  }
});

test("later than each, not than the last alone", () => {
  for (const stamp of WRAPS) {
    const passed = new Passed();
    assert.equal(passed.isNewest(stamp, 0), true, "nothing has passed");
    passed.add((stamp + 9000) >>> 0, 0);
    passed.add(stamp, 0);
    assert.equal(passed.isNewest((stamp + 3000) >>> 0, 0), false);
    assert.equal(passed.isNewest((stamp + 9000) >>> 0, 0), false);
    assert.equal(passed.isNewest((stamp + 9001) >>> 0, 0), true);
  }
});

test("leaps of nearly half the circle do not come round", () => {
  const passed = new Passed();
  passed.add(1000, 0);
  passed.add((1000 + 0x7fffffff) >>> 0, 0);
  // Later than the one before, and two ticks before the first, which may still wait.
  assert.equal(passed.isNewest((1000 + 2 * 0x7fffffff) >>> 0, 0), false);
});

test("what is as old as half the circle, or more than browsers keep, is forgotten", () => {
  const passed = new Passed();
  passed.add(5000, 0);
  assert.equal(passed.isNewest(1000, PASSED_MS), false);
  assert.equal(passed.isNewest(1000, PASSED_MS + 1), true);
  const many = new Passed();
  many.add(0x70000000, 0);
  for (let n = 0; n < PASSED; n++) many.add(n, 0);
  assert.equal(many.isNewest(PASSED, 0), true);
});
