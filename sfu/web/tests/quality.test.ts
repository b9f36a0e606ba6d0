import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type Owners, type Report, type Snapshot, measure } from "../src/sdk/quality.ts";

type Recorded = Report & Record<string, unknown>;

/** Two reports of a real call of Chromium and Firefox with each other, 3 s apart. Tests run in sfu/web. */
function recorded(browser: string): [Recorded[], Recorded[]] {
  return JSON.parse(readFileSync(`../../tests/vectors/stats/${browser}.json`, "utf8")) as [Recorded[], Recorded[]];
}

function snapshot(reports: Recorded[]): Snapshot {
  return new Map(reports.map((report) => [report.id, report]));
}

function ownersOf(reports: Recorded[]): Owners {
  const { trackIdentifier } = reports.find(({ type, kind }) => type === "inbound-rtp" && kind === "video")!;
  return {
    sources: new Map([["0", "microphone"], ["1", "camera"]]),
    pictures: new Map([[String(trackIdentifier), { sender: "ana", source: "camera" }]]),
  };
}

/** As recorded, but for what `change` does to the later reports. */
function changed(browser: string, change: (reports: Recorded[], before: Recorded[]) => void): ReturnType<typeof measure> {
  const [before, after] = recorded(browser);
  change(after, before);
  return measure(snapshot(before), snapshot(after), ownersOf(after));
}

const unchanged = (): void => {};

function each(reports: Recorded[], type: string, change: (report: Record<string, unknown>) => void): void {
  for (const report of reports) if (report.type === type) change(report);
}

test("a call of Chromium's in figures", () => {
  const quality = changed("chromium", unchanged);
  assert.deepEqual(quality.sent.map(({ source, rid, width, height, limitation }) => [source, rid, width, height, limitation]).sort(), [
    ["camera", "f", 1280, 720, "none"],
    ["camera", "h", 640, 360, "none"],
    ["camera", "q", 320, 180, "none"],
  ]);
  assert(quality.sent.every(({ fps, kbps }) => fps! > 5 && fps! < 15 && kbps! > 0));
  assert.deepEqual(quality.received.map(({ sender, source, width, height, freezes }) => [sender, source, width, height, freezes]), [
    ["ana", "camera", 1280, 720, 0],
  ]);
  assert(quality.received[0]!.fps! > 3 && quality.received[0]!.kbps! > 1);
  assert.deepEqual([quality.lossUp, quality.lossDown, quality.transport, quality.limit], [0, 0, "udp", "none"]);
  assert.equal(quality.roundTripMs, 1);
  assert(quality.kbpsUp! > 100 && quality.kbpsDown! > 10);
});

test("a call of Firefox's, which does not tell what limits it", () => {
  const quality = changed("firefox", unchanged);
  assert.deepEqual(quality.sent.map(({ rid, height, limitation }) => [rid, height, limitation]).sort(), [
    ["f", 720, null],
    ["h", 360, null],
    ["q", 180, null],
  ]);
  assert.deepEqual(quality.received.map(({ height, freezes }) => [height, freezes]), [[720, 0]]);
  assert.deepEqual([quality.lossUp, quality.lossDown, quality.transport, quality.limit], [0, 0, "udp", "none"]);
  assert(quality.roundTripMs! > 1 && quality.roundTripMs! < 10);
  assert(quality.kbpsUp! > 100 && quality.kbpsDown! > 10);
});

test("rates are by the time that passed", () => {
  for (const browser of ["chromium", "firefox"]) {
    const [before, after] = recorded(browser);
    const find = (reports: Recorded[]): Recorded => reports.find(({ rid }) => rid === "f")!;
    const seconds = (find(after).timestamp - find(before).timestamp) / 1000;
    const gained = (name: string): number => (Number(find(after)[name]) - Number(find(before)[name])) / seconds;
    const layer = changed(browser, unchanged).sent.find(({ rid }) => rid === "f")!;
    assert(Math.abs(layer.kbps! - (8 * gained("bytesSent")) / 1000) <= 0.05);
    assert(Math.abs(layer.fps! - gained("framesSent")) <= 0.05);
  }
});

test("of one report alone there is no rate, no loss and no verdict", () => {
  const [, after] = recorded("chromium");
  const quality = measure(null, snapshot(after), ownersOf(after));
  assert.deepEqual([quality.lossUp, quality.lossDown, quality.kbpsUp, quality.limit], [null, null, null, null]);
  assert.deepEqual([quality.transport, quality.roundTripMs], ["udp", 1]);
  assert.deepEqual(quality.sent.map(({ height, fps, kbps }) => [height, fps, kbps]), Array(3).fill(0).map((_, at) => [[360, 180, 720][at], null, null]));
});

test("loss is that of the packets in between, either way", () => {
  const down = changed("chromium", (after) => each(after, "inbound-rtp", (report) => (report["packetsLost"] = 20)));
  assert(down.lossDown! > 10 && down.lossDown! < 50);
  assert.deepEqual([down.lossUp, down.limit], [0, "download"]);
  const up = changed("firefox", (after) => each(after, "remote-inbound-rtp", (report) => (report["packetsLost"] = 400)));
  assert(up.lossUp! > 5);
  assert.deepEqual([up.lossDown, up.limit], [0, "upload"]);
  const before = changed("firefox", (after, earlier) => {
    for (const reports of [after, earlier]) each(reports, "remote-inbound-rtp", (report) => (report["packetsLost"] = 400));
  });
  assert.deepEqual([before.lossUp, before.limit], [0, "none"]);
});

test("a layer is limited by what held it most of the time", () => {
  const more = (reason: string) => (after: Recorded[]) =>
    each(after, "outbound-rtp", (report) => {
      const durations = report["qualityLimitationDurations"] as Record<string, number> | undefined;
      if (durations) durations[reason]! += 60;
    });
  assert.equal(changed("chromium", more("bandwidth")).limit, "upload");
  assert.deepEqual(changed("chromium", more("cpu")).sent.map(({ limitation }) => limitation), ["cpu", "cpu", "cpu"]);
  assert.equal(changed("chromium", more("cpu")).limit, "cpu");
  assert.equal(changed("chromium", more("other")).limit, "none");
  const without = changed("chromium", (after) =>
    each(after, "outbound-rtp", (report) => {
      delete report["qualityLimitationDurations"];
      report["qualityLimitationReason"] = "cpu";
    }),
  );
  assert.equal(without.limit, "cpu");
});

test("a device that drops what it decodes is too slow, and distance and TCP are told", () => {
  const slow = changed("chromium", (after) => each(after, "inbound-rtp", (report) => (report["framesDropped"] = 100)));
  assert.equal(slow.limit, "cpu");
  const far = changed("firefox", (after) => each(after, "remote-inbound-rtp", (report) => (report["roundTripTime"] = 0.5)));
  assert.deepEqual([far.roundTripMs, far.limit], [500, "delay"]);
  const tcp = changed("chromium", (after) => each(after, "local-candidate", (report) => (report["protocol"] = "tcp")));
  assert.deepEqual([tcp.transport, tcp.limit], ["tcp", "tcp"]);
});

test("without news of RTCP the checks of ICE tell the round trip", () => {
  const quality = changed("firefox", (after, before) => {
    for (const report of after) {
      const earlier = before.find(({ id }) => id === report.id);
      if (report.type === "remote-inbound-rtp") Object.assign(report, { timestamp: earlier!.timestamp });
      if (report.type === "candidate-pair") Object.assign(report, { currentRoundTripTime: 0.08 });
    }
  });
  assert.equal(quality.roundTripMs, 80);
});

test("a layer that is off is not sent, and a picture of nobody not received", () => {
  const off = changed("chromium", (after, before) => {
    for (const report of after.filter(({ rid }) => rid === "f")) Object.assign(report, before.find(({ id }) => id === report.id));
  });
  assert.deepEqual(off.sent.map(({ rid }) => rid).sort(), ["h", "q"]);
  const inactive = changed("chromium", (after) => each(after, "outbound-rtp", (report) => (report["active"] = report["rid"] !== "q")));
  assert.deepEqual(inactive.sent.map(({ rid }) => rid).sort(), ["f", "h"]);
  const [before, after] = recorded("chromium");
  const nobody = measure(snapshot(before), snapshot(after), { sources: new Map(), pictures: new Map() });
  assert.deepEqual([nobody.sent, nobody.received], [[], []]);
});

test("counters that begin anew, and what no browser tells, are no figures", () => {
  const anew = changed("chromium", (after) => each(after, "candidate-pair", (report) => (report["bytesSent"] = 1)));
  assert.equal(anew.kbpsUp, null);
  const quality = measure(new Map(), new Map(), { sources: new Map(), pictures: new Map() });
  assert.deepEqual(quality, {
    roundTripMs: null, lossUp: null, lossDown: null, kbpsUp: null, kbpsDown: null, transport: null, sent: [], received: [], limit: null,
  });
});
