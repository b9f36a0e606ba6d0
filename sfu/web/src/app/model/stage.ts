/** What is on the stage and where: a page of the grid, or a large picture with a strip. Pure. */
import { type Box, GAP, isPhone, pageSize, place, strip } from "./layout.ts";

export interface Scene {
  /** Of the stage, in CSS pixels: the row under the tiles is taken from it where there is one. */
  readonly width: number;
  readonly height: number;
  readonly large: string | null;
  /** Everything else, in order. */
  readonly rest: readonly string[];
  readonly page: number;
  /** The large picture alone. */
  readonly isBare: boolean;
  /** A panel covers all but a low strip, in which there is room for who speaks. */
  readonly isPanelOver: boolean;
  readonly speaker: string | null;
  /** Whose camera is upright. */
  readonly upright: ReadonlySet<string>;
}

export interface Placed {
  readonly boxes: readonly { readonly key: string; readonly box: Box }[];
  /** The first box is of a large picture. */
  readonly hasLarge: boolean;
  readonly page: number;
  readonly pages: number;
  /** Seats on a page. */
  readonly pageSize: number;
  /** How many a strip has no room for. */
  readonly more: number;
  readonly hasPager: boolean;
  /** On a phone one's own picture has a shelf of its own. */
  readonly isShelf: boolean;
}

const STRIP = 208;
const STRIP_NARROW = 168; // where the stage is under 1,100
const BELOW_MAX = 4; // tiles under a large picture on an upright phone
const PAGER = 44;
const SHELF = 60;

export function arrange(scene: Scene): Placed {
  const { width, height, large, rest, isPanelOver } = scene;
  const isShelf = isPhone(width, height) && height > width && !isPanelOver && (rest.length > 2 || (large !== null && rest.length > 0));
  const whole = fill(scene, isShelf ? height - SHELF : height);
  const hasPager = whole.pages > 1 && whole.more === 0 && !isPanelOver && !(whole.hasLarge && scene.isBare);
  const filled = hasPager && !isShelf ? fill(scene, height - PAGER) : whole;
  return { ...filled, hasPager, isShelf };
}

/** On which page somebody is. */
export function pageOf({ rest }: Scene, { pageSize: size }: Placed, key: string): number {
  return Math.max(0, Math.floor(rest.indexOf(key) / size));
}

type Filled = Omit<Placed, "hasPager" | "isShelf">;

function fill(scene: Scene, height: number): Filled {
  const { width, large, rest, isPanelOver, isBare } = scene;
  if (width <= 0 || height <= 0 || (large === null && rest.length === 0)) return sum(scene, [], 1);
  if (isPanelOver) return sum(scene, zip([scene.speaker ?? large ?? rest[0]!], place(1, width, height)), 1);
  if (large === null) return onGrid(scene, height);
  if (isBare || rest.length === 0) return sum(scene, [{ key: large, box: { x: 0, y: 0, w: width, h: height } }], Math.max(1, rest.length));
  return isPhone(width, height) && height > width ? above(scene, large, height) : beside(scene, large, height);
}

function onGrid(scene: Scene, height: number): Filled {
  const { width, rest, upright } = scene;
  const size = pageSize(width, height);
  const keys = cut(rest, size, scene.page);
  return sum(scene, zip(keys, place(keys.length, width, height, upright.has(keys[0]!))), size);
}

/** The strip on the right, from the top. */
function beside(scene: Scene, large: string, height: number): Filled {
  const { width, rest } = scene;
  const column = width < 1100 ? STRIP_NARROW : STRIP;
  const left = width - column;
  const size = strip(rest.length, column, height).length;
  const keys = cut(rest, size, scene.page);
  const boxes = strip(rest.length, column, height).map((box) => ({ ...box, x: left }));
  const main = { key: large, box: { x: 0, y: 0, w: left - GAP, h: height } };
  return sum(scene, [main, ...zip(keys, boxes)], size, Math.max(0, rest.length - size));
}

/** On an upright phone: 16:9 on top, four tiles below. */
function above(scene: Scene, large: string, height: number): Filled {
  const { width, rest } = scene;
  const top = Math.min(Math.round((width * 9) / 16), Math.round(height / 2));
  const below = height - top - GAP;
  const size = Math.min(BELOW_MAX, Math.max(1, pageSize(width, below)));
  const keys = cut(rest, size, scene.page);
  const boxes = place(keys.length, width, below).map((box) => ({ ...box, y: box.y + top + GAP }));
  return sum(scene, [{ key: large, box: { x: 0, y: 0, w: width, h: top } }, ...zip(keys, boxes)], size);
}

function sum(scene: Scene, boxes: Placed["boxes"], size: number, more = 0): Filled {
  const pages = Math.max(1, Math.ceil(scene.rest.length / size));
  return { boxes, hasLarge: scene.large !== null && !scene.isPanelOver, page: Math.min(scene.page, pages - 1), pages, pageSize: size, more };
}

function cut(keys: readonly string[], size: number, page: number): readonly string[] {
  const at = Math.min(page, Math.max(0, Math.ceil(keys.length / size) - 1));
  return keys.slice(at * size, (at + 1) * size);
}

function zip(keys: readonly string[], boxes: readonly Box[]): { key: string; box: Box }[] {
  return keys.map((key, at) => ({ key, box: boxes[at]! }));
}
