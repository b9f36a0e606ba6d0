// One source of this client's: frames sealed under its KID, each counter once (PROTOCOL.md, "Frames").
import { concat, type Bytes } from "./bytes.ts";
import { envelopeOf, type CodecName } from "./envelope.ts";
import { encodeInner } from "./inner.ts";
import type { KeySource, Sealing } from "./keys.ts";
import { U64_END } from "./sframe_header.ts";
import type { SourceKind } from "./source.ts";

/** That one KID seals at most (RFC 9605 section 9.3). */
export const KID_FRAMES = 2 ** 32;

/** Where a test wants to begin; a client begins at 0 with all frames left. */
export interface Position {
  readonly counter: bigint;
  readonly left: number;
}

const START: Position = { counter: 0n, left: KID_FRAMES };

export class SendingSource {
  private renewing: Promise<void> | null = null;

  private constructor(
    readonly kind: SourceKind,
    private readonly keys: KeySource,
    private readonly renewed: () => void,
    private sealing: Sealing,
    private counter: bigint,
    private left: number,
  ) {}

  /** `renewed` is called when the source has another KID, which others must be told. */
  static async begin(
    kind: SourceKind,
    keys: KeySource,
    renewed: () => void,
    { counter, left } = START,
  ): Promise<SendingSource> {
    return new SendingSource(kind, keys, renewed, await keys.sealing(kind), counter, left);
  }

  get kid(): bigint {
    return this.sealing.kid;
  }

  /** An encoded frame, not empty, of whatever layer. Whoever cannot have it sealed sends nothing of it. */
  async seal(codec: CodecName, frame: Uint8Array, timeMs: number, padding?: number): Promise<Bytes> {
    if (!frame.length) throw new RangeError("an empty frame is not sealed");
    while (this.left <= 0 || this.counter >= U64_END - 1n) await this.renew();
    // Taken before anything can wait or fail: this counter does not come again, whoever else seals meanwhile.
    const { kid, key } = this.sealing;
    const counter = this.counter++;
    this.left--;
    const { clear, metadata } = envelopeOf(codec, frame);
    const sealed = await key.seal({ kid, counter }, metadata, encodeInner(frame, timeMs, padding));
    return clear.length ? concat(clear, sealed) : sealed;
  }

  private renew(): Promise<void> {
    this.renewing ??= this.keys
      .sealing(this.kind)
      .then((sealing) => {
        this.sealing = sealing;
        this.counter = START.counter;
        this.left = START.left;
        this.renewed();
      })
      .finally(() => {
        this.renewing = null;
      });
    return this.renewing;
  }
}
