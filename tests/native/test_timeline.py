"""A slot's time stamps: a function of capture time that never goes back and gathers nothing."""

from __future__ import annotations

import random

import pytest

from sfu._testing.sending import SHIFT_US, Timeline, ticks_of

MS = 1000
SECOND = 1_000_000
START_US = 5_000_000_000
RATE = 90_000
MASK = 0xFFFFFFFF
BASES = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def at(us: int, rate: int = RATE) -> tuple[int, int]:
    return us, ticks_of(us, rate)


def ahead(a: int, b: int) -> int:
    """a - b, as RTP time stamps compare."""
    return (a - b + 0x80000000 & MASK) - 0x80000000


@pytest.mark.parametrize("base", BASES)
def test_stamps_are_base_and_capture_time(base: int) -> None:
    time = Timeline(base)
    assert time.begin(RATE, at(START_US)) == (base + ticks_of(START_US, RATE)) & MASK
    for frame in range(1, 100):
        now_us = START_US + frame * 33 * MS
        assert time.stamp(at(now_us)) == (base + ticks_of(now_us, RATE)) & MASK
        assert time.now(now_us) == time.stamp(at(now_us))


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("behind_us", [0, 1, 10 * MS, 400 * MS, 900 * MS])
def test_what_enters_from_the_past_is_shifted_and_the_shift_fades(base: int, behind_us: int) -> None:
    time = Timeline(base)
    last = time.begin(RATE, at(START_US))
    begin_us = START_US - behind_us
    stamp = time.begin(RATE, at(begin_us))
    assert ahead(stamp, last) == 1
    for frame in range(1, 150):
        now_us = begin_us + frame * 20 * MS
        last, stamp = stamp, time.stamp(at(now_us))
        assert ahead(stamp, last) > 0
        # Time runs at half its pace at the least.
        assert ahead(stamp, last) >= 20 * MS * RATE // SECOND // 2 - 2
        if now_us - begin_us >= max(SHIFT_US, 2 * behind_us + 2):
            assert stamp == (base + ticks_of(now_us, RATE)) & MASK


def test_what_enters_later_is_not_shifted() -> None:
    time = Timeline(7)
    time.begin(RATE, at(START_US))
    time.begin(RATE, at(START_US + 20 * MS))
    assert time.shift == 0


def test_a_frame_has_one_stamp_though_it_is_sent_again_after_the_shift() -> None:
    time = Timeline(7)
    time.begin(RATE, at(START_US))
    first = {START_US - 50 * MS: time.begin(RATE, at(START_US - 50 * MS))}
    for frame in range(1, 60):
        now_us = START_US - 50 * MS + frame * 33 * MS
        first[now_us] = time.stamp(at(now_us))
    for capture_us, stamp in first.items():
        assert time.stamp(at(capture_us), late=True) == stamp


def test_going_back_is_seen() -> None:
    time = Timeline(0xFFFFFF00)
    time.begin(RATE, at(START_US))
    assert time.goes_on(at(START_US))
    assert time.goes_on(at(START_US + SECOND))
    assert not time.goes_on(at(START_US - MS))


def test_a_thousand_splices_gather_no_drift() -> None:
    chance = random.Random(3)
    base = chance.getrandbits(32)
    time = Timeline(base)
    now_us, last = START_US, None
    for _ in range(1000):
        # Each source is mapped a little off, and every third comes from just before what went out last.
        off_us = chance.randrange(-5 * MS, 5 * MS)
        if last is not None and chance.random() < 0.3:
            now_us -= chance.randrange(0, 30 * MS)
        stamp = time.begin(RATE, at(now_us + off_us))
        for _ in range(chance.randrange(1, 40)):
            assert last is None or ahead(stamp, last) > 0
            last = stamp
            now_us += 33 * MS
            stamp = time.stamp(at(now_us + off_us))
    now_us += 2 * SECOND
    assert time.begin(RATE, at(now_us)) == (base + ticks_of(now_us, RATE)) & MASK


def test_another_clock_rate_goes_on_from_the_same_moment() -> None:
    time = Timeline(99)
    before = time.begin(48_000, at(START_US, 48_000))
    after = time.begin(RATE, at(START_US + SECOND))
    assert ahead(after, before) == pytest.approx(RATE, abs=2)
    assert ahead(time.stamp(at(START_US + 2 * SECOND)), after) == pytest.approx(RATE, abs=2)


def test_after_a_pause_too_long_to_compare_nothing_is_shifted() -> None:
    time = Timeline(99)
    time.begin(RATE, at(START_US))
    later_us = START_US + 8 * 3600 * SECOND  # beyond half of the time stamps
    assert time.begin(RATE, at(later_us)) == (99 + ticks_of(later_us, RATE)) & MASK
