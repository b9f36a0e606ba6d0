"""The WebSocket under `session.Session`: connects, reconnects with back-off, gives requests their answers."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from typing import Any, TypeVar

import aiohttp

from sfu.client.session import (
    REFUSALS,
    Answered,
    Delivered,
    Greeted,
    Happening,
    ProtocolError,
    Redirected,
    Refused,
    Renewed,
    ServerError,
    Session,
    Told,
    backoff_s,
    refused_s,
)
from sfu.errors import Code, SfuError
from sfu.signaling.messages import SUBPROTOCOL, Closing, Request

CONNECT_S = 15.0
ANSWER_S = 60.0  # over reconnections
HEARTBEAT_S = 20.0
MESSAGE_BYTES = 4 << 20
REDIRECTIONS = 5
# The session is over: no coming back by connecting again.
_FINAL_CLOSES = frozenset({1000, 1002, 1008, 4001, 4002, 4003})

_T = TypeVar("_T")


class UnreachableError(SfuError):
    """The server cannot be reached, or has ended the session."""


class _MovedError(Exception):
    """Leaves one connection for another."""


class Signaling:
    """`on_happening` gets all but answers. `on_end` is called once, if the connection ends and will not come back."""

    def __init__(
        self, url: str, on_happening: Callable[[Happening], None], on_end: Callable[[SfuError], None]
    ) -> None:
        self._url = url
        self._session = Session()
        self._on_happening = on_happening
        self._on_end = on_end
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._http: aiohttp.ClientSession | None = None
        self._ws: aiohttp.ClientWebSocketResponse | None = None
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._first: asyncio.Future[None] | None = None
        self._redirections = 0
        self._attempt = 0
        self._closing_code: str | None = None
        self._error: SfuError | None = None  # why there is no connection any more

    async def start(self) -> None:
        """Connected and greeted, or UnreachableError. From then on it reconnects by itself."""
        self._http = aiohttp.ClientSession()
        self._first = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run())
        try:
            async with asyncio.timeout(CONNECT_S):
                await asyncio.shield(self._first)
        except TimeoutError:
            raise UnreachableError(f"{self._url} does not answer") from None

    async def request(self, kind: type[Request], expected: type[_T], **fields: Any) -> _T:
        """Raises ServerError, or UnreachableError if the answer does not come or is lost."""
        return await self._patiently(lambda: self._session.request(kind, **fields), expected)

    async def deliver(self, kind: int, payload: bytes, expected: type[_T], participant: int = 0) -> _T:
        """A binary frame, as `request`."""
        return await self._patiently(lambda: self._session.deliver(kind, payload, participant), expected)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._http is not None:
            await self._http.close()
        self._fail(tuple(self._waiting), UnreachableError("left"))
        if self._first is not None and self._first.done() and not self._first.cancelled():
            self._first.exception()

    async def _patiently(self, ask: Callable[[], int], expected: type[_T]) -> _T:
        """A refusal for the rate is not for ever, unless it comes again and again."""
        for refusals in range(1, REFUSALS + 1):
            try:
                return await self._answer(ask(), expected)
            except ServerError as error:
                if error.code != Code.RATE_LIMITED:
                    raise
            if refusals < REFUSALS:
                await asyncio.sleep(refused_s(refusals))
        raise ServerError(Code.RATE_LIMITED, f"the server refused {REFUSALS} times: too much is asked of it")

    async def _answer(self, id: int, expected: type[_T]) -> _T:
        if self._error is not None:
            self._session.forget(id)
            raise UnreachableError(str(self._error))
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[id] = answer
        self._wake.set()
        try:
            async with asyncio.timeout(ANSWER_S):
                reply = await answer
        except TimeoutError:
            self._session.forget(id)
            raise UnreachableError("the server does not answer") from None
        finally:
            self._waiting.pop(id, None)
        if not isinstance(reply, expected):
            raise ProtocolError("the server's answer does not fit the request")
        return reply

    async def _run(self) -> None:
        try:
            error = await self._keep_connected()
        except asyncio.CancelledError:
            raise
        except SfuError as raised:
            error = raised
        self._error = error
        first = self._first
        if first is not None and not first.done():
            first.set_exception(error)
        else:
            self._on_end(error)
        self._fail(tuple(self._waiting), error)

    async def _keep_connected(self) -> SfuError:
        """Until there is no sense in it; returns why."""
        while True:
            try:
                code = await self._connection()
            except _MovedError:
                continue
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                if self._first is not None and not self._first.done():
                    return UnreachableError(f"{self._url} cannot be reached: {_words(error)}")
            else:
                if code in _FINAL_CLOSES or self._closing_code is not None:
                    return UnreachableError(
                        f"the server has ended the session ({self._closing_code or code})"
                    )
            self._ws = None
            self._session.greeted = False
            await asyncio.sleep(backoff_s(self._attempt, random.random()))  # noqa: S311  no secret
            self._attempt += 1

    async def _connection(self) -> int | None:
        """One connection from beginning to end. The close code."""
        assert self._http is not None
        async with self._http.ws_connect(
            self._url,
            protocols=(SUBPROTOCOL,),
            heartbeat=HEARTBEAT_S,
            max_msg_size=MESSAGE_BYTES,
            compress=0,
            timeout=aiohttp.ClientWSTimeout(ws_close=5.0),
        ) as ws:
            if ws.protocol != SUBPROTOCOL:
                raise ProtocolError(f"{self._url} speaks another protocol")
            self._ws = ws
            self._session.connected()
            writer = asyncio.create_task(self._write(ws))
            try:
                async for message in ws:
                    if message.type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
                        self._receive(message.data)
                return ws.close_code
            finally:
                writer.cancel()
                await asyncio.gather(writer, return_exceptions=True)

    async def _write(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            while True:
                while self._session.outbox:
                    data = self._session.outbox.popleft()
                    await (ws.send_str(data) if isinstance(data, str) else ws.send_bytes(data))
                self._wake.clear()
                await self._wake.wait()

    def _receive(self, data: str | bytes) -> None:
        for happening in self._session.receive(data):
            self._handle(happening)
        self._wake.set()

    def _handle(self, happening: Happening) -> None:
        match happening:
            case Answered(id, reply):
                self._settle(id, reply)
            case Refused(int(id), error) if id in self._waiting:
                self._settle(id, error)
            case Redirected(url):
                self._redirect(url)
            case Renewed(lost):
                self._fail(lost, UnreachableError("the session has expired"))
                self._on_happening(happening)
            case Greeted():
                self._attempt = 0
                if self._first is not None and not self._first.done():
                    self._first.set_result(None)
                self._on_happening(happening)
            case Told(Closing(code=code)):
                self._closing_code = code
                self._on_happening(happening)
            case Told() | Delivered() | Refused():
                self._on_happening(happening)

    def _redirect(self, url: str) -> None:
        """The room is elsewhere: nothing of this session is there."""
        self._redirections += 1
        if self._redirections > REDIRECTIONS or not url.startswith(
            ("ws://", "wss://", "http://", "https://")
        ):
            raise ProtocolError("the server sends us round and round")
        if self._url.startswith(("wss:", "https:")) and url.startswith(("ws:", "http:")):
            raise ProtocolError("the server sends us to one without TLS")
        self._url = url
        self._fail(self._session.restart(), ServerError("moved", "the room has moved"))
        self._on_happening(Renewed(()))
        raise _MovedError

    def _settle(self, id: int, result: Any) -> None:
        waiting = self._waiting.get(id)
        if waiting is None or waiting.done():
            return
        if isinstance(result, Exception):
            waiting.set_exception(result)
        else:
            waiting.set_result(result)

    def _fail(self, ids: tuple[int, ...], error: SfuError) -> None:
        for number in ids:
            self._settle(number, error)


def _words(error: BaseException) -> str:
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"it answers {error.status}"
    return str(error) or "it does not answer"
