import assert from "node:assert/strict";
import { test } from "node:test";
import { ReplayWindow, WINDOW } from "../src/e2ee/replay.ts";
import { seeded, VECTORS } from "./vectors.ts";

const STARTS = [0n, 1n, 7n, 255n, 1023n, 1024n, 65_535n, 1n << 32n, (1n << 53n) - 1n, (1n << 64n) - 3000n];

test("the vectors, one after the other", () => {
  const window = new ReplayWindow();
  for (const { counter, count } of VECTORS.replay) {
    assert.equal(window.add(BigInt(counter)), count === null, counter);
  }
});

test("each counter once, from every start", () => {
  for (const start of STARTS) {
    const window = new ReplayWindow();
    for (let step = 0n; step < 2500n; step++) {
      assert(window.fresh(start + step));
      assert(window.add(start + step));
      assert(!window.fresh(start + step));
    }
  }
});

test("its edges: the highest and the 1,023 below", () => {
  for (const start of STARTS) {
    const window = new ReplayWindow();
    assert(window.add(start + 2000n));
    assert(window.fresh(start + 2000n - BigInt(WINDOW) + 1n));
    assert(!window.fresh(start + 2000n - BigInt(WINDOW)));
    assert(window.add(start + 2000n - BigInt(WINDOW) + 1n));
    assert(!window.add(start + 2000n - BigInt(WINDOW) + 1n));
    // One further, and what was had at the edge is behind it; the slot it leaves is the new one's, had once.
    assert(window.add(start + 2001n));
    assert(!window.add(start + 2000n - BigInt(WINDOW) + 1n));
    assert(!window.add(start + 2001n));
  }
});

test("asking moves nothing", () => {
  const window = new ReplayWindow();
  assert(window.add(10n));
  assert(window.fresh(1n << 60n));
  assert(window.fresh(9n));
  assert(window.add(9n));
});

test("as a set that remembers all, over random jumps", () => {
  const random = seeded(9605);
  for (let round = 0; round < 20; round++) {
    const window = new ReplayWindow();
    const had = new Set<number>();
    let highest = -1;
    for (let step = 0; step < 2000; step++) {
      const jump = random(20) === 0 ? random(3000) : random(6);
      const counter = Math.max(0, highest + jump - (random(3) ? 2 : random(1200)));
      const expected = !had.has(counter) && highest - counter < WINDOW;
      assert.equal(window.add(counter === 0 ? 0n : BigInt(counter)), expected);
      if (expected) had.add(counter);
      highest = Math.max(highest, expected ? counter : -1);
    }
  }
});
