"""The real worker in a real Chromium, without a server: calls between two connections within one page."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Page

from tests.e2e.chromium import Chromium, chromium, needs_chromium
from tests.web.node import build_tests, needs_node

pytestmark = [*needs_node, needs_chromium, pytest.mark.asyncio(loop_scope="module")]

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


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = build_tests(tmp_path_factory.mktemp("site"))
    for name, text in {"index.html": INDEX, **BROKEN}.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(site: Path) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_static("/", site)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/index.html"
    finally:
        await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Chromium]:
    async with chromium(flags=FLAGS) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Chromium, url: str) -> AsyncIterator[Page]:
    opened = await browser.open_page(url)
    await opened.wait_for_function("globalThis.page")
    yield opened
    await opened.evaluate("page.end()")
    await opened.context.close()


async def call(page: Page, **options: Any) -> int:
    usual = {
        "insertable": True, "offerer": "sender", "sender": "real", "receiver": "real",
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


async def time_passes(page: Page) -> None:
    """As much as it takes to connect, encode, send and decode: a whole call that works."""
    await until(page, await call(page), plays)


@pytest.mark.parametrize("insertable", [True, False])
@pytest.mark.parametrize("offerer", ["sender", "receiver"])
async def test_picture_and_sound_are_seen_by_who_has_the_link(
    page: Page, *, insertable: bool, offerer: str
) -> None:
    number = await call(page, insertable=insertable, offerer=offerer)
    found = await until(page, number, plays)
    sender = await page.evaluate("number => page.sender(number)", number)
    assert sorted(found["opened"], key=lambda event: int(event["slot"])) == [
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


@pytest.mark.parametrize("insertable", [True, False])
async def test_worker_that_does_not_work_sends_nothing(page: Page, *, insertable: bool) -> None:
    """Even of a page that gives its senders tracks without waiting."""
    workers = [*BROKEN, MISSING, "unopened"]
    numbers = [await call(page, sender=worker, insertable=insertable, forced=True) for worker in workers]
    for number in numbers:
        await until(page, number, lambda found: found["connected"] and found["encoded"] >= FRAMES)
    await time_passes(page)
    for worker, number in zip(workers, numbers, strict=True):
        found = await progress(page, number)
        assert (found["ready"], found["sent"], found["received"], found["decoded"]) == (0, 0, 0, 0), worker


@pytest.mark.parametrize("insertable", [True, False])
async def test_page_that_waits_for_its_worker_encodes_nothing_before(page: Page, *, insertable: bool) -> None:
    number = await call(page, sender="unopened", insertable=insertable)
    await until(page, number, lambda found: bool(found["connected"]))
    await time_passes(page)
    found = await progress(page, number)
    assert (found["ready"], found["encoded"], found["sent"]) == (0, 0, 0)


@pytest.mark.parametrize("insertable", [True, False])
@pytest.mark.parametrize("offerer", ["sender", "receiver"])
async def test_who_cannot_open_sees_nothing(page: Page, *, offerer: str, insertable: bool) -> None:
    receivers = ["other", "unopened", "swallowing.js", MISSING]
    numbers = [
        await call(page, receiver=receiver, offerer=offerer, insertable=insertable) for receiver in receivers
    ]
    for number in numbers:
        await until(page, number, lambda found: found["connected"] and found["sent"] >= FRAMES)
    await time_passes(page)
    for receiver, number in zip(receivers, numbers, strict=True):
        found = await progress(page, number)
        assert (found["decoded"], found["energy"], found["opened"]) == (0, 0, []), receiver
    told = await until(page, numbers[0], lambda found: len(found["failed"]) == 2)
    assert {(event["reason"], event["sender"]) for event in told["failed"]} == {("no_key", None)}


@pytest.mark.parametrize("insertable", [True, False])
async def test_what_was_not_sealed_is_not_shown(page: Page, *, insertable: bool) -> None:
    number = await call(page, sender="none", forced=True, offerer="receiver", insertable=insertable)
    found = await until(page, number, lambda found: found["receiver"]["malformed"] >= FRAMES)
    await time_passes(page)
    found = await progress(page, number)
    assert (found["decoded"], found["energy"], found["opened"]) == (0, 0, [])
