"""`sfu trace` against a server on loopback."""

import asyncio
import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from sfu.cli import run
from sfu.cli.trace import TOKEN_VARIABLE
from sfu.e2ee.link import room_id
from tests.media.test_trace import RTP, read_pcap

ENDS = {"remote": ["192.0.2.1", 5000], "local": ["127.0.0.1", 4000]}
LINES: list[dict[str, object]] = [
    {"what": "path", "at_us": 1_000_000, **ENDS},
    {"what": "slot_filled", "at_us": 2_000_000, "slot": 1, "id": 9},
    {"what": "packet_in", "at_us": 3_000_000, "number": len(RTP), "data": base64.b64encode(RTP).decode()},
    {"what": "packet_out", "at_us": 4_000_000, "number": 1200, "data": base64.b64encode(RTP).decode()},
    {"what": "of a newer server", "at_us": 5_000_000},
]


class Fake:
    """A server of its own thread, since the command has a loop of its own."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.status = 200
        self.ends = True
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._ready.wait(30)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application()
        app.router.add_get("/{path:.*}", self._get)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._ready.set()
        await self._done.wait()
        await runner.cleanup()

    async def _get(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path_qs, request.headers.get("Authorization")))
        response = web.StreamResponse(status=self.status)
        await response.prepare(request)
        for line in LINES:
            await response.write(json.dumps(line).encode() + b"\n\n")
        while not self.ends:
            await response.write(b"\n")
            await asyncio.sleep(0.02)
        return response


@pytest.fixture
def server() -> Iterator[Fake]:
    made = Fake()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)


def test_events_are_printed(server: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trace", "standup/3", "--server", server.url]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "00:00:01.000000  sends to 192.0.2.1:5000",
        "00:00:02.000000  slot 1 shows source 9, layer 0",
    ]
    assert server.asked == [("/trace/standup/3", None)]


def test_packets_are_written(server: Fake, tmp_path: Path) -> None:
    file = tmp_path / "out.pcap"
    assert run(["trace", "standup/3", "--server", server.url, "--pcap", str(file)]) == 0
    client, us = ("192.0.2.1", 5000), ("127.0.0.1", 4000)
    assert read_pcap(file.read_bytes()) == [
        (3_000_000, client, us, RTP, len(RTP)),
        (4_000_000, us, client, RTP, 1200),
    ]
    assert server.asked == [("/trace/standup/3?packets=1", None)]


def test_it_ends_when_its_time_is_over(server: Fake) -> None:
    server.ends = False
    assert run(["trace", "standup/3", "--server", server.url, "--seconds", "0.2"]) == 0


def make_fragment(secret: bytes) -> str:
    body = bytes([0, 1, 0]) + secret + bytes(16)
    return base64.urlsafe_b64encode(body + hashlib.sha256(body).digest()[:4]).rstrip(b"=").decode()


def test_the_secret_of_a_link_stays_here(server: Fake) -> None:
    link = f"https://example.org/#{make_fragment(bytes(range(32)))}"
    assert run(["trace", f"{link}/12", "--server", server.url]) == 0
    assert server.asked == [(f"/trace/{room_id(bytes(range(32)))}/12", None)]


def test_the_token_comes_from_the_environment(server: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "of an operator")
    assert run(["trace", "standup/3", "--server", server.url]) == 0
    assert server.asked == [("/trace/standup/3", "Bearer of an operator")]


@pytest.mark.parametrize(
    "status,words",
    [(401, TOKEN_VARIABLE), (403, "own machine"), (404, "trace.enabled"), (409, "already"), (500, "500")],
)
def test_refusals_are_explained(
    server: Fake, status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server.status = status
    assert run(["trace", "standup/3", "--server", server.url]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments,words",
    [
        (["standup"], "such as standup/3"),
        (["standup/x"], "such as standup/3"),
        (["/3"], "such as standup/3"),
        (["a b/3"], "a room id has"),
        (["standup/3", "--server", "example.org"], "--server"),
        (["standup/3", "--server", "http://127.0.0.1:9"], "cannot be reached"),
        (["standup/3", "--pcap", "/nowhere/x.pcap"], "cannot be written"),
    ],
)
def test_what_is_wrong_is_told(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trace", *arguments]) == 2
    assert words in capsys.readouterr().err
