/** When to say that the connection is what limits the call: once, and not for a moment. Pure: time in milliseconds is an argument. */
import type { Limit } from "../../sdk/index.ts";

/** On end. Browsers begin with a small picture, and say until they have tried more that the network keeps it so. */
const SLOW_MS = 10_000;

export class Slow {
  #since: number | null = null;
  #isSaid = false;

  /** What limits the call now; null where it is not known. True when it is to be said. */
  hear(limit: Limit | null, now: number): boolean {
    const isSlow = limit === "download" || limit === "upload";
    this.#since = isSlow ? (this.#since ?? now) : null;
    if (this.#isSaid || this.#since === null || now - this.#since < SLOW_MS) return false;
    this.#isSaid = true;
    return true;
  }

  /** What was measured before is of another connection. */
  forget(): void {
    this.#since = null;
  }
}
