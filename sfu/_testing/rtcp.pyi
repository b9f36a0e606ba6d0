"""RTCP of `native/core`. Parsers raise OSError with the C function's errno."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

class SenderInfo(NamedTuple):
    ntp: int
    rtp_timestamp: int
    packet_count: int
    octet_count: int

class ReportBlock(NamedTuple):
    ssrc: int
    fraction_lost: int
    cumulative_lost: int
    highest_sequence: int
    jitter: int
    last_sr: int
    delay_since_sr: int

class Report(NamedTuple):
    ssrc: int
    sender: SenderInfo | None
    blocks: list[ReportBlock]

class Remb(NamedTuple):
    bitrate_bps: int
    ssrcs: list[int]

class Feedback(NamedTuple):
    sender_ssrc: int
    media_ssrc: int
    base_sequence: int
    status_count: int
    reference_time: int
    feedback_count: int

class Status(NamedTuple):
    sequence: int
    received: bool
    arrival_us: int

class Packet:
    def __init__(self, type: int, count: int, body: bytes) -> None: ...
    @property
    def type(self) -> int: ...
    @property
    def count(self) -> int: ...
    @property
    def body(self) -> bytes: ...
    def __eq__(self, other: object) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

def walk(datagram: bytes) -> tuple[list[Packet], int]:
    """The packets before the end or the first error, and that error's errno, or 0."""

def check(datagram: bytes) -> int:
    """0 or an errno."""

class Writer:
    """Writes into `capacity` bytes; `data` asserts that nothing was written behind them."""

    def __init__(self, capacity: int) -> None: ...
    @property
    def ok(self) -> bool: ...
    @property
    def data(self) -> bytes: ...
    def packet(self, type: int, count: int, body: bytes) -> None: ...
    def report(self, ssrc: int, sender: SenderInfo | None, blocks: Sequence[ReportBlock]) -> None: ...
    def sdes_cname(self, ssrc: int, cname: bytes) -> None: ...
    def bye(self, ssrcs: Sequence[int]) -> None: ...
    def nack(self, sender_ssrc: int, media_ssrc: int, lost: Sequence[int]) -> None: ...
    def pli(self, sender_ssrc: int, media_ssrc: int) -> None: ...
    def fir(self, sender_ssrc: int, entries: Sequence[tuple[int, int]]) -> None: ...
    def remb(self, sender_ssrc: int, bitrate_bps: int, ssrcs: Sequence[int]) -> None: ...
    def twcc(
        self,
        sender_ssrc: int,
        media_ssrc: int,
        feedback_count: int,
        base: int,
        arrivals: Sequence[tuple[int, int]],
    ) -> int:
        """How many of the arrivals (extended sequence number, microseconds) the message reports."""

def report(packet: Packet) -> Report: ...
def sdes_cname(packet: Packet) -> tuple[int, bytes]: ...
def bye_ssrc(packet: Packet, index: int) -> int: ...
def feedback_ssrcs(packet: Packet) -> tuple[int, int]: ...
def nack(packet: Packet, capacity: int) -> tuple[int, list[int]]:
    """How many sequence numbers the message names, and the first `capacity` of them."""

def fir_entry(packet: Packet, index: int) -> tuple[int, int] | None: ...
def remb(packet: Packet) -> Remb: ...
def twcc(packet: Packet, capacity: int | None = None) -> tuple[Feedback, list[Status]]: ...
