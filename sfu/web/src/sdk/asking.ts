/**
 * Asks again for what names a key, slot by slot, while frames that nobody has claimed come there: the profile that claims
 * them may have been lost. A few times, ever more slowly; then it is for people to say what to do.
 */
import type { Io } from "./signaling.ts";

export const TRIES_MAX = 5;
const STEP_MS = 1_000; // longer after each try

interface Asked {
  tries: number;
  cancel: () => void;
}

export class Asking {
  readonly #asked = new Map<number, Asked>();
  readonly #ask: (slot: number, tries: number) => void;
  readonly #giveUp: (slot: number) => void;
  readonly #io: Pick<Io, "later">;

  /** `ask`: the try with this number, from 1 on. `giveUp`: the last one has had its time. */
  constructor(ask: (slot: number, tries: number) => void, giveUp: (slot: number) => void, io: Pick<Io, "later">) {
    this.#ask = ask;
    this.#giveUp = giveUp;
    this.#io = io;
  }

  /** Begins, where it has not. */
  start(slot: number): void {
    if (this.#asked.has(slot)) return;
    const asked: Asked = { tries: 0, cancel: () => {} };
    this.#asked.set(slot, asked);
    this.#next(slot, asked);
  }

  stop(slot: number): void {
    this.#asked.get(slot)?.cancel();
    this.#asked.delete(slot);
  }

  stopAll(): void {
    for (const slot of [...this.#asked.keys()]) this.stop(slot);
  }

  #next(slot: number, asked: Asked): void {
    asked.tries += 1;
    const next = asked.tries < TRIES_MAX ? () => this.#next(slot, asked) : () => this.#giveUp(slot);
    asked.cancel = this.#io.later(asked.tries * STEP_MS, next);
    this.#ask(slot, asked.tries);
  }
}
