/** What views redraw by: a model says that it changed, and at most once a frame they look at it again. */
import { useEffect, useState } from "preact/hooks";

export class Changes {
  readonly #listeners = new Set<() => void>();

  /** Gives what ends it. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** For those who come next. */
  tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

const HIDDEN_MS = 200;

/** Draws again when `model` changes. */
export function useChanges(model: Changes): void {
  const [, draw] = useState(0);
  useEffect(() => {
    let isDue = false;
    const now = (): void => {
      if (!isDue) return;
      isDue = false;
      draw((count) => count + 1);
    };
    return model.subscribe(() => {
      if (isDue) return;
      isDue = true;
      requestAnimationFrame(now);
      setTimeout(now, HIDDEN_MS); // hidden pages have no frames, and what they show is still to be right
    });
  }, [model]);
}
