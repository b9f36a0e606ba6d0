/** Where tiles stand. Pure: numbers in, numbers out; all in CSS pixels. */

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

export const GAP = 8;
const ASPECT_MIN = 4 / 3;
const ASPECT_MAX = 16 / 9;
const PAGE_MAX = 25;
const PAGE_MAX_PHONE = 8;
/** A lone person with an upright camera on an upright stage may fill it. */
const ASPECT_UPRIGHT = 9 / 19.5;
export const REST = 44; // height of the button that opens the rest of a strip

/** A stage so small in either direction is a phone's. */
export function isPhone(width: number, height: number): boolean {
  return Math.min(width, height) < 600;
}

export interface Grid {
  readonly cols: number;
  readonly rows: number;
  readonly w: number;
  readonly h: number;
}

/** The grid of the largest tiles for n of them; on an upright stage only 4:3 of a tile counts, so faces beat wide strips. */
export function grid(n: number, width: number, height: number, isUprightCamera = false): Grid {
  const isUpright = height > width * 1.15;
  const least = isUpright ? (n === 1 && isUprightCamera ? ASPECT_UPRIGHT : 3 / 4) : ASPECT_MIN;
  let best = { cols: 1, rows: n, w: 0, h: 0, score: 0 };
  for (let cols = 1; cols <= n; cols++) {
    const rows = Math.ceil(n / cols);
    if ((rows - 1) * cols >= n) continue; // an empty row
    let w = (width - (cols - 1) * GAP) / cols;
    let h = (height - (rows - 1) * GAP) / rows;
    if (w <= 0 || h <= 0) continue;
    if (w / h > ASPECT_MAX) w = h * ASPECT_MAX;
    else if (w / h < least) h = w / least;
    const score = Math.min(w, h * (isUpright ? ASPECT_MIN : ASPECT_MAX)) * h;
    if (score > best.score * 1.0001) best = { cols, rows, w: Math.floor(w), h: Math.floor(h), score };
  }
  const { cols, rows, w, h } = best;
  return { cols, rows, w, h };
}

/** How many tiles a page holds: the largest full grid whose tile is still wide enough to see a face. */
export function pageSize(width: number, height: number): number {
  const phone = isPhone(width, height);
  const least = phone ? 148 : width < 1100 ? 184 : 224;
  for (let n = phone ? PAGE_MAX_PHONE : PAGE_MAX; n > 1; n--) {
    const { cols, rows, w } = grid(n, width, height);
    if (w >= least && cols * rows === n) return n;
  }
  return 1;
}

/** Boxes for n tiles, the last row centred and never stretched. */
export function place(n: number, width: number, height: number, isUprightCamera = false): Box[] {
  const { cols, rows, w, h } = grid(n, width, height, isUprightCamera);
  const top = (height - rows * h - (rows - 1) * GAP) / 2;
  return Array.from({ length: n }, (_, i) => {
    const row = Math.floor(i / cols);
    const inRow = row === rows - 1 ? n - row * cols : cols;
    const left = (width - inRow * w - (inRow - 1) * GAP) / 2;
    return { x: Math.round(left + (i - row * cols) * (w + GAP)), y: Math.round(top + row * (h + GAP)), w, h };
  });
}

/** The column beside a large picture: 16:9 tiles from the top, as many as fit above the button for the rest. */
export function strip(n: number, width: number, height: number): Box[] {
  const h = Math.round((width * 9) / 16);
  const fit = (room: number): number => Math.max(1, Math.floor((room + GAP) / (h + GAP)));
  const shown = fit(height) >= n ? n : fit(height - REST);
  return Array.from({ length: Math.min(n, shown) }, (_, i) => ({ x: 0, y: i * (h + GAP), w: width, h }));
}
