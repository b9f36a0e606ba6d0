"""What media makes of Dependency Descriptors. What C reports as -EXXX is raised as OSError."""

from typing import Final, TypedDict

FILTER_FRAMES: Final[int]

class Frame:
    """`struct dd_frame` of one packet."""

    @property
    def number(self) -> int: ...
    @property
    def generation(self) -> int: ...
    @property
    def active(self) -> int: ...
    @property
    def layer(self) -> tuple[int, int]:
        """(spatial, temporal)"""
    @property
    def has_structure(self) -> bool: ...

class DdStream:
    """`struct dd_stream`"""

    def on_packet(self, data: bytes) -> Frame: ...
    @property
    def generation(self) -> int: ...
    def template_ids(self, generation: int) -> tuple[int, int] | None:
        """(offset, count) of a structure, None where it is not kept."""

class DdRun:
    """`struct dd_run`"""

    @property
    def targets(self) -> int: ...

class RewriteDd:
    """`struct rewrite_dd`"""

    @property
    def next_frame(self) -> int: ...
    def enter(self, stream: DdStream, frame: Frame, targets: int) -> DdRun: ...
    def restructure(self, before: DdRun, stream: DdStream, frame: Frame, targets: int) -> DdRun: ...
    def retarget(self, before: DdRun, stream: DdStream, targets: int) -> DdRun: ...
    def holds(self, run: DdRun) -> bool: ...
    def note(self, run: DdRun, frame: Frame) -> None: ...
    def changed(self, run: DdRun, frame: Frame) -> bytes:
        """rewrite_dd_change and dd_write_changed."""

class Verdict(TypedDict):
    """`struct dd_verdict`"""

    forward: bool
    last: bool
    changed: bool
    wants_key_frame: bool

class DdFilter:
    """`struct dd_filter`, begun with these layers wanted."""

    def __init__(self, spatial: int, temporal: int) -> None: ...
    def want(self, spatial: int, temporal: int) -> None: ...
    @property
    def targets(self) -> int: ...
    def on_packet(self, stream: DdStream, frame: Frame, timestamp: int) -> Verdict: ...
