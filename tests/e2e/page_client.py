"""A participant that is a page in a browser, on the page of tests/e2e/page. Which browser makes no difference here."""

import asyncio
from typing import Any, Protocol, Self

from tests.e2e.server import Server


class Page(Protocol):
    """What playwright's pages and those of firefox.py have in common."""

    async def evaluate(self, expression: str, argument: Any = None, /) -> Any: ...
    async def close(self) -> None: ...


class Browser(Protocol):
    async def open_page(self, url: str, /) -> Page: ...


class PageClient:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.participant = 0

    @classmethod
    async def join(cls, browser: Browser, server: Server, room: str, **options: Any) -> Self:
        """With the options of the page's own `join`."""
        client = cls(await browser.open_page(server.url + "/index.html"))
        while not await client.page.evaluate("globalThis.ready === true"):  # noqa: ASYNC110  over there
            await asyncio.sleep(0.05)
        client.participant = await client.page.evaluate(
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
        await self.page.close()
