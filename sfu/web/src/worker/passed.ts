// RTP timestamps of what a decoder was given of late. The browser says by its timestamp which frame it presents: so it can be told
// whose it is, if whoever comes next is later than all that may still wait to be shown. Time is an argument.

/** More frames than any browser lets wait before its decoder. */
export const PASSED = 4096;
/** A frame that lacks what it builds on waits without end, so as long as a timestamp of 90 kHz is surely on the same half of its circle. */
export const PASSED_MS = 6 * 3600 * 1000;

/** Whether `stamp` is later than `other`, both of 32 bits that wrap. */
export function isLater(stamp: number, other: number): boolean {
  return ((stamp - other) | 0) > 0;
}

export class Passed {
  private readonly stamps = new Uint32Array(PASSED);
  private count = 0;
  private lastMs = -Infinity;

  add(stamp: number, nowMs: number): void {
    this.stamps[this.count++ % PASSED] = stamp;
    this.lastMs = nowMs;
  }

  /** Compared with each, as a series of great leaps could come round. */
  isNewest(stamp: number, nowMs: number): boolean {
    if (nowMs - this.lastMs > PASSED_MS) this.count = 0; // after so long a pause nothing can be told by them
    return this.stamps.subarray(0, Math.min(this.count, PASSED)).every((other) => isLater(stamp, other));
  }
}
