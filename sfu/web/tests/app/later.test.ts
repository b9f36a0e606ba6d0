// Parts that are loaded later: what becomes of one that does not come.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Later } from "../../src/app/parts/later.ts";

test("it is loaded once, whoever asks", async () => {
  let loads = 0;
  const later = new Later(async () => ++loads);
  assert.equal(later.part, null);
  assert.deepEqual(await Promise.all([later.ask(), later.ask()]), [1, 1]);
  assert.equal(await later.ask(), 1);
  assert.equal(later.part, 1);
});

test("one that fails is told, and loaded when it is asked for again", async () => {
  const outcomes = [Promise.reject(new Error("no network")), Promise.resolve("here")];
  const later = new Later(() => outcomes.shift()!);
  await assert.rejects(later.ask(), /no network/);
  assert.equal(later.part, null);
  assert.equal(await later.ask(), "here");
});

test("preparing that fails is no error of anybody", async () => {
  const later = new Later(() => (outcomes.shift() ? Promise.reject(new Error("no network")) : Promise.resolve("here")));
  const outcomes = [true];
  later.prepare();
  await new Promise(setImmediate);
  assert.equal(await later.ask(), "here");
});

test("one that never comes is not waited for, and may still come", async (t) => {
  const due: (() => void)[] = [];
  t.mock.method(globalThis, "setTimeout", (task: () => void) => due.push(task));
  const loads: ((part: string) => void)[] = [];
  const later = new Later(() => new Promise<string>((resolve) => loads.push(resolve)));
  const first = later.ask();
  due[0]!();
  await assert.rejects(first, /does not come/);
  const second = later.ask();
  assert.equal(loads.length, 2);
  loads[0]!("the first, late");
  await new Promise(setImmediate);
  assert.equal(later.part, "the first, late");
  loads[1]!("the second");
  assert.equal(await second, "the first, late");
});
