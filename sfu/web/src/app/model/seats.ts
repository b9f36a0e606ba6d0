/**
 * Who sits where. Everybody gets a seat when first seen here and keeps it to the end; pages are cut from the seats in order.
 * Nobody moves while one looks, but for one swap that brings a speaker of another page onto the first.
 *
 * Pure: time in milliseconds is an argument.
 */

export interface Sitter {
  readonly sender: string;
  readonly hasCamera: boolean;
}

/** How somebody who is no longer there went: by choice, or by losing the connection. */
export type Leaving = "left" | "lost";

/** What the swap goes by: seconds spoken of the last few, and for how long somebody has been silent. */
export interface Speech {
  spokenMs(sender: string, now: number): number;
  silentMs(sender: string, now: number): number;
  lastSpoke(sender: string): number;
}

const FIRST_LOOK_MS = 3_000; // until then the first page is still being found
const LEFT_MS = 1_000;
const LOST_MS = 30_000;
const SPOKEN_MS = 2_000; // of the last 4 s
const SILENT_MS = 20_000;
const SWAP_EVERY_MS = 5_000;

interface Seat {
  sender: string;
  /** When it is to be given up; null while somebody sits here. */
  closesAt: number | null;
}

export class Seats {
  #seats: Seat[] = [];
  readonly #pinned: string[] = [];
  readonly #joinedAt: number;
  #swappedAt = -Infinity;
  #isSettled = false;

  constructor(now: number) {
    this.#joinedAt = now;
  }

  /** In order of seats, the pinned first in the order pinned. Among them those who have just gone. */
  get order(): readonly string[] {
    const seated = this.#seats.map(({ sender }) => sender);
    return [...this.#pinned.filter((sender) => seated.includes(sender)), ...seated.filter((sender) => !this.#pinned.includes(sender))];
  }

  /** Whose seat is kept though they are away. */
  isAway(sender: string): boolean {
    return this.#seats.some((seat) => seat.sender === sender && seat.closesAt !== null);
  }

  isPinned(sender: string): boolean {
    return this.#pinned.includes(sender);
  }

  pin(sender: string): void {
    if (!this.#pinned.includes(sender)) this.#pinned.push(sender);
  }

  unpin(sender: string): void {
    const at = this.#pinned.indexOf(sender);
    if (at >= 0) this.#pinned.splice(at, 1);
  }

  /** One has turned a page, or done something else that means "this is where people are". */
  settle(): void {
    this.#isSettled = true;
  }

  /** `sitters` in order of joining. `how`: of those who are there no more. */
  update(sitters: readonly Sitter[], how: (sender: string) => Leaving, speech: Speech, now: number): void {
    const there = new Set(sitters.map(({ sender }) => sender));
    for (const seat of this.#seats) {
      if (there.has(seat.sender)) seat.closesAt = null;
      else seat.closesAt ??= now + (how(seat.sender) === "lost" ? LOST_MS : LEFT_MS);
    }
    this.expire(now);
    const known = new Set(this.#seats.map(({ sender }) => sender));
    const byRank = firstLook(sitters, speech);
    for (const { sender } of byRank) if (!known.has(sender)) this.#seats.push({ sender, closesAt: null });
    if (this.#isSettled) return;
    // Profiles come one by one at joining: the first page is of all who are found then.
    const rank = new Map(byRank.map(({ sender }, at) => [sender, at]));
    this.#seats.sort((a, b) => (rank.get(a.sender) ?? Infinity) - (rank.get(b.sender) ?? Infinity));
    if (now - this.#joinedAt >= FIRST_LOOK_MS) this.#isSettled = true;
  }

  /** Gives up the seats whose time has come. */
  expire(now: number): void {
    this.#seats = this.#seats.filter(({ closesAt }) => closesAt === null || closesAt > now);
    for (const sender of [...this.#pinned]) if (!this.#seats.some((seat) => seat.sender === sender)) this.unpin(sender);
  }

  /** When `expire` has something to do next; Infinity for never. */
  get nextAt(): number {
    return Math.min(Infinity, ...this.#seats.map(({ closesAt }) => closesAt ?? Infinity));
  }

  /**
   * On the first page of `size` seats: somebody from behind it who speaks takes the seat of the unpinned one silent longest.
   * The caller asks only while nobody looks closely (a pointer over the stage, focus in a tile, a menu open). True if done.
   */
  swap(size: number, speech: Speech, now: number): boolean {
    if (now - this.#swappedAt < SWAP_EVERY_MS) return false;
    const { order } = this;
    const speaker = order.slice(size).find((sender) => speech.spokenMs(sender, now) >= SPOKEN_MS);
    if (speaker === undefined) return false;
    const silent = order
      .slice(0, size)
      .filter((sender) => !this.isPinned(sender) && speech.silentMs(sender, now) >= SILENT_MS)
      .sort((a, b) => speech.silentMs(b, now) - speech.silentMs(a, now))[0];
    if (silent === undefined) return false;
    const [from, to] = [speaker, silent].map((sender) => this.#seats.find((seat) => seat.sender === sender)!) as [Seat, Seat];
    [from.sender, to.sender] = [to.sender, from.sender];
    [from.closesAt, to.closesAt] = [to.closesAt, from.closesAt];
    this.#swappedAt = now;
    this.#isSettled = true;
    return true;
  }
}

/** Cameras that are on, by who spoke last, then the others; within each in order of joining. */
function firstLook(sitters: readonly Sitter[], speech: Speech): readonly Sitter[] {
  const spoke = ({ hasCamera, sender }: Sitter): number => (hasCamera ? speech.lastSpoke(sender) : -Infinity);
  return [...sitters].sort((a, b) => Number(b.hasCamera) - Number(a.hasCamera) || compare(spoke(b), spoke(a)));
}

function compare(a: number, b: number): number {
  return a === b ? 0 : a - b; // two that never spoke are -Infinity, whose difference is no number
}
