"""That a page of the call fits its screen, panel open or not, upright, lying and on a desk."""

from pathlib import Path

import playwright.async_api
import pytest

from tests.e2e.app_client import SETTINGS, AppClient, needs_bundle
from tests.e2e.chromium import chromium, needs_chromium
from tests.e2e.server import serving

pytestmark = [needs_chromium, needs_bundle]

# What sticks out of the window, and what is too narrow to be read: a word a letter a line.
_MISFITS = """() => {
  const misfits = [];
  for (const element of document.querySelectorAll(".call *")) {
    const { left, right, top, bottom, width } = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    if (width === 0 || style.visibility === "hidden" || element.closest(".vh, svg, select")) continue;
    const scrolls = element.parentElement.closest(".panel .body") !== null; // up and down alone
    if (left < -1 || right > innerWidth + 1 || (!scrolls && (top < -1 || bottom > innerHeight + 1)))
      misfits.push(`${element.tagName}.${element.className} lies outside: ${left} ${top} ${right} ${bottom}`);
  }
  return misfits;
}"""
_PANEL = """() => {
  const panel = document.querySelector(".panel").getBoundingClientRect();
  return { width: panel.width, height: panel.height };
}"""


@pytest.mark.parametrize("width,height", [(390, 844), (320, 568), (844, 390), (1024, 768), (1440, 900)])
async def test_the_call_fits(tmp_path: Path, width: int, height: int) -> None:
    async with serving(tmp_path, SETTINGS) as server, chromium() as browser:
        link = await AppClient.make_room(browser, server.url)
        ana = await AppClient.join(browser, server.url, link, "Ana", muted=True)
        page = ana.page
        assert isinstance(page, playwright.async_api.Page)
        await page.set_viewport_size({"width": width, "height": height})
        await ana.until(f"innerWidth === {width} && innerHeight === {height}")
        await ana.until("document.querySelector('.call').clientHeight === innerHeight")
        assert await page.evaluate(_MISFITS) == []
        for panel in ("Chat", "More"):
            await page.locator("button", has_text=panel).first.click()
            await page.wait_for_selector(".panel h2", state="visible")
            assert await page.evaluate(_MISFITS) == []
            size = await page.evaluate(_PANEL)
            assert size["width"] >= min(width, 320) - 1
            assert size["height"] >= height / 2
            await page.keyboard.press("Escape")
            await page.wait_for_selector(".panel h2", state="hidden")
        await ana.leave()
