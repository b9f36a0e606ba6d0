// Which counters of a KID have been had: a sliding window (PROTOCOL.md, "Receiving", rule 5).

export const WINDOW = 1024;

export class ReplayWindow {
  private highest = -1n;
  private readonly seen = new Uint8Array(WINDOW); // by counter modulo WINDOW, of the last WINDOW counters

  /** To be asked before opening: neither had nor behind the window. */
  fresh(counter: bigint): boolean {
    if (counter > this.highest) return true;
    return this.highest - counter < BigInt(WINDOW) && !this.seen[this.index(counter)];
  }

  /** After the tag held, so that a forgery moves nothing. False where another was quicker to open the same. */
  add(counter: bigint): boolean {
    if (!this.fresh(counter)) return false;
    if (counter - this.highest >= BigInt(WINDOW)) this.seen.fill(0);
    else for (let between = this.highest + 1n; between < counter; between++) this.seen[this.index(between)] = 0;
    this.seen[this.index(counter)] = 1;
    if (counter > this.highest) this.highest = counter;
    return true;
  }

  private index(counter: bigint): number {
    return Number(counter & BigInt(WINDOW - 1));
  }
}
