"""`/trace/ROOM/ID`: what a participant's transport does, as it happens, one JSON object a line.

For the operator: there is none unless the configuration says so, and then only for those with the token or, where none is
set, for this machine.
"""

import asyncio
import base64
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import msgspec
from aiohttp import hdrs, web

from sfu.http.access import Access
from sfu.media.trace import Record, path_of, records
from sfu.redact import Secret

QUEUE_BATCHES = 2048  # of at most 1,500 bytes, for a reader that is slow
_IDLE_S = 1.0  # an empty line shows whether the reader is still there


class Traceable(Protocol):
    """A transport."""

    @property
    def worker(self) -> int: ...
    def trace(self, sink: Callable[[bytes], None] | None, *, packets: bool = False) -> None: ...


Find = Callable[[str, int], Traceable | None]
ServerAddress = Callable[..., tuple[str, int]]


class Line(msgspec.Struct, omit_defaults=True):
    """A record as it is sent. Times are microseconds since the epoch."""

    what: str
    at_us: int
    number: int = 0
    id: int = 0
    slot: int = 0
    layer: int = 0
    data: str = ""  # of packets, base64
    remote: tuple[str, int] | None = None  # of a path: the client's address
    local: tuple[str, int] | None = None  # and ours


class Trace:
    """`find` gives a transport by room and participant, `server_address` ours by worker, local index and family."""

    def __init__(self, find: Find, server_address: ServerAddress, token: Secret) -> None:
        self._find = find
        self._server_address = server_address
        self._access = Access(token)
        self._open: set[_Feed] = set()

    def install(self, app: web.Application) -> None:
        app.router.add_get(r"/trace/{room}/{participant:\d{1,9}}", self._get)
        app.on_shutdown.append(self._on_shutdown)

    async def _on_shutdown(self, _app: web.Application) -> None:
        for feed in self._open:
            feed.end()

    async def _get(self, request: web.Request) -> web.StreamResponse:
        self._access.require(request, by_name=False)
        transport = self._find(request.match_info["room"], int(request.match_info["participant"]))
        if transport is None:
            raise web.HTTPNotFound(text="nobody of that number sends or receives in that room")
        feed = _Feed()
        try:
            transport.trace(feed, packets=request.query.get("packets") == "1")
        except ValueError as error:
            raise web.HTTPConflict(text=str(error)) from None
        self._open.add(feed)
        try:
            return await self._stream(request, transport, feed)
        finally:
            self._open.discard(feed)
            transport.trace(None)

    async def _stream(self, request: web.Request, transport: Traceable, feed: "_Feed") -> web.StreamResponse:
        headers = {hdrs.CONTENT_TYPE: "application/x-ndjson", hdrs.CACHE_CONTROL: "no-store"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        encoder = msgspec.json.Encoder()
        offset_us = (time.time_ns() - time.monotonic_ns()) // 1000
        with suppress(ConnectionError):
            while (batch := await feed.next(_IDLE_S)) != b"":
                lines = [
                    encoder.encode(self._line(r, transport.worker, offset_us)) for r in records(batch or b"")
                ]
                if lost := feed.take_lost():
                    lines.append(encoder.encode(Line("lost", time.time_ns() // 1000, number=lost)))
                await response.write(b"\n".join(lines) + b"\n")
        return response

    def _line(self, record: Record, worker: int, offset_us: int) -> Line:
        line = Line(
            record.what, record.at_us + offset_us, record.number, record.id, record.slot, record.layer
        )
        if record.what == "path":
            local, line.remote = path_of(record)
            line.local = self._server_address(worker, local, ipv6=":" in line.remote[0])
        elif record.data:
            line.data = base64.b64encode(record.data).decode()
        return line


class _Feed:
    """Batches between the media plane, which never waits, and one reader."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_BATCHES + 1)  # one place is for the end
        self._lost = 0

    def __call__(self, batch: bytes) -> None:
        if not batch:
            self.end()
        elif self._waiting.qsize() < QUEUE_BATCHES:
            self._waiting.put_nowait(batch)
        else:
            self._lost += sum(1 for _ in records(batch))

    def end(self) -> None:
        with suppress(asyncio.QueueFull):  # then it has ended already
            self._waiting.put_nowait(b"")

    async def next(self, idle_s: float) -> bytes | None:
        """The next batch; b"": there are no more; None: nothing has come for so long."""
        try:
            return await asyncio.wait_for(self._waiting.get(), idle_s)
        except TimeoutError:
            return None

    def take_lost(self) -> int:
        lost, self._lost = self._lost, 0
        return lost
