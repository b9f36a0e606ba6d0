"""What SIGHUP takes over, each key seen to take effect in a server that goes on running."""

import asyncio
import contextlib
import logging
import signal
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from cryptography import x509

from sfu import config, log
from sfu.app import App
from sfu.auth.tokens import issue
from sfu.config import Auth, Config, Http, Limits, Log, Media, Tls
from sfu.redact import Secret
from tests.http import certificates
from tests.signaling.conference import Client

SECRET = Secret("a secret that is long enough, 32 bytes")
ROOMS = "a-room-that-one-makes-1", "a-room-that-one-makes-2"


class Visitors:
    """Clients of one address."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.url = url
        self._http = http
        self._clients: list[Client] = []

    async def connect(self) -> Client:
        self._clients.append(await Client.connect(self._http, f"{self.url}/ws"))
        return self._clients[-1]

    async def join(self, room: str, token: str | None = None) -> str:
        """ "joined", or the code of the refusal."""
        client = await self.connect()
        await client.ask("hello", versions=[0])
        answer = await client.ask("join", room=room, token=token)
        return str(answer.get("code", answer["type"]))

    async def leave(self) -> None:
        for client in self._clients:
            await client.socket.close()


@contextlib.asynccontextmanager
async def visitors(url: str) -> AsyncIterator[Visitors]:
    async with aiohttp.ClientSession() as http:
        found = Visitors(http, url)
        try:
            yield found
        finally:
            await found.leave()


# ---- what can be seen of a key from outside ----


async def join_with_a_token(visitors: Visitors) -> str:
    token = issue("main", SECRET, room=ROOMS[0], identity="ann", grants=[], now_s=time.time(), ttl_s=600)
    return await visitors.join(ROOMS[0], token)


async def join_two_rooms(visitors: Visitors) -> str:
    assert await visitors.join(ROOMS[0]) == "joined"
    return await visitors.join(ROOMS[1])


async def join_one_room_twice(visitors: Visitors) -> str:
    assert await visitors.join(ROOMS[0]) == "joined"
    return await visitors.join(ROOMS[0])


async def connect_twice(visitors: Visitors) -> str:
    await visitors.connect()
    try:
        await visitors.connect()
    except aiohttp.WSServerHandshakeError as refusal:
        return str(refusal.status)
    return "connected"


async def read_one_message(visitors: Visitors) -> str:
    client = await visitors.connect()
    await client.say("hello", versions=[0])
    return "dropped" if await client.read() is None else "read"


def told(limit: str) -> Callable[[Visitors], Awaitable[Any]]:
    """What a client is told that it is held to."""

    async def ask(visitors: Visitors) -> Any:
        return (await (await visitors.connect()).ask("hello", versions=[0]))["limits"][limit]

    return ask


async def shake_hands(visitors: Visitors) -> str:
    """The name in the certificate."""
    port = urlsplit(visitors.url).port
    assert port is not None
    pem = await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", port))
    (name,) = x509.load_pem_x509_certificate(pem.encode()).subject
    return str(name.value)


async def log_a_line(_: Visitors) -> bool:
    return logging.getLogger("sfu.app").isEnabledFor(logging.INFO)


# ---- each key ----


Sections = dict[str, Any]
Look = Callable[[Visitors], Awaitable[Any]]
Case = tuple[Sections, Sections, Look, Any, Any]


def _limit(name: str, before: Any, after: Any, look: Look, seen: Any, then: Any) -> Case:
    return {"limits": Limits(**{name: before})}, {"limits": Limits(**{name: after})}, look, seen, then


# Of what is counted the second value has room for those who have just left and may not have been seen off yet.
CASES: list[Case] = [
    ({"auth": Auth()}, {"auth": Auth(keys={"main": SECRET})}, join_with_a_token, "unauthorised", "joined"),
    (
        {"tls": Tls("before.pem", "before.key")},
        {"tls": Tls("after.pem", "after.key")},
        shake_hands,
        "before",
        "after",
    ),
    ({"log": Log("info")}, {"log": Log("error")}, log_a_line, True, False),
    _limit("rooms", 1, 8, join_two_rooms, "too_many_rooms", "joined"),
    _limit("participants_per_room", 1, 8, join_one_room_twice, "room_full", "joined"),
    _limit("rooms_per_address", 1, 8, join_two_rooms, "too_many_rooms", "joined"),
    # From one in eleven days to one in 60 µs.
    _limit("rooms_per_address_per_minute", 1 / 16_000, 1e6, join_two_rooms, "too_many_rooms", "joined"),
    _limit("connections_per_address", 1, 8, connect_twice, "429", "connected"),
    _limit("text_bytes", 2048, 4096, told("text_bytes"), 2048, 4096),
    _limit("binary_bytes", 2048, 4096, told("binary_bytes"), 2048, 4096),
    _limit("messages_per_second", 30.0, 40.0, told("messages_per_second"), 30.0, 40.0),
    _limit("message_burst", 30, 40, told("message_burst"), 30, 40),
    _limit("resume_s", 10.0, 20.0, told("resume_seconds"), 10.0, 20.0),
    _limit("queue_bytes", 1, 1024, read_one_message, "dropped", "read"),  # 1: no message fits
]


def _config(sections: Sections) -> Config:
    return Config(http=Http(port=0, web=""), media=Media(workers=1, packets=1024), **sections)


def _changed(before: Sections, after: Sections) -> tuple[str, ...]:
    return config.reload(_config(before), _config(after)).reloaded


@pytest.fixture
def level_as_before() -> Iterator[None]:
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)


@pytest.mark.parametrize(
    "before,after,look,seen,then", [pytest.param(*case, id=_changed(*case[:2])[0]) for case in CASES]
)
async def test_hangup(
    before: Sections,
    after: Sections,
    look: Look,
    seen: Any,
    then: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    level_as_before: None,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("before", "after"):
        certificates.write(tmp_path, name)
    reloading = asyncio.Event()

    def reload() -> Config:
        reloading.set()
        return _config(after)

    settings = _config(before)
    log.set_level(settings.log.level)
    app = App(settings, reload=reload)
    await app.start()
    try:
        async with visitors(app.url) as first:
            assert await look(first) == seen
        signal.raise_signal(signal.SIGHUP)
        await reloading.wait()
        async with visitors(app.url) as second:
            assert await look(second) == then
    finally:
        await app.stop()


def test_every_key_that_is_taken_over_has_its_case() -> None:
    may_change = {
        f"{section}.{key}"
        for section, values in config.effective(Config()).items()
        for key in values
        if section in config.RELOADABLE or f"{section}.{key}" in config.RELOADABLE
    }
    assert {name for before, after, *_ in CASES for name in _changed(before, after)} == may_change
