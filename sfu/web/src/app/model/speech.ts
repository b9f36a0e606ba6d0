/** Who spoke when, as far as seats and the large picture go by it. Pure: time in milliseconds is an argument. */
import type { Speech as SeatSpeech } from "./seats.ts";

const WINDOW_MS = 4_000;
const LARGE_MS = 2_000; // of speech, before "One large" changes
const HELD_MS = 5_000;

interface Span {
  readonly from: number;
  /** null while it goes on. */
  to: number | null;
}

export class Speech implements SeatSpeech {
  readonly #spans = new Map<string, Span[]>(); // of each sender, oldest first, not older than the window but for the last
  readonly #since: number;
  #large: string | null = null;
  #largeAt = -Infinity;

  constructor(now: number) {
    this.#since = now;
  }

  update(speaking: ReadonlySet<string>, now: number): void {
    for (const sender of speaking) {
      const spans = this.#spans.get(sender) ?? [];
      if (spans.at(-1)?.to !== null || spans.length === 0) spans.push({ from: now, to: null });
      this.#spans.set(sender, spans.filter(({ to }, at) => at === spans.length - 1 || to === null || to > now - WINDOW_MS));
    }
    for (const [sender, spans] of this.#spans) {
      const last = spans.at(-1)!;
      if (last.to === null && !speaking.has(sender)) last.to = now;
    }
  }

  forget(isThere: (sender: string) => boolean): void {
    for (const sender of this.#spans.keys()) if (!isThere(sender)) this.#spans.delete(sender);
  }

  /** Of the last four seconds. */
  spokenMs(sender: string, now: number): number {
    const begin = now - WINDOW_MS;
    return (this.#spans.get(sender) ?? []).reduce((sum, { from, to }) => sum + Math.max(0, (to ?? now) - Math.max(from, begin)), 0);
  }

  silentMs(sender: string, now: number): number {
    const last = this.#spans.get(sender)?.at(-1);
    return last === undefined ? now - this.#since : last.to === null ? 0 : now - last.to;
  }

  /** When somebody was last heard; -Infinity for never. */
  lastSpoke(sender: string): number {
    const last = this.#spans.get(sender)?.at(-1);
    return last === undefined ? -Infinity : (last.to ?? Infinity);
  }

  /** Who has the large picture where the view is "One large": changes after 2 s of speech and not within 5 s. */
  large(candidates: readonly string[], now: number): string | null {
    const stays = this.#large !== null && candidates.includes(this.#large);
    if (stays && now - this.#largeAt < HELD_MS) return this.#large;
    const speaker = candidates
      .filter((sender) => this.spokenMs(sender, now) >= LARGE_MS)
      .sort((a, b) => this.spokenMs(b, now) - this.spokenMs(a, now))[0];
    const next = speaker ?? (stays ? this.#large : (candidates[0] ?? null));
    if (next !== this.#large) {
      this.#large = next;
      this.#largeAt = now;
    }
    return next;
  }
}
