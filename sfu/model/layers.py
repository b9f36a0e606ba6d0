"""Which simulcast layer suits a height. Layers are numbered from the lowest, as their rids are offered."""

from collections.abc import Sequence
from typing import Final

_NOMINAL_HEIGHT: Final = 720  # of the highest layer, each lower one having half of it


def nominal_heights(layers: int) -> tuple[int, ...]:
    """Heights in pixels of a publisher's layers that has not said otherwise."""
    return tuple(_NOMINAL_HEIGHT >> (layers - 1 - layer) for layer in range(layers))


def highest_layer(heights: Sequence[int], max_height: int | None) -> int | None:
    """The highest layer that is no higher than that, and at least the lowest. None: no picture is wanted."""
    if max_height == 0:
        return None
    fitting = [layer for layer, height in enumerate(heights) if max_height is None or height <= max_height]
    return max(fitting, default=0)
