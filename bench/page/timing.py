"""How soon a page can be used, and how soon it shows somebody."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import BrowserContext, CDPSession, Page

from tests.e2e.chromium import Chromium

THROTTLE = 4  # times slower than this machine: a slow phone
_BITS_PER_S, _LATENCY_MS = 1_600_000, 150
_SETTLED_S = 0.5  # without a long task after it: what is there can be pressed

FIRST_PAGE = ".landing .btn.main:not(:disabled)"
LOBBY = ".lobby #name"
READY = ".lobby .form [type=submit]:not(:disabled)"
PICTURE = ".tile:not(.sealed) video"

# When something first matches, and has been drawn; and until when the page was busy for longer than 50 ms at a time.
_WATCH = """(() => {
  const seen = (globalThis.seen = { drawn: {}, busyUntil: 0 });
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) seen.busyUntil = Math.max(seen.busyUntil, startTime + duration);
  }).observe({ type: "longtask", buffered: true });
  const wanted = new Set(%s);
  const look = () => {
    for (const selector of wanted) {
      if (document.querySelector(selector) === null) continue;
      wanted.delete(selector);
      requestAnimationFrame(() => setTimeout(() => (seen.drawn[selector] = performance.now())));
    }
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
})()"""


@asynccontextmanager
async def watched(browser: Chromium, *, is_slow: bool) -> AsyncIterator[Page]:
    """A page with empty caches that notes when it draws what is looked for here."""
    context: BrowserContext = await browser.browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        page = await context.new_page()
        if is_slow:
            session: CDPSession = await context.new_cdp_session(page)
            await session.send("Emulation.setCPUThrottlingRate", {"rate": THROTTLE})
            await session.send("Network.enable")
            speed = _BITS_PER_S / 8
            conditions = {
                "offline": False, "latency": _LATENCY_MS, "downloadThroughput": speed, "uploadThroughput": speed,
            }  # fmt: skip
            await session.send("Network.emulateNetworkConditions", conditions)
        await page.add_init_script(_WATCH % [FIRST_PAGE, LOBBY, READY, PICTURE])
        yield page
    finally:
        await context.close()


async def drawn(page: Page, selector: str) -> float:
    """Milliseconds after the navigation began."""
    async with asyncio.timeout(60):
        while (at := await page.evaluate("(selector) => seen.drawn[selector] ?? null", selector)) is None:  # noqa: ASYNC110  over there
            await asyncio.sleep(0.02)
    return float(at)


async def interactive(browser: Chromium, url: str, selector: str, *, is_slow: bool) -> float:
    """Milliseconds until it is drawn and no long task is in the way of a press."""
    async with watched(browser, is_slow=is_slow) as page:
        await page.goto(url)
        at = await drawn(page, selector)
        await asyncio.sleep(_SETTLED_S)
        return max(at, float(await page.evaluate("seen.busyUntil")))


async def first_picture(browser: Chromium, link: str) -> float:
    """Milliseconds from following a link to somebody's picture, by one who presses the button as soon as it is there."""
    async with watched(browser, is_slow=False) as page:
        await page.goto(link)
        await drawn(page, READY)
        await page.click(READY)
        return await drawn(page, PICTURE)
