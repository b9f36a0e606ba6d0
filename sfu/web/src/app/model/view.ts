/**
 * What is asked of the server: who is on the screen has a slot, at the height of their tile. People keep the slot they have, so that
 * turning a page changes no more than it must. Pure.
 */

export interface Shown {
  /** Of the tile: a person's camera or their screen. */
  readonly key: string;
  /** Sender id. */
  readonly sender: string;
  readonly source: "camera" | "screen";
  /** Of the tile, in the screen's own pixels. */
  readonly height: number;
  readonly isLarge: boolean;
}

export interface Wish {
  readonly slot: number;
  readonly sender: string | null;
  readonly source: "camera" | "screen";
  readonly maxHeight: number;
  readonly priority: number;
}

/** Heights are asked for in steps, so that a window that is drawn wider does not ask anew with every pixel. */
const STEP = 45;
const PRIORITY = 100;
const PRIORITY_LARGE = 200;

/**
 * `slots`: numbers of the video slots. `before`: what has each of them, by its key. What is not shown is not sent: slots that nobody
 * needs are asked to hold no picture, their sound stays. With `isHidden` all of them.
 */
export function wishes(shown: readonly Shown[], slots: readonly number[], before: ReadonlyMap<number, string>, isHidden: boolean): Wish[] {
  const wanted = new Map(shown.slice(0, slots.length).map((one) => [one.key, one]));
  const seats = new Map<number, Shown>();
  for (const slot of slots) {
    const one = wanted.get(before.get(slot) ?? "");
    if (one === undefined) continue;
    seats.set(slot, one);
    wanted.delete(one.key);
  }
  const free = slots.filter((slot) => !seats.has(slot));
  for (const one of wanted.values()) seats.set(free.shift()!, one);
  return slots.map((slot) => {
    const one = seats.get(slot);
    if (one === undefined) return { slot, sender: null, source: "camera", maxHeight: 0, priority: 0 };
    const { sender, source, height, isLarge } = one;
    const maxHeight = isHidden ? 0 : Math.max(STEP, Math.ceil(height / STEP) * STEP);
    return { slot, sender, source, maxHeight, priority: isLarge ? PRIORITY_LARGE : PRIORITY };
  });
}
