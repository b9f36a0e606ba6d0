// What is asked of the server for what is on the screen.
import assert from "node:assert/strict";
import test from "node:test";
import { wishes } from "../../src/app/model/view.ts";

const shown = (sender: string, height = 360, isLarge = false) => ({ key: sender, sender, source: "camera" as const, height, isLarge });

test("who is shown has a slot at the tile's height, who is not has no picture", () => {
  assert.deepEqual(wishes([shown("a", 360), shown("b", 700, true)], [0, 2, 4], new Map(), false), [
    { slot: 0, sender: "a", source: "camera", maxHeight: 360, priority: 100 },
    { slot: 2, sender: "b", source: "camera", maxHeight: 720, priority: 200 },
    { slot: 4, sender: null, source: "camera", maxHeight: 0, priority: 0 },
  ]);
});

test("people keep their slots when a page is turned", () => {
  const now = new Map([[0, "a"], [2, "b"], [4, "c"]]);
  const next = wishes([shown("d"), shown("c"), shown("b")], [0, 2, 4], now, false);
  assert.deepEqual(next.map(({ sender }) => sender), ["d", "b", "c"]);
});

test("a hidden page keeps the sound and drops the pictures", () => {
  const hidden = wishes([shown("a")], [0, 2], new Map([[2, "a"]]), true);
  assert.deepEqual(hidden, [
    { slot: 0, sender: null, source: "camera", maxHeight: 0, priority: 0 },
    { slot: 2, sender: "a", source: "camera", maxHeight: 0, priority: 100 },
  ]);
});

test("nobody is in two slots, and more people than slots is no error", () => {
  const now = new Map([[0, "a"], [2, "a"]]);
  assert.deepEqual(wishes([shown("a")], [0, 2], now, false).map(({ sender }) => sender), ["a", null]);
  assert.deepEqual(wishes([shown("a"), shown("b"), shown("c")], [0, 2], new Map(), false).map(({ sender }) => sender), ["a", "b"]);
  assert.deepEqual(wishes([shown("a")], [], new Map(), false), []);
});

test("heights go in steps, so that dragging a window does not ask with every pixel", () => {
  const at = (height: number) => wishes([shown("a", height)], [0], new Map(), false)[0]!.maxHeight;
  assert.deepEqual([at(1), at(45), at(46), at(359), at(360), at(361)], [45, 45, 90, 360, 360, 405]);
});

test("a camera and a screen of one person have a slot each", () => {
  const screen = { ...shown("a", 720, true), key: "a/screen", source: "screen" as const };
  const found = wishes([screen, shown("a")], [0, 2], new Map([[0, "a"]]), false);
  assert.deepEqual(found.map(({ sender, source }) => [sender, source]), [["a", "camera"], ["a", "screen"]]);
});
