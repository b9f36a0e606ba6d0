// When it is said that the connection is slow.
import assert from "node:assert/strict";
import test from "node:test";
import { Slow } from "../../src/app/model/slow.ts";

test("once it has been the limit for ten seconds on end, either way", () => {
  const slow = new Slow();
  assert.equal(slow.hear("upload", 0), false);
  assert.equal(slow.hear("download", 9_999), false);
  assert.equal(slow.hear("upload", 10_000), true);
});

test("not where it comes and goes, is unknown, or the connection is another", () => {
  const slow = new Slow();
  for (let at = 0; at < 60_000; at += 8_000) {
    assert.equal(slow.hear("upload", at), false);
    assert.equal(slow.hear("upload", at + 6_000), false);
    assert.equal(slow.hear(at % 16_000 === 0 ? "none" : null, at + 7_000), false);
  }
  slow.hear("upload", 100_000);
  slow.forget();
  assert.equal(slow.hear("upload", 110_000), false);
});

test("what else limits a call is not the connection's slowness", () => {
  for (const limit of ["none", "cpu", "delay", "tcp"] as const) {
    const slow = new Slow();
    assert.equal(slow.hear(limit, 0) || slow.hear(limit, 60_000), false, limit);
  }
});

test("never twice", () => {
  const slow = new Slow();
  slow.hear("download", 0);
  assert.equal(slow.hear("download", 20_000), true);
  slow.hear("none", 30_000);
  slow.hear("download", 40_000);
  assert.equal(slow.hear("download", 90_000), false);
});
