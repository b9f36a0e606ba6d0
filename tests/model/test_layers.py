"""Which simulcast layer suits a height."""

import pytest

from sfu.model.layers import highest_layer, nominal_heights


@pytest.mark.parametrize("layers,heights", [(1, (720,)), (2, (360, 720)), (3, (180, 360, 720))])
def test_nominal_heights(layers: int, heights: tuple[int, ...]) -> None:
    assert nominal_heights(layers) == heights


@pytest.mark.parametrize(
    "max_height,layer",
    [(None, 2), (16384, 2), (720, 2), (719, 1), (360, 1), (359, 0), (180, 0), (1, 0), (0, None)],
)
def test_the_highest_layer_up_to_a_height(max_height: int | None, layer: int | None) -> None:
    assert highest_layer((180, 360, 720), max_height) == layer
