"""Pages in a real Chromium with fake devices."""

import shlex
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import playwright.async_api

from tests.programs import find, needs

_EXECUTABLE = find("chromium")
needs_chromium = needs("chromium")

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip


class Chromium:
    def __init__(self, browser: playwright.async_api.Browser) -> None:
        self.browser = browser

    async def open_page(self, url: str) -> playwright.async_api.Page:
        """A page in a context of its own."""
        page = await self.browser.new_page()
        await page.goto(url)
        return page


@asynccontextmanager
async def chromium(here: Sequence[str] = (), flags: Sequence[str] = ()) -> AsyncIterator[Chromium]:
    """A Chromium of its own; `here` goes before the command, as Namespace.prefix does."""
    async with playwright.async_api.async_playwright() as driver:
        with _executable(here) as executable:
            browser = await driver.chromium.launch(executable_path=executable, args=[*FLAGS, *flags])
            try:
                yield Chromium(browser)
            finally:
                await browser.close()


def trusting(url: str) -> str:
    """The flag with which pages of this origin get camera and microphone without HTTPS."""
    return f"--unsafely-treat-insecure-origin-as-secure={url}"


@contextmanager
def _executable(here: Sequence[str]) -> Iterator[str]:
    """playwright starts one program without a word before it."""
    assert _EXECUTABLE
    if not here:
        yield _EXECUTABLE
        return
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "chromium")
        script.write_text(f'#!/bin/sh\nexec {shlex.join(here)} {_EXECUTABLE} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
        yield str(script)
