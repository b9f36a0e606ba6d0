"""A person in the page of sfu/web/tests/page/sdk.ts: the SDK as an app sees it, in whichever browser."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from tests.e2e.page_client import Browser, Page
from tests.e2e.progress import until
from tests.web.node import build_tests

_INDEX = '<!doctype html><meta charset="utf-8"><title>sdk</title><body><script type="module" src="sdk.js"></script>'

Tile = dict[str, Any]


def build_page(folder: Path) -> str:
    """A server's configuration with which it serves this page."""
    build_tests(folder)
    (folder / "index.html").write_text(_INDEX, encoding="utf-8")
    return f"""
[http]
port = 0
web = "{folder}"
[media]
addresses = ["127.0.0.1"]
workers = 2
fill = 1
packets = 8192
"""


class SdkClient:
    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self.name = name

    @classmethod
    async def open(cls, browser: Browser, url: str, name: str = "") -> Self:
        client = cls(await browser.open_page(f"{url}/index.html"), name)
        while not await client.page.evaluate("globalThis.ready === true"):  # noqa: ASYNC110  over there
            await asyncio.sleep(0.05)
        return client

    @classmethod
    async def join(cls, browser: Browser, url: str, link: str, name: str, **options: Any) -> Self:
        """With the options of the page's own `join`."""
        client = await cls.open(browser, url, name)
        await client.page.evaluate(
            "(options) => client.join(options)", {"link": link, "name": name, **options}
        )
        return client

    @classmethod
    async def make_link(cls, browser: Browser, url: str) -> str:
        client = await cls.open(browser, url)
        fragment = await client.page.evaluate("client.makeFragment()")
        await client.close()
        return f"{url}/#{fragment}"

    async def tiles(self) -> list[Tile]:
        tiles: list[Tile] = await self.page.evaluate("client.tiles()")
        return tiles

    async def until_tiles(self, holds: Callable[[Sequence[Tile]], bool]) -> list[Tile]:
        """Waits until what is shown is so, and says it."""
        seen: list[Tile] = []

        async def is_so() -> bool:
            seen[:] = await self.tiles()
            return holds(seen)

        async def state() -> object:
            return {"tiles": seen, **await self._standing()}

        await until(is_so, state)
        return seen

    async def until_true(self, expression: str) -> None:
        async def is_so() -> bool:
            return bool(await self.page.evaluate(expression))

        async def state() -> object:
            return {"in vain": expression, **await self._standing()}

        await until(is_so, state)

    async def _standing(self) -> dict[str, Any]:
        standing: dict[str, Any] = await self.page.evaluate("client.standing()")
        return standing

    async def leave(self) -> None:
        await self.page.evaluate("client.conference.leave()")
        await self.close()

    async def close(self) -> None:
        await self.page.close()
