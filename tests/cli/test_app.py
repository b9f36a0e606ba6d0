import asyncio
import signal

import aiohttp
import msgspec
import pytest
from structlog.testing import capture_logs

from sfu.app import App, worker_count
from sfu.config import Config, Http, Media, Server
from tests.signaling.conference import Client


@pytest.fixture
async def app() -> App:
    return App(Config(http=Http(port=0), server=Server(drain_s=3600)))


async def test_drains_until_the_last_has_left(app: App) -> None:
    await app.start()
    try:
        app.on_participants(2)
        waiting = asyncio.create_task(app.wait())
        signal.raise_signal(signal.SIGTERM)
        while not app.health.draining:  # noqa: ASYNC110  what a balancer sees, which is no event
            await asyncio.sleep(0)
        app.on_participants(1)
        await asyncio.sleep(0)
        assert not waiting.done()
        app.on_participants(0)
        await waiting
    finally:
        await app.stop()


async def test_draining_takes_nobody_in(app: App) -> None:
    await app.start()
    try:
        async with aiohttp.ClientSession() as http:
            ana = await (await Client.connect(http, f"{app.url}/ws")).enter()
            waiting = asyncio.create_task(app.wait())
            signal.raise_signal(signal.SIGTERM)
            while not app.health.draining:  # noqa: ASYNC110  what a balancer sees, which is no event
                await asyncio.sleep(0)
            late = await Client.connect(http, f"{app.url}/ws")
            await late.ask("hello", versions=[0])
            assert (await late.ask("join", room="another-room-of-the-test"))["code"] == "shutting_down"
            assert (await ana.ask("roster"))["roster"]["total"] == 1
            assert not waiting.done()
            assert (await ana.ask("leave"))["type"] == "ok"
            assert await ana.closed() == 1000
            await waiting
            await late.socket.close()
    finally:
        await app.stop()


@pytest.mark.parametrize("asked,warned", [(1 << 16, False), (1 << 30, True)])
async def test_buffers_smaller_than_asked_are_told_with_the_sysctl(asked: int, warned: bool) -> None:
    app = App(Config(http=Http(port=0), media=Media(socket_buffer_bytes=asked)))
    with capture_logs() as told:
        await app.start()
        await app.stop()
    warnings = [entry for entry in told if "net.core.rmem_max" in entry.get("advice", "")]
    assert [(entry["log_level"], entry["asked"]) for entry in warnings] == [("warning", asked)] * warned
    assert all(0 < entry["granted"] < asked for entry in warnings)


async def test_second_signal_does_not_wait(app: App) -> None:
    await app.start()
    try:
        app.on_participants(1)
        waiting = asyncio.create_task(app.wait())
        signal.raise_signal(signal.SIGTERM)
        while not app.health.draining:  # noqa: ASYNC110  what a balancer sees, which is no event
            await asyncio.sleep(0)
        assert not waiting.done()
        signal.raise_signal(signal.SIGINT)
        await waiting
    finally:
        await app.stop()


async def test_waits_no_longer_than_it_should() -> None:
    app = App(Config(http=Http(port=0), server=Server(drain_s=0)))
    await app.start()
    try:
        app.on_participants(1)
        signal.raise_signal(signal.SIGTERM)
        await app.wait()
    finally:
        await app.stop()


async def test_stopped_server_leaves_no_handler(app: App) -> None:
    before = signal.getsignal(signal.SIGTERM)
    await app.start()
    assert signal.getsignal(signal.SIGTERM) != before
    await app.stop()
    assert signal.getsignal(signal.SIGTERM) == before


def test_workers_are_as_many_as_told() -> None:
    assert worker_count(Config(media=Media(workers=3))) == 3
    assert worker_count(msgspec.structs.replace(Config(), media=Media(workers="cores"))) >= 1
