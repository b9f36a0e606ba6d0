"""What the strict receiver holds a server to, and how strictly. It imports nothing of the server."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MS = 1000
SECOND = 1_000_000


class Rule(StrEnum):
    """What a fault is against."""

    MALFORMED = "malformed"  # bytes that no RFC allows, or an SSRC of no slot
    PAYLOAD_TYPE = "payload type"
    EXTENSION = "extension"  # one that is not of this hop
    TRANSPORT_NUMBER = "transport-wide number"  # not one more than the last
    SEND_TIME = "send time"
    CONTENT = "content"  # bytes that nobody published
    NUMBER_TWICE = "number twice"
    CONTENT_TWICE = "content twice"  # under two numbers
    GAP = "gap"  # a number is missing and the packet is not
    ENTRY = "entry"  # another source or layer, or the same elsewhere, and not at a key frame
    MIXED_FRAME = "mixed frame"  # and in the middle of a frame
    TIMESTAMP = "time stamp"  # differs in a frame, or goes back, or has another pace than the source
    MARKER = "marker"
    PADDING = "padding"  # that pretends to be content
    RETRANSMISSION = "retransmission"  # wrong bytes, or not asked for
    UNANSWERED = "unanswered"  # a NACK
    REPORT = "sender report"  # does not fit the timeline, or counts wrongly
    DRIFT = "drift"  # the slot's line of time moves
    CAPTURE = "capture"  # a frame is not where its capture time belongs
    GOODBYE = "goodbye"  # a slot never ends
    CNAME = "cname"  # changes, or differs between the slots


@dataclass(frozen=True)
class Fault:
    at_us: int
    ssrc: int
    rule: Rule
    text: str

    def __str__(self) -> str:
        return f"{self.at_us / SECOND:.6f} s, {self.ssrc:#010x}: {self.rule}: {self.text}"


@dataclass(frozen=True)
class Limits:
    """How strict. The defaults are what is asked of the server; where less is asked, it says so where it is asked."""

    settle_us: int = 3 * SECOND
    history_us: int = 900 * MS  # a packet this much later than one above it may be too late to be forwarded
    nack_window_us: int = 300 * MS  # the last round trip: numbers sent within it are to be answered
    nack_repeat_us: int = 250 * MS  # a number answered within it need not be answered again
    answer_us: int = 60 * MS
    clock_us: int = 5 * MS  # between what a packet says of the time at which it leaves, and that time
    report_us: int = 5 * MS  # between an SR and the frames around it, and between SRs
    capture_us: int = 20 * MS  # between a frame's time stamp and its capture time
    # By how much a run's time may be faster or slower than its source's, while it is put right.
    pace: float = 0.55
    # What would enter in the past enters at most so long after what was shown last,
    clamp_us: int = 150 * MS
    # and is put right within that, or twice as long as it is off.
    slew_us: int = SECOND


@dataclass(frozen=True)
class SlotDescription:
    """What the answer said of a slot."""

    ssrc: int
    rtx_ssrc: int
    video: bool
    payload_type: int
    rtx_payload_type: int = 0
    clock_rate: int = 90_000
