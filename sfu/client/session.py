"""The client's half of signalling without I/O (sfu/signaling/PROTOCOL.md): ids, answers, events by seq, resuming.

Whoever owns the WebSocket calls `connected`, then feeds `receive` and sends what is in `outbox`. A session that can be
resumed hides the cut: requests are repeated, events come once and in order. One that cannot begins anew with `Renewed`.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any

import msgspec

from sfu.errors import SfuError
from sfu.signaling.messages import (
    VERSION,
    Answer,
    BadMessageError,
    Error,
    Event,
    Frame,
    Hello,
    Joined,
    Moved,
    Ok,
    Outgoing,
    Reply,
    Request,
    Resume,
    Roster,
    Welcome,
    decode_frame,
    encode,
    encode_frame,
)

BACKOFF_S = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
REFUSALS = 8  # of one request for the rate; then it has failed
_REFUSED_S = 0.1  # doubled each time
_REFUSED_MAX_S = 2.0  # an offer is taken that late at most


class ServerError(SfuError):
    """The server refused; `code` as in its protocol."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message or code)
        self.code = code


class ProtocolError(SfuError):
    """The server says what no server may say. The connection is of no use."""


@dataclass(frozen=True)
class Answered:
    id: int
    reply: Reply


@dataclass(frozen=True)
class Refused:
    """`id` is None where the server could not tell which request it was, or a frame was sent without one."""

    id: int | None
    error: ServerError


@dataclass(frozen=True)
class Told:
    event: Outgoing


@dataclass(frozen=True)
class Delivered:
    """Opaque bytes; `participant` is the sender by the server's word."""

    kind: int
    participant: int
    payload: bytes


@dataclass(frozen=True)
class Greeted:
    """The connection is good for requests. `resumed`: nothing was lost."""

    resumed: bool
    welcome: Welcome


@dataclass(frozen=True)
class Renewed:
    """What was joined before is gone, and with it the requests `lost`: join again."""

    lost: tuple[int, ...]


@dataclass(frozen=True)
class Redirected:
    """Connect to this URL instead."""

    url: str


Happening = Answered | Refused | Told | Delivered | Greeted | Renewed | Redirected


class Session:
    def __init__(self) -> None:
        self.outbox: deque[str | bytes] = deque()
        self.greeted = False
        self._next_id = 1
        self._hello_id = 0
        self._token: str | None = None
        self._seq = 0
        self._resuming = False
        self._unanswered: dict[int, str | bytes] = {}

    def connected(self) -> None:
        """A new connection stands: greets, with what is there to resume."""
        self.outbox.clear()
        self.greeted = False
        self._resuming = self._token is not None
        resume = Resume(session=self._token, seq=self._seq) if self._token else None
        self._hello_id = self._take_id()
        self.outbox.append(_request(Hello(id=self._hello_id, versions=[VERSION], resume=resume)))

    def request(self, kind: type[Request], **fields: Any) -> int:
        """Its id. Before `Greeted` it waits."""
        number = self._take_id()
        self._send(number, _request(kind(id=number, **fields)))
        return number

    def deliver(self, kind: int, payload: bytes, participant: int = 0) -> int:
        """A binary frame to one or to all, answered like a request."""
        number = self._take_id()
        self._send(number, encode_frame(Frame(kind, number, participant, payload)))
        return number

    def forget(self, id: int) -> None:
        """Nobody waits for this request any more."""
        self._unanswered.pop(id, None)

    def restart(self) -> tuple[int, ...]:
        """Nothing will be resumed. Gives the requests that are lost thereby."""
        lost = tuple(self._unanswered)
        self._token, self._seq = None, 0
        self._unanswered.clear()
        self.outbox.clear()
        return lost

    def receive(self, data: str | bytes) -> list[Happening]:
        """Raises ProtocolError."""
        if isinstance(data, bytes):
            return self._on_frame(data)
        try:
            envelope = _envelope.decode(data)
            decoder = _decoders.get(envelope.type)
            message = decoder.decode(data) if decoder else None
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise ProtocolError("the server sent what is no message") from None
        if envelope.seq is not None and not self._advance(envelope.seq):
            return []
        if isinstance(message, Event):
            return [Told(message)]  # type: ignore[arg-type]  # Outgoing is all of them
        if message is None:
            return []  # of a newer server
        return self._on_reply(message)

    def _on_reply(self, reply: Reply) -> list[Happening]:
        if reply.id == self._hello_id and isinstance(reply, Welcome):
            return self._on_welcome(reply)
        if reply.id == self._hello_id and isinstance(reply, Error) and self._resuming:
            return self._on_expired()
        if isinstance(reply, Moved):
            return [Redirected(reply.url)]
        if isinstance(reply, Error):
            # An id that nobody waits for is of a request given up.
            known = reply.id is not None and self._unanswered.pop(reply.id, None) is not None
            return [Refused(reply.id if known else None, ServerError(reply.code, reply.message))]
        if self._unanswered.pop(reply.id, None) is None:
            return []
        return [Answered(reply.id, reply)]

    def _on_welcome(self, welcome: Welcome) -> list[Happening]:
        self._token = welcome.session
        self._resuming = False
        self.greeted = True
        self._hello_id = 0
        self.outbox.extend(self._unanswered.values())
        return [Greeted(welcome.resumed, welcome)]

    def _on_expired(self) -> list[Happening]:
        """On the same connection, without what was before."""
        lost = self.restart()
        self.connected()
        return [Renewed(lost)]

    def _on_frame(self, data: bytes) -> list[Happening]:
        try:
            frame = decode_frame(data)
        except BadMessageError:
            raise ProtocolError("the server sent what is no frame") from None
        if frame is None or not self._advance(frame.id):
            return []
        return [Delivered(frame.kind, frame.participant, frame.payload)]

    def _advance(self, seq: int) -> bool:
        """Whether the event is the next one; an earlier one was had."""
        if seq <= self._seq:
            return False
        if seq != self._seq + 1:
            raise ProtocolError("the server has left out an event")
        self._seq = seq
        return True

    def _send(self, id: int, data: str | bytes) -> None:
        self._unanswered[id] = data
        if self.greeted:
            self.outbox.append(data)

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1


class _Envelope(msgspec.Struct, frozen=True):
    type: str
    v: int
    seq: int | None = None


_envelope = msgspec.json.Decoder(_Envelope)
_decoders: dict[str, msgspec.json.Decoder[Any]] = {
    kind.__struct_config__.tag: msgspec.json.Decoder(kind)
    for kind in (Welcome, Joined, Answer, Roster, Ok, Moved, Error, *Outgoing.__args__)
}


def _request(message: Request) -> str:
    """With `v`, which requests do not carry as a field."""
    text = encode(message)
    return f'{{"v":{VERSION},{text[1:]}'


def refused_s(refusals: int) -> float:
    """How long to wait before a request is made again that was refused for the rate so often, from 1 on."""
    return min(_REFUSED_MAX_S, _REFUSED_S * 2.0**refusals)


def backoff_s(attempt: int, random: float) -> float:
    """How long to wait before the `attempt`-th try, from 0 on; `random` from 0 to 1 keeps clients apart."""
    base_s = BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]
    return base_s * (0.5 + random / 2)
