"""Which simulcast layers are taken for live, and which one a receiver gets."""

from __future__ import annotations

import itertools

import pytest

from sfu._testing.sending import MISSED_FRAMES, SILENT_US, LayerActivity, choose_layer

MS = 1000
START_US = 1_000_000_000
FRAME = 3000  # ticks of 90 kHz


def run(
    activity: LayerActivity, layers: tuple[int, ...], frames: int, begin_us: int, step_us: int = 33 * MS
) -> list[int]:
    """Sends frames of three packets in those layers; when `live` changed."""
    changed = []
    for frame in range(frames):
        now_us = begin_us + frame * step_us
        for layer, _ in itertools.product(layers, range(3)):
            if activity.on_packet(layer, (0xFFFFFF00 + now_us // 11) & 0xFFFFFFFF, now_us):
                changed.append(now_us)
    return changed


def test_layers_come_as_they_are_heard() -> None:
    activity = LayerActivity()
    assert activity.live == []
    assert run(activity, (0,), 10, START_US) == [START_US]
    assert activity.live == [0]
    run(activity, (0, 1, 2), 1, START_US + 400 * MS)
    assert activity.live == [0, 1, 2]


@pytest.mark.parametrize("going_on,stopped", [((0, 1), 2), ((0,), 1), ((2,), 0), ((1, 2), 0)])
def test_a_layer_that_falls_silent_while_others_go_on_has_been_stopped(
    going_on: tuple[int, ...], stopped: int
) -> None:
    activity = LayerActivity()
    everything = (*going_on, stopped)
    run(activity, everything, 30, START_US)
    silent_us = START_US + 29 * 33 * MS
    (changed,) = run(activity, going_on, 30, silent_us + 33 * MS)
    assert SILENT_US <= changed - silent_us <= SILENT_US + 33 * MS
    assert activity.live == sorted(going_on)
    back_us = silent_us + 5_000 * MS
    assert run(activity, (stopped,), 1, back_us) == [back_us]
    assert activity.live == sorted(everything)


def test_where_all_fall_silent_nothing_changes() -> None:
    activity = LayerActivity()
    run(activity, (0, 1, 2), 30, START_US)
    assert run(activity, (0, 1, 2), 30, START_US + 60_000 * MS) == []
    assert activity.live == [0, 1, 2]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_one_picture_a_second_is_not_silence(order: tuple[int, ...]) -> None:
    activity = LayerActivity()
    run(activity, order, 1, START_US)
    assert run(activity, order, 60, START_US + 1000 * MS, step_us=1000 * MS) == []


def test_a_few_frames_that_a_layer_misses_do_not_count() -> None:
    activity = LayerActivity()
    run(activity, (0, 1), 1, START_US)
    assert run(activity, (0,), MISSED_FRAMES - 1, START_US + 1000 * MS, step_us=1000 * MS) == []
    assert activity.live == [0, 1]


@pytest.mark.parametrize(
    "live,wanted,current,chosen",
    [
        ([0, 1, 2], 2, 0, 2),
        ([0, 1, 2], 1, 2, 1),
        ([0, 1, 2], 0, 2, 0),
        ([0, 1], 2, 2, 1),
        ([0, 2], 1, 1, 0),
        ([0], 2, 1, 0),
        ([2], 1, 1, 1),  # none that is wanted is sent: it stays
        ([], 2, 1, 1),
    ],
)
def test_the_highest_live_layer_that_is_wanted(
    live: list[int], wanted: int, current: int, chosen: int
) -> None:
    assert choose_layer(live, wanted, current) == chosen


@pytest.mark.parametrize("wanted", [0, 1, 2])
def test_while_nothing_is_live_and_nothing_shown_it_is_the_lowest(wanted: int) -> None:
    assert choose_layer([], wanted) == 0
