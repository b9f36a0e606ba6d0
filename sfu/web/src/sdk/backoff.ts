/** How long to wait before trying again: at once, then 0.5, 1, 2 … 8 s, each by chance between half and one and a half. */
export class Backoff {
  #tries = 0;
  readonly #random: () => number;

  /** `random` as Math.random. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Milliseconds until the next try, which counts. The first comes soon, but not from all clients of a server at once. */
  next(): number {
    const tries = this.#tries++;
    const base = tries === 0 ? 100 : Math.min(8000, 500 * 2 ** (tries - 1));
    return base * (0.5 + this.#random());
  }

  reset(): void {
    this.#tries = 0;
  }
}
