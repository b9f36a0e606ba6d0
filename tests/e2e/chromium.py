"""Pages in a real Chromium with fake devices, on the page of tests/e2e/page."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.e2e.server import Server

EXECUTABLE = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(not EXECUTABLE, reason="needs Chromium: apt-get install chromium")

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=EXECUTABLE, args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


class ChromiumClient:
    """One page, in a context of its own."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.participant = 0

    @classmethod
    async def join(cls, browser: Browser, server: Server, room: str, **options: Any) -> "ChromiumClient":
        page = await (await browser.new_context()).new_page()
        await page.goto(server.url + "/index.html")
        await page.wait_for_function("globalThis.ready")
        client = cls(page)
        client.participant = await page.evaluate(
            "([url, room, options]) => client.join(url, room, options)", [server.signaling, room, options]
        )
        return client

    async def progress(self) -> dict[int, dict[str, int]]:
        """By the participant who is in the slot: video frames decoded and audio packets received."""
        contents = await self.page.evaluate("client.contents()")
        found: dict[int, dict[str, int]] = {}
        for slot in await self.page.evaluate("client.received()"):
            who = contents.get(str(slot["slot"]), 0)
            if who:
                counter = "frames" if slot["kind"] == "video" else "packets"
                found.setdefault(who, {})[slot["kind"]] = slot[counter]
        return found

    async def leave(self) -> None:
        await self.page.evaluate("client.leave()")
        await self.page.context.close()
