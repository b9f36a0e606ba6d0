/** A token bucket: so many at once, then so many a second. */
export class TokenBucket {
  #tokens: number;
  #at: number;
  readonly #perSecond: number;
  readonly #burst: number;

  /** `now` in milliseconds of a clock that does not go back. */
  constructor(perSecond: number, burst: number, now: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = now;
  }

  /** Takes `count` (the burst at most) if they are there. Else takes none and says in how many milliseconds they will be. */
  take(wanted: number, now: number): number {
    const count = Math.min(wanted, this.#burst);
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) / 1000) * this.#perSecond);
    this.#at = now;
    if (this.#tokens >= count) {
      this.#tokens -= count;
      return 0;
    }
    return Math.ceil(((count - this.#tokens) / this.#perSecond) * 1000);
  }

  /** Empties it, as when the other side has counted otherwise. */
  drain(now: number): void {
    this.#tokens = 0;
    this.#at = now;
  }
}
