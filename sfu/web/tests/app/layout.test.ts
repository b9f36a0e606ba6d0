// Where tiles stand: the grid, its pages, the strip beside a large picture.
import assert from "node:assert/strict";
import test from "node:test";
import { GAP, grid, pageSize, place, strip } from "../../src/app/model/layout.ts";
import { type Scene, arrange, pageOf } from "../../src/app/model/stage.ts";

const DESK = [1424, 772] as const; // the stage of a window of 1440×900
const PHONE = [374, 716] as const; // of one of 390×844

test("grids of a desk", () => {
  const expected = [
    [1, 1, 1], [2, 2, 1], [3, 2, 2], [4, 2, 2], [5, 3, 2], [6, 3, 2], [7, 3, 3], [9, 3, 3], [10, 4, 3], [12, 4, 3],
    [13, 4, 4], [16, 4, 4], [17, 5, 4], [20, 5, 4], [25, 5, 5], // 21 to 24 are larger in 6×4
  ]; // prettier-ignore
  for (const [n, cols, rows] of expected) {
    const found = grid(n!, ...DESK);
    assert.deepEqual([found.cols, found.rows], [cols, rows], `${n} people`);
  }
});

test("grids of a phone, upright", () => {
  for (const [n, cols, rows] of [[1, 1, 1], [2, 1, 2], [3, 1, 3], [4, 2, 2], [6, 2, 3], [8, 2, 4]]) {
    const found = grid(n!, ...PHONE);
    assert.deepEqual([found.cols, found.rows], [cols, rows], `${n} people`);
  }
});

test("tiles keep their shape, lie inside and apart, and the last row is centred", () => {
  for (const [width, height] of [DESK, PHONE, [836, 298], [320, 420], [1900, 1000]] as const) {
    for (let n = 1; n <= 25; n++) {
      const boxes = place(n, width, height);
      assert.equal(boxes.length, n);
      const least = height > width * 1.15 ? 3 / 4 : 4 / 3;
      for (const [at, { x, y, w, h }] of boxes.entries()) {
        assert.ok(x >= 0 && y >= 0 && x + w <= width + 1 && y + h <= height + 1, `${n} in ${width}×${height}`);
        assert.ok(w / h > least - 0.05 && w / h < 16 / 9 + 0.05);
        for (const other of boxes.slice(at + 1)) {
          const isApart = x + w + GAP <= other.x + 1 || other.x + other.w + GAP <= x + 1 || y + h + GAP <= other.y + 1;
          assert.ok(isApart, `${n} in ${width}×${height}`);
        }
      }
      const last = boxes.filter(({ y }) => y === boxes.at(-1)!.y);
      const [first] = last;
      const right = width - (last.at(-1)!.x + first!.w);
      assert.ok(Math.abs(first!.x - right) <= 2);
    }
  }
});

test("a lone upright camera fills an upright stage, and no other", () => {
  assert.ok(grid(1, ...PHONE, true).h > grid(1, ...PHONE, false).h);
  assert.deepEqual(grid(1, ...DESK, true), grid(1, ...DESK, false));
  assert.deepEqual(grid(2, ...PHONE, true), grid(2, ...PHONE, false));
});

test("a page holds 25 at most, on a phone 8, and no tile too small for a face", () => {
  assert.equal(pageSize(...DESK), 25);
  assert.equal(pageSize(...PHONE), 8);
  assert.equal(pageSize(1008, 640), 25);
  assert.equal(pageSize(100, 100), 1);
});

test("a strip leaves room for the button that opens the rest", () => {
  assert.equal(strip(3, 208, 772).length, 3);
  const cut = strip(20, 208, 772);
  assert.ok(cut.length < 20);
  const { y, h } = cut.at(-1)!;
  assert.ok(y + h + 32 <= 772);
});

const scene = (change: Partial<Scene>): Scene => ({
  width: DESK[0],
  height: DESK[1],
  large: null,
  rest: [],
  page: 0,
  isBare: false,
  isPanelOver: false,
  speaker: null,
  upright: new Set(),
  ...change,
});
const people = (n: number): string[] => Array.from({ length: n }, (_, at) => `p${at}`);

test("pages are cut in order, and their row takes its height from the tiles", () => {
  const placed = arrange(scene({ rest: people(30) }));
  assert.deepEqual([placed.pages, placed.page, placed.hasPager], [2, 0, true]);
  assert.deepEqual(placed.boxes.map(({ key }) => key), people(30).slice(0, placed.pageSize));
  for (const { box } of placed.boxes) assert.ok(box.y + box.h <= DESK[1] - 44 + 1);
  const second = arrange(scene({ rest: people(30), page: 1 }));
  assert.deepEqual(second.boxes.map(({ key }) => key), people(30).slice(placed.pageSize));
  assert.equal(pageOf(scene({ rest: people(30) }), placed, "p29"), 1);
  // A page that is no more is the last one.
  assert.equal(arrange(scene({ rest: people(30), page: 9 })).page, 1);
});

test("beside a large picture stands a strip; alone it has the stage; a phone puts four below", () => {
  const desk = arrange(scene({ large: "big", rest: people(3) }));
  assert.equal(desk.boxes[0]!.key, "big");
  assert.deepEqual(desk.boxes.slice(1).map(({ box }) => box.w), [208, 208, 208]);
  assert.equal(desk.boxes[0]!.box.w + GAP + 208, DESK[0]);
  const many = arrange(scene({ large: "big", rest: people(20) }));
  assert.equal(many.more, 20 - (many.boxes.length - 1));
  assert.equal(many.hasPager, false);
  assert.deepEqual(arrange(scene({ large: "big", rest: people(3), isBare: true })).boxes.map(({ key }) => key), ["big"]);
  const phone = arrange(scene({ width: PHONE[0], height: PHONE[1], large: "big", rest: people(9) }));
  assert.equal(phone.boxes.length, 5);
  assert.ok(phone.boxes.slice(1).every(({ box }) => box.y >= phone.boxes[0]!.box.h));
  assert.deepEqual([phone.isShelf, phone.hasPager], [true, true]);
});

test("under a panel that covers a phone there is who speaks", () => {
  const placed = arrange(scene({ width: 374, height: 200, rest: people(5), isPanelOver: true, speaker: "p3" }));
  assert.deepEqual(placed.boxes.map(({ key }) => key), ["p3"]);
});

test("nothing is placed where there is no room or nobody", () => {
  assert.deepEqual(arrange(scene({ rest: people(3), width: 0 })).boxes, []);
  assert.deepEqual(arrange(scene({})).boxes, []);
});
