// Frames of KIDs that nobody has claimed yet (PROTOCOL.md, "Receiving", rule 4): bounded by KID, bytes and time.

export const HELD_FRAMES = 64; // of a KID
export const HELD_KIDS = 64;
export const HELD_BYTES = 1 << 20; // in all, of frames as they came
export const HELD_MS = 5_000;

interface Held<T> {
  readonly item: T;
  readonly bytes: number;
  readonly atMs: number;
}

export class HeldFrames<T> {
  private readonly byKid = new Map<bigint, Held<T>[]>();
  private bytes = 0;

  /** False where there is no room. What came first stays: there may be a key frame in it, without which the rest is of no use. */
  hold(kid: bigint, item: T, bytes: number, nowMs: number): boolean {
    const frames = this.byKid.get(kid);
    if (frames ? frames.length >= HELD_FRAMES : this.byKid.size >= HELD_KIDS) return false;
    if (this.bytes + bytes > HELD_BYTES) return false;
    const held = { item, bytes, atMs: nowMs };
    if (frames) frames.push(held);
    else this.byKid.set(kid, [held]);
    this.bytes += bytes;
    return true;
  }

  /** In the order in which they came, and forgets them. */
  take(kid: bigint): T[] {
    const frames = this.byKid.get(kid) ?? [];
    this.byKid.delete(kid);
    return frames.map((held) => this.forget(held));
  }

  /** Those that have waited for too long, and forgets them. */
  expire(nowMs: number): T[] {
    const expired: T[] = [];
    for (const [kid, frames] of this.byKid) {
      while (frames[0] && nowMs - frames[0].atMs >= HELD_MS) expired.push(this.forget(frames[0])), frames.shift();
      if (!frames.length) this.byKid.delete(kid);
    }
    return expired;
  }

  get size(): number {
    let frames = 0;
    for (const held of this.byKid.values()) frames += held.length;
    return frames;
  }

  private forget(held: Held<T>): T {
    this.bytes -= held.bytes;
    return held.item;
  }
}
