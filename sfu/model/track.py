"""Tracks: what a participant sends."""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, Protocol


class Kind(IntEnum):
    """Numbers as the engine and `sfu.sdp` use them."""

    AUDIO = 0
    VIDEO = 1


class Pair(NamedTuple):
    """What is seen and heard together: a participant's n-th video track and n-th audio track, in the order of m-lines."""

    participant: int
    nth: int


class Described(Protocol):
    """An m-line: what `sfu.sdp` says of a track or a slot."""

    @property
    def mid(self) -> str: ...
    @property
    def kind(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Track:
    """`id` is unique in the room; `mid` names the m-line in its publisher's offer."""

    id: int
    participant: int
    mid: str
    kind: Kind
