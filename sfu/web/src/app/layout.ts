/** Where tiles stand. Pure: numbers in, numbers out; all in CSS pixels. */

export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

const GAP = 8;
const ASPECT_MIN = 4 / 3;
const ASPECT_MAX = 16 / 9;
const PAGE_MAX = 16; // as many as there are slots
const PAGE_MAX_PHONE = 8;

/** The grid of the largest tiles for n of them; on an upright stage only 4:3 of a tile counts, so faces beat wide strips. */
function grid(n: number, width: number, height: number): { cols: number; rows: number; w: number; h: number } {
  const isUpright = height > width * 1.15;
  const least = isUpright ? 3 / 4 : ASPECT_MIN;
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
  return best;
}

/** How many tiles a page holds: the most whose tile is still wide enough to see a face. */
export function pageSize(width: number, height: number): number {
  const isPhone = Math.min(width, height) < 600;
  const least = isPhone ? 148 : width < 1100 ? 184 : 224;
  for (let n = isPhone ? PAGE_MAX_PHONE : PAGE_MAX; n > 1; n--) {
    const { cols, rows, w } = grid(n, width, height);
    if (w >= least && cols * rows === n) return n;
  }
  return 1;
}

/** Boxes for n tiles, the last row centred. */
export function place(n: number, width: number, height: number): Box[] {
  const { cols, rows, w, h } = grid(n, width, height);
  const top = (height - rows * h - (rows - 1) * GAP) / 2;
  return Array.from({ length: n }, (_, i) => {
    const row = Math.floor(i / cols);
    const inRow = row === rows - 1 ? n - row * cols : cols;
    const left = (width - inRow * w - (inRow - 1) * GAP) / 2;
    return { x: Math.round(left + (i - row * cols) * (w + GAP)), y: Math.round(top + row * (h + GAP)), w, h };
  });
}
