"""What a call of 25 costs the page when something changes on it, on a processor that is slowed down."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from playwright.async_api import CDPSession, Page

from bench.page import timing
from tests.e2e.chromium import Chromium
from tests.e2e.crowd import Member, Role, cast, crowd

PEOPLE = 25
_AROUND_US = 100_000  # before and after a change, within which its cost lies
_CHANGES = 10
_CATEGORIES = ["devtools.timeline", "disabled-by-default-devtools.timeline", "blink.user_timing"]
_STYLE_AND_LAYOUT = {"UpdateLayoutTree", "Layout"}
_SCRIPT = {"FireAnimationFrame", "FunctionCall", "RunMicrotasks", "TimerFire"}

# Marks in the trace when tiles change. Speaking is a class of theirs, moving and resizing are set on them.
_MARK = """() => {
  new MutationObserver((changes) => {
    const talk = changes.some(({ target, attributeName, oldValue }) =>
      attributeName === "class" && /\\btalk\\b/.test(oldValue) !== target.classList.contains("talk"));
    const moved = changes.filter(({ attributeName }) => attributeName === "style");
    if (talk) performance.mark("talk");
    if (moved.length > 0) performance.mark("moved");
  }).observe(document.querySelector(".grid"), { subtree: true, attributes: true, attributeFilter: ["class", "style"], attributeOldValue: true });
  setInterval(() => performance.mark("idle"), 777);
}"""
_SIZES = "() => [...document.querySelectorAll('.tile')].map(({ style }) => [style.width, style.height, style.transform])"
_PRESSED = """() => {
  globalThis.pressed = [];
  new PerformanceObserver((list) => {
    for (const { name, duration } of list.getEntries()) if (name === "click") pressed.push(duration);
  }).observe({ type: "event", durationThreshold: 16 });
}"""


@dataclass(frozen=True)
class Cost:
    """Milliseconds beyond what the page costs when nothing happens, medians."""

    layout: float  # style and layout
    script: float


@dataclass(frozen=True)
class Costs:
    speaker: Cost
    moving: Cost
    resizing: Cost
    press_ms: float  # of the slowest button, from the press to what it draws, median of three
    script_share: float  # of the main thread, while 25 pictures play and nobody does anything


async def measure(browser: Chromium, link: str) -> Costs:
    roles = [*cast(PEOPLE - 1), Role("Dora Lang", PEOPLE - 1)]
    async with crowd(link, roles) as people, timing.watched(browser, is_slow=False) as page:
        await page.goto(link)
        await timing.drawn(page, timing.READY)
        await page.click(timing.READY)
        await _until(page, f"document.querySelectorAll('.tile:not(.sealed) video').length === {PEOPLE}")
        session: CDPSession = await page.context.new_cdp_session(page)
        await session.send("Emulation.setCPUThrottlingRate", {"rate": timing.THROTTLE})
        await page.evaluate(_MARK)
        talking = Trace(await _traced(browser, page, _talk(list(people.values()))))
        moving = Trace(await _traced(browser, page, _move(page, is_resizing=False)))
        resizing = Trace(await _traced(browser, page, _move(page, is_resizing=True)))
        return Costs(
            speaker=talking.cost("talk"),
            moving=moving.cost("moved"),
            resizing=resizing.cost("moved"),
            press_ms=await _press(page),
            script_share=talking.script_share(),
        )


async def _until(page: Page, condition: str) -> None:
    async with asyncio.timeout(120):
        while not await page.evaluate(condition):  # noqa: ASYNC110  over there
            await asyncio.sleep(0.1)


async def _traced(browser: Chromium, page: Page, change: Any) -> list[dict[str, Any]]:
    await browser.browser.start_tracing(page=page, categories=_CATEGORIES)
    await change
    events: list[dict[str, Any]] = json.loads(await browser.browser.stop_tracing())["traceEvents"]
    return events


async def _talk(people: Sequence[Member]) -> None:
    """One after the other, each heard by the page itself."""
    for person in people[: _CHANGES // 2]:
        await person.speak()
        await asyncio.sleep(1.5)
        await person.be_silent()
        await asyncio.sleep(1.5)


async def _move(page: Page, *, is_resizing: bool) -> None:
    """By the window's size: where height is short a wider one moves the tiles and leaves their size, a higher one changes it."""
    before = await _resting(page)
    for step in range(_CHANGES + 1):
        grown = 20 * (step % 2)
        await page.set_viewport_size(
            {"width": 1440, "height": 800 + grown} if is_resizing else {"width": 1460 + grown, "height": 800}
        )
        after = await _resting(page, before)
        if step > 0:  # the first brings the window to where it begins
            is_resized = [one[:2] for one in before] != [one[:2] for one in after]
            assert is_resized == is_resizing, "the window's size has done something else"
        before = after


async def _resting(page: Page, before: object = None) -> list[list[str]]:
    """Widths, heights and places of the tiles once they are others than before, and stay."""
    last: list[list[str]] | None = None
    async with asyncio.timeout(30):
        while True:
            now: list[list[str]] = await page.evaluate(_SIZES)
            if now == last and now != before:
                return now
            last = now
            await asyncio.sleep(0.7)


async def _press(page: Page) -> float:
    """Panels and the microphone."""
    await page.evaluate(_PRESSED)
    slowest = 0.0
    for button in (1, -2, -3, -4):  # of the bar: camera, more, chat, people
        taken = []
        for _ in range(3):
            await page.evaluate("pressed.length = 0")
            await page.locator(".bar .ctl").nth(button).click()
            await asyncio.sleep(0.7)
            taken.append(max(await page.evaluate("pressed"), default=16.0))  # what is quicker is not told
        slowest = max(slowest, median(taken))
    return slowest


class Trace:
    """Events of the page's main thread."""

    def __init__(self, events: Sequence[dict[str, Any]]) -> None:
        mark = next(
            event for event in events if event["name"] == "idle" and event["cat"] == "blink.user_timing"
        )
        thread = (mark["pid"], mark["tid"])
        ours = [event for event in events if (event["pid"], event.get("tid")) == thread]
        self._marks = [event for event in ours if event["cat"] == "blink.user_timing"]
        self._spans = sorted(
            (event for event in ours if event["ph"] == "X"), key=lambda event: float(event["ts"])
        )

    def cost(self, name: str) -> Cost:
        changes = self._times(name)
        assert len(changes) >= _CHANGES // 2, f"{len(changes)} changes in the trace"
        quiet = [
            at for at in self._times("idle") if all(abs(at - change) > 3 * _AROUND_US for change in changes)
        ]
        return Cost(
            layout=self._median(changes, _STYLE_AND_LAYOUT) - self._median(quiet, _STYLE_AND_LAYOUT),
            script=self._median(changes, _SCRIPT) - self._median(quiet, _SCRIPT),
        )

    def script_share(self) -> float:
        return self._median(self._times("idle"), _SCRIPT) * 1000 / (2 * _AROUND_US)

    def _times(self, name: str) -> list[float]:
        """Of one kind of change: what belongs to the one before is part of it."""
        times: list[float] = []
        for event in self._marks:
            if event["name"] == name and (not times or event["ts"] - times[-1] > 3 * _AROUND_US):
                times.append(float(event["ts"]))
        return times

    def _median(self, times: Sequence[float], names: set[str]) -> float:
        """Milliseconds around each of these times that were spent in such events, those within others not twice."""
        return median(self._spent(at, names) for at in times) if times else 0.0

    def _spent(self, at: float, names: set[str]) -> float:
        spent, end = 0.0, 0.0
        for event in self._spans:
            begin, duration = float(event["ts"]), float(event.get("dur", 0))
            if event["name"] not in names or abs(begin - at) > _AROUND_US or begin < end:
                continue
            spent, end = spent + duration, begin + duration
        return spent / 1000
