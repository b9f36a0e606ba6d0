"""All kinds of clients in one room, end-to-end encrypted: Chromium pages, a Firefox page and the Python client. Whatever one of them
does, all the others see, and whatever befalls the room, all of them live through.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.e2e.app_client import FLAGS, AppClient, all_see_all, becomes, needs_bundle
from tests.e2e.chromium import chromium, needs_chromium
from tests.e2e.firefox import firefox, needs_firefox
from tests.e2e.progress import FRAMES, PATIENCE_S
from tests.e2e.server import Server, serving
from tests.net.namespace import Namespace, default_route, link, network

pytestmark = [needs_chromium, needs_firefox, needs_bundle]

MEMBER = Path(__file__).with_name("python_member.py")
ROOT = Path(__file__).parents[2]

# Pages come from loopback, which browsers give camera and microphone to; media takes the other address, as Firefox has
# none on loopback. How long signalling may be away is not for this test to measure.
SETTINGS = """
[http]
port = 0
[media]
addresses = ["default"]
workers = 2
fill = 1
packets = 8192
[limits]
resume_s = 3600
"""


class Member:
    """A Python client. What it writes is kept until somebody waits for it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.unread: list[tuple[str, ...]] = []

    async def tell(self, *words: str) -> None:
        assert self.process.stdin
        self.process.stdin.write("\t".join(words).encode() + b"\n")
        await self.process.stdin.drain()

    async def until(self, *expected: tuple[str, ...]) -> None:
        """Until each of these lines has come."""
        missing = list(expected)
        assert self.process.stdout
        async with asyncio.timeout(PATIENCE_S):
            while missing := [line for line in missing if not self._take(line)]:
                raw = await self.process.stdout.readline()
                assert raw, f"it ended without {missing}"
                self.unread.append(tuple(raw.decode().rstrip("\n").split("\t")))

    def _take(self, line: tuple[str, ...]) -> bool:
        if line not in self.unread:
            return False
        self.unread.remove(line)
        return True

    async def receives(self, names: Iterable[str], *, silent: Iterable[str] = ()) -> None:
        """Pictures and sound of all of these go on coming in; of the silent ones, pictures."""
        media = [
            (name, source)
            for name in names
            for source in ("camera", "microphone")
            if source == "camera" or name not in silent
        ]
        for name, source in media:
            await self.tell("receive", name, source)
        await self.until(*(("received", name, source) for name, source in media))


@asynccontextmanager
async def member(here: Sequence[str], room: str, name: str, slots: int) -> AsyncIterator[Member]:
    process = await asyncio.create_subprocess_exec(
        *here, sys.executable, str(MEMBER), name, str(slots), str(FRAMES),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        python = Member(process)
        await python.tell(room)
        await python.until(("joined",))
        yield python
        assert process.stdin
        process.stdin.close()
        async with asyncio.timeout(PATIENCE_S):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _all_see_muted(name: str, pages: Sequence[AppClient], python: Member) -> None:
    for page in pages:
        if page.name == name:
            continue

        async def muted(page: AppClient = page) -> bool:
            return "muted" in (await page.tiles())[name]["label"]

        await becomes(muted, page)
    await python.until(("muted", name, "microphone"))


async def _are_right(pages: Sequence[AppClient]) -> None:
    """Under each name is the picture of that page."""
    for page in pages:
        for other in pages:
            if other is not page:
                assert await page.color_of(other.name) == _COLORS[other.color]


_COLORS = {"#ff0000": "red", "#00ff00": "green", "#0000ff": "blue"}
_RED, _GREEN, _BLUE = _COLORS


async def _is_over_two_workers(server: Server) -> None:
    metrics = await server.metrics()
    for worker in "01":
        assert metrics[f'sfu_worker_transports{{worker="{worker}"}}'] > 0


async def test_everybody_lives_through_all_of_it_together(tmp_path: Path) -> None:
    with network("here", "elsewhere") as (here, elsewhere):
        link(here, "10.9.0.2/24", elsewhere, "10.9.0.1/24")
        default_route(here, via="10.9.0.1")
        async with (
            serving(tmp_path, SETTINGS, here=here.prefix) as server,
            firefox(here.prefix) as fox_browser,
            chromium(here.prefix, FLAGS) as chrome,
        ):
            room = await AppClient.make_room(chrome, server.url)
            # With as many slots as there are others at a time: who comes later has to have somebody's.
            async with member(here.prefix, room, "Py", slots=4) as py:
                ana = await AppClient.join(chrome, server.url, room, "Ana", color=_RED)
                ben = await AppClient.join(chrome, server.url, room, "Ben", color=_GREEN)
                cem = await AppClient.join(chrome, server.url, room, "Cem", color=_BLUE)
                await all_see_all([ana, ben, cem], others=["Py"])

                # One comes late, has everybody's picture, and everybody theirs.
                fox = await AppClient.join(fox_browser, server.url, room, "Fox", color=_RED)
                pages = [ana, ben, cem, fox]
                await all_see_all(pages, others=["Py"])
                await py.receives(page.name for page in pages)
                await _are_right(pages)
                await _is_over_two_workers(server)

                # One mutes, and all see it.
                await ana.press("Mute")
                await _all_see_muted("Ana", pages, py)
                await all_see_all(pages, silent=["Ana"], others=["Py"])

                await _signalling_is_cut(here, server, pages, py)

                # One leaves, and the next has the slot.
                slots = {page.name: (await page.tiles())["Ben"]["slot"] for page in (ana, cem, fox)}
                await ben.leave()
                await py.until(("left", "Ben"))
                async with member(here.prefix, room, "Pia", slots=4) as pia:
                    pages = [ana, cem, fox]
                    await all_see_all(pages, silent=["Ana", "Fox"], others=["Py", "Pia"])
                    for page in pages:
                        assert (await page.tiles())["Pia"]["slot"] == slots[page.name]
                    await py.receives(["Pia", "Ana", "Cem", "Fox"], silent=["Ana", "Fox"])
                    await pia.receives(["Py", "Ana", "Cem", "Fox"], silent=["Ana", "Fox"])
                    await _are_right(pages)
                    assert ("interrupted",) not in py.unread
                for page in pages:
                    await page.leave()


async def _signalling_is_cut(
    here: Namespace, server: Server, pages: Sequence[AppClient], python: Member
) -> None:
    """All lose their WebSocket and get no other for a while: media flows on, and what was said meanwhile arrives, once."""
    fox = pages[-1]
    names = [page.name for page in pages]
    speakers = [page for page in pages if page is not fox]
    with here.refusing_tcp(int(server.url.rpartition(":")[2])):
        for page in speakers:
            await page.say(f"from {page.name}")
        await fox.press("Mute")
        await python.tell("say", "from Py")
        for page in pages:
            await page.until_cut_off()
        await all_see_all(pages, silent=["Ana", "Fox"], others=["Py"])
        await python.receives(names, silent=["Ana", "Fox"])
        assert ("muted", "Fox", "microphone") not in python.unread
    for page in pages:
        await page.until_back()
    await _all_see_muted("Fox", pages, python)
    said = [*((page.name, f"from {page.name}") for page in speakers), ("Py", "from Py")]
    await python.until(*(("chat", *line) for line in said[:-1]))
    for page in pages:
        expected = sorted(line for line in said if line[0] != page.name)

        async def has_all(page: AppClient = page, expected: list[tuple[str, str]] = expected) -> bool:
            return sorted(line for line in await page.heard() if line[0] != "You") == expected

        await becomes(has_all, page)
    await all_see_all(pages, silent=["Ana", "Fox"], others=["Py"])
    for page in pages:
        assert await page.page.evaluate("held.connections.length") == 1, "media was left alone"
