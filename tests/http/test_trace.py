"""/trace: who may, what is sent, and that a slow reader costs nobody anything."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import ClientResponse, ClientSession, web
from aiohttp.test_utils import TestClient, TestServer

from sfu.http import trace
from sfu.http.trace import Trace
from sfu.media.trace import KINDS
from sfu.redact import Secret

RECORD = struct.Struct("=QIIHHBBH")
TOKEN = "of an operator"  # noqa: S105

Sink = Callable[[bytes], None]
Client = TestClient[web.Request, web.Application]


def packed(what: str, number: int = 0, data: bytes = b"") -> bytes:
    return RECORD.pack(0, number, 7, 2, len(data), KINDS.index(what), 1, 0) + data


class Traced:
    worker = 1

    def __init__(self) -> None:
        self.sink: Sink | None = None
        self.modes: list[str] = []
        self.is_off = asyncio.Event()

    def trace(self, sink: Sink | None, *, packets: bool = False) -> None:
        if sink and self.sink:
            raise ValueError("the transport is traced already")
        self.sink = sink
        if sink is None:
            self.is_off.set()
        self.modes.append("off" if sink is None else "packets" if packets else "events")


@pytest.fixture
def traced() -> Traced:
    return Traced()


def application(traced: Traced, token: str = "") -> web.Application:
    app = web.Application()
    found = {("room", 3): traced}
    Trace(
        lambda room, participant: found.get((room, participant)),
        lambda worker, local, *, ipv6: ("::1" if ipv6 else f"10.0.{worker}.{local}", 4000),
        Secret(token),
    ).install(app)
    return app


@pytest.fixture
async def client(traced: Traced) -> AsyncIterator[Client]:
    async with TestClient(TestServer(application(traced))) as made:
        yield made


async def next_line(response: ClientResponse) -> dict[str, object]:
    while not (line := (await asyncio.wait_for(response.content.readline(), 30)).strip()):
        pass
    decoded: dict[str, object] = json.loads(line)
    return decoded


async def test_records_as_they_happen(client: Client, traced: Traced) -> None:
    async with client.get("/trace/room/3") as response:
        assert response.status == 200
        assert response.headers["Cache-Control"] == "no-store"
        assert traced.sink
        path = bytes(10) + b"\xff\xff" + bytes([192, 0, 2, 1]) + struct.pack("=HHI", 5000, 0, 2)
        traced.sink(packed("path", data=path) + packed("nack_sent", 4))
        first, second = await next_line(response), await next_line(response)
        assert (first["remote"], first["local"]) == (["192.0.2.1", 5000], ["10.0.1.2", 4000])
        assert "data" not in first
        assert {key: second[key] for key in ("what", "number", "id", "layer")} == {
            "what": "nack_sent", "number": 4, "id": 7, "layer": 1,
        }  # fmt: skip
        traced.sink(packed("packet_in", 3, b"abc"))
        assert (await next_line(response))["data"] == "YWJj"
        traced.sink(b"")
        assert not (await response.content.read()).strip()
    assert traced.modes == ["events", "off"]


async def test_packets_only_when_asked_for(client: Client, traced: Traced) -> None:
    async with client.get("/trace/room/3?packets=1") as response:
        assert traced.sink
        traced.sink(b"")
        await response.read()
    assert traced.modes == ["packets", "off"]


async def test_a_reader_that_leaves_ends_the_trace(client: Client, traced: Traced) -> None:
    response = await client.get("/trace/room/3")
    response.close()
    await asyncio.wait_for(traced.is_off.wait(), 30)
    assert traced.modes == ["events", "off"]


async def test_one_reader_at_a_time(client: Client, traced: Traced) -> None:
    async with client.get("/trace/room/3"):
        async with client.get("/trace/room/3") as second:
            assert second.status == 409
        assert traced.modes == ["events"]
        assert traced.sink
        traced.sink(b"")


@pytest.mark.parametrize("path", ["/trace/room/4", "/trace/other/3", "/trace/room/x", "/trace/room"])
async def test_nobody_there(client: Client, path: str) -> None:
    assert (await client.get(path)).status == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "192.0.2.1"},
        {"Forwarded": "for=192.0.2.1"},
        {"Origin": "http://127.0.0.1"},
        {"Host": "evil.example"},
    ],
)
async def test_without_a_token_for_this_machine_only(
    client: Client, traced: Traced, headers: dict[str, str]
) -> None:
    assert (await client.get("/trace/room/3", headers=headers)).status == 403
    assert traced.modes == []


@pytest.mark.parametrize("given", [None, "Bearer", "Bearer another", f"Basic {TOKEN}"])
async def test_with_a_token_for_who_has_it(traced: Traced, given: str | None) -> None:
    async with TestClient(TestServer(application(traced, TOKEN))) as client:
        headers = {"Authorization": given} if given else {}
        assert (await client.get("/trace/room/3", headers=headers)).status == 401
        assert traced.modes == []
        async with client.get("/trace/room/3", headers={"Authorization": f"Bearer {TOKEN}"}) as response:
            assert response.status == 200
            assert traced.sink
            traced.sink(b"")


async def test_what_a_slow_reader_misses_is_counted(
    client: Client, traced: Traced, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace, "QUEUE_BATCHES", 2)
    async with client.get("/trace/room/3") as response:
        assert traced.sink
        for number in range(5):  # without a turn of the loop between them
            traced.sink(packed("pacing", number) + packed("pacing", number))
        numbers = [await next_line(response) for _ in range(5)]
        assert {line["what"] for line in numbers} == {"pacing", "lost"}
        assert sum(line["number"] for line in numbers if line["what"] == "lost") == 6  # type: ignore[misc]
        traced.sink(b"")


async def test_shutting_down_ends_open_traces(traced: Traced) -> None:
    server = TestServer(application(traced))
    await server.start_server()
    async with ClientSession() as session, session.get(server.make_url("/trace/room/3")) as response:
        await server.close()
        assert not (await response.content.read()).strip()
    assert traced.modes == ["events", "off"]
