"""One client's session, without I/O: what it may say when, what it is answered, and what it missed.

A session outlives its connection for a while. Whoever owns the sockets feeds it frames and performs what it returns;
requests go to the application and come back through `answer`, events through `tell` and `deliver`.
"""

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

import msgspec

from sfu.errors import Code
from sfu.signaling.limits import Limits, TokenBucket
from sfu.signaling.messages import (
    VERSION,
    BadMessageError,
    ClientLimits,
    Error,
    Event,
    Frame,
    GetRoster,
    Hello,
    Join,
    Joined,
    Leave,
    Offer,
    Peek,
    Reply,
    View,
    Welcome,
    decode,
    decode_frame,
    encode,
    encode_frame,
)


class State(Enum):
    NEW = auto()
    GREETED = auto()
    JOINING = auto()  # the application is asked
    JOINED = auto()
    ENDED = auto()


# What may be said in which state, and the state after it. All else is answered with `bad_state`.
_TRANSITIONS: dict[tuple[State, type], State] = {
    (State.NEW, Hello): State.GREETED,
    (State.GREETED, Peek): State.GREETED,
    (State.GREETED, Join): State.JOINING,
    (State.JOINED, Offer): State.JOINED,
    (State.JOINED, View): State.JOINED,
    (State.JOINED, GetRoster): State.JOINED,
    (State.JOINED, Frame): State.JOINED,
    (State.JOINED, Leave): State.ENDED,
}

# A text counts for one message more with each so many characters: an offer of 250 kB keeps the server busy for 0.1 s.
COUNTED_CHARACTERS = 8192

Demand = Peek | Join | Offer | View | GetRoster | Leave | Frame


@dataclass(frozen=True, slots=True)
class Send:
    data: str | bytes


@dataclass(frozen=True, slots=True)
class Ask:
    """Have it done and call `answer` with the same id. Id 0 is a frame whose sender waits for no answer."""

    id: int
    demand: Demand


@dataclass(frozen=True, slots=True)
class Find:
    """The client wants an earlier session back: see whether it is there, and call its `resume` or our `refuse`."""

    hello: Hello


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection with a WebSocket code, after what was sent before."""

    code: int
    reason: str


Output = Send | Ask | Find | Close


class Session:
    """`token` is what a client shows to get the session back; it must not be guessable."""

    def __init__(self, token: str, limits: Limits, *, profile_bytes: int = 4096) -> None:
        self.token = token
        self.state = State.NEW
        self._limits = limits
        self._profile_bytes = profile_bytes
        self._messages = TokenBucket(limits.messages_per_second, limits.message_burst)
        self._relayed = TokenBucket(limits.relay_bytes_per_second, limits.relay_burst_bytes)
        self._offers = TokenBucket(limits.offers_per_second, limits.offer_burst)
        self._refusals = 0
        self._answers = _Answers(limits.answers, limits.answer_bytes)
        self._pending: set[int] = set()
        self._events = _Events(limits.replay_events, limits.replay_bytes)

    # ---- from the client ----

    def receive(self, data: str | bytes, now_us: int) -> list[Output]:
        """A text frame as str, a binary frame as bytes. Never raises for what is in it."""
        if self.state is State.ENDED:
            return []
        limit = self._limits.text_bytes if isinstance(data, str) else self._limits.binary_bytes
        # No character has less than one byte; those with more are let through up to the connection's own limit.
        if len(data) > limit:
            return [
                _error(Code.TOO_LARGE, f"{len(data)} bytes, the limit is {limit}"),
                *self._count_refusal(),
            ]
        try:
            message = decode(data) if isinstance(data, str) else decode_frame(data)
        except BadMessageError as error:
            allowed = self._messages.take(self._cost(data), now_us)
            refusal = [] if allowed else self._count_refusal()
            return [_error(error.code, error.message, error.id), *refusal]
        if not self._take_rate(data, now_us) or not self._take_offer(message, now_us):
            request = (message.id or None) if message is not None else None
            return [
                _error(Code.RATE_LIMITED, "too much in too short a time", request),
                *self._count_refusal(),
            ]
        self._refusals = 0
        return [] if message is None else self._on_message(message)

    def _on_message(self, message: Hello | Demand) -> list[Output]:
        known = self._repeated(message.id) if not isinstance(message, Hello) else None
        if known is not None:
            return known
        after = _TRANSITIONS.get((self.state, type(message)))
        if after is None:
            text = f"{type(message).__name__.lower()} has no place while {self.state.name.lower()}"
            return [_error(Code.BAD_STATE, text, message.id or None)]
        if isinstance(message, Hello):
            return self._on_hello(message, after)
        self.state = after
        if message.id:
            self._pending.add(message.id)
        return [Ask(message.id, message)]

    def _on_hello(self, hello: Hello, after: State) -> list[Output]:
        if VERSION not in hello.versions:
            text = f"versions {hello.versions} are offered, this is {VERSION}"
            return [_error(Code.UNSUPPORTED_VERSION, text, hello.id), Close(1002, "unsupported_version")]
        if hello.resume is not None:
            return [Find(hello)]
        self.state = after
        return [self._welcome(hello.id, resumed=False)]

    def _repeated(self, id: int) -> list[Output] | None:
        """What to say to a request that was here before; None for one that is new."""
        if id == 0:
            return None
        if id in self._pending:
            return []  # its answer is on the way
        answer = self._answers.get(id)
        if answer is not None:
            return [Send(answer)]
        if id <= self._answers.forgotten:
            return [_error(Code.STALE_ID, f"request {id} is too old to tell whether it was done", id)]
        return None

    def _cost(self, data: str | bytes) -> int:
        """How many messages a frame counts for; never more than may come at once. Bytes of binary ones are counted apart."""
        if isinstance(data, bytes):
            return 1
        return max(1, min(1 + len(data) // COUNTED_CHARACTERS, self._limits.message_burst))

    def _take_rate(self, data: str | bytes, now_us: int) -> bool:
        if not self._messages.take(self._cost(data), now_us):
            return False
        return isinstance(data, str) or self._relayed.take(len(data), now_us)

    def _take_offer(self, message: Hello | Demand | None, now_us: int) -> bool:
        is_new = isinstance(message, Offer) and self._repeated(message.id) is None
        return not is_new or self._offers.take(1, now_us)

    def _count_refusal(self) -> list[Output]:
        self._refusals += 1
        if self._refusals < self._limits.refusals_in_a_row:
            return []
        return [Close(1008, "rate_limited")]

    # ---- from the application ----

    def answer(self, id: int, reply: Reply) -> list[Output]:
        """What became of the `Ask` with this id. Kept for a client that asks again."""
        if self.state is State.JOINING:
            self.state = State.JOINED if isinstance(reply, Joined) else State.GREETED
        if id == 0:
            return [Send(encode(reply))] if isinstance(reply, Error) else []
        self._pending.discard(id)
        text = encode(reply)
        self._answers.put(id, text)
        outputs: list[Output] = [Send(text)]
        if isinstance(reply, Joined):
            # What happened while the client was let in comes after it knows that it is in.
            outputs += self._replay_after(0)
        return outputs

    def tell(self, event: Event) -> list[Output]:
        """An event for the client. Kept for a while, in case that it does not arrive."""
        seq = self._events.next_seq
        return self._emit(encode(msgspec.structs.replace(event, seq=seq)))

    def deliver(self, kind: int, sender: int, payload: bytes) -> list[Output]:
        """Opaque bytes of another participant. Kept like an event."""
        return self._emit(encode_frame(Frame(kind, self._events.next_seq, sender, payload)))

    def _emit(self, data: str | bytes) -> list[Output]:
        if self.state is State.ENDED:
            return []
        self._events.put(data)
        return [Send(data)] if self.state is State.JOINED else []

    def end(self) -> None:
        """Nothing is taken or said any more."""
        self.state = State.ENDED

    # ---- coming back ----

    def resume(self, hello: Hello) -> list[Output] | None:
        """Take up with a new connection; None if events are lost that the client has not had.

        Requests that were not answered the client sends again, with the same ids.
        """
        if self.state is not State.JOINED or hello.resume is None:
            return None
        if not self._events.reaches(hello.resume.seq):
            return None
        return [self._welcome(hello.id, resumed=True), *self._replay_after(hello.resume.seq)]

    def refuse(self, hello: Hello) -> list[Output]:
        """There is nothing to resume. The client may greet anew on the same connection."""
        return [_error(Code.RESUME_EXPIRED, "join again", hello.id)]

    def _replay_after(self, seq: int) -> Sequence[Send]:
        return [Send(data) for data in self._events.after(seq)]

    def _welcome(self, id: int, *, resumed: bool) -> Send:
        limits = self._limits
        return Send(
            encode(
                Welcome(
                    id=id,
                    version=VERSION,
                    session=self.token,
                    resumed=resumed,
                    limits=ClientLimits(
                        text_bytes=limits.text_bytes,
                        binary_bytes=limits.binary_bytes,
                        messages_per_second=limits.messages_per_second,
                        message_burst=limits.message_burst,
                        relay_bytes_per_second=limits.relay_bytes_per_second,
                        relay_burst_bytes=limits.relay_burst_bytes,
                        profile_bytes=self._profile_bytes,
                        resume_seconds=limits.resume_seconds,
                    ),
                )
            )
        )


def _error(code: str, message: str, id: int | None = None) -> Send:
    return Send(encode(Error(code=code, message=message, id=id)))


class _Answers:
    """The last answers by request. `forgotten` is the highest id whose answer had to go."""

    def __init__(self, count: int, size: int) -> None:
        self._count = count
        self._size = size
        self._held = 0
        self._by_id: OrderedDict[int, str] = OrderedDict()
        self.forgotten = 0

    def get(self, id: int) -> str | None:
        return self._by_id.get(id)

    def put(self, id: int, text: str) -> None:
        self._by_id[id] = text
        self._held += len(text)
        while len(self._by_id) > self._count or self._held > self._size:
            oldest, gone = self._by_id.popitem(last=False)
            self._held -= len(gone)
            self.forgotten = max(self.forgotten, oldest)


class _Events:
    """The last events, numbered from 1 on."""

    def __init__(self, count: int, size: int) -> None:
        self._count = count
        self._size = size
        self._held = 0
        self._kept: deque[str | bytes] = deque()
        self.next_seq = 1

    def put(self, data: str | bytes) -> None:
        self._kept.append(data)
        self._held += len(data)
        self.next_seq += 1
        while len(self._kept) > self._count or self._held > self._size:
            self._held -= len(self._kept.popleft())

    def reaches(self, seq: int) -> bool:
        """Whether all that came after `seq` is still here."""
        return self.next_seq - 1 - len(self._kept) <= seq < self.next_seq

    def after(self, seq: int) -> list[str | bytes]:
        first = self.next_seq - len(self._kept)
        return list(self._kept)[max(0, seq + 1 - first) :]
