import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "../src/sdk/backoff.ts";
import { TokenBucket } from "../src/sdk/bucket.ts";
import { Coalesced } from "../src/sdk/coalesce.ts";
import { readRoster } from "../src/sdk/roster.ts";
import { fragmentOf, signalingUrl } from "../src/sdk/link.ts";
import type { RosterPage } from "../src/sdk/wire.ts";

test("a bucket gives its burst, then its rate, and says how long to wait", () => {
  const bucket = new TokenBucket(5, 20, 0);
  for (let n = 0; n < 20; n++) assert.equal(bucket.take(1, 0), 0);
  assert.equal(bucket.take(1, 0), 200);
  assert.equal(bucket.take(1, 199), 1);
  assert.equal(bucket.take(1, 200), 0);
  assert.equal(bucket.take(20, 100_000), 0);
  assert.equal(bucket.take(1000, 100_000), 4000, "more than the burst is the burst");
  bucket.drain(200_000);
  assert.equal(bucket.take(1, 200_000), 200);
});

test("waits differ by chance, and begin anew", () => {
  const [low, high] = [new Backoff(() => 0), new Backoff(() => 0.999)];
  assert.deepEqual([low.next(), low.next()], [50, 250]);
  assert(high.next() > 149 && high.next() > 749);
  low.reset();
  assert.equal(low.next(), 50);
});

test("work asked for many times is done once more, after what is under way", async () => {
  let runs = 0;
  let value = 0;
  const seen: number[] = [];
  const work = new Coalesced(async () => {
    runs++;
    seen.push(value);
    await Promise.resolve();
  });
  const first = work.run();
  await Promise.resolve();
  await Promise.resolve();
  value = 1;
  const [second, third] = [work.run(), work.run()];
  await Promise.all([first, second, third]);
  assert.equal(runs, 2);
  assert.equal(seen.at(-1), 1);
});

test("work that fails is told, and does not stand in the way of the next", async () => {
  let fails = true;
  const work = new Coalesced(async () => {
    if (fails) throw new Error("no");
  });
  await assert.rejects(work.run());
  fails = false;
  await work.run();
});

function pages(...pages: RosterPage[]): Parameters<typeof readRoster>[1] {
  return {
    request: async (demand) => {
      assert(demand.type === "roster");
      const found = pages.find((page) => page.participants[0]!.participant === demand.begin);
      return { type: "roster", id: 1, roster: found ?? { participants: [], total: 0, next: demand.begin! } };
    },
  };
}

function page(next: number, ...participants: number[]): RosterPage {
  return { participants: participants.map((participant) => ({ participant, tracks: [], away: participant === 3 })), total: 9, next };
}

test("the list of who is here is read to its end, and one without an end is not", async () => {
  const read = await readRoster(page(3, 1, 2), pages(page(5, 3, 4), page(0, 5)));
  assert.deepEqual([...read], [[1, false], [2, false], [3, true], [4, false], [5, false]]);
  await assert.rejects(readRoster(page(3, 1), pages(page(3, 3))), { code: "bad_answer" });
  await assert.rejects(readRoster(page(3, 1), pages()), { code: "bad_answer" });
});

test("what was pasted is a link or its secret part", () => {
  for (const text of ["https://host/#abc", " abc ", "#abc", "https://host/x?y#abc\n"]) assert.equal(fragmentOf(text), "abc");
});

test("signalling goes as the page came, in clear to this machine only, and else encrypted", () => {
  const http = { host: "sfu.test:80", protocol: "http:" };
  const https = { host: "sfu.test", protocol: "https:" };
  assert.equal(signalingUrl("sfu.test:80", http), "ws://sfu.test:80/ws");
  assert.equal(signalingUrl("sfu.test", https), "wss://sfu.test/ws");
  assert.equal(signalingUrl("other.test", http), "wss://other.test/ws");
  assert.equal(signalingUrl("127.0.0.1:8080", https), "ws://127.0.0.1:8080/ws");
  assert.equal(signalingUrl("localhost.evil.test", http), "wss://localhost.evil.test/ws");
});
