"""Parts of the page that are loaded later: one that does not come is told, and comes when it is asked for again."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from aiohttp import web

from tests.e2e.app_client import SETTINGS, AppClient, needs_bundle
from tests.e2e.chromium import chromium, needs_chromium
from tests.e2e.firefox import firefox, needs_firefox
from tests.e2e.page_client import Browser
from tests.e2e.proxy import Proxy
from tests.e2e.server import serving

pytestmark = needs_bundle

_UNREACHABLE = "document.querySelector('.code')?.innerText.includes('unreachable')"
_CHOOSE_GERMAN = """(() => {
  const field = document.querySelector("#language");
  field.value = "de";
  field.dispatchEvent(new Event("change", { bubbles: true }));
})()"""
_LOST = "document.querySelector('.panel [role=alert]') !== null"


@pytest.mark.parametrize(
    "browser",
    [pytest.param(chromium, marks=needs_chromium), pytest.param(firefox, marks=needs_firefox)],
    ids=["chromium", "firefox"],
)
async def test_a_part_that_does_not_come_is_told_and_asked_for_again(
    tmp_path: Path, browser: Callable[[], AbstractAsyncContextManager[Browser]]
) -> None:
    missing = {"made", "call", "panels", "de"}

    def withhold(path: str, text: str) -> str:
        if path.removeprefix("/").split("-")[0] in missing:
            raise web.HTTPServiceUnavailable
        return text

    async with serving(tmp_path, SETTINGS) as server, Proxy(server).run() as proxy, browser() as browsing:
        proxy.files = withhold
        ana = await AppClient.open(browsing, proxy.url, "Ana")
        await ana.press("Make a room")
        await ana.until(_UNREACHABLE)
        missing.remove("made")
        await ana.press("Back to start")
        await ana.press("Make a room")
        await ana.until("document.querySelector('.specimen.wide') !== null")
        assert await ana.page.evaluate("document.querySelector('.code path') !== null")

        await ana.press("Go in")
        await ana.press("Join muted")
        await ana.until(_UNREACHABLE)
        missing.remove("call")
        await ana.press("Try again")
        await ana.press("Join muted")
        await ana.until("document.querySelector('.call') !== null")

        # The frame of a panel is there at once, with a way to close it.
        await ana.press("More")
        await ana.until(_LOST)
        assert await ana.page.evaluate("document.activeElement.id") == "panel-title"
        missing.remove("panels")
        await ana.press("Try again")
        await ana.until("document.querySelector('#language') !== null")

        await ana.page.evaluate(_CHOOSE_GERMAN)
        await ana.until("document.querySelector('.panel').innerText.includes('didn\u2019t load')")
        assert await ana.page.evaluate("document.documentElement.lang") == "en"
        missing.remove("de")
        await ana.page.evaluate(_CHOOSE_GERMAN)
        await ana.until("document.querySelector('.ctl.out').innerText === 'Gehen'")
        await ana.page.close()
