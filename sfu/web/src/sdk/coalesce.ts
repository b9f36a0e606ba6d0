/** Work that says how things stand: asked for while it waits its turn, it is done once. */
export class Coalesced {
  #last: Promise<void> = Promise.resolve();
  #next: Promise<void> | null = null;
  readonly #work: () => Promise<void>;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Settles with a run that begins after this call, and after the one that is under way. */
  run(): Promise<void> {
    this.#next ??= this.#last.then(() => {
      this.#next = null;
      return this.#work();
    });
    const next = this.#next;
    this.#last = next.catch(() => {});
    return next;
  }
}
