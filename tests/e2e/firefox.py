"""Pages in a real Firefox with fake devices, driven through WebDriver BiDi by a small program for Node.js.

Firefox has no candidates on loopback: it needs an interface with an address and a default route, which a network
namespace can have (`here`).
"""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.programs import find, obstacle

_EXECUTABLE = find("firefox")
_NODE = find("node")
_DRIVER = Path(__file__).with_suffix(".mjs")
_LINE_BYTES_MAX = 1 << 24
_STOP_S = 60


def _obstacle() -> str | None:
    lacking = obstacle("firefox", "node")
    if lacking is None and not (_DRIVER.parent / "node_modules" / "puppeteer-core").is_dir():
        return "needs what drives Firefox: make node"
    return lacking


needs_firefox = pytest.mark.skipif(_obstacle() is not None, reason=str(_obstacle()))


class FirefoxError(Exception):
    """What the page threw, or the driver about it."""


class FirefoxPage:
    """The part of playwright's Page that tests use."""

    def __init__(self, browser: "Firefox", number: int) -> None:
        self._browser = browser
        self._number = number

    async def evaluate(self, expression: str, argument: Any = None) -> Any:
        """Value of an expression, or with an argument of a function of it; promises are awaited."""
        extra = {} if argument is None else {"argument": argument}
        return await self._browser.request("evaluate", page=self._number, expression=expression, **extra)

    async def close(self) -> None:
        await self._browser.request("close", page=self._number)


class Firefox:
    def __init__(self, driver: asyncio.subprocess.Process) -> None:
        self._driver = driver
        self._ids = itertools.count(1)
        # The first answer is to no request: which Firefox has started.
        self.started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting: dict[int, asyncio.Future[Any]] = {0: self.started}

    async def open_page(self, url: str) -> FirefoxPage:
        return FirefoxPage(self, await self.request("open", url=url))

    async def request(self, method: str, **fields: Any) -> Any:
        assert self._driver.stdin
        request = next(self._ids)
        answer = self._waiting[request] = asyncio.get_running_loop().create_future()
        self._driver.stdin.write(json.dumps({"id": request, "method": method, **fields}).encode() + b"\n")
        await self._driver.stdin.drain()
        return await answer

    async def read(self) -> None:
        assert self._driver.stdout
        async for line in self._driver.stdout:
            said = json.loads(line)
            answer = self._waiting.pop(said["id"])
            if answer.cancelled():
                continue  # the test has given up
            if "error" in said:
                answer.set_exception(FirefoxError(said["error"]))
            else:
                answer.set_result(said.get("value"))
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(FirefoxError("the driver has ended; standard error says why"))


@asynccontextmanager
async def firefox(here: Sequence[str] = ()) -> AsyncIterator[Firefox]:
    """A Firefox of its own; `here` goes before the command, as Namespace.prefix does."""
    assert _NODE
    assert _EXECUTABLE
    driver = await asyncio.create_subprocess_exec(
        *here, _NODE, str(_DRIVER), _EXECUTABLE,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE_BYTES_MAX,
    )  # fmt: skip
    assert driver.stdin
    browser = Firefox(driver)
    reader = asyncio.create_task(browser.read())
    try:
        await browser.started
        yield browser
    finally:
        driver.stdin.close()
        try:
            async with asyncio.timeout(_STOP_S):
                await driver.wait()
        except TimeoutError:
            driver.terminate()  # it takes Firefox along
            await driver.wait()
        await reader
