"""All messages by name, and the frames that carry them. PROTOCOL.md says what each is for.

Decoding is strict in types and bounds, and blind to fields that it does not know: newer clients may send more.
"""

import itertools
import struct
from typing import Annotated, Any, Literal

import msgspec

from sfu.errors import Code, RemoteError

VERSION = 0
SUBPROTOCOL = "sfu.0"

Id = Annotated[int, msgspec.Meta(ge=1, le=0xFFFF_FFFF)]
IdOrNone = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF_FFFF)]
RoomId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{22,64}\Z")]
Text = Annotated[str, msgspec.Meta(max_length=8192)]
LayerHeights = Annotated[
    list[Annotated[int, msgspec.Meta(ge=1, le=16384)]], msgspec.Meta(min_length=1, max_length=3)
]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a client sends. `id` grows from request to request; the same id is the same request."""

    id: Id


# ---- client to server ----


class Resume(msgspec.Struct, frozen=True, kw_only=True):
    session: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    seq: IdOrNone

    def __repr__(self) -> str:
        return f"Resume(session=…, seq={self.seq})"


class Hello(Request, frozen=True, kw_only=True, tag="hello"):
    versions: Annotated[list[int], msgspec.Meta(min_length=1, max_length=16)]
    capabilities: Annotated[
        list[Annotated[str, msgspec.Meta(max_length=64)]], msgspec.Meta(max_length=64)
    ] = []
    resume: Resume | None = None


class Join(Request, frozen=True, kw_only=True, tag="join"):
    room: RoomId
    token: Text | None = None

    def __repr__(self) -> str:
        return "Join(room=…, token=…)"


class Peek(Request, frozen=True, kw_only=True, tag="peek"):
    """How many are in a room, asked from outside."""

    room: RoomId
    token: Text | None = None

    def __repr__(self) -> str:
        return "Peek(room=…, token=…)"


class Offer(Request, frozen=True, kw_only=True, tag="offer"):
    """`heights` by mid: of a track's simulcast layers, in pixels, ascending."""

    sdp: str
    heights: Annotated[
        dict[Annotated[str, msgspec.Meta(max_length=16)], LayerHeights], msgspec.Meta(max_length=64)
    ] = {}

    def __post_init__(self) -> None:
        for heights in self.heights.values():
            if any(low >= high for low, high in itertools.pairwise(heights)):
                raise ValueError("heights go up from layer to layer")


class ViewSlot(msgspec.Struct, frozen=True, kw_only=True):
    slot: Annotated[int, msgspec.Meta(ge=0, le=255)]
    participant: Id | Literal["auto"] = "auto"
    nth: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0
    max_height: Annotated[int, msgspec.Meta(ge=0, le=16384)] | None = None
    priority: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0


class View(Request, frozen=True, kw_only=True, tag="view"):
    slots: Annotated[list[ViewSlot], msgspec.Meta(max_length=256)]


class GetRoster(Request, frozen=True, kw_only=True, tag="roster"):
    begin: IdOrNone = 0


class Leave(Request, frozen=True, kw_only=True, tag="leave"):
    pass


Incoming = Hello | Peek | Join | Offer | View | GetRoster | Leave


# ---- server to client: answers ----


class Answering(msgspec.Struct, frozen=True, kw_only=True):
    """`id` is that of the request."""

    v: int = VERSION
    id: int


class ClientLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a client should keep to, to be neither refused nor dropped."""

    text_bytes: int
    binary_bytes: int
    messages_per_second: float
    message_burst: int
    relay_bytes_per_second: float
    relay_burst_bytes: int
    profile_bytes: int
    resume_seconds: float


class Welcome(Answering, frozen=True, kw_only=True, tag="welcome"):
    version: int
    session: str
    resumed: bool
    limits: ClientLimits
    ice_servers: list[dict[str, Any]] = []

    def __repr__(self) -> str:
        return f"Welcome(version={self.version}, session=…, resumed={self.resumed})"


class TrackInfo(msgspec.Struct, frozen=True, kw_only=True):
    track: int
    kind: Literal["audio", "video"]


class Present(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    participant: int
    tracks: list[TrackInfo]
    away: bool = False


class RosterPage(msgspec.Struct, frozen=True, kw_only=True):
    participants: list[Present]
    total: int
    next: int = 0


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a client should offer. `codecs` in order of preference."""

    codecs: list[str] = []
    slots: int = 16
    extra_audio_slots: int = 4
    slots_max: int = 16


class Joined(Answering, frozen=True, kw_only=True, tag="joined"):
    participant: int
    roster: RosterPage
    settings: Settings


class Peeked(Answering, frozen=True, kw_only=True, tag="peeked"):
    count: int


class Answer(Answering, frozen=True, kw_only=True, tag="answer"):
    """`transport` is another number than before where the server has begun a new association."""

    sdp: str
    transport: int


class Roster(Answering, frozen=True, kw_only=True, tag="roster"):
    roster: RosterPage


class Ok(Answering, frozen=True, kw_only=True, tag="ok"):
    """Done, and there is nothing to say about it."""


class Moved(msgspec.Struct, frozen=True, kw_only=True, tag="moved"):
    """The room is at another server: connect to `url`. Answers a request if it has an id."""

    url: str
    v: int = VERSION
    id: int | None = None


class Error(msgspec.Struct, frozen=True, kw_only=True, tag="error"):
    """`id` is that of the request, null where there is none or it could not be read."""

    code: str
    message: str
    v: int = VERSION
    id: int | None = None


Reply = Welcome | Peeked | Joined | Answer | Roster | Ok | Moved | Error


# ---- server to client: events ----


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """`seq` is set by the session: 1, 2, 3 …, shared with what is delivered in binary frames."""

    v: int = VERSION
    seq: int = 0


class ParticipantJoined(Event, frozen=True, kw_only=True, tag="participant_joined"):
    participant: int


class ParticipantLeft(Event, frozen=True, kw_only=True, tag="participant_left"):
    participant: int
    reason: Literal["left", "lost"] = "left"


class ParticipantAway(Event, frozen=True, kw_only=True, tag="participant_away"):
    participant: int
    away: bool


class ParticipantCount(Event, frozen=True, kw_only=True, tag="participant_count"):
    count: int


class TrackAdded(Event, frozen=True, kw_only=True, tag="track_added"):
    participant: int
    track: int
    kind: Literal["audio", "video"]


class TrackRemoved(Event, frozen=True, kw_only=True, tag="track_removed"):
    participant: int
    track: int


class SlotInfo(msgspec.Struct, frozen=True, kw_only=True):
    """0: nobody, or nothing of this kind from them."""

    slot: int
    participant: int
    track: int


class Slots(Event, frozen=True, kw_only=True, tag="slots"):
    slots: list[SlotInfo]


class Speaker(msgspec.Struct, frozen=True, kw_only=True):
    participant: int
    level: int


class Speakers(Event, frozen=True, kw_only=True, tag="speakers"):
    """The loudest, loudest first; `level` in -dBov as RFC 6464 has it."""

    speakers: list[Speaker]


class Closing(Event, frozen=True, kw_only=True, tag="closing"):
    """The session ends after this; `code` as in errors."""

    code: str


Outgoing = (
    ParticipantJoined
    | ParticipantLeft
    | ParticipantAway
    | ParticipantCount
    | TrackAdded
    | TrackRemoved
    | Slots
    | Speakers
    | Closing
)


# ---- text frames ----


class _Envelope(msgspec.Struct, frozen=True):
    type: str
    v: int
    id: Id | None = None


_envelope = msgspec.json.Decoder(_Envelope)
_decoders: dict[str, msgspec.json.Decoder[Any]] = {
    kind.__struct_config__.tag: msgspec.json.Decoder(kind)  # type: ignore[misc]
    for kind in (Hello, Peek, Join, Offer, View, GetRoster, Leave)
}
_encoder = msgspec.json.Encoder()


class BadMessageError(RemoteError):
    """With the id of the request where it could be read."""

    def __init__(self, code: str, message: str, id: int | None = None) -> None:
        super().__init__(code, message)
        self.id = id


def decode(text: str | bytes) -> Incoming | None:
    """A message; None for one of an unknown type that nobody waits for. Raises `BadMessageError` for all else."""
    try:
        envelope = _envelope.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadMessageError(Code.BAD_MESSAGE, f"no message: {error}") from None
    if envelope.v != VERSION:
        raise BadMessageError(Code.UNSUPPORTED_VERSION, f"v is {envelope.v}, this is {VERSION}", envelope.id)
    decoder = _decoders.get(envelope.type)
    if decoder is None:
        if envelope.id is None:
            return None
        raise BadMessageError(Code.UNKNOWN_TYPE, f"{envelope.type[:64]!r} is not known here", envelope.id)
    try:
        message: Incoming = decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadMessageError(Code.BAD_MESSAGE, f"{envelope.type}: {error}", envelope.id) from None
    return message


def encode(message: msgspec.Struct) -> str:
    return _encoder.encode(message).decode()


# ---- binary frames ----

KIND_PROFILE = 1  # kept by the server, the last of each participant
KIND_RELAY = 2
KIND_CHAT = 3
KINDS = frozenset({KIND_PROFILE, KIND_RELAY, KIND_CHAT})

_HEADER = struct.Struct(">BBII")
HEADER_BYTES = _HEADER.size


class Frame(msgspec.Struct, frozen=True):
    """Opaque bytes between participants.

    To the server: `id` of the request, or 0 if no answer is wanted; `participant` is the recipient, 0 for all others.
    From the server: `id` is the event's seq, `participant` the sender.
    """

    kind: int
    id: int
    participant: int
    payload: bytes

    def __repr__(self) -> str:
        return f"Frame({self.kind}, id={self.id}, participant={self.participant}, {len(self.payload)} bytes)"


def decode_frame(data: bytes) -> Frame | None:
    """A frame; None for one of an unknown kind that nobody waits for. Raises `BadMessageError` for all else."""
    if len(data) < HEADER_BYTES:
        raise BadMessageError(
            Code.BAD_MESSAGE, f"a binary frame has {HEADER_BYTES} bytes at least, not {len(data)}"
        )
    version, kind, request, participant = _HEADER.unpack_from(data)
    if version != VERSION:
        raise BadMessageError(
            Code.UNSUPPORTED_VERSION, f"frame of version {version}, this is {VERSION}", request or None
        )
    if kind not in KINDS:
        if request == 0:
            return None
        raise BadMessageError(Code.UNKNOWN_TYPE, f"frames of kind {kind} are not known here", request)
    return Frame(kind, request, participant, bytes(data[HEADER_BYTES:]))


def encode_frame(frame: Frame) -> bytes:
    return _HEADER.pack(VERSION, frame.kind, frame.id, frame.participant) + frame.payload
