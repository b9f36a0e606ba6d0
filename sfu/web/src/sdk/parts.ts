/** What a conference stands on: the worker that has its keys, and the session with the server. Either is made anew when it is lost. */
import type { WorkerClient } from "../worker/client.ts";
import { SfuError } from "./errors.ts";
import type { Signaling } from "./signaling.ts";
import type { Demand, Joined } from "./wire.ts";

export class Parts {
  /** Null until it runs, and while it is made anew. */
  client: WorkerClient | null = null;
  signaling: Signaling | null = null;
  /** What the server said when it let us in. */
  joined: Joined | null = null;
  #isClosed = false;

  /** For what cannot be done without. Fails with `left` and `worker_failed`. */
  both(): { client: WorkerClient; signaling: Signaling } {
    if (this.#isClosed) throw new SfuError("left", "the conference has ended");
    if (this.client === null || this.signaling === null) throw new SfuError("worker_failed", "the keys are not there");
    return { client: this.client, signaling: this.signaling };
  }

  /** Of the worker, what no answer is awaited for; that it died it tells by itself. */
  tellWorker(...request: Parameters<WorkerClient["request"]>): void {
    this.client?.request(...request).catch(() => {});
  }

  /** Of the server, as `tellWorker`; where the participant is lost all is asked anew. */
  tellServer(demand: Extract<Demand, { type: "roster" }>): void {
    this.signaling?.request(demand).catch(() => {});
  }

  /** For good. */
  close(): void {
    this.#isClosed = true;
    this.signaling?.leave();
    this.client?.close();
    this.client = null;
  }
}
