// One sender's frames: sealed, or not sent.
//
//   encoder → readable → seal → writable → packetiser
import { codecOf, type CodecName } from "../e2ee/envelope.ts";
import type { SendingSource } from "../e2ee/sending_source.ts";
import type { EncodedFrame, Transformer } from "./transformer.ts";

export interface SendHost {
  /** For frames that do not name their codec. */
  codec(): CodecName | null;
  /** Milliseconds since 1970. */
  clock(): number;
  onSealed(): void;
  onNotSealed(): void;
}

export class SendLine {
  constructor(
    private readonly transformer: Transformer,
    readonly source: SendingSource,
    private readonly host: SendHost,
  ) {}

  /** Until the sender's end; `ready` once whatever comes is sealed. Frames keep their order: one is sealed at a time. */
  async run(ready: () => void): Promise<void> {
    const reader = this.transformer.readable.getReader();
    const writer = this.transformer.writable.getWriter();
    ready();
    for (;;) {
      const { done, value: frame } = await reader.read();
      if (done) return;
      const sealed = await this.seal(frame);
      if (!sealed) continue;
      frame.data = sealed;
      await writer.write(frame);
    }
  }

  /** False where the browser has no way to ask its encoder from here. */
  async keyFrame(): Promise<boolean> {
    try {
      await this.transformer.generateKeyFrame?.();
      return Boolean(this.transformer.generateKeyFrame);
    } catch {
      return false; // a sender without a track, or an encoder that has not begun
    }
  }

  /** Null: nothing of the frame leaves. */
  private async seal(frame: EncodedFrame): Promise<ArrayBuffer | null> {
    const data = new Uint8Array(frame.data);
    if (!data.length) return null; // padding, made by browsers
    try {
      const { mimeType } = frame.getMetadata();
      const codec = mimeType ? codecOf(mimeType) : this.host.codec();
      if (codec) {
        const { buffer } = await this.source.seal(codec, data, this.host.clock());
        this.host.onSealed();
        return buffer;
      }
    } catch {
      // Whatever it was, it is counted below.
    }
    this.host.onNotSealed();
    return null;
  }
}
