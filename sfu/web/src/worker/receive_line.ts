// One slot's frames: opened in their order, or not shown.
//
//   depacketiser → readable → accept, open → writable → decoder
//                                   ↳ held until a profile claims the KID, then back into the same order
import { codecOf, type CodecName } from "../e2ee/envelope.ts";
import type { Dropped, Frame, FrameOpener, Outcome } from "../e2ee/frame_opener.ts";
import type { MediaKind } from "../e2ee/source.ts";
import { Passed } from "./passed.ts";
import type { EncodedFrame, Transformer } from "./transformer.ts";

/** Between requests for a key frame; the server has a limit of its own. */
export const REQUEST_MS = 1000;

export interface ReceiveContext {
  readonly line: ReceiveLine;
  readonly encoded: EncodedFrame;
}

export interface ReceiveHost {
  readonly opener: FrameOpener<ReceiveContext>;
  /** For frames that do not name their codec. */
  codec(): CodecName | null;
  /** Milliseconds since 1970. */
  clock(): number;
  /**
   * `from` is the RTP timestamp from which on what is presented is of an opened frame's KID, of video and where the browser tells it.
   * Gives the number of the change, if the page was told that the slot is another's.
   */
  onOutcome(outcome: Outcome, atMs: number, from: number | null): number | null;
  /** False once a line of another connection has the slot. */
  hasSlot(): boolean;
  /** Whether the page shows by now what it was told at `toldMs`. Waits for it, but not for long. */
  isDrawn(change: number, toldMs: number): Promise<boolean>;
}

export class ReceiveLine {
  private order: Promise<void> = Promise.resolve();
  private readonly writer: WritableStreamDefaultWriter<EncodedFrame>;
  private lost = false; // a frame came and did not open: what follows may build on it, until a key frame is asked for
  private shown: bigint | null = null; // the KID of what the decoder holds
  private readonly passed = new Passed();
  private from: number | null = null; // RTP timestamp from which on what is presented is of `shown`
  private change: { number: number; toldMs: number } | null = null; // to be on the screen before anything else is written
  private requestedMs = -Infinity;

  constructor(
    private readonly transformer: Transformer,
    private readonly media: MediaKind,
    private readonly host: ReceiveHost,
  ) {
    this.writer = transformer.writable.getWriter();
  }

  /** Until the receiver's end. */
  async run(): Promise<void> {
    const reader = this.transformer.readable.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      await this.inOrder(() => this.accept(value));
    }
  }

  /** A frame that was held: after those already on their way, before those to come. */
  retry(frame: Frame<ReceiveContext>): void {
    void this.inOrder(() => this.open(frame));
  }

  requestKeyFrame(): void {
    const nowMs = this.host.clock();
    if (this.media !== "video" || Math.abs(nowMs - this.requestedMs) < REQUEST_MS) return;
    this.requestedMs = nowMs;
    this.lost = false;
    // Refused where the receiver has just ended: then nobody needs one.
    this.transformer.sendKeyFrameRequest?.().catch(() => undefined);
  }

  private inOrder(task: () => Promise<void>): Promise<void> {
    // A failure is that of one frame, which is not shown: it was not written, or the receiver has ended.
    this.order = this.order.then(task).catch(() => undefined);
    return this.order;
  }

  private async accept(encoded: EncodedFrame): Promise<void> {
    const data = new Uint8Array(encoded.data);
    const nowMs = this.host.clock();
    const { mimeType } = encoded.getMetadata();
    const codec = mimeType ? codecOf(mimeType) : this.host.codec();
    const context = { line: this, encoded };
    const accepted = this.host.opener.accept(codec, this.media, data, context, nowMs);
    if (accepted?.type === "accepted") await this.open(accepted);
    else if (accepted && this.host.hasSlot()) this.dropped(accepted, nowMs);
  }

  private async open(frame: Frame<ReceiveContext>): Promise<void> {
    const { encoded } = frame.context;
    const stamp = this.media === "video" ? (encoded.getMetadata().rtpTimestamp ?? null) : null;
    const isNewest = stamp === null || this.passed.isNewest(stamp, frame.atMs);
    const outcome = await this.host.opener.open(frame, { kid: this.shown, isNewest });
    if (!this.host.hasSlot()) return;
    if (outcome.type === "dropped") return this.dropped(outcome, frame.atMs);
    // One of the same KID may have any timestamp: an early one would make theirs what still waits of whom was here before.
    if (outcome.type === "opened" && isNewest) this.from = stamp;
    const change = this.host.onOutcome(outcome, frame.atMs, this.from);
    if (outcome.type === "held") return;
    if (this.media === "video" && this.shown !== null && change !== null) this.change = { number: change, toldMs: this.host.clock() };
    if (this.change && !(await this.host.isDrawn(this.change.number, this.change.toldMs))) {
      this.lost = true; // another name may still be on it
      return;
    }
    if (!this.host.hasSlot()) return;
    this.change = null;
    this.shown = outcome.kid;
    if (stamp !== null) this.passed.add(stamp, frame.atMs);
    encoded.data = outcome.frame.slice().buffer;
    if (this.lost) this.requestKeyFrame();
    await this.writer.write(encoded);
  }

  private dropped(outcome: Dropped, atMs: number): void {
    if (outcome.reason !== "replayed") this.lost = true;
    this.host.onOutcome(outcome, atMs, null);
    if (outcome.reason === "no_key_frame") this.requestKeyFrame(); // nothing of that sender opens before
  }
}
