"""Extending wire sequence numbers, from every wrap point."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu._testing.wire import seq64_extend, seq64_wire

WRAP_POINTS = [0, 1, 127, 128, 255, 256, 32767, 32768, 65534, 65535]
CYCLES = [0, 1, 2, 1 << 31, (1 << 47) - 2]


@pytest.mark.parametrize("cycle", CYCLES)
@pytest.mark.parametrize("start", WRAP_POINTS)
def test_steps_from_every_wrap_point(start: int, cycle: int) -> None:
    reference = cycle * 65536 + start
    for step in (0, 1, -1, 2, -2, 127, -127, 128, 255, 256, 32766, 32767, -32767, -32768):
        assert seq64_extend(reference, (start + step) % 65536) == reference + step


@pytest.mark.parametrize("start", WRAP_POINTS)
def test_half_the_range_counts_as_behind(start: int) -> None:
    reference = 65536 + start
    assert seq64_extend(reference, (start + 32768) % 65536) == reference - 32768


@pytest.mark.parametrize("start", WRAP_POINTS)
def test_a_stream_never_goes_back(start: int) -> None:
    sequence = start
    for step in range(1, 140_000):
        sequence = seq64_extend(sequence, (start + step) % 65536)
        assert sequence == start + step


def test_before_the_first_cycle_is_negative() -> None:
    assert seq64_extend(0, 65535) == -1
    assert seq64_extend(-1, 0) == 0
    assert seq64_wire(-1) == 65535


@given(st.integers(-(1 << 62), 1 << 62), st.integers(0, 65535))
def test_nearest_with_these_low_bits(reference: int, wire: int) -> None:
    extended = seq64_extend(reference, wire)
    assert extended % 65536 == wire
    assert -32768 <= extended - reference < 32768
    assert seq64_wire(extended) == wire
