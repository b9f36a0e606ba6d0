import assert from "node:assert/strict";
import { test } from "node:test";
import { Asking, TRIES_MAX } from "../src/sdk/asking.ts";
import { Network } from "./network.ts";

function asking(): { asking: Asking; asked: [number, number][]; givenUp: number[]; clock: Network } {
  const clock = new Network();
  const asked: [number, number][] = [];
  const givenUp: number[] = [];
  const made = new Asking((slot, tries) => asked.push([slot, tries]), (slot) => givenUp.push(slot), clock);
  return { asking: made, asked, givenUp, clock };
}

test("it asks at once, ever more slowly, and five times, then gives up", () => {
  const { asking: made, asked, givenUp, clock } = asking();
  made.start(3);
  made.start(3);
  assert.deepEqual(asked, [[3, 1]]);
  for (const [ms, tries] of [[999, 1], [1, 2], [1999, 2], [1, 3], [3000, 4], [4000, 5], [4999, 5]] as const) {
    clock.pass(ms);
    assert.equal(asked.length, tries);
    assert.deepEqual(givenUp, [], "an answer may still come");
  }
  clock.pass(3_600_000);
  assert.equal(asked.length, 5);
  assert.deepEqual(givenUp, [3]);
  assert.deepEqual(asked.at(-1), [3, TRIES_MAX]);
});

test("what has come is asked for no more, and what is missing again from the first try on", () => {
  const { asking: made, asked, givenUp, clock } = asking();
  made.start(0);
  made.start(1);
  clock.pass(1000);
  made.stop(0);
  made.stop(7);
  clock.pass(2000);
  assert.deepEqual(asked, [[0, 1], [1, 1], [0, 2], [1, 2], [1, 3]]);
  made.start(0);
  assert.deepEqual(asked.at(-1), [0, 1]);
  made.stopAll();
  clock.pass(3_600_000);
  assert.equal(asked.length, 6);
  assert.deepEqual(givenUp, []);
});
