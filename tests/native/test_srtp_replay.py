"""Tests of native/core/srtp_replay.c."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu._testing import srtp

WINDOW = srtp.REPLAY_WINDOW
STARTS = [0, 1, 127, 128, 255, 256, 32767, 32768, 65534, 65535, 2**32 - 1, 2**48 - 3000]


class Model:
    """The same window as a set of all indices ever marked."""

    def __init__(self) -> None:
        self.marked: set[int] = set()
        self.highest = -1

    def check(self, index: int) -> bool:
        return index >= 0 and index > self.highest - WINDOW and index not in self.marked

    def mark(self, index: int) -> None:
        self.marked.add(index)
        self.highest = max(self.highest, index)


def test_window_is_1024() -> None:
    assert WINDOW == 1024


def test_fresh_window_takes_any_index_but_a_negative_one() -> None:
    window = srtp.Replay()
    assert window.highest == -1
    for index in STARTS:
        assert window.check(index)
    for index in [-1, -2, -65536, -(2**63)]:
        assert not window.check(index)


@pytest.mark.parametrize("start", STARTS)
def test_every_index_once(start: int) -> None:
    window = srtp.Replay()
    for index in range(start, start + 2500):
        assert window.check(index)
        window.mark(index)
        assert window.highest == index
        assert not window.check(index)
    for index in range(start, start + 2500):
        assert not window.check(index)


@pytest.mark.parametrize("start", STARTS)
def test_edge(start: int) -> None:
    window = srtp.Replay()
    window.mark(start)
    highest = start + 2000
    window.mark(highest)
    assert window.check(highest - 1023)
    assert not window.check(highest - 1024)
    window.mark(highest - 1023)
    assert not window.check(highest - 1023)
    assert window.check(highest - 1022)
    window.mark(highest + 1)
    assert not window.check(highest - 1023)
    assert window.highest == highest + 1


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("jump", [1, 2, 63, 64, 65, 127, 128, 129, 1022, 1023, 1024, 1025, 5000])
def test_jump_forgets_what_stood_a_window_earlier(start: int, jump: int) -> None:
    window, model = srtp.Replay(), Model()
    for index in range(start, start + 1100):
        window.mark(index)
        model.mark(index)
    for _ in range(3):
        index = model.highest + jump
        window.mark(index)
        model.mark(index)
        for at in range(index - 1100, index + 3):
            assert window.check(at) == model.check(at), at


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(STARTS), st.integers(0, 2**32))
def test_agrees_with_a_set(start: int, seed: int) -> None:
    rng = random.Random(seed)
    window, model = srtp.Replay(), Model()
    at = start
    for _ in range(400):
        at = max(
            0, at + rng.choice([1, 1, 1, 2, -1, -3, 40, -40, 64, 700, -700, 1023, -1023, -1024, 1024, 3000])
        )
        assert window.check(at) == model.check(at)
        if model.check(at):
            window.mark(at)
            model.mark(at)
        assert window.highest == model.highest
