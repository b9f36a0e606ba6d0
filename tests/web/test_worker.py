"""The real worker in real browsers, without a server: calls between two connections within one page."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import playwright.async_api
import pytest
import pytest_asyncio

from tests.e2e.chromium import Chromium, chromium, needs_chromium
from tests.e2e.firefox import Firefox, FirefoxPage, firefox, needs_firefox
from tests.net.namespace import default_route, link, network
from tests.web.node import build_tests, needs_node

pytestmark = [*needs_node, pytest.mark.asyncio(loop_scope="module")]

# The page's addresses are not hidden behind names, which would have to be looked up by multicast.
FLAGS = ("--allow-loopback-in-peer-connection", "--disable-features=WebRtcHideLocalIpsWithMdns")
PATIENCE_S = 60  # until something comes to pass on a loaded machine; nothing is measured
FRAMES = 10

# Workers that do not do what they should, each in its own way.
BROKEN = {
    "idle.js": "",
    "syntax.js": "}",
    "throwing.js": "self.onrtctransform = () => { throw new Error('no') };",
    "swallowing.js": "self.onrtctransform = ({transformer}) => { transformer.readable.getReader(); };",
    "dying.js": "self.onrtctransform = ({transformer}) => { self.close(); };",
}
MISSING = "missing.js"
INDEX = '<!doctype html><meta charset="utf-8"><script type="module" src="loopback.js"></script>'


@dataclass
class Engine:
    """A browser, where its page is, and whether connections get Chromium's flag encodedInsertableStreams."""

    browser: Chromium | Firefox
    url: str
    insertable: bool


@dataclass
class Page:
    """The page of sfu/web/tests/page/loopback.ts."""

    page: playwright.async_api.Page | FirefoxPage
    insertable: bool

    async def evaluate(self, expression: str, argument: Any = None) -> Any:
        return await self.page.evaluate(expression, argument)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = build_tests(tmp_path_factory.mktemp("site"))
    for name, text in {"index.html": INDEX, **BROKEN}.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@asynccontextmanager
async def serving(site: Path, here: Sequence[str] = ()) -> AsyncIterator[str]:
    """The site's URL on loopback; `here` goes before the command, as Namespace.prefix does."""
    server = await asyncio.create_subprocess_exec(
        *here, sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(site),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert server.stdout
    try:
        said = (await server.stdout.readline()).decode()
        yield said[said.index("(") + 1 : said.index(")")] + "index.html"
    finally:
        server.kill()
        await server.wait()


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=[
        pytest.param("flag", id="chromium-insertable", marks=needs_chromium),
        pytest.param("chromium", id="chromium", marks=needs_chromium),
        pytest.param("firefox", id="firefox", marks=needs_firefox),
    ],
)
async def engine(request: pytest.FixtureRequest, site: Path) -> AsyncIterator[Engine]:
    if request.param != "firefox":
        async with serving(site) as url, chromium(flags=FLAGS) as browser:
            yield Engine(browser, url, insertable=request.param == "flag")
        return
    # Firefox wants the address of an interface with a default route; where that leads does not matter.
    with ExitStack() as stack:
        here, there = stack.enter_context(network("here", "there"))
        link(here, "10.9.0.1/24", there, "10.9.0.2/24")
        default_route(here, "10.9.0.2")
        async with serving(site, here.prefix) as url, firefox(here.prefix) as fox:
            yield Engine(fox, url, insertable=False)


@pytest_asyncio.fixture(loop_scope="module")
async def page(engine: Engine) -> AsyncIterator[Page]:
    opened = Page(await engine.browser.open_page(engine.url), engine.insertable)
    while not await opened.evaluate("Boolean(globalThis.page)"):  # noqa: ASYNC110  over there
        await asyncio.sleep(0.05)
    yield opened
    await opened.evaluate("page.end()")
    await opened.page.close()


async def call(page: Page, **options: Any) -> int:
    usual = {
        "insertable": page.insertable, "offerer": "sender", "sender": "real", "receiver": "real",
        "forced": False, "introduced": True,
    }  # fmt: skip
    number: int = await page.evaluate("options => page.call(options)", usual | options)
    return number


async def progress(page: Page, number: int) -> dict[str, Any]:
    found: dict[str, Any] = await page.evaluate("number => page.progress(number)", number)
    return found


async def until(page: Page, number: int, ready: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The call's progress once it is `ready`."""
    found: dict[str, Any] = {}
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not ready(found := await progress(page, number)):  # noqa: ASYNC110  counters raise no event
                await asyncio.sleep(0.1)
    except TimeoutError:
        pytest.fail(f"it did not come to pass: {found}")
    return found


def plays(found: dict[str, Any]) -> bool:
    """Picture and sound are decoded; there is no sound in what is concealed."""
    return bool(found["decoded"] >= FRAMES and found["energy"] > 0)


def encodes(found: dict[str, Any]) -> bool:
    """There is something to send, or the browser has refused what would have to seal it."""
    return bool(found["refused"] or (found["connected"] and found["encoded"] >= FRAMES))


def sends(found: dict[str, Any]) -> bool:
    return bool(found["refused"] or (found["connected"] and found["sent"] >= FRAMES))


async def time_passes(page: Page) -> None:
    """As much as it takes to connect, encode, send and decode: a whole call that works."""
    await until(page, await call(page), plays)


@pytest.mark.parametrize("offerer", ["sender", "receiver"])
async def test_picture_and_sound_are_seen_by_who_has_the_link(page: Page, offerer: str) -> None:
    number = await call(page, offerer=offerer)
    found = await until(page, number, plays)
    sender = await page.evaluate("number => page.sender(number)", number)
    opened = sorted(found["opened"], key=lambda event: int(event["slot"]))
    assert [event.pop("change") for event in found["opened"]] == [1, 2]
    assert len({event.pop("transform") for event in opened}) == 2
    # From when on a picture is whose it is both browsers tell.
    begins = [event.pop("from") for event in opened]
    assert isinstance(begins[0], int)
    assert begins[1:] == [None]
    assert opened == [
        {"slot": 0, "sender": sender, "source": "camera"},
        {"slot": 1, "sender": sender, "source": "microphone"},
    ]
    counts = found["receiver"]
    assert counts["opened"] > 0
    assert {name for name, count in counts.items() if count} <= {"opened", "replayed"}
    assert found["failed"] == []


async def test_frames_that_come_before_the_profile_are_seen_after_it(page: Page) -> None:
    number = await call(page, introduced=False)
    found = await until(page, number, lambda found: found["receiver"]["held"] >= FRAMES)
    assert found["decoded"] == 0
    await page.evaluate("number => page.introduce(number)", number)
    await until(page, number, plays)


async def test_worker_that_does_not_work_sends_nothing(page: Page) -> None:
    """Even of a page that gives its senders tracks without waiting."""
    workers = [*BROKEN, MISSING, "unopened"]
    numbers = [await call(page, sender=worker, forced=True) for worker in workers]
    for number in numbers:
        await until(page, number, encodes)
    await time_passes(page)
    for worker, number in zip(workers, numbers, strict=True):
        found = await progress(page, number)
        assert (found["ready"], found["sent"], found["received"], found["decoded"]) == (0, 0, 0, 0), worker


async def test_page_that_waits_for_its_worker_encodes_nothing_before(page: Page) -> None:
    number = await call(page, sender="unopened")
    await until(page, number, lambda found: bool(found["connected"]))
    await time_passes(page)
    found = await progress(page, number)
    assert (found["ready"], found["encoded"], found["sent"]) == (0, 0, 0)


@pytest.mark.parametrize("offerer", ["sender", "receiver"])
async def test_who_cannot_open_sees_nothing(page: Page, offerer: str) -> None:
    receivers = ["other", "unopened", "swallowing.js", MISSING]
    numbers = [await call(page, receiver=receiver, offerer=offerer) for receiver in receivers]
    for number in numbers:
        await until(page, number, sends)
    await time_passes(page)
    for receiver, number in zip(receivers, numbers, strict=True):
        found = await progress(page, number)
        assert (found["decoded"], found["energy"], found["opened"]) == (0, 0, []), receiver
    told = await until(page, numbers[0], lambda found: len(found["failed"]) == 2)
    assert {(event["reason"], event["sender"]) for event in told["failed"]} == {("no_key", None)}


async def test_what_was_not_sealed_is_not_shown(page: Page) -> None:
    number = await call(page, sender="none", forced=True, offerer="receiver")
    found = await until(page, number, lambda found: found["receiver"]["malformed"] >= FRAMES)
    await time_passes(page)
    found = await progress(page, number)
    assert (found["decoded"], found["energy"], found["opened"]) == (0, 0, [])
