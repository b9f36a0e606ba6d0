import assert from "node:assert/strict";
import { test } from "node:test";
import { Screen } from "../src/worker/screen.ts";
import { FAILING_MS, SlotState } from "../src/worker/slot_state.ts";
import { Clock } from "./browser.ts";

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
