/** How the call is doing, in figures that mean something to people: differences between two of the browser's reports. */
import type { SourceKind } from "../worker/messages.ts";

export interface SentLayer {
  source: SourceKind;
  /** Name of the simulcast layer; null where there is one only. */
  rid: string | null;
  width: number | null;
  height: number | null;
  fps: number | null;
  kbps: number | null;
  /** What held it down for most of the time, if anything. Firefox does not tell. */
  limitation: "bandwidth" | "cpu" | "none" | null;
}

export interface ReceivedPicture {
  /** Sender id. */
  sender: string;
  source: SourceKind;
  width: number | null;
  height: number | null;
  fps: number | null;
  kbps: number | null;
  /** How often it stood still. */
  freezes: number | null;
}

/** What makes a call worse than it could be, the worst first: the way here, the way there, this device, distance, no UDP. */
export type Limit = "download" | "upload" | "cpu" | "delay" | "tcp" | "none";

/** Of the time between two calls; null where the browser does not tell, or there was no call before. */
export interface Quality {
  roundTripMs: number | null;
  /** Per cent of packets. */
  lossUp: number | null;
  lossDown: number | null;
  /** All that goes over the connection, retransmission and headers with it. */
  kbpsUp: number | null;
  kbpsDown: number | null;
  transport: "udp" | "tcp" | null;
  sent: SentLayer[];
  received: ReceivedPicture[];
  limit: Limit | null;
}

/** Of an `RTCStatsReport`. Browsers differ in what is there. */
export type Report = { readonly id: string; readonly type: string; readonly timestamp: number } & Readonly<Record<string, unknown>>;
export type Snapshot = ReadonlyMap<string, Report>;

/** Whose the reports are, which they do not say. */
export interface Owners {
  /** By the mid of what is sent. */
  sources: ReadonlyMap<string, SourceKind>;
  /** By the id of the track that is received. */
  pictures: ReadonlyMap<string, { sender: string; source: SourceKind }>;
}

const LOSS_PERCENT = 5; // from there on pictures freeze and words are missed
const DELAY_MS = 400; // people talk into each other from 200 ms each way (ITU-T G.114)
const DROPPED_SHARE = 0.2; // of decoded frames, by a device that is too slow to show them

export function measure(before: Snapshot | null, after: Snapshot, owners: Owners): Quality {
  const reports = new Reports(before, after);
  const pair = reports.selectedPair();
  const sent = reports.of("outbound-rtp").filter(({ kind }) => kind === "video");
  const inbound = reports.of("inbound-rtp");
  const quality = {
    roundTripMs: roundTripMs(reports, pair),
    lossUp: lossUp(reports),
    lossDown: percent(reports.sum(inbound, "packetsLost"), reports.sum(inbound, "packetsReceived")),
    kbpsUp: pair && reports.kbps(pair, "bytesSent"),
    kbpsDown: pair && reports.kbps(pair, "bytesReceived"),
    transport: transportOf(after, pair),
    sent: sent.flatMap((report) => sentLayer(reports, report, owners)),
    received: inbound.flatMap((report) => receivedPicture(reports, report, owners)),
  };
  const isSlow = inbound.some((report) => {
    const [dropped, decoded] = [reports.gained(report, "framesDropped"), reports.gained(report, "framesDecoded")];
    return dropped !== null && decoded !== null && dropped > DROPPED_SHARE * (dropped + decoded);
  });
  return { ...quality, limit: before === null || pair === null ? null : limitOf(quality, isSlow) };
}

function limitOf({ lossDown, lossUp, sent, roundTripMs, transport }: Omit<Quality, "limit">, isSlow: boolean): Limit {
  const held = (by: SentLayer["limitation"]): boolean => sent.some(({ limitation }) => limitation === by);
  if ((lossDown ?? 0) >= LOSS_PERCENT) return "download";
  if ((lossUp ?? 0) >= LOSS_PERCENT || held("bandwidth")) return "upload";
  if (held("cpu") || isSlow) return "cpu";
  if ((roundTripMs ?? 0) >= DELAY_MS) return "delay";
  return transport === "tcp" ? "tcp" : "none";
}

/** Two snapshots and the differences between them. A counter that has gone back is another's, and so is one that is new. */
class Reports {
  readonly #before: Snapshot | null;
  readonly #after: Snapshot;

  constructor(before: Snapshot | null, after: Snapshot) {
    this.#before = before;
    this.#after = after;
  }

  of(type: string): Report[] {
    return [...this.#after.values()].filter((report) => report.type === type);
  }

  get(id: unknown): Report | null {
    return (typeof id === "string" && this.#after.get(id)) || null;
  }

  earlier({ id }: Report): Report | null {
    return this.#before?.get(id) ?? null;
  }

  gained(report: Report, name: string): number | null {
    const [now, then] = [numberOf(report, name), numberOf(this.earlier(report), name)];
    return now === null || then === null || now < then ? null : now - then;
  }

  /** Null if no report has it. */
  sum(reports: readonly Report[], name: string): number | null {
    const gains = reports.map((report) => this.gained(report, name)).filter((gain) => gain !== null);
    return gains.length === 0 ? null : gains.reduce((sum, gain) => sum + gain, 0);
  }

  perSecond(report: Report, name: string): number | null {
    const gain = this.gained(report, name);
    const ms = report.timestamp - (this.earlier(report)?.timestamp ?? report.timestamp);
    return gain === null || ms <= 0 ? null : (gain * 1000) / ms;
  }

  kbps(report: Report, name: string): number | null {
    const bytes = this.perSecond(report, name);
    return bytes === null ? null : round((bytes * 8) / 1000);
  }

  /** The pair of candidates that is in use. Firefox has had `selected` longer than the transport's word for it. */
  selectedPair(): Report | null {
    const ids = this.of("transport").map(({ selectedCandidatePairId: id }) => id);
    const pairs = this.of("candidate-pair");
    return pairs.find(({ id }) => ids.includes(id)) ?? pairs.find(({ selected }) => selected === true) ?? null;
  }
}

/** Of RTCP, whose reports are more exact than the checks of ICE, but come only while something is sent. */
function roundTripMs(reports: Reports, pair: Report | null): number | null {
  const fresh = reports
    .of("remote-inbound-rtp")
    .filter((report) => report.timestamp > (reports.earlier(report)?.timestamp ?? 0))
    .map((report) => numberOf(report, "roundTripTime"))
    .filter((seconds) => seconds !== null);
  if (fresh.length > 0) return round((1000 * fresh.reduce((sum, seconds) => sum + seconds, 0)) / fresh.length);
  const checked = numberOf(pair, "currentRoundTripTime");
  return checked === null ? null : round(1000 * checked);
}

/** What the server says it has missed. How much it has had Chromium leaves out: what was sent stands for both. */
function lossUp(reports: Reports): number | null {
  const remote = reports.of("remote-inbound-rtp");
  const lost = reports.sum(remote, "packetsLost");
  const sent = reports.sum(
    remote.map(({ localId }) => reports.get(localId)).filter((report) => report !== null),
    "packetsSent",
  );
  return lost === null || sent === null ? null : percent(lost, Math.max(0, sent - lost));
}

function transportOf(after: Snapshot, pair: Report | null): "udp" | "tcp" | null {
  const candidate = pair && after.get(String(pair["localCandidateId"]));
  const protocol = candidate?.["relayProtocol"] ?? candidate?.["protocol"];
  return protocol === "udp" ? "udp" : protocol === "tcp" || protocol === "tls" ? "tcp" : null;
}

/** None for a layer that sends nothing at the time. */
function sentLayer(reports: Reports, report: Report, { sources }: Owners): SentLayer[] {
  const source = sources.get(String(report["mid"]));
  if (source === undefined || report["active"] === false || reports.gained(report, "framesSent") === 0) return [];
  const rid = typeof report["rid"] === "string" ? report["rid"] : null;
  const fps = reports.perSecond(report, "framesSent");
  return [
    {
      source,
      rid,
      width: numberOf(report, "frameWidth"),
      height: numberOf(report, "frameHeight"),
      fps: fps === null ? null : round(fps),
      kbps: reports.kbps(report, "bytesSent"),
      limitation: limitationOf(reports, report),
    },
  ];
}

/** By how long each reason held; where only the last is told, by that. */
function limitationOf(reports: Reports, report: Report): SentLayer["limitation"] {
  const now = durations(report);
  const then = durations(reports.earlier(report));
  if (now !== null && then !== null) {
    const gains = (["bandwidth", "cpu", "none", "other"] as const).map((reason) => [reason, (now[reason] ?? 0) - (then[reason] ?? 0)] as const);
    const [reason] = gains.reduce((most, gain) => (gain[1] > most[1] ? gain : most));
    return reason === "other" ? "none" : reason;
  }
  const reason = report["qualityLimitationReason"];
  return reason === "bandwidth" || reason === "cpu" ? reason : reason === undefined ? null : "none";
}

function durations(report: Report | null): Record<string, number> | null {
  return (report?.["qualityLimitationDurations"] as Record<string, number> | undefined) ?? null;
}

function receivedPicture(reports: Reports, report: Report, { pictures }: Owners): ReceivedPicture[] {
  const whose = report["kind"] === "video" ? pictures.get(String(report["trackIdentifier"])) : undefined;
  if (whose === undefined) return [];
  const fps = reports.perSecond(report, "framesDecoded");
  return [
    {
      ...whose,
      width: numberOf(report, "frameWidth"),
      height: numberOf(report, "frameHeight"),
      fps: fps === null ? null : round(fps),
      kbps: reports.kbps(report, "bytesReceived"),
      freezes: reports.gained(report, "freezeCount"),
    },
  ];
}

function numberOf(report: Report | null, name: string): number | null {
  const value = report?.[name];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** Of `lost` among both. */
function percent(lost: number | null, arrived: number | null): number | null {
  if (lost === null || arrived === null) return null;
  return lost + arrived === 0 ? 0 : round((100 * lost) / (lost + arrived));
}

/** To a tenth: more would be noise. */
function round(value: number): number {
  return Math.round(value * 10) / 10;
}
