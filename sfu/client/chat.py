"""Chat lines, sealed (PROTOCOL.md, "Sealed messages"): each once, in the sender's order, gaps told, rates kept."""

import unicodedata
from dataclasses import dataclass
from typing import Annotated

import msgspec

from sfu.client.keys import RoomKeys
from sfu.client.numbers import LastNumbers
from sfu.client.profile import (
    Count,
    Milliseconds,
    SenderText,
    decode_json,
    decode_sender,
    encode_sender,
)
from sfu.client.sealed import Kind, MessageCount, MessageError, open_sealed, seal
from sfu.errors import LocalError

TEXT_POINTS = 2000
PER_SECOND = 5
BURST = 20
KEPT = 1000  # lines that a client shows


class _ChatJson(msgspec.Struct, frozen=True):
    sender: SenderText
    n: Count
    at: Milliseconds
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_POINTS)]


@dataclass(frozen=True)
class Line:
    """`missing`: how many lines of this sender, just before this one, did not come."""

    sender: bytes
    n: int
    at_ms: int
    text: str
    missing: int = 0


def check_text(text: str) -> str:
    """A line that may be sent. Raises LocalError."""
    if not 1 <= len(text) <= TEXT_POINTS or not _is_text(text):
        raise LocalError(f"a chat line has 1 to {TEXT_POINTS} characters, no controls but line feed and tab")
    return text


def seal_line(line: Line, keys: RoomKeys, salt: bytes) -> bytes:
    told = _ChatJson(encode_sender(line.sender), line.n, line.at_ms, line.text)
    return seal(Kind.CHAT, keys.chat, keys.room_id, msgspec.json.encode(told), salt)


class ChatOpener:
    """All lines that come in. A line had before is dropped, whoever carries it."""

    def __init__(self, keys: RoomKeys, numbers: LastNumbers) -> None:
        self._keys = keys
        self._numbers = numbers

    def open(self, data: bytes) -> Line:
        """Raises MessageError. Who comes later has missed what was said before, which is no gap."""
        json = open_sealed(Kind.CHAT, self._keys.chat, self._keys.room_id, data)
        told = decode_json(json, _ChatJson)
        sender = decode_sender(told.sender)
        if not _is_text(told.text):
            raise MessageError(MessageCount.MALFORMED)
        last = self._numbers.check(sender, told.n)
        self._numbers.remember(sender, told.n)
        missing = told.n - last - 1 if last is not None else 0
        return Line(sender, told.n, told.at, told.text, missing)


class ChatRate:
    """A bucket of 20 lines that fills by 5 a second."""

    def __init__(self) -> None:
        self._tokens = float(BURST)
        self._at_us: int | None = None

    def take(self, now_us: int) -> int:
        """0: may be sent, and is counted as sent. Else how many microseconds to wait before asking again."""
        if self._at_us is not None:
            self._tokens = min(BURST, self._tokens + (now_us - self._at_us) * PER_SECOND / 1e6)
        self._at_us = now_us
        if self._tokens >= 1:
            self._tokens -= 1
            return 0
        return int((1 - self._tokens) * 1e6 / PER_SECOND) + 1


def _is_text(text: str) -> bool:
    return not any(unicodedata.category(char) == "Cc" and char not in "\n\t" for char in text)
