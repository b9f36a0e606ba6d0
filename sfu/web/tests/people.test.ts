import assert from "node:assert/strict";
import { test } from "node:test";
import type { LinkKeys } from "../src/e2ee/keys.ts";
import { People, BEHIND_MS, CLOCK_MS } from "../src/e2ee/people.ts";
import type { Profile } from "../src/e2ee/profile.ts";
import { linkKeys } from "./vectors.ts";

const ME = "me";

function profile(sender: string, n: number, ...kids: bigint[]): Profile {
  const sources = kids.map((kid) => ({ kid, kind: "camera" as const, muted: false }));
  return { sender, n, at: 0, name: sender.toUpperCase(), sources, recording: false };
}

async function crowd(): Promise<{ people: People; keys: LinkKeys }> {
  const keys = await linkKeys();
  return { people: new People(ME, keys), keys };
}

test("who has a profile is there, until the server says that they left", async () => {
  const { people, keys } = await crowd();
  assert.deepEqual(people.onProfile(4, profile("ana", 1, 9n)).kids, [9n]);
  assert.deepEqual(people.all().map(({ participant, heard }) => [participant, heard]), [[4, false]]);
  assert(!people.onLeft(5));
  assert(people.onLeft(4));
  assert.deepEqual(people.all(), []);
  assert.equal(keys.opening(9n), null);
});

test("an old profile is ignored, also of somebody who has left", async () => {
  const { people } = await crowd();
  people.onProfile(4, profile("ana", 3));
  for (const n of [3, 2, 1]) assert.throws(() => people.onProfile(4, profile("ana", n)), { count: "message_replayed" });
  people.onLeft(4);
  assert.throws(() => people.onProfile(8, profile("ana", 3)), { count: "message_replayed" });
  people.onProfile(8, profile("ana", 4));
  assert.equal(people.get("ana")?.participant, 8);
});

test("one's own profile brought back makes nobody", async () => {
  const { people } = await crowd();
  assert.throws(() => people.onProfile(4, profile(ME, 1, 9n)), { count: "message_replayed" });
  assert.deepEqual(people.all(), []);
});

test("a KID stays with who named it first", async () => {
  const { people, keys } = await crowd();
  people.onProfile(4, profile("ana", 1, 9n));
  assert.deepEqual(people.onProfile(5, profile("eve", 1, 9n, 10n)).kids, [10n]);
  assert.equal(keys.opening(9n)?.sender, "ana");
  assert.deepEqual(people.onProfile(4, profile("ana", 2, 9n, 11n)).kids, [11n]);
});

test("one sender brought by two participants counts as the last", async () => {
  const { people } = await crowd();
  people.onProfile(4, profile("ana", 1));
  people.onProfile(5, profile("ana", 2));
  assert(!people.onLeft(4));
  assert(people.onLeft(5));
});

test("after joining anew, those whose participant is not there have left", async () => {
  const { people } = await crowd();
  for (const [index, sender] of ["ana", "bob", "cleo"].entries()) people.onProfile(index + 1, profile(sender, 1));
  assert(people.onPresent([2, 7]));
  assert(!people.onPresent([2, 7]));
  assert.deepEqual(people.all().map(({ profile }) => profile.sender), ["bob"]);
});

test("heard from the first frame on", async () => {
  const { people } = await crowd();
  people.onProfile(4, profile("ana", 1, 9n));
  assert(people.onFrame("ana", 9n, 1000, 1005));
  assert(!people.onFrame("ana", 9n, 1020, 1025));
  assert(!people.onFrame("nobody", 10n, 1020, 1025));
  assert(people.get("ana")?.heard);
});

test("how far behind, beyond the smallest difference of the sender, by the worst source", async () => {
  const { people } = await crowd();
  people.onProfile(4, profile("ana", 1, 9n, 10n));
  // Her clock is 100 s ahead: that is no delay.
  people.onFrame("ana", 9n, 200_000, 100_000);
  people.onFrame("ana", 9n, 200_000, 100_000 + BEHIND_MS - 1);
  assert.equal(people.lateness(103_000).get("ana")?.behind, 0);
  people.onFrame("ana", 9n, 200_000, 100_000 + BEHIND_MS);
  assert.equal(people.lateness(103_000).get("ana")?.behind, 3);
  people.onFrame("ana", 10n, 189_000, 103_500);
  people.onFrame("ana", 9n, 203_500, 103_500);
  assert.equal(people.lateness(103_500).get("ana")?.behind, 14, "the picture is late, the sound is not");
  assert.equal(people.lateness(106_000).get("ana")?.behind, 0, "of what no longer comes nothing is said");
});

test("a difference of clocks that no clocks have is told", async () => {
  const nowMs = 100_000_000;
  for (const [differenceMs, behind, clock] of [
    [CLOCK_MS, 0, 0],
    [CLOCK_MS + 1, 60, 60],
    [86_400_000, 86_400, 86_400],
    [-CLOCK_MS, 0, 0],
    [-CLOCK_MS - 1, 0, -60],
  ] as const) {
    const { people } = await crowd();
    people.onProfile(4, profile("ana", 1, 9n));
    people.onFrame("ana", 9n, nowMs - differenceMs, nowMs);
    assert.deepEqual(people.lateness(nowMs).get("ana"), { behind, clock });
    people.onFrame("ana", 9n, nowMs - differenceMs, nowMs + 4000);
    assert.deepEqual(people.lateness(nowMs + 4000).get("ana"), { behind: Math.max(0, clock) + 4, clock }, "what is late besides");
    assert.deepEqual(people.lateness(nowMs + 6000).get("ana"), { behind: 0, clock: 0 }, "of what no longer comes nothing is said");
  }
});
