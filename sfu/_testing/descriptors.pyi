"""What describes a frame beside its payload: the Dependency Descriptor, and the descriptors of VP8 and VP9.

What C reports as -EXXX is raised as OSError.
"""

from typing import Final, TypedDict

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

    def equals(self, other: Structure) -> bool:
        """dd_structure_equal"""

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

class Vp8(TypedDict):
    """`struct vp8_descriptor`, with None for what is absent."""

    length: int
    frame_start: bool
    key_frame: bool
    not_referred: bool
    partition_start: bool
    partition: int
    picture_id: int | None
    wide: bool | None
    tl0_pic_idx: int | None
    temporal_id: int | None
    layer_sync: bool | None
    key_idx: int | None

class Vp9Structure(TypedDict):
    """`struct vp9_structure`"""

    spatial_layer_count: int
    resolutions: list[tuple[int, int]] | None
    picture_count: int

class Vp9(TypedDict):
    """`struct vp9_descriptor`, with None for what is absent."""

    length: int
    head_length: int
    predicted: bool
    flexible: bool
    frame_start: bool
    frame_end: bool
    not_referred_above: bool
    picture_id: int | None
    wide: bool | None
    temporal_id: int | None
    switching_up: bool | None
    spatial_id: int | None
    inter_layer_predicted: bool | None
    tl0_pic_idx: int | None
    references: list[int]
    structure: Vp9Structure | None
    picture_start: bool
    key_picture_start: bool

def vp8_parse(payload: bytes) -> Vp8: ...
def vp8_rewrite(
    payload: bytes,
    picture_id: int | None = None,
    tl0_pic_idx: int | None = None,
    key_idx: int | None = None,
    capacity: int = 6,
) -> bytes | None:
    """vp8_write of what was parsed, with these values in place of its own; None where it does not fit."""

def vp9_parse(payload: bytes) -> Vp9: ...
def vp9_rewrite(
    payload: bytes, picture_id: int | None = None, tl0_pic_idx: int | None = None, capacity: int = 5
) -> bytes | None:
    """vp9_write_head of what was parsed, with these values in place of its own; None where it does not fit."""
