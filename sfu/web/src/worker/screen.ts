// What the page has been told, and what of it is on its screen. A decoder shows what it is given though the page may be busy: the
// picture of the next person waits here until nobody else's name is on it.

/** How long a page may take to draw. After that the picture is not shown, and another is asked for once it has drawn. */
export const DRAW_MS = 2000;

export class Screen {
  private told = 0;
  private drawn = 0;
  private waiting: { change: number; settle: (isDrawn: boolean) => void }[] = [];

  constructor(private readonly around: { clock(): number; after(ms: number, task: () => void): void }) {}

  /** The number of one more change. */
  tell(): number {
    return ++this.told;
  }

  /** This change and all before it are on the screen. */
  onDrawn(change: number): void {
    this.drawn = Math.max(this.drawn, Math.min(change, this.told));
    const done = this.waiting.filter(({ change }) => change <= this.drawn);
    this.waiting = this.waiting.filter(({ change }) => change > this.drawn);
    for (const { settle } of done) settle(true);
  }

  /** Whether a change that was told at `toldMs` is on the screen, as soon as it is, or DRAW_MS after it was told. */
  async shows(change: number, toldMs: number): Promise<boolean> {
    if (change <= this.drawn) return true;
    const leftMs = Math.min(toldMs - this.around.clock(), 0) + DRAW_MS; // a clock may be set back
    if (leftMs <= 0) return false;
    return new Promise((settle) => {
      const waits = { change, settle };
      this.waiting.push(waits);
      this.around.after(leftMs, () => {
        this.waiting = this.waiting.filter((other) => other !== waits);
        settle(false);
      });
    });
  }
}
