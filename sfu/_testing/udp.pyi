"""One UDP socket of a worker."""

from collections.abc import Sequence
from typing import TypeAlias, TypedDict

_Address: TypeAlias = tuple[str, int]

MAX_WAITING: int
"""Messages that a blocked socket keeps."""

class Counters(TypedDict):
    receive_calls: int
    receive_messages: int
    send_calls: int
    send_errors: int
    send_blocked: int
    gso_fallbacks: int
    socket_drops: int

class UdpSocket:
    def __init__(self, address: _Address = ("127.0.0.1", 0), buffer_bytes: int = ...) -> None:
        """Closed when nothing refers to it any more."""
    def fileno(self) -> int: ...
    @property
    def address(self) -> _Address: ...
    @property
    def blocked(self) -> bool: ...
    @property
    def waiting(self) -> int:
        """Messages that wait until it is writable."""
    @property
    def counters(self) -> Counters: ...
    def receive(self, now_us: int, realtime_offset_us: int) -> list[tuple[bytes, _Address, int]]:
        """One batch: bytes, sender and time of arrival on the clock of `now_us`."""
    def send(self, messages: Sequence[tuple[_Address, bytes, int]], now_us: int = 0) -> None:
        """Each of `messages` is (receiver, bytes, size of the datagrams to cut it into, 0: one)."""
    def on_writable(self, now_us: int = 0) -> bool: ...
