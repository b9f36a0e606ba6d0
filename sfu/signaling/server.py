"""The WebSocket endpoint: owns the sockets and the clock, performs what sessions say, asks the application."""

import asyncio
import contextlib
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import structlog
from aiohttp import WSMsgType, web

from sfu.errors import Code, RemoteError
from sfu.model.admission import address_key
from sfu.signaling.application import Application, Entry, Gate, RoomMoved
from sfu.signaling.limits import Limits
from sfu.signaling.messages import (
    KIND_PROFILE,
    SUBPROTOCOL,
    Answer,
    Closing,
    Error,
    Frame,
    GetRoster,
    Hello,
    Join,
    Joined,
    Leave,
    Moved,
    Offer,
    Ok,
    Outgoing,
    Peek,
    Peeked,
    Reply,
    Roster,
    View,
)
from sfu.signaling.session import Ask, Close, Demand, Find, Output, Send, Session, State
from sfu.signaling.translate import wishes

_log = structlog.get_logger("sfu.signaling")

# WebSocket close codes of our own; PROTOCOL.md lists them.
CLOSE_GREETING_TIMEOUT = 4001
CLOSE_TAKEN_OVER = 4002
CLOSE_PUT_OUT = 4003

# What browsers give when a page closes its socket, or goes away with it open. Whoever means to come back gives none of
# these; a network that breaks gives none at all.
_LEAVING = frozenset({1000, 1001})

# For a client to take what is queued and say goodbye too.
_CLOSE_SECONDS = 5.0


def _peer_address(request: web.Request) -> str:
    return request.remote or ""


def _now_us() -> int:
    return time.monotonic_ns() // 1000


class SignalingServer:
    """Serves `handle`. After `drain` only those inside are served; `close` ends all sessions, and belongs before the end of the loop."""

    def __init__(
        self,
        application: Application,
        gate: Gate,
        limits: Limits | None = None,
        *,
        profile_bytes: int = 4096,
        address_of: Callable[[web.Request], str] = _peer_address,
        may_call: Callable[[web.Request], bool] = lambda _: True,
        now_us: Callable[[], int] = _now_us,
    ) -> None:
        self.limits = limits or Limits()  # may be replaced; holds for sessions and connections from then on
        self._application = application
        self._gate = gate
        self._profile_bytes = profile_bytes
        self._address_of = address_of
        self._may_call = may_call
        self._now_us = now_us
        self._peers: dict[str, _Peer] = {}  # those that joined, by token
        self._connections: set[_Connection] = set()
        self._per_address: Counter[str] = Counter()
        self._joined_from: Counter[str] = (
            Counter()
        )  # sessions by address, with a connection or waiting for one
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_draining = False
        self._is_closing = False

    @property
    def sessions(self) -> int:
        """How many are joined, with a connection or waiting for one."""
        return len(self._peers)

    @property
    def connections(self) -> int:
        return len(self._connections)

    def add_to(self, app: web.Application, path: str = "/ws") -> None:
        app.router.add_get(path, self.handle)
        app.on_shutdown.append(self._on_shutdown)

    async def _on_shutdown(self, _app: web.Application) -> None:
        await self.close()

    def drain(self) -> None:
        """Take nobody in any more. Who is inside stays, and may resume."""
        self._is_draining = True

    async def close(self) -> None:
        """Tell all clients, end their sessions and wait until the application has let go of them."""
        self._is_draining = self._is_closing = True
        for peer in list(self._peers.values()):
            peer.close(Code.SHUTTING_DOWN)
        for connection in list(self._connections):
            connection.close(1001, Code.SHUTTING_DOWN)
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        limits, address = self.limits, self._address_of(request)
        # Whether it is of somebody inside who has lost theirs, only `hello` will tell.
        if self._is_closing or (self._is_draining and not self._peers):
            raise web.HTTPServiceUnavailable(text=Code.SHUTTING_DOWN)
        if not self._may_call(request):
            raise web.HTTPForbidden(text="pages of this origin may not use this server")
        key = address_key(address)
        if self._per_address[key] >= limits.connections_per_address:
            raise web.HTTPTooManyRequests(text="too many connections from this address")
        ws = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,),
            timeout=_CLOSE_SECONDS,
            heartbeat=20.0,
            compress=False,
            max_msg_size=max(limits.text_bytes, limits.binary_bytes) + 1024,
        )
        if ws.can_prepare(request).protocol != SUBPROTOCOL:
            raise web.HTTPBadRequest(text=f"a WebSocket with the subprotocol {SUBPROTOCOL} is served here")
        self._per_address[key] += 1
        try:
            await ws.prepare(request)
            connection = _Connection(ws, request, limits)
            self._connections.add(connection)
            try:
                await self._serve(connection, address, limits)
            finally:
                self._connections.discard(connection)
                await connection.finish()
        finally:
            self._per_address[key] -= 1
            if not self._per_address[key]:
                del self._per_address[key]
        return ws

    # ---- one connection ----

    async def _serve(self, connection: "_Connection", address: str, limits: Limits) -> None:
        session = Session(secrets.token_urlsafe(24), limits, profile_bytes=self._profile_bytes)
        connection.peer = _Peer(self, session, connection, address)
        greeting = asyncio.get_running_loop().call_later(limits.greeting_seconds, self._give_up, connection)
        try:
            while (data := await connection.receive()) is not None:
                for output in connection.peer.session.receive(data, self._now_us()):
                    await self._perform(output, connection.peer, connection)
        finally:
            greeting.cancel()
            self._detach(connection.peer, connection)

    def _give_up(self, connection: "_Connection") -> None:
        if connection.peer.session.state is not State.JOINED:
            connection.close(CLOSE_GREETING_TIMEOUT, "greeting_timeout")

    async def _perform(self, output: Output, peer: "_Peer", connection: "_Connection") -> None:
        match output:
            case Send(data):
                connection.send(data)
            case Close(code, reason):
                connection.close(code, reason)
            case Find(hello):
                self._resume(hello, peer, connection)
            case Ask(id, demand):
                # What is begun is done and answered, whatever becomes of this connection.
                await asyncio.shield(self._start(self._answer(id, demand, peer)))

    def _resume(self, hello: Hello, fresh: "_Peer", connection: "_Connection") -> None:
        """Put the earlier session in the place of the fresh one, if it can be had."""
        earlier = self._peers.get(hello.resume.session) if hello.resume is not None else None
        outputs = earlier.session.resume(hello) if earlier is not None else None
        if earlier is None or outputs is None:
            if earlier is not None:
                # Its client is here and cannot go on with it.
                self.end(earlier, "lost")
            fresh.emit(fresh.session.refuse(hello))
            return
        if earlier.connection is not None:
            earlier.connection.close(CLOSE_TAKEN_OVER, "taken_over")
        earlier.attach(connection)
        connection.peer = earlier
        earlier.emit(outputs)

    def _detach(self, peer: "_Peer", connection: "_Connection") -> None:
        if peer.connection is not connection:
            return  # it has another one by now
        peer.connection = None
        if connection.close_code in _LEAVING:
            self.end(peer, "left")
        elif peer.token in self._peers:
            self._await_return(peer)
        elif peer.session.state is not State.JOINING:
            peer.session.end()

    def _await_return(self, peer: "_Peer") -> None:
        loop = asyncio.get_running_loop()
        peer.expiry = loop.call_later(self.limits.resume_seconds, self.end, peer, "lost")
        peer.absence = loop.call_later(self.limits.away_seconds, self.tell_away, peer, True)

    def tell_away(self, peer: "_Peer", away: bool) -> None:
        peer.is_away = away
        self._application.on_away(peer, away)

    # ---- requests ----

    async def _answer(self, id: int, demand: Demand, peer: "_Peer") -> None:
        # An earlier connection of the same session may have a request under way.
        async with peer.one_at_a_time:
            reply = await self._ask(id, demand, peer)
            peer.emit(peer.session.answer(id, reply))
        if isinstance(demand, Leave) and peer.connection is not None:
            peer.connection.close(1000, "left")

    async def _ask(self, id: int, demand: Demand, peer: "_Peer") -> Reply:
        try:
            return await self._do(id, demand, peer)
        except RoomMoved as moved:
            return Moved(url=moved.url, id=id)
        except RemoteError as error:
            return Error(code=error.code, message=error.message, id=id or None)
        except Exception:  # noqa: BLE001  whatever it is, this client is told, and the others go on
            _log.exception("request failed", request=type(demand).__name__)
            return Error(code=Code.INTERNAL, message="this is the server's fault", id=id or None)

    async def _do(self, id: int, demand: Demand, peer: "_Peer") -> Reply:
        application = self._application
        match demand:
            case Peek(room=room, token=token):
                self._refuse_if(self._is_draining)
                self._gate.check(room, token)
                return Peeked(id=id, count=await application.on_peek(room))
            case Join(room=room, token=token):
                return await self._join(id, room, token, peer)
            case Offer(sdp=sdp, heights=heights):
                answered = await application.on_offer(peer, sdp, heights)
                return Answer(id=id, sdp=answered.sdp, transport=answered.transport)
            case View(slots=slots):
                await application.on_view(peer, wishes(slots))
            case GetRoster(begin=begin):
                return Roster(id=id, roster=await application.on_roster(peer, begin))
            case Frame(kind=kind, participant=recipient, payload=payload) if kind == KIND_PROFILE:
                if recipient:
                    raise RemoteError(Code.BAD_MESSAGE, "a profile is for all: participant is 0")
                await application.on_profile(peer, payload)
            case Frame(kind=kind, participant=recipient, payload=payload):
                await application.on_relay(peer, kind, recipient, payload)
            case Leave():
                self.end(peer, "left")
        return Ok(id=id)

    async def _join(self, id: int, room: str, token: str | None, peer: "_Peer") -> Reply:
        self._refuse_if(self._is_draining)
        key = address_key(peer.address)
        # Those who wait to be resumed count too: who cuts connections would else have as many as they like.
        if self._joined_from[key] >= self.limits.connections_per_address:
            raise RemoteError(Code.RATE_LIMITED, "too many participants from this address")
        grant = self._gate.authorise(room, token, peer.address)
        entry: Entry = await self._application.on_join(peer, room, grant)
        peer.room, peer.participant = room, entry.participant
        self._peers[peer.token] = peer
        self._joined_from[key] += 1
        if self._is_closing:
            self.end(peer, Code.SHUTTING_DOWN)
        self._refuse_if(self._is_closing)
        if peer.connection is None:
            self._await_return(peer)
        return Joined(id=id, participant=entry.participant, roster=entry.roster, settings=entry.settings)

    @staticmethod
    def _refuse_if(is_late: bool) -> None:
        if is_late:
            raise RemoteError(Code.SHUTTING_DOWN, "this server takes nobody in any more")

    def end(self, peer: "_Peer", reason: str) -> None:
        """Forget a session and have the application do so."""
        if self._peers.pop(peer.token, None) is None:
            return
        key = address_key(peer.address)
        self._joined_from[key] -= 1
        if not self._joined_from[key]:
            del self._joined_from[key]
        peer.session.end()
        peer.stop_waiting()
        _ = self._start(self._leave(peer, reason))

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _leave(self, peer: "_Peer", reason: str) -> None:
        try:
            async with peer.one_at_a_time:
                await self._application.on_leave(peer, reason)
        except Exception:  # noqa: BLE001  there is nobody left to tell
            _log.exception("leaving failed")


class _Peer:
    """A session with the connection that it has at the moment; see `application.Peer`."""

    def __init__(
        self, server: SignalingServer, session: Session, connection: "_Connection", address: str
    ) -> None:
        self.session = session
        self.token = session.token
        self.connection: _Connection | None = connection
        self.address = address
        self.room = ""
        self.participant = 0
        self.expiry: asyncio.TimerHandle | None = None
        self.absence: asyncio.TimerHandle | None = None
        self.is_away = False  # as told
        self.one_at_a_time = asyncio.Lock()
        self._server = server

    def attach(self, connection: "_Connection") -> None:
        self.connection = connection
        self.stop_waiting()
        if self.is_away:
            self._server.tell_away(self, False)

    def stop_waiting(self) -> None:
        for timer in (self.expiry, self.absence):
            if timer is not None:
                timer.cancel()
        self.expiry = self.absence = None

    def emit(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            if isinstance(output, Send) and self.connection is not None:
                self.connection.send(output.data)

    def tell(self, event: Outgoing) -> None:
        self.emit(self.session.tell(event))

    def deliver(self, kind: int, sender: int, payload: bytes) -> None:
        self.emit(self.session.deliver(kind, sender, payload))

    def close(self, code: str) -> None:
        self.tell(Closing(code=code))
        if self.connection is not None:
            self.connection.close(1001 if code == Code.SHUTTING_DOWN else CLOSE_PUT_OUT, code)
        self._server.end(self, code)


class _Connection:
    """One socket. What is to be sent waits in a bounded queue; a reader that lets it run full is dropped."""

    def __init__(self, ws: web.WebSocketResponse, request: web.Request, limits: Limits) -> None:
        self.peer: _Peer
        self.close_code: int | None = None  # that the client gave
        self._ws = ws
        self._request = request
        self._limits = limits
        self._queue: deque[str | bytes] = deque()
        self._queued_bytes = 0
        self._closing: tuple[int, str] | None = None
        self._is_dropped = False
        self._patience: asyncio.TimerHandle | None = None
        self._work = asyncio.Event()
        self._writer = asyncio.get_running_loop().create_task(self._write())

    async def receive(self) -> str | bytes | None:
        """The next frame; None when there will be none."""
        message = await self._ws.receive()
        if message.type is WSMsgType.TEXT or message.type is WSMsgType.BINARY:
            data: str | bytes = message.data
            return data if self._closing is None else None
        if message.type is WSMsgType.CLOSE and self._closing is None:
            self.close_code = message.data
        return None

    def send(self, data: str | bytes) -> None:
        if self._is_dropped or self._closing is not None:
            return
        self._queue.append(data)
        self._queued_bytes += len(data)
        self._work.set()
        if len(self._queue) > self._limits.queue_messages or self._queued_bytes > self._limits.queue_bytes:
            self._drop()

    def close(self, code: int, reason: str) -> None:
        """Close after all that is queued."""
        if self._closing is None:
            self._closing = (code, reason)
            self._work.set()
            self._patience = asyncio.get_running_loop().call_later(_CLOSE_SECONDS, self._abort)

    def _drop(self) -> None:
        # A closing handshake would wait for a reader that does not read.
        _log.info("slow reader dropped", queued_bytes=self._queued_bytes)
        self._is_dropped = True
        self._queue.clear()
        self._queued_bytes = 0
        self._abort()

    def _abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()

    async def _write(self) -> None:
        with contextlib.suppress(ConnectionError):  # the reading side sees it too, and ends
            while not self._is_dropped:
                while self._queue:
                    data = self._queue.popleft()
                    self._queued_bytes -= len(data)
                    if isinstance(data, str):
                        await self._ws.send_str(data)
                    else:
                        await self._ws.send_bytes(data)
                if self._closing is not None:
                    await self._ws.close(code=self._closing[0], message=self._closing[1].encode())
                    return
                self._work.clear()
                await self._work.wait()

    async def finish(self) -> None:
        if self._closing is None or self._is_dropped:
            self._writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._writer
        if self._patience is not None:
            self._patience.cancel()
