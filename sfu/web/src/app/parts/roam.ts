/** Arrow keys among a few things of which one is in the order of Tab (ARIA's roving focus). */
import { useLayoutEffect, useRef } from "preact/hooks";

export type Axis = "across" | "down" | "both";

const STEPS: Readonly<Record<Axis, Readonly<Record<string, number>>>> = {
  across: { ArrowRight: 1, ArrowLeft: -1 },
  down: { ArrowDown: 1, ArrowUp: -1 },
  both: { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 },
};

/** 1 where lines run from left to right, -1 where they run the other way. */
export function reading(): 1 | -1 {
  return document.dir === "rtl" ? -1 : 1;
}

/** Gives the focus to the neighbour of the one that has it, round the ends, and says which; null where the key is another. */
export function roam(event: KeyboardEvent, items: readonly HTMLElement[], axis: Axis): HTMLElement | null {
  const step = STEPS[axis][event.key];
  const at = items.findIndex((item) => item.contains(event.target as Node));
  if (step === undefined || at < 0) return null;
  const by = event.key === "ArrowRight" || event.key === "ArrowLeft" ? step * reading() : step;
  event.preventDefault();
  event.stopPropagation();
  const next = items[(at + by + items.length) % items.length]!;
  next.focus();
  return next;
}

/** Of things that stand in rows: across to the neighbour in reading order, up and down to the one nearest in the next row. */
export function roamGrid(event: KeyboardEvent, items: readonly HTMLElement[]): void {
  if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return void roam(event, items, "across");
  event.preventDefault();
  event.stopPropagation();
  const isDown = event.key === "ArrowDown";
  const from = (event.target as HTMLElement).getBoundingClientRect();
  const ranked = items
    .map((item) => ({ item, to: item.getBoundingClientRect() }))
    .filter(({ to }) => (isDown ? to.top >= from.bottom : to.bottom <= from.top))
    .map(({ item, to }) => ({ item, rows: Math.abs(to.top - from.top), columns: Math.abs(to.left + to.right - from.left - from.right) }))
    .sort((a, b) => a.rows - b.rows || a.columns - b.columns);
  ranked[0]?.item.focus();
}

/** What is below the element that listens. */
export function below(event: KeyboardEvent, selector: string): HTMLElement[] {
  return shown(event.currentTarget as HTMLElement, selector);
}

/**
 * One of the elements below `box` is in the order of Tab, with the buttons in it: that which had the focus last, else the first.
 * Whoever goes on by Tab then passes many of them with one press.
 */
export function useRoving(box: { readonly current: HTMLElement | null }, selector: string): void {
  const last = useRef<Element | null>(null);
  const settle = (items: readonly HTMLElement[]): void => {
    const chosen = items.find((item) => item === last.current) ?? items[0];
    last.current = chosen ?? null;
    for (const item of box.current!.querySelectorAll<HTMLElement>(selector)) {
      const tabIndex = item === chosen ? 0 : -1;
      for (const element of [item, ...item.querySelectorAll("button")]) {
        if (element.getAttribute("tabindex") !== `${tabIndex}`) element.tabIndex = tabIndex;
      }
    }
  };
  useLayoutEffect(() => {
    const element = box.current!;
    const take = ({ target }: FocusEvent): void => {
      last.current = (target as Element).closest(selector) ?? last.current;
      settle(shown(element, selector));
    };
    element.addEventListener("focusin", take);
    const observer = new ResizeObserver(() => settle(shown(element, selector))); // narrow ones leave some out
    observer.observe(element);
    return () => {
      element.removeEventListener("focusin", take);
      observer.disconnect();
    };
  }, []);
  // What is shown is not asked for here: it would have the page laid out with each drawing.
  useLayoutEffect(() => settle([...box.current!.querySelectorAll<HTMLElement>(selector)]));
}

function shown(box: HTMLElement, selector: string): HTMLElement[] {
  return [...box.querySelectorAll<HTMLElement>(selector)].filter(({ offsetParent }) => offsetParent !== null);
}
