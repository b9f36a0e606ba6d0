"""Whether a page fits: one function that is run over every screen in every mode. Modes are emulated in one page."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Self

import playwright.async_api

# What is wrong with the page as it stands, in sentences. What a person cannot see, read or press is wrong.
_MISFITS = """([need, [top, right, bottom, left]]) => {
  const found = new Set();
  const root = document.scrollingElement;
  const window_ = { left, right: innerWidth - right, top, bottom: innerHeight - bottom };
  const isCall = document.querySelector(".call") !== null;
  if (root.scrollWidth > innerWidth) found.add(`the page scrolls sideways, ${root.scrollWidth} of ${innerWidth}`);

  const nameOf = (element) => {
    const kind = [...element.classList].map((one) => `.${one}`).join("");
    return `${element.tagName.toLowerCase()}${kind} "${(element.innerText || element.ariaLabel || "").trim().slice(0, 40)}"`;
  };
  const isShown = (element) =>
    element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !element.closest(".vh, .sprite") &&
    getComputedStyle(element).clipPath !== "inset(50%)";
  // People's own words may be long beyond measure: they end in an ellipsis.
  const isTheirs = (element) => element.closest(".tag > span, .plate b, .pers b, .line .rec .text, .details b, select") !== null;

  // What is left of a box after all that clips it; where one can scroll nothing is lost.
  const scrolls = (element) => ["auto", "scroll"].includes(getComputedStyle(element).overflowY);
  const room = (element) => {
    const area = { left: window_.left, right: window_.right, top: -Infinity, bottom: Infinity };
    let isScrolled = false;
    for (let one = element; one !== null && one !== document.documentElement; one = one.parentElement) {
      const style = getComputedStyle(one);
      const clips = style.overflowX !== "visible" || /strict|content|paint/.test(style.contain);
      if (style.position === "fixed" && !isScrolled) area.bottom = Math.min(area.bottom, window_.bottom);
      if (!clips || one === element && one.matches("input, textarea, select")) continue;
      const box = one.getBoundingClientRect();
      area.left = Math.max(area.left, box.left);
      area.right = Math.min(area.right, box.right);
      if (!isScrolled && !scrolls(one)) {
        area.top = Math.max(area.top, box.top);
        area.bottom = Math.min(area.bottom, box.bottom);
      }
      isScrolled ||= scrolls(one);
    }
    if (isCall && !isScrolled) {
      area.top = Math.max(area.top, window_.top);
      area.bottom = Math.min(area.bottom, window_.bottom);
    }
    return area;
  };
  const isWithin = (box, area) =>
    box.left >= area.left - 1 && box.right <= area.right + 1 && box.top >= area.top - 1 && box.bottom <= area.bottom + 1;
  const say = ({ left, top, right, bottom }) => [left, top, right, bottom].map(Math.round).join(" ");

  const texts = []; // { element, box } of each line of text
  const walker = document.createTreeWalker(document.querySelector("#app"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, element = node.parentElement;
    if (node.data.trim() === "" || element.closest("option, select, textarea, svg") || !isShown(element)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const lines = [...range.getClientRects()].filter(({ width, height }) => width > 0 && height > 0);
    const area = room(element);
    // A large name stands in the tag too, and what says that a picture is coming goes with it: buttons may lie on them.
    const isBehind = element.closest(".plate") !== null || element.matches(".why > p:only-child");
    for (const box of lines) {
      if (!isBehind) texts.push({ element, box });
      if (!isTheirs(element) && !isWithin(box, area)) found.add(`${nameOf(element)} is cut off, ${say(box)} in ${say(area)}`);
    }
    const words = node.data.trim().split(/[\\s\\/-]+/).length;
    if (new Set(lines.map((box) => Math.round(box.top))).size > 2 * words && !element.closest("#app [dir=ltr], h1, h2"))
      found.add(`${nameOf(element)} is broken within words`);
  }

  const controls = [...document.querySelectorAll("button, a[href], input, select, textarea, summary, [role=log]")].filter(isShown);
  const menu = document.querySelector(".menu-pop");
  const isUnder = (element) => menu !== null && !menu.contains(element);
  const isDense = (element) => need.dense !== need.all && element.closest(".acts, .line, .msg, .pager") !== null;
  const belongs = (hit, control) =>
    hit !== null && (control.contains(hit) || [...(control.labels ?? [])].some((label) => label.contains(hit)));
  const before = new Map([...document.querySelectorAll("*")].filter((one) => one === root || scrolls(one)).map((one) => [one, one.scrollTop]));
  for (const control of controls) {
    const least = control.matches("p a") ? 0 : isDense(control) ? need.dense : need.all; // links stand among words
    const size = control.getClientRects()[0];
    if (size.width < least - 0.5 || size.height < least - 0.5) found.add(`${nameOf(control)} is small: ${size.width} by ${size.height}`);
    if (!isWithin(size, room(control))) found.add(`${nameOf(control)} sticks out, ${say(size)} of ${say(room(control))}`);
    // Into the middle of what scrolls, and of nothing else.
    for (let one = control.parentElement; one !== null; one = one.parentElement) {
      if (one !== root && !scrolls(one)) continue;
      const [inner, outer] = [control.getClientRects()[0], one === root ? { top: 0, height: innerHeight } : one.getBoundingClientRect()];
      one.scrollTop += inner.top + inner.height / 2 - outer.top - outer.height / 2;
      if (one !== root) break;
    }
    const { left, top, width, height } = control.getClientRects()[0];
    for (const [x, y] of [[0.5, 0.5], [0.2, 0.2], [0.8, 0.2], [0.2, 0.8], [0.8, 0.8]]) {
      const hit = document.elementFromPoint(left + x * width, top + y * height);
      if (belongs(hit, control) || (isUnder(control) && menu.contains(hit))) continue;
      found.add(`${nameOf(control)} is covered by ${hit === null ? "the edge" : nameOf(hit)}`);
      break;
    }
  }
  for (const [one, at] of before) one.scrollTop = at;

  // Of what is read or pressed nothing lies on another, as far as it is in sight.
  const inSight = ({ element, box: { left, right, top, bottom } }) => {
    for (let one = element.parentElement; one !== null && one !== root; one = one.parentElement) {
      if (getComputedStyle(one).overflowX === "visible") continue;
      const outer = one.getBoundingClientRect();
      [left, right] = [Math.max(left, outer.left), Math.min(right, outer.right)];
      [top, bottom] = [Math.max(top, outer.top), Math.min(bottom, outer.bottom)];
    }
    return { element, box: { left, right, top, bottom } };
  };
  const isFixed = (element) => {
    for (let one = element; one !== null; one = one.parentElement) if (getComputedStyle(one).position === "fixed") return true;
    return false;
  };
  const bodies = [...texts, ...controls.map((element) => ({ element, box: element.getBoundingClientRect() }))].map(inSight);
  for (const [at, a] of bodies.entries()) {
    for (const b of bodies.slice(at + 1)) {
      if (a.element === b.element || a.element.contains(b.element) || b.element.contains(a.element)) continue;
      const wide = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
      const high = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
      if (wide <= 2 || high <= 3 || isUnder(a.element) !== isUnder(b.element)) continue;
      if (!isCall && isFixed(a.element) !== isFixed(b.element)) continue; // one scrolls from under the other
      found.add(`${nameOf(a.element)} and ${nameOf(b.element)} lie on each other, ${say(a.box)} and ${say(b.box)}`);
    }
  }
  return [...found];
}"""

# Until nothing moves any more: the page is laid out again a frame or two after its size changed.
_SETTLE = """async () => {
  let before = "";
  for (let frame = 0; frame < 60; frame++) {
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    const now = [...document.querySelectorAll("#app *")].map((one) => Object.values(one.getBoundingClientRect().toJSON()).map(Math.round)).join();
    if (now === before) return;
    before = now;
  }
}"""

# Other words in place of those that stand there, until they are put back.
_REWORD = """([kind]) => {
  const longer = (text) => text.replace(/\\p{L}+/gu, (word) => word + word.slice(0, Math.ceil(word.length * 0.4)).toLowerCase());
  const hebrew = (text) => text.replace(/[a-z]/giu, (letter) => String.fromCharCode(0x5d0 + (letter.toLowerCase().charCodeAt(0) - 97)));
  const change = { longer, hebrew }[kind];
  const walker = document.createTreeWalker(document.querySelector("#app"), NodeFilter.SHOW_TEXT);
  globalThis.reworded = [];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node.parentElement.closest("#app [dir=ltr], kbd, svg, .host, .clock")) continue;
    reworded.push([node, node.data, change(node.data)]);
  }
  for (const field of document.querySelectorAll("[placeholder]:not([dir=ltr])"))
    reworded.push([field.attributes.placeholder, field.placeholder, change(field.placeholder)]);
  for (const [node, , text] of reworded) node[node.nodeType === Node.ATTRIBUTE_NODE ? "value" : "data"] = text;
}"""
_PUT_BACK = """() => {
  for (const [node, text, changed] of reworded) {
    const field = node.nodeType === Node.ATTRIBUTE_NODE ? "value" : "data";
    if (node[field] === changed) node[field] = text;
  }
}"""


@dataclass(frozen=True)
class Mode:
    """How somebody has the page before them. Lengths are in CSS pixels, insets clockwise from the top."""

    name: str
    width: int
    height: int
    insets: tuple[int, int, int, int] = (0, 0, 0, 0)
    words: Literal["", "longer", "hebrew"] = ""
    direction: Literal["ltr", "rtl"] = "ltr"
    is_touch: bool = False

    def longer(self) -> Self:
        """The same with words 40 % longer."""
        return type(self)(
            f"{self.name}, longer", self.width, self.height, self.insets, "longer", is_touch=self.is_touch
        )

    def mirrored(self) -> Self:
        """The same in a language that runs from right to left."""
        return type(self)(
            f"{self.name}, mirrored", self.width, self.height, self.insets, "hebrew", "rtl", self.is_touch
        )


DESK = Mode("desk", 1440, 900)
TABLET = Mode("tablet", 1024, 768)
# 1440 × 900 at 200 %, and a small laptop's 1280 × 720.
ZOOMED = Mode("200 %", 720, 450)
ZOOMED_SMALL = Mode("200 %, small", 640, 360)
UPRIGHT = Mode("phone", 390, 844, (47, 0, 34, 0), is_touch=True)
LYING = Mode("phone, lying", 844, 390, (0, 47, 21, 47), is_touch=True)
NARROW = Mode("320", 320, 568, is_touch=True)
MODES = (
    DESK, TABLET, ZOOMED, ZOOMED_SMALL, UPRIGHT, LYING, NARROW,
    DESK.longer(), UPRIGHT.longer(), LYING.longer(), NARROW.longer(), ZOOMED.longer(),
    DESK.mirrored(), UPRIGHT.mirrored(), LYING.mirrored(), NARROW.mirrored(),
)  # fmt: skip


class Frame:
    """A page that is put into modes, one after the other."""

    def __init__(self, page: playwright.async_api.Page, session: playwright.async_api.CDPSession) -> None:
        self.page = page
        self._session = session

    @classmethod
    async def around(cls, page: playwright.async_api.Page) -> Self:
        return cls(page, await page.context.new_cdp_session(page))

    async def enter(self, mode: Mode) -> None:
        top, right, bottom, left = mode.insets
        await self._session.send("Emulation.setTouchEmulationEnabled", {"enabled": mode.is_touch})
        await self._session.send(
            "Emulation.setSafeAreaInsetsOverride",
            {"insets": {"top": top, "right": right, "bottom": bottom, "left": left}},
        )
        await self.page.evaluate("([direction]) => { document.dir = direction; }", [mode.direction])
        await self.page.set_viewport_size({"width": mode.width, "height": mode.height})
        if mode.words:
            await self.page.evaluate(_REWORD, [mode.words])
        await self.settle()

    async def settle(self) -> None:
        """Until nothing moves any more."""
        await self.page.evaluate(_SETTLE)

    async def leave(self, mode: Mode) -> None:
        if mode.words:
            await self.page.evaluate(_PUT_BACK)
        await self.page.evaluate("document.dir = 'ltr'")

    async def misfits(self, mode: Mode) -> list[str]:
        """Of the page as it stands. Targets are 44 pixels, in dense lists 32 where there is a mouse."""
        need = {"all": 44, "dense": 44 if mode.is_touch else 32}
        return [str(one) for one in await self.page.evaluate(_MISFITS, [need, mode.insets])]

    async def check(self, screen: str, modes: Iterable[Mode] = MODES) -> list[str]:
        """What does not fit, with screen and mode before each."""
        found = []
        for mode in modes:
            await self.enter(mode)
            found += [f"{screen}, {mode.name}: {one}" for one in await self.misfits(mode)]
            await self.leave(mode)
        await self.enter(DESK)
        return found
