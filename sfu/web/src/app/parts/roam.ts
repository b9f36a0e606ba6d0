/** Arrow keys among a few things of which one is in the order of Tab (ARIA's roving focus). */

export type Axis = "across" | "down" | "both";

const STEPS: Readonly<Record<Axis, Readonly<Record<string, number>>>> = {
  across: { ArrowRight: 1, ArrowLeft: -1 },
  down: { ArrowDown: 1, ArrowUp: -1 },
  both: { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 },
};

/** Gives the focus to the neighbour of the one that has it, round the ends, and says which; null where the key is another. */
export function roam(event: KeyboardEvent, items: readonly HTMLElement[], axis: Axis): HTMLElement | null {
  const by = STEPS[axis][event.key];
  const at = items.findIndex((item) => item.contains(event.target as Node));
  if (by === undefined || at < 0) return null;
  event.preventDefault();
  event.stopPropagation();
  const next = items[(at + by + items.length) % items.length]!;
  next.focus();
  return next;
}

/** What is below the element that listens. */
export function below(event: KeyboardEvent, selector: string): HTMLElement[] {
  return [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>(selector)];
}
