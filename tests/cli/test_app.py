import asyncio
import signal
import time

import aiohttp
import msgspec
import pytest

from sfu.app import App, worker_count
from sfu.auth.tokens import Grant, issue
from sfu.config import Auth, Config, Http, Limits, Media, Server
from sfu.errors import RemoteError
from sfu.redact import Secret
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


async def test_hangup_changes_keys_and_rates() -> None:
    secret = Secret("a secret that is long enough, 32 bytes")
    new = Config(auth=Auth(keys={"main": secret}), limits=Limits(rooms_per_address_per_minute=1))
    reloading = asyncio.Event()

    def reload() -> Config:
        reloading.set()
        return new

    app = App(Config(http=Http(port=0)), reload=reload)
    token = issue(
        "main", secret, room="r", identity="ann", grants=[Grant.CREATE], now_s=time.time(), ttl_s=600
    )
    with pytest.raises(RemoteError):
        app.gate.authorise("r", token, "10.0.0.1")
    await app.start()
    try:
        signal.raise_signal(signal.SIGHUP)
        await reloading.wait()
        assert [app.gate.check("r", token).identity for _ in range(3)] == ["ann"] * 3
        assert app.gate.authorise("r", token, "10.0.0.1").identity == "ann"
        # That was the one room of this minute, of which looking at one takes nothing; another address has its own.
        with pytest.raises(RemoteError):
            app.gate.authorise("r", token, "10.0.0.1")
        assert app.gate.authorise("r", token, "10.0.0.2").may_create
    finally:
        await app.stop()


def test_workers_are_as_many_as_told() -> None:
    assert worker_count(Config(media=Media(workers=3))) == 3
    assert worker_count(msgspec.structs.replace(Config(), media=Media(workers="cores"))) >= 1
