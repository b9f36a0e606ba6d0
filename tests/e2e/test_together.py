"""All kinds of clients in one room, end-to-end encrypted: three Chromium pages, a Firefox page and the Python client."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.e2e.app_client import FLAGS, AppClient, all_see_all, becomes, needs_bundle
from tests.e2e.chromium import chromium, needs_chromium
from tests.e2e.firefox import firefox, needs_firefox
from tests.e2e.page_client import Browser
from tests.e2e.progress import FRAMES, PATIENCE_S
from tests.e2e.server import serving
from tests.net.namespace import default_route, link, network

pytestmark = [needs_chromium, needs_firefox, needs_bundle]

MEMBER = Path(__file__).with_name("python_member.py")

# Pages come from loopback, which browsers give camera and microphone to; media takes the other address, as Firefox has
# none on loopback.
SETTINGS = """
[http]
port = 0
[media]
addresses = ["default"]
workers = 2
fill = 1
packets = 8192
"""


class Member:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def say(self, text: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(text.encode() + b"\n")
        await self.process.stdin.drain()

    async def until(self, *expected: Sequence[str]) -> None:
        """Reads what it writes, until all of these lines have come."""
        missing = {tuple(line) for line in expected}
        assert self.process.stdout
        async with asyncio.timeout(PATIENCE_S):
            while missing:
                raw = await self.process.stdout.readline()
                assert raw, f"it ended without {missing}"
                missing.discard(tuple(raw.decode().rstrip("\n").split("\t")))


@asynccontextmanager
async def member(here: Sequence[str], room: str, name: str, others: Sequence[str]) -> AsyncIterator[Member]:
    process = await asyncio.create_subprocess_exec(
        *here, sys.executable, str(MEMBER), name, str(FRAMES), *others,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    try:
        python = Member(process)
        await python.say(room)
        await python.until(["joined"])
        yield python
        assert process.stdin
        process.stdin.close()
        async with asyncio.timeout(PATIENCE_S):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_everybody_sees_and_hears_everybody(tmp_path: Path) -> None:
    with network("here", "elsewhere") as (here, elsewhere):
        link(here, "10.9.0.2/24", elsewhere, "10.9.0.1/24")
        default_route(here, via="10.9.0.1")
        async with (
            serving(tmp_path, SETTINGS, here=here.prefix) as server,
            firefox(here.prefix) as fox,
            chromium(here.prefix, FLAGS) as chrome,
        ):
            room = await AppClient.make_room(chrome, server.url)
            people: list[tuple[str, Browser, str]] = [
                ("Ana", chrome, "red"),
                ("Ben", chrome, "green"),
                ("Cem", chrome, "blue"),
                ("Fox", fox, "red"),
            ]
            colors = {"red": "#ff0000", "green": "#00ff00", "blue": "#0000ff"}
            async with member(here.prefix, room, "Py", [name for name, _, _ in people]) as python:
                pages = [
                    await AppClient.join(browser, server.url, room, name, color=colors[color])
                    for name, browser, color in people
                ]
                await all_see_all(pages, others=["Py"])
                await python.until(*(["received", name] for name, _, _ in people))
                for page in pages:
                    for name, _, color in people:
                        if name != page.name:
                            assert await page.color_of(name) == color
                await pages[3].say("from Firefox")
                await python.until(["chat", "Fox", "from Firefox"])
                for page in pages[:3]:

                    async def heard(page: AppClient = page) -> bool:
                        return ("Fox", "from Firefox") in await page.heard()

                    await becomes(heard, page)
                for page in pages:
                    await page.leave()
