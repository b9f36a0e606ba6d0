"""What a sender says of themselves, sealed (PROTOCOL.md, "Sealed messages"): name, sources, mute, recording."""

import base64
import unicodedata
from dataclasses import dataclass
from typing import Annotated, TypeVar

import msgspec

from sfu.client.keys import RoomKeys, Source
from sfu.client.sealed import Kind, MessageCount, MessageError, open_sealed, seal
from sfu.errors import LocalError

SENDER_BYTES = 16
NAME_POINTS = 64
SOURCES = 8
SAFE_INTEGER = (1 << 53) - 1  # that JavaScript holds exactly

# Marks that turn the direction of what follows, so that a name would not read as it is written.
DIRECTION_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_T = TypeVar("_T")

Count = Annotated[int, msgspec.Meta(ge=1, le=SAFE_INTEGER)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=SAFE_INTEGER)]
SenderText = Annotated[str, msgspec.Meta(min_length=22, max_length=22)]


class _SourceJson(msgspec.Struct, frozen=True):
    kid: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}\Z")]
    kind: Source
    muted: bool


class _ProfileJson(msgspec.Struct, frozen=True):
    sender: SenderText
    n: Count
    at: Milliseconds
    name: Annotated[str, msgspec.Meta(max_length=NAME_POINTS)]
    sources: Annotated[list[_SourceJson], msgspec.Meta(max_length=SOURCES)]
    recording: bool


@dataclass(frozen=True)
class SourceState:
    kid: int
    source: Source
    muted: bool = False


@dataclass(frozen=True)
class Profile:
    """What a sender says of themselves. `n` grows with each; `at_ms` since 1970."""

    sender: bytes
    n: int
    at_ms: int
    name: str
    sources: tuple[SourceState, ...] = ()
    recording: bool = False


def check_name(name: str) -> str:
    """A name that may be sent. Raises LocalError."""
    if len(name) > NAME_POINTS or not _is_name(name):
        raise LocalError(
            f"a name has at most {NAME_POINTS} characters, none of which controls the line or its direction"
        )
    return name


def seal_profile(profile: Profile, keys: RoomKeys, salt: bytes) -> bytes:
    told = _ProfileJson(
        encode_sender(profile.sender),
        profile.n,
        profile.at_ms,
        profile.name,
        [_SourceJson(f"{state.kid:016x}", state.source, state.muted) for state in profile.sources],
        profile.recording,
    )
    return seal(Kind.PROFILE, keys.profile, keys.room_id, msgspec.json.encode(told), salt)


def open_profile(data: bytes, keys: RoomKeys) -> Profile:
    """Raises MessageError."""
    json = open_sealed(Kind.PROFILE, keys.profile, keys.room_id, data)
    told = decode_json(json, _ProfileJson)
    kids = [int(source.kid, 16) for source in told.sources]
    if not _is_name(told.name) or len(set(kids)) < len(kids):
        raise MessageError(MessageCount.MALFORMED)
    states = (
        SourceState(kid, source.kind, source.muted) for kid, source in zip(kids, told.sources, strict=True)
    )
    return Profile(decode_sender(told.sender), told.n, told.at, told.name, tuple(states), told.recording)


def encode_sender(sender: bytes) -> str:
    return base64.urlsafe_b64encode(sender).rstrip(b"=").decode()


def decode_sender(text: str) -> bytes:
    """Raises MessageError unless it is the one text of these bytes."""
    try:
        sender = base64.b64decode(text + "==", altchars=b"-_", validate=True)
    except ValueError:
        raise MessageError(MessageCount.MALFORMED) from None
    if len(sender) != SENDER_BYTES or encode_sender(sender) != text:
        raise MessageError(MessageCount.MALFORMED)
    return sender


def decode_json(json: bytes, what: type[_T]) -> _T:
    """Raises MessageError."""
    try:
        return msgspec.json.decode(json, type=what)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise MessageError(MessageCount.MALFORMED) from None


def _is_name(name: str) -> bool:
    return not any(unicodedata.category(char) == "Cc" or char in DIRECTION_CONTROLS for char in name)
