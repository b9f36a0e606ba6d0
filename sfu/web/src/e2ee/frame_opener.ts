// All frames that come in, by the rules of PROTOCOL.md, "Receiving". Time is an argument.
//
//   depacketiser → accept (rules 1 to 3) → open (4 to 9) → decoder
//                            held until claimed: take → open again, or expire
import type { Bytes } from "./bytes.ts";
import { isKeyFrame, parseEnvelope, type CodecName, type Envelope } from "./envelope.ts";
import { HeldFrames } from "./held.ts";
import { parseInner } from "./inner.ts";
import type { KeySource, Opening } from "./keys.ts";
import { ReplayWindow } from "./replay.ts";
import { parseHeader, type Header } from "./sframe_header.ts";
import { mediaOf, type MediaKind, type SourceKind } from "./source.ts";

export const FRAME_COUNTS = ["malformed", "no_key", "replayed", "forged", "wrong_kind", "newer", "no_key_frame"] as const;
export type FrameCount = (typeof FRAME_COUNTS)[number];

/** Only members make KIDs that get a window; yet nothing grows for ever. */
export const WINDOWS = 1 << 16;

/** A frame that may be opened. `context` is what the caller gave with it. */
export interface Frame<Context> {
  readonly type: "accepted";
  readonly context: Context;
  readonly media: MediaKind;
  readonly codec: CodecName;
  readonly envelope: Envelope;
  readonly header: Header;
  readonly ciphertext: Bytes;
  readonly bytes: number; // as it came: clear bytes, header and ciphertext
  readonly atMs: number; // when it came
}

/** Counted. `sender` is who has claimed the KID, if anybody has, and `source` what for. */
export interface Dropped {
  readonly type: "dropped";
  readonly reason: FrameCount;
  readonly sender: string | null;
  readonly source: SourceKind | null;
}

/** Null: an empty frame, which browsers make; dropped without a count. */
export type Accepted<Context> = Frame<Context> | Dropped | null;

export type Outcome =
  | {
      readonly type: "opened";
      readonly kid: bigint;
      readonly sender: string;
      readonly source: SourceKind;
      readonly frame: Bytes;
      readonly timeMs: number | null;
    }
  /** Kept; `take` or `expire` gives it back. */
  | { readonly type: "held" }
  | Dropped;

/** What the m-line's decoder has been given before a frame. */
export interface Before {
  /** Of the last one; null: nothing yet. */
  readonly kid: bigint | null;
  /** The frame is later than all that may still wait to be shown. */
  readonly isNewest: boolean;
}

export class FrameOpener<Context> {
  readonly counts: Record<FrameCount, number> = {
    malformed: 0,
    no_key: 0,
    replayed: 0,
    forged: 0,
    wrong_kind: 0,
    newer: 0,
    no_key_frame: 0,
  };
  opened = 0;
  private readonly windows = new Map<bigint, ReplayWindow>();
  private readonly held = new HeldFrames<Frame<Context>>();

  constructor(private readonly keys: KeySource) {}

  /** A frame of an m-line of kind `media`; `codec` is null where it has no envelope. */
  accept(codec: CodecName | null, media: MediaKind, data: Bytes, context: Context, nowMs: number): Accepted<Context> {
    if (!data.length) return null;
    const envelope = codec && parseEnvelope(codec, data);
    const header = envelope && parseHeader(data, envelope.clear.length);
    if (!codec || !envelope || !header) return this.drop("malformed");
    const ciphertext = data.subarray(header.end);
    return { type: "accepted", context, media, codec, envelope, header, ciphertext, bytes: data.length, atMs: nowMs };
  }

  async open(frame: Frame<Context>, before: Before): Promise<Outcome> {
    const { kid, counter } = frame.header;
    const opening = this.keys.opening(kid);
    if (!opening) {
      const kept = this.held.hold(kid, frame, frame.bytes, frame.atMs);
      return kept ? { type: "held" } : this.drop("no_key");
    }
    const { sender, source } = opening;
    if (this.windows.get(kid)?.fresh(counter) === false) return this.drop("replayed", opening);
    const plaintext = await (await opening.key).open(frame.header, frame.envelope.metadata, frame.ciphertext);
    if (!plaintext) return this.drop("forged", opening);
    // Asked again: the same frame may have come by two slots at once.
    if (!this.window(kid).add(counter)) return this.drop("replayed", opening);
    if (mediaOf(source) !== frame.media) return this.drop("wrong_kind", opening);
    const inner = parseInner(plaintext);
    if (typeof inner === "string") return this.drop(inner, opening);
    const isFit = kid === before.kid || (before.isNewest && isKeyFrame(frame.codec, frame.envelope.clear, inner.frame));
    if (!isFit) return this.drop("no_key_frame", opening);
    this.opened++;
    return { type: "opened", kid, sender, source, ...inner };
  }

  /** What was held for a KID, in its order, now that it is claimed. */
  take(kid: bigint): Frame<Context>[] {
    return this.held.take(kid);
  }

  /** What has waited for too long, dropped and counted: who is behind them wants a key frame. */
  expire(nowMs: number): Frame<Context>[] {
    const expired = this.held.expire(nowMs);
    this.counts.no_key += expired.length;
    return expired;
  }

  get heldFrames(): number {
    return this.held.size;
  }

  private drop(reason: FrameCount, { sender, source }: Partial<Pick<Opening, "sender" | "source">> = {}): Dropped {
    this.counts[reason]++;
    return { type: "dropped", reason, sender: sender ?? null, source: source ?? null };
  }

  /** Kept when its owner leaves: what was had of a KID is had, whoever claims it next. */
  private window(kid: bigint): ReplayWindow {
    let window = this.windows.get(kid);
    if (!window) {
      const [oldest] = this.windows.keys();
      if (this.windows.size >= WINDOWS && oldest !== undefined) this.windows.delete(oldest);
      window = new ReplayWindow();
    }
    this.windows.delete(kid); // to the end: new KIDs push out those in use last
    this.windows.set(kid, window);
    return window;
  }
}
