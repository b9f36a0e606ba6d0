// Where the server's word about a slot and the key's differ (PROTOCOL.md, "Receiving", rule 10).

export const PATIENCE_MS = 1000;

/** Of one slot. The key is right in any case; this says when the server has been wrong for too long. */
export class Attribution {
  private sinceMs: number | null = null;
  private lastMs = 0; // of a frame about which they differ
  private told: number | null = null; // what the server said when that was told

  /**
   * `owner` and `said` are participants. True once they have differed for more than 1 s, and again for each other that the server
   * says meanwhile.
   */
  onFrame(owner: number, said: number, nowMs: number): boolean {
    if (owner === said) {
      this.sinceMs = this.told = null;
      return false;
    }
    // A late frame of whom was here before is no lie, however long nothing came after it.
    if (nowMs - this.lastMs > PATIENCE_MS) this.sinceMs = null;
    this.sinceMs ??= nowMs;
    this.lastMs = nowMs;
    if (this.told === said || nowMs - this.sinceMs <= PATIENCE_MS) return false;
    this.told = said;
    return true;
  }

  /** What was told is to be told again, if it still holds. */
  forget(): void {
    this.told = null;
  }
}
