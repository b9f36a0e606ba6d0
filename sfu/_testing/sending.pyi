"""media/sequence_map, media/pacer, media/send_history, media/clock_map, media/timeline and media/layer_select."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

MAP_RUNS: int
BURST_US: int
MIN_BURST_BYTES: int
HISTORY_MAX: int
SLEW_US: int
SLEW_BEGIN_US: int
DRIFT_PPM: int
SEGMENTS: int
SHIFT_US: int
SILENT_US: int
MISSED_FRAMES: int
NO_LAYER: int

# out_first, in_first, timestamp_offset, source, layer
_Run: TypeAlias = tuple[int, int, int, int, int]

class SequenceMap:
    def __init__(self) -> None: ...
    def begin(
        self,
        out_first: int,
        in_first: int,
        timestamp_offset: int = 0,
        source: int = 0,
        layer: int = 0,
        continues: bool = False,
    ) -> None:
        """OSError (EINVAL) below the newest run."""
    def begin_current_again(self) -> None:
        """Begins a run with a pointer into the map itself."""
    def find_out(self, out: int) -> _Run | None: ...
    def find_in(self, seq_in: int) -> _Run | None: ...
    def holds(self, source: int, layer: int, seq_in: int, next: int) -> bool: ...
    def to_in(self, out: int) -> int | None:
        """The incoming number that went out as `out`."""
    def to_out(self, seq_in: int) -> int | None:
        """What an incoming number becomes in the newest run."""
    @property
    def current(self) -> _Run | None: ...
    def truncate(self, out: int) -> None: ...

class Pacer:
    def __init__(self, rate_bps: int, now_us: int) -> None: ...
    def set_rate(self, rate_bps: int, now_us: int) -> None: ...
    def grant(self, now_us: int) -> int: ...
    def spend(self, size: int) -> None: ...
    @property
    def next_us(self) -> int: ...
    @property
    def burst_bytes(self) -> int: ...
    @property
    def rate_bps(self) -> int: ...
    @property
    def level_bytes(self) -> int: ...

class SendHistory:
    def __init__(self) -> None: ...
    @property
    def next(self) -> int: ...
    def add(self, sent_us: int, size: int) -> int: ...
    def acknowledge(self, sequence: int, received: bool) -> tuple[int, int, int, bool] | None:
        """Number, send time, bytes, whether it had been acknowledged before; None if unknown."""

def ticks_of(us: int, rate_hz: int) -> int:
    """A time in ticks of an RTP clock, modulo 2^32."""

class ClockMap:
    def __init__(self, rates: Sequence[int]) -> None:
        """A publisher's RTP clocks by index: one for each rate, in Hz."""
    def on_packet(
        self, stream: int, arrival_us: int, timestamp: int, recovered: bool = False
    ) -> tuple[int, int]:
        """Capture time in µs, and in ticks modulo 2^32."""
    def on_report(self, stream: int, arrival_us: int, ntp: int, timestamp: int) -> None: ...
    def shift(self, ntp: int) -> int | None:
        """The NTP time on the server's clock; None while that is not known."""

class Timeline:
    """Captures are (µs, ticks modulo 2^32)."""

    def __init__(self, base: int) -> None: ...
    def begin(self, rate: int, capture: tuple[int, int]) -> int:
        """Begins a run with a packet; its time stamp."""
    def stamp(self, capture: tuple[int, int], late: bool = False) -> int: ...
    def goes_on(self, capture: tuple[int, int]) -> bool: ...
    def now(self, now_us: int) -> int: ...
    @property
    def shift(self) -> int: ...

class LayerActivity:
    def __init__(self) -> None: ...
    def on_packet(self, layer: int, timestamp: int, now_us: int) -> bool:
        """Whether `live` has changed."""
    @property
    def live(self) -> list[int]: ...

def choose_layer(live: Iterable[int], wanted: int, current: int = ...) -> int: ...
