// The one line that speaks.
import assert from "node:assert/strict";
import test from "node:test";
import { Line } from "../../src/app/model/line.ts";

const line = (): Line => new Line((names) => names.join(" and "));
const note = (key: string, text = key) => ({ key, text });
const question = (key: string) => ({ ...note(key), actions: [{ label: "Yes", run: () => {} }] });

test("one at a time, six seconds each", () => {
  const said = line();
  said.say(note("a"), 0);
  said.say(note("b"), 1_000);
  assert.equal(said.current?.text, "a");
  said.poll(5_999);
  assert.equal(said.current?.text, "a");
  said.poll(6_000);
  assert.equal(said.current?.text, "b");
  said.poll(12_000);
  assert.equal(said.current, null);
  assert.equal(said.nextAt, Infinity);
});

test("alike ones take each other's place, shown or waiting", () => {
  const said = line();
  said.say(note("a", "first"), 0);
  said.say(note("a", "second"), 4_000);
  assert.equal(said.current?.text, "second");
  said.poll(9_999);
  assert.equal(said.current?.text, "second");
  said.say(note("b", "1"), 9_999);
  said.say(note("b", "2"), 9_999);
  said.poll(10_000);
  assert.equal(said.current?.text, "2");
  said.poll(16_000);
  assert.equal(said.current, null);
});

test("a question stays until it is answered", () => {
  const said = line();
  said.say(question("knock"), 0);
  said.say(note("b"), 0);
  said.poll(60_000);
  assert.equal(said.current?.key, "knock");
  said.drop("knock", 60_000);
  assert.equal(said.current?.key, "b");
  said.drop("nothing", 60_000);
  assert.equal(said.current?.key, "b");
});

test("what holds stands before all else, and what waited comes after it", () => {
  const said = line();
  said.say(note("a"), 0);
  said.stand(note("lost"));
  assert.equal(said.current?.text, "lost");
  said.say(note("b"), 1_000);
  assert.equal(said.current?.text, "lost");
  said.stand(null);
  assert.equal(said.current?.text, "a");
});

test("five wait at most, and of those that go questions are the last", () => {
  const said = line();
  said.say(note("shown"), 0);
  said.say(question("q"), 0);
  for (const key of ["1", "2", "3", "4", "5"]) said.say(note(key), 0);
  const seen: string[] = [];
  for (let now = 6_000; seen.at(-1) !== "q" || said.current?.key !== "q"; now += 6_000) {
    said.poll(now);
    seen.push(said.current!.key);
  }
  said.drop("q", 100_000);
  for (let now = 106_000; said.current; now += 6_000) {
    seen.push(said.current.key);
    said.poll(now);
  }
  assert.deepEqual(seen, ["q", "2", "3", "4", "5"]);
});

test("those who come within three seconds make one message", () => {
  const said = line();
  said.joined("Ana", 0);
  said.joined("Ben", 2_999);
  assert.equal(said.current?.text, "Ana and Ben");
  said.joined("Cem", 3_000);
  assert.equal(said.current?.text, "Cem");
});
