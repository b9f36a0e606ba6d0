"""NTP time stamps against exact arithmetic."""

from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sfu._testing import wire

MAX_US = (1 << 32) * 1_000_000 - 1  # 32 bits of seconds
US = st.integers(0, MAX_US)


@pytest.mark.parametrize(
    "us, ntp",
    [
        (0, 0),
        (1, 4294),
        (500_000, 1 << 31),
        (999_999, 0xFFFFEF39),
        (1_000_000, 1 << 32),
        (MAX_US, (0xFFFFFFFF << 32) | 0xFFFFEF39),
    ],
)
def test_known(us: int, ntp: int) -> None:
    assert wire.ntp_from_us(us) == ntp
    assert wire.ntp_to_us(ntp) == us


@given(US)
@example(MAX_US)
def test_round_trip_is_exact(us: int) -> None:
    ntp = wire.ntp_from_us(us)
    assert ntp == Fraction(us, 1_000_000) * (1 << 32) // 1
    assert wire.ntp_to_us(ntp) == us


@given(st.integers(0, (1 << 64) - 1))
@example((1 << 64) - 1)
def test_to_us_rounds_to_nearest(ntp: int) -> None:
    assert abs(wire.ntp_to_us(ntp) - Fraction(ntp * 1_000_000, 1 << 32)) <= Fraction(1, 2)


@given(US)
@example(MAX_US)
def test_compact_is_the_middle(us: int) -> None:
    assert wire.ntp_compact(wire.ntp_from_us(us)) == wire.ntp_from_us(us) >> 16 & 0xFFFFFFFF
    assert wire.ntp_compact_from_us(us) == wire.ntp_compact(wire.ntp_from_us(us))


@given(st.integers(0, (1 << 32) - 1))
@example((1 << 32) - 1)
def test_compact_to_us_rounds_to_nearest(compact: int) -> None:
    assert abs(wire.ntp_compact_to_us(compact) - Fraction(compact * 1_000_000, 1 << 16)) <= Fraction(1, 2)


@given(US, st.integers(0, 65535 * 1_000_000))
def test_difference_of_compacts_survives_the_wrap(start: int, delay_us: int) -> None:
    """What a round-trip time is made of: the 16 bits of seconds wrap every 18 hours."""
    difference = wire.ntp_compact_from_us(start + delay_us) - wire.ntp_compact_from_us(start)
    assert abs(wire.ntp_compact_to_us(difference % (1 << 32)) - delay_us) <= 17  # 2^-16 s and rounding
