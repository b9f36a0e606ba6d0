"""Connecting, reconnecting and moving, against a server of the test's own that says what it is told to."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from sfu.client import signaling as signaling_module
from sfu.client.session import REFUSALS, Greeted, Happening, ProtocolError, Renewed, ServerError, Told
from sfu.client.signaling import Signaling, UnreachableError
from sfu.errors import SfuError
from sfu.signaling.messages import Join, Joined, ParticipantLeft
from tests.client.test_session import _event, _welcome
from tests.e2e.listening import until

Socket = web.WebSocketResponse
Script = Callable[[Socket, list[dict[str, Any]]], Awaitable[None]]
JOINED = {
    "participant": 3,
    "roster": {"participants": [], "total": 1, "next": 0},
    "settings": {"codecs": [], "slots": 2, "extra_audio_slots": 0},
}


@asynccontextmanager
async def _server(script: Script, protocol: str = "sfu.0") -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """Each connection runs the script; what comes in is kept in the list, over all connections."""
    came: list[dict[str, Any]] = []

    async def handle(request: web.Request) -> Socket:
        socket = Socket(protocols=(protocol,))
        await socket.prepare(request)
        await script(socket, came)
        return socket

    app = web.Application()
    app.router.add_get("/ws", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}/ws", came
    finally:
        await runner.cleanup()


class _Client:
    def __init__(self, url: str) -> None:
        self.happened: list[Happening] = []
        self.ended: list[SfuError] = []
        self.signaling = Signaling(url, self.happened.append, self.ended.append)


@asynccontextmanager
async def _client(url: str) -> AsyncIterator[_Client]:
    client = _Client(url)
    try:
        yield client
    finally:
        await client.signaling.close()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signaling_module, "backoff_s", lambda *_: 0.01)
    monkeypatch.setattr(signaling_module, "refused_s", lambda _: 0.01)


async def _next(socket: Socket, came: list[dict[str, Any]]) -> dict[str, Any]:
    message: dict[str, Any] = await socket.receive_json()
    came.append(message)
    return message


async def _greet(socket: Socket, came: list[dict[str, Any]], *, resumed: bool = False) -> None:
    await socket.send_str(_welcome((await _next(socket, came))["id"], resumed=resumed))


async def _join(socket: Socket, came: list[dict[str, Any]]) -> None:
    join = await _next(socket, came)
    await socket.send_str(json.dumps({"v": 0, "type": "joined", "id": join["id"], **JOINED}))


async def _drain(socket: Socket, came: list[dict[str, Any]]) -> None:
    came.extend([json.loads(message.data) async for message in socket])


async def test_cut_connection_comes_back_where_it_was() -> None:
    async def script(socket: Socket, came: list[dict[str, Any]]) -> None:
        if not came:
            await _greet(socket, came)
            await _join(socket, came)
            await socket.send_str(_event(1))
            await socket._req.transport.abort()  # type: ignore[union-attr,misc]
        await _greet(socket, came, resumed=True)
        await socket.send_str(_event(2))
        await _drain(socket, came)

    async with _server(script) as (url, came), _client(url) as client:
        await client.signaling.start()
        assert (await client.signaling.request(Join, Joined, room="r" * 22)).participant == 3
        told = [Told(ParticipantLeft(seq=seq, participant=5)) for seq in (1, 2)]
        await until(lambda: [one for one in client.happened if isinstance(one, Told)] == told, lambda: came)
        assert [one["resume"] for one in came if one["type"] == "hello"] == [
            None,
            {"session": "secret", "seq": 1},
        ]
        assert not client.ended


async def test_moved_room_is_followed() -> None:
    async def there(socket: Socket, came: list[dict[str, Any]]) -> None:
        await _greet(socket, came)
        await _join(socket, came)
        await _drain(socket, came)

    async with _server(there) as (other, came):

        async def here(socket: Socket, gone: list[dict[str, Any]]) -> None:
            await _greet(socket, gone)
            join = await _next(socket, gone)
            await socket.send_str(json.dumps({"v": 0, "type": "moved", "id": join["id"], "url": other}))
            await _drain(socket, gone)

        async with _server(here) as (url, _), _client(url) as client:
            await client.signaling.start()
            with pytest.raises(ServerError) as raised:
                await client.signaling.request(Join, Joined, room="r" * 22)
            assert raised.value.code == "moved"
            assert (await client.signaling.request(Join, Joined, room="r" * 22)).participant == 3
            assert [one["type"] for one in came] == ["hello", "join"]
            assert came[0]["resume"] is None
            kinds = [type(one) for one in client.happened]
            assert kinds == [Greeted, Renewed, Greeted]


@pytest.mark.parametrize("url", ["ftp://host/ws", "javascript:x"])
async def test_room_is_not_moved_anywhere(url: str) -> None:
    async def script(socket: Socket, came: list[dict[str, Any]]) -> None:
        await _greet(socket, came)
        await socket.send_str(json.dumps({"v": 0, "type": "moved", "url": url}))
        await _drain(socket, came)

    async with _server(script) as (address, _), _client(address) as client:
        await client.signaling.start()
        await until(lambda: bool(client.ended), lambda: client.happened)
        assert isinstance(client.ended[0], ProtocolError)


@pytest.mark.parametrize("refusals", [1, REFUSALS - 1, REFUSALS, REFUSALS + 5])
async def test_request_refused_for_the_rate_is_made_again_but_not_for_ever(refusals: int) -> None:
    async def script(socket: Socket, came: list[dict[str, Any]]) -> None:
        await _greet(socket, came)
        for _ in range(min(refusals, REFUSALS)):
            asked = await _next(socket, came)
            await socket.send_str(
                json.dumps(
                    {"v": 0, "type": "error", "id": asked["id"], "code": "rate_limited", "message": ""}
                )
            )
        if refusals < REFUSALS:
            await _join(socket, came)
        await _drain(socket, came)

    async with _server(script) as (url, came), _client(url) as client:
        await client.signaling.start()
        joining = client.signaling.request(Join, Joined, room="r" * 22)
        if refusals < REFUSALS:
            assert (await joining).participant == 3
        else:
            with pytest.raises(ServerError, match="refused 8 times") as raised:
                await joining
            assert raised.value.code == "rate_limited"
        assert [one["type"] for one in came] == ["hello"] + ["join"] * min(refusals + 1, REFUSALS)


async def test_garbage_ends_it_and_whoever_waits_is_told() -> None:
    async def script(socket: Socket, came: list[dict[str, Any]]) -> None:
        await _greet(socket, came)
        await _next(socket, came)
        await socket.send_str("{")
        await _drain(socket, came)

    async with _server(script) as (url, _), _client(url) as client:
        await client.signaling.start()
        with pytest.raises(ProtocolError):
            await client.signaling.request(Join, Joined, room="r" * 22)
        assert len(client.ended) == 1
        with pytest.raises(UnreachableError, match="no message"):
            await client.signaling.request(Join, Joined, room="r" * 22)


@pytest.mark.parametrize("code", [1000, 1008, 4001, 4002, 4003])
async def test_close_that_is_final_is_not_answered_by_connecting_again(code: int) -> None:
    async def script(socket: Socket, came: list[dict[str, Any]]) -> None:
        await _greet(socket, came)
        await socket.close(code=code)

    async with _server(script) as (url, came), _client(url) as client:
        await client.signaling.start()
        await until(lambda: bool(client.ended), lambda: client.happened)
        assert str(code) in str(client.ended[0])
        assert len(came) == 1


async def test_server_that_shuts_down_says_why() -> None:
    async def script(socket: Socket, came: list[dict[str, Any]]) -> None:
        await _greet(socket, came)
        await socket.send_str('{"v":0,"type":"closing","seq":1,"code":"shutting_down"}')
        await socket.close(code=1001)

    async with _server(script) as (url, _), _client(url) as client:
        await client.signaling.start()
        await until(lambda: bool(client.ended), lambda: client.happened)
        assert "shutting_down" in str(client.ended[0])


async def test_server_of_another_protocol_is_refused() -> None:
    async def script(socket: Socket, came: list[dict[str, Any]]) -> None:
        await _drain(socket, came)

    async with _server(script, protocol="chat.9") as (url, _), _client(url) as client:
        with pytest.raises(ProtocolError, match="another protocol"):
            await client.signaling.start()


async def test_address_without_a_server_is_told() -> None:
    async def script(socket: Socket, came: list[dict[str, Any]]) -> None:
        await _drain(socket, came)

    async with _server(script) as (url, _):
        pass
    async with _client(url) as client:
        with pytest.raises(UnreachableError, match="cannot be reached"):
            await client.signaling.start()
    async with _server(script) as (url, _), _client(url + "/other") as client:
        with pytest.raises(UnreachableError, match="it answers 404"):
            await client.signaling.start()
