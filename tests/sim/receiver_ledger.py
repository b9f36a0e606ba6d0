"""Ground truth for the strict receiver: what reached the server, when, and when it was captured. The content of a packet is its
identity: publishers put into every payload something that no other packet has.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from tests.sim.receiver_wire import extend, parse_rtp


@dataclass(frozen=True, eq=False)
class Stream:
    """One layer of a source, as its publisher sends it. `delay_us`: least and most time from capture to the server."""

    source: int
    layer: int
    video: bool
    clock_rate: int
    delay_us: tuple[int, int] = (0, 0)

    def __str__(self) -> str:
        return f"source {self.source} layer {self.layer}"


@dataclass(frozen=True, eq=False, slots=True)
class Published:
    """One packet that reached the server. `number` is extended; `starts` and `key` are what the clear bytes of a VP8 payload say
    (RFC 7741 sections 4.2 and 4.3), `key` at the start of a frame only. Every audio packet starts a frame.
    """

    stream: Stream
    number: int
    timestamp: int
    marker: bool
    starts: bool
    key: bool
    captured_us: int
    arrived_us: int
    order: int  # of arrival, among all
    payload: bytes

    def __str__(self) -> str:
        return f"{self.stream} packet {self.number}"


class _Kept:
    """What is known of one stream."""

    def __init__(self, stream: Stream, ssrc: int) -> None:
        self.stream = stream
        self.ssrc = ssrc
        self.highest: int | None = None
        self.packets: dict[int, Published] = {}


class Ledger:
    """All that reached the server. `captured` reads the capture time, in µs of the server's clock, out of a payload."""

    def __init__(self, captured: Callable[[bytes, bool], int]) -> None:
        self._captured = captured
        self._of_ssrc: dict[int, tuple[_Kept, bool]] = {}
        self._of_stream: dict[Stream, _Kept] = {}
        self._of_payload: dict[bytes, Published] = {}
        self._order: deque[Published] = deque()
        self._count = 0

    def add_stream(self, stream: Stream, ssrc: int, rtx_ssrc: int = 0) -> None:
        kept = _Kept(stream, ssrc)
        self._of_stream[stream] = kept
        self._of_ssrc[ssrc] = kept, False
        if rtx_ssrc:
            self._of_ssrc[rtx_ssrc] = kept, True

    def knows(self, ssrc: int) -> bool:
        return ssrc in self._of_ssrc

    def on_datagram(self, at_us: int, data: bytes) -> None:
        """A decrypted RTP packet that has reached the server; RTX counts as what it repeats (RFC 4588 section 4)."""
        packet = parse_rtp(data)
        kept, repeated = self._of_ssrc[packet.ssrc]
        payload, wire = packet.payload, packet.sequence
        if repeated:
            if len(payload) <= 2:
                return
            (wire,), payload = struct.unpack_from("!H", payload), payload[2:]
        if not payload:
            return
        if kept.highest is None:
            kept.highest = wire
        number = extend(kept.highest, wire)
        kept.highest = max(kept.highest, number)
        if number in kept.packets:
            return
        video = kept.stream.video
        starts = not video or payload[0] & 0x17 == 0x10
        self._count += 1
        published = Published(
            kept.stream,
            number,
            packet.timestamp,
            packet.marker,
            starts,
            video and starts and payload[1] & 1 == 0,
            self._captured(payload, video),
            at_us,
            self._count,
            payload,
        )
        kept.packets[number] = published
        self._of_payload[payload] = published
        self._order.append(published)

    def find(self, payload: bytes) -> Published | None:
        return self._of_payload.get(payload)

    def at(self, stream: Stream, number: int) -> Published | None:
        return self._of_stream[stream].packets.get(number)

    def forget(self, before_us: int) -> None:
        """Drops what reached the server earlier."""
        while self._order and self._order[0].arrived_us < before_us:
            old = self._order.popleft()
            del self._of_payload[old.payload]
            del self._of_stream[old.stream].packets[old.number]
