"""Which simulcast layer suits a height. Layers are numbered from the lowest, as their rids are offered."""

import itertools
from collections.abc import Sequence
from typing import Final

MAX_LAYERS: Final = 3  # ENGINE_MAX_LAYERS
MAX_HEIGHT: Final = 16384  # pixels
_NOMINAL_HEIGHT: Final = 720  # of the highest layer, each lower one having half of it


def nominal_heights(layers: int) -> tuple[int, ...]:
    """Heights in pixels of a publisher's layers that has not said otherwise."""
    return tuple(_NOMINAL_HEIGHT >> (layers - 1 - layer) for layer in range(layers))


def check_heights(heights: Sequence[int]) -> None:
    """ValueError unless they can be those of one track's layers."""
    if not 1 <= len(heights) <= MAX_LAYERS:
        raise ValueError(f"a track has 1 to {MAX_LAYERS} heights, not {len(heights)}")
    if any(not 1 <= height <= MAX_HEIGHT for height in heights):
        raise ValueError(f"a height is 1 to {MAX_HEIGHT}")
    if any(low >= high for low, high in itertools.pairwise(heights)):
        raise ValueError("heights go up from layer to layer")


def highest_layer(heights: Sequence[int], max_height: int | None) -> int | None:
    """The highest layer that is no higher than that, and at least the lowest. None: no picture is wanted."""
    if max_height == 0:
        return None
    fitting = [layer for layer, height in enumerate(heights) if max_height is None or height <= max_height]
    return max(fitting, default=0)
