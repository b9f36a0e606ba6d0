/** What was written, by oneself and others: bounded, and no faster than others are willing to read. */
import type { WorkerClient } from "../worker/client.ts";
import type { ChatLine } from "../worker/messages.ts";
import { TokenBucket } from "./bucket.ts";
import { SfuError } from "./errors.ts";
import type { Signaling } from "./signaling.ts";
import { KIND_CHAT } from "./wire.ts";

const PER_SECOND = 5;
const BURST = 20;
const KEPT = 1000;

export class Chat {
  readonly #rate = new TokenBucket(PER_SECOND, BURST, performance.now());
  readonly #lines: ChatLine[] = [];
  readonly #tell: (line: ChatLine) => void;

  constructor(tell: (line: ChatLine) => void) {
    this.#tell = tell;
  }

  /** The last ones, oldest first. */
  get lines(): readonly ChatLine[] {
    return this.#lines;
  }

  /** Resolves when the server has taken it. Fails with `too_fast`, and the worker's and server's codes. */
  async send(text: string, client: WorkerClient, signaling: Signaling): Promise<void> {
    const wait = this.#rate.take(1, performance.now());
    if (wait > 0) throw new SfuError("too_fast", `Too many messages at once. Wait ${Math.ceil(wait / 1000)} s.`, wait);
    const { bytes, line } = await client.request("sealChat", { text });
    await signaling.relay(KIND_CHAT, 0, bytes);
    this.add(line);
  }

  add(line: ChatLine): void {
    this.#lines.push(line);
    if (this.#lines.length > KEPT) this.#lines.shift();
    this.#tell(line);
  }
}
