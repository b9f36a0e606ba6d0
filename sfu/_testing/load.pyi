"""The parts of the client role: payloads, sources, the verifier. Times are µs on the caller's clock."""

from collections.abc import Sequence
from typing import TypedDict

from sfu._testing.peer import SourceStats, StreamStats

MIN_BYTES: int
MAX_BYTES: int
MAX_BEHIND_US: int
MAX_FRAME_PACKETS: int
FRAMES: int
WINDOW: int

class Mark(TypedDict):
    """Which packet a payload belongs to; packet `index` of `count` of its frame, `length` bytes long."""

    stream: int
    sequence: int
    frame: int
    index: int
    count: int
    length: int
    video: bool
    key: bool
    capture_us: int

class SourcePacket(Mark):
    wire: int
    timestamp: int
    marker: bool
    layer: int

class Result(TypedDict):
    fresh: bool
    intact: bool
    key_frame_start: bool

def write_payload(mark: Mark, capacity: int | None = None) -> bytes | None:
    """None where it does not fit `capacity`, or the mark's length is too short."""

def read_payload(data: bytes, video: bool) -> Mark | int:
    """The mark, or a negative errno."""

class Source:
    def __init__(
        self,
        layers: Sequence[tuple[int, int, int, int]],
        *,
        video: bool = True,
        clock_rate: int = 90000,
        frames_per_second: int = 30,
        audio_bytes: int = 80,
        audio_level: int = 30,
        max_packet_bytes: int = 1100,
        key_size_percent: int = 500,
        key_interval: int = 0,
        size_spread_percent: int = 0,
        start_us: int = 0,
    ) -> None:
        """Each layer is (stream, bit/s, first sequence number, first time stamp)."""
    def poll(self, now_us: int) -> list[SourcePacket]: ...
    def next_deadline_us(self) -> int: ...
    def request_key_frame(self) -> None: ...
    def set_muted(self, muted: bool) -> None: ...
    def set_layer_active(self, layer: int, active: bool) -> None: ...
    def timestamp_at(self, layer: int, at_us: int) -> int: ...
    def stats(self) -> SourceStats: ...

class Verify:
    def __init__(self, *, video: bool = True, payload_type: int = 96) -> None: ...
    def on_packet(self, now_us: int, sequence: int, data: bytes, recovered: bool = False) -> Result:
        """`data` is a whole plain RTP packet."""
    def extend(self, original: int) -> int: ...
    def stats(self) -> StreamStats: ...
