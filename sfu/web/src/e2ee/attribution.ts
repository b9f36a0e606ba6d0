// Where the server's word about a slot and the key's differ (PROTOCOL.md, "Receiving", rule 10).

export const PATIENCE_MS = 1000;

/** Of one slot. The key is right in any case; this says when the server has been wrong for too long. */
export class Attribution {
  private sinceMs: number | null = null;
  private told = false;

  /** `owner` and `said` are participants. True once for each time that they differ for more than 1 s. */
  onFrame(owner: number, said: number, nowMs: number): boolean {
    if (owner === said) {
      this.sinceMs = null;
      this.told = false;
      return false;
    }
    this.sinceMs ??= nowMs;
    if (this.told || nowMs - this.sinceMs <= PATIENCE_MS) return false;
    this.told = true;
    return true;
  }
}
