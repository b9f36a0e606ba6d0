"""What describes a frame beside its payload: the Dependency Descriptor.

What C reports as -EXXX is raised as OSError.
"""

from typing import Final

MAX_FDIFFS: Final[int]
MAX_BYTES: Final[int]

class Bits:
    """A bit_reader over a copy of `data`."""

    def __init__(self, data: bytes) -> None: ...
    def ok(self) -> bool: ...
    @property
    def position(self) -> int: ...
    def read(self, width: int) -> int: ...
    def read_ns(self, values: int) -> int: ...
    def copy(self, width: int, capacity: int, before: int = 0) -> bytes | None:
        """bits_copy of the next `width` behind `before` set bits; None where they do not fit."""

def bits_written(fields: list[tuple[int, int]], capacity: int) -> bytes | None:
    """bits_write of (width, value) and bits_finish; None where they do not fit."""

class Structure:
    """`struct dd_structure`, as a descriptor carried it."""

    @property
    def template_id_offset(self) -> int: ...
    @property
    def spatial_layer_count(self) -> int: ...
    @property
    def chain_count(self) -> int: ...
    @property
    def protected_by(self) -> list[int]:
        """The chain of each decode target; empty without chains."""
    @property
    def target_layers(self) -> list[tuple[int, int]]:
        """(spatial, temporal) of each decode target."""
    @property
    def resolutions(self) -> list[tuple[int, int]] | None: ...
    @property
    def templates(self) -> list[tuple[int, int, list[int], list[int], list[int]]]:
        """(spatial, temporal, DTIs, fdiffs, chain fdiffs) of each."""

class Descriptor:
    """dd_parse. What cannot be parsed is no exception: see `status`."""

    def __init__(self, data: bytes, known: Structure | None = None) -> None: ...
    @property
    def status(self) -> int:
        """0 or errno; with ENOENT only the four mandatory fields are good."""
    @property
    def structure(self) -> Structure | None:
        """What it carries."""
    @property
    def start_of_frame(self) -> bool: ...
    @property
    def end_of_frame(self) -> bool: ...
    @property
    def template_id(self) -> int: ...
    @property
    def frame_number(self) -> int: ...
    @property
    def active_decode_targets(self) -> int | None: ...
    @property
    def layer(self) -> tuple[int, int]:
        """(spatial, temporal)"""
    @property
    def dtis(self) -> list[int]: ...
    @property
    def fdiffs(self) -> list[int]: ...
    @property
    def chain_fdiffs(self) -> list[int]: ...
    @property
    def bits(self) -> int: ...
    def changed_length(self, frame_number: int, template_id: int, active: int | None = None) -> int:
        """dd_changed_length."""
    def changed(
        self, frame_number: int, template_id: int, active: int | None = None, capacity: int = 256
    ) -> bytes:
        """dd_write_changed: the first two are added, `active` is set unless it is None."""
