import assert from "node:assert/strict";
import { test } from "node:test";
import { Presence, UNOPENED } from "../src/sdk/presence.ts";
import type { Person } from "../src/worker/messages.ts";

function profile(sender: string, participant: number, more: Partial<Person> = {}): Person {
  return { sender, participant, name: sender, sources: [], recording: false, heard: true, ...more };
}

/** The server's list, with nobody away. */
function here(...participants: number[]): Map<number, boolean> {
  return new Map(participants.map((participant) => [participant, false]));
}

test("people are those whose profile opened, with what they say they send", () => {
  const presence = new Presence();
  presence.reset(here(1, 2, 3));
  assert.deepEqual(presence.list(), [], "the server's list makes nobody");
  const sources = [{ kind: "microphone", muted: true }, { kind: "screen", muted: false }] as const;
  presence.roster([profile("ben", 2, { sources, recording: true, heard: false }), profile("ana", 1)]);
  const [ana, ben] = presence.list();
  assert.deepEqual([ana!.name, ana!.microphone, ana!.camera], ["ana", null, null]);
  assert.deepEqual([ben!.microphone, ben!.camera, ben!.screen], ["muted", null, "on"]);
  assert.deepEqual([ben!.recording, ben!.heard], [true, false]);
  assert.deepEqual([presence.participantOf("ben"), presence.participantOf("eve")], [2, 0]);
  assert.deepEqual([presence.senderOf(1), presence.senderOf(9)], ["ana", null]);
});

test("who is behind is so until it is over, or they are gone", () => {
  const presence = new Presence();
  presence.roster([profile("ana", 1)]);
  presence.behind("ana", 4, 0);
  assert.equal(presence.list()[0]!.behindSeconds, 4);
  presence.behind("ana", 0, 0);
  assert.equal(presence.list()[0]!.behindSeconds, 0);
  presence.behind("ana", 500, 490);
  assert.deepEqual([presence.list()[0]!.behindSeconds, presence.list()[0]!.clockSeconds], [500, 490]);
  presence.roster([]);
  presence.roster([profile("ana", 7)]);
  assert.equal(presence.list()[0]!.behindSeconds, 0);
});

test("a picture is named by its place among those of the profile", () => {
  const presence = new Presence();
  const sources = [{ kind: "microphone", muted: true }, { kind: "camera", muted: true }, { kind: "screen", muted: false }] as const;
  presence.roster([profile("ana", 1, { sources }), profile("ben", 2), profile("cem", 3, { sources: [sources[2]] })]);
  const nth = (sender: string): unknown[] => [presence.nthOf(sender, "camera"), presence.nthOf(sender, "screen")];
  assert.deepEqual([nth("ana"), nth("ben"), nth("cem"), nth("eve")], [[0, 1], [0, null], [0, 0], [0, null]]);
});

test("who is away is so by the server's word, until they are back or gone", () => {
  const presence = new Presence();
  const away = (): boolean[] => presence.list().map((person) => person.away);
  presence.roster([profile("ana", 1), profile("ben", 2)]);
  presence.reset(new Map([[1, false], [2, true]]));
  assert.deepEqual(away(), [false, true]);
  presence.away(2, false);
  presence.away(1, true);
  presence.away(9, true);
  assert.deepEqual(away(), [true, false]);
  presence.left(1);
  presence.joined(1);
  assert.deepEqual(away(), [false, false]);
  presence.away(2, true);
  presence.reset(here(1, 2));
  assert.deepEqual(away(), [false, false]);
});

test("those whose messages do not open are counted as long as they are there", () => {
  const presence = new Presence();
  presence.reset(here(1, 2));
  presence.profile(1, false);
  presence.profile(2, true);
  assert.equal(presence.unopened, 1);
  presence.left(1);
  assert.equal(presence.unopened, 0);
  presence.joined(3);
  presence.profile(3, false);
  assert.equal(presence.unopened, 1);
  presence.roster([profile("cem", 3)]);
  presence.profile(3, true);
  assert.equal(presence.unopened, 0);
  // An old or forged one of somebody known makes nobody unknown.
  presence.profile(3, false);
  assert.equal(presence.unopened, 0);
  // The server invents somebody who is not on its own list: nothing to tell of.
  presence.profile(99, false);
  assert.equal(presence.unopened, 0);
});

test("of people whom the server makes up so many count as unopened, and others after they have left", () => {
  const presence = new Presence();
  for (let participant = 1; participant <= 3 * UNOPENED; participant++) {
    presence.joined(participant);
    for (let message = 0; message < 2; message++) presence.profile(participant, false);
  }
  assert.equal(presence.unopened, UNOPENED);
  presence.left(1);
  assert.equal(presence.unopened, UNOPENED - 1);
  presence.profile(2 * UNOPENED, false);
  assert.equal(presence.unopened, UNOPENED);
});

test("people outlive the worker that opened their profiles, until another has, or they are gone", () => {
  const presence = new Presence();
  const names = (): string[] => presence.list().map(({ sender }) => sender);
  presence.reset(here(1, 2, 3, 4));
  presence.roster(["ana", "ben", "cem", "dag"].map((sender, index) => profile(sender, index + 1)));
  presence.carry("eve");
  assert.deepEqual(names(), ["ana", "ben", "cem", "dag"]);
  presence.roster([profile("ben", 2, { heard: false })]);
  assert.deepEqual(names(), ["ana", "ben", "cem", "dag"]);
  assert.deepEqual(presence.list().map(({ heard }) => heard), [true, false, true, true], "the new worker's word holds");
  presence.left(1);
  assert.deepEqual(names(), ["ben", "cem", "dag"]);
  presence.reset(here(2, 4));
  assert.deepEqual(names(), ["ben", "dag"], "whoever left meanwhile");
  presence.roster([profile("ben", 2), profile("dag", 4)]);
  presence.roster([profile("ben", 2)]);
  assert.deepEqual(names(), ["ben"], "the new worker's alone from then on");
});

test("nobody is shown who one was before one's worker died", () => {
  const presence = new Presence();
  presence.reset(here(1, 2));
  presence.carry("eve");
  presence.roster([profile("eve", 2), profile("ana", 1)]);
  assert.deepEqual(presence.list().map(({ sender }) => sender), ["ana"]);
});
