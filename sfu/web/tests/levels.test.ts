import assert from "node:assert/strict";
import { test } from "node:test";
import { Speech } from "../src/sdk/levels.ts";

/** Who speaks after each measurement of 100 ms, of one person who is loud (#) or not (.). */
function course(said: string): string {
  const speech = new Speech();
  return [...said]
    .map((sound, at) => {
      speech.hear("ana", sound === "#", at * 100);
      return speech.speaking(at * 100).has("ana") ? "#" : ".";
    })
    .join("");
}

test("speech is what lasts 150 ms, until 800 ms after its last sound", () => {
  assert.equal(course("..####............."), "...##########......");
  assert.equal(course("#.#.#.#.#.#........"), "...................", "clicks, however many");
  assert.equal(course("##.......##........"), ".#################.", "a short silence is none");
  assert.equal(course("##........##......."), ".########..########");
});

test("each is heard apart, and nobody after clearing", () => {
  const speech = new Speech();
  for (const now of [0, 100]) {
    speech.hear("ana", true, now);
    speech.hear("ben", now > 0, now);
  }
  assert.deepEqual([...speech.speaking(100)], ["ana"]);
  speech.hear("ben", true, 200);
  assert.deepEqual([...speech.speaking(200)], ["ana", "ben"]);
  assert.deepEqual([...speech.speaking(950)], ["ben"]);
  speech.clear();
  assert.deepEqual([...speech.speaking(1050)], []);
});
