/** A part of the page that is not needed at once, in a file of its own. */

/** A network that has taken so long may have stalled for good. */
const PATIENCE_MS = 15_000;
const FILE = /\bimport\("(\.\/[^"]+)"\)/;

export class Later<T> {
  readonly #load: () => Promise<T>;
  #part: T | null = null;
  #asked: Promise<T> | null = null;
  #failures = 0;

  /** `load` is a function that imports a file, and no more. */
  constructor(load: () => Promise<T>) {
    this.#load = load;
  }

  /** Null while it is not there. */
  get part(): T | null {
    return this.#part;
  }

  /** Rejects where it does not come, or not in time; then it may be asked for again. */
  ask(): Promise<T> {
    return (this.#asked ??= this.#fetch().catch((reason: unknown) => {
      this.#failures++;
      this.#asked = null;
      throw reason;
    }));
  }

  /** Early, so that nobody waits for it later, and the server does not learn from the request who has come to need it when. */
  prepare(): void {
    this.ask().catch(() => {}); // asked for again when it is needed
  }

  #fetch(): Promise<T> {
    const coming = this.#failures === 0 ? this.#load() : this.#loadAgain();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("a part of the page does not come")), PATIENCE_MS);
      coming.then((part) => resolve((this.#part ??= part)), reject).finally(() => clearTimeout(timer));
    });
  }

  /** Firefox remembers that a module did not come, and never asks for it again: but for one of another name it does. */
  #loadAgain(): Promise<T> {
    const [, file] = FILE.exec(String(this.#load)) ?? [];
    return file === undefined ? this.#load() : (import(new URL(`${file}?${this.#failures}`, import.meta.url).href) as Promise<T>);
  }
}
