import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu._testing.sending import BURST_US, MIN_BURST_BYTES, Pacer

NEVER = (1 << 64) - 1
BIT_US_PER_BYTE = 8_000_000

rates = st.one_of(st.integers(1, 100_000), st.integers(1, 10_000_000_000))
waits = st.one_of(st.integers(0, 50), st.integers(0, 20_000), st.integers(0, 5_000_000))


def test_an_untouched_bucket_holds_one_burst() -> None:
    assert Pacer(8_000_000, 0).grant(0) == 8_000_000 * BURST_US // BIT_US_PER_BYTE == 5000
    assert Pacer(30_000, 0).grant(0) == MIN_BURST_BYTES
    assert Pacer(0, 0).grant(0) == MIN_BURST_BYTES


def test_what_was_sent_comes_back_at_the_rate() -> None:
    bucket = Pacer(8_000_000, 1000)  # a byte a microsecond
    bucket.spend(5000)
    assert bucket.grant(1000) == 0
    assert bucket.next_us == 1001
    assert bucket.grant(1700) == 700
    assert bucket.grant(6000) == 5000
    assert bucket.grant(60_000_000) == 5000


def test_a_full_bucket_keeps_no_fraction_of_a_byte() -> None:
    bucket = Pacer(8000, 0)  # a byte a millisecond
    assert bucket.grant(999) == MIN_BURST_BYTES
    bucket.spend(MIN_BURST_BYTES)
    assert bucket.next_us == 1999


def test_debt_is_paid_before_anything_is_granted() -> None:
    bucket = Pacer(8_000_000, 0)
    bucket.spend(5000 + 1200)  # the last packet overdrew
    bucket.spend(300)  # audio does not ask
    assert bucket.level_bytes == -1500
    assert bucket.grant(1500) == 0
    assert bucket.grant(1501) == 1


def test_a_new_rate_holds_from_its_time_on() -> None:
    bucket = Pacer(8_000_000, 0)
    bucket.spend(15_000)
    bucket.set_rate(16_000_000, 4000)
    assert bucket.level_bytes == -6000
    assert bucket.grant(8000) == 2000
    bucket.set_rate(800_000, 8000)
    assert bucket.grant(8000) == MIN_BURST_BYTES  # the smaller bucket holds less


def test_time_that_goes_back_gives_nothing_twice() -> None:
    bucket = Pacer(8_000_000, 10_000)
    bucket.spend(5000)
    assert bucket.grant(10_400) == 400
    assert bucket.grant(10_000) == 400
    assert bucket.grant(10_400) == 400
    bucket.set_rate(8_000_000, 0)
    assert bucket.grant(10_500) == 500


def test_without_a_rate_debt_stays() -> None:
    bucket = Pacer(0, 0)
    bucket.spend(MIN_BURST_BYTES)
    assert bucket.next_us == NEVER
    assert bucket.grant(10**15) == 0
    bucket.set_rate(8_000_000, 10**15)
    assert bucket.next_us == 10**15 + 1


@pytest.mark.parametrize("rate_bps", [1, 10**9, 10**12, NEVER])
@pytest.mark.parametrize("idle_us", [10**6, 10**10, 10**17, NEVER])
def test_no_rate_and_no_pause_overflow(rate_bps: int, idle_us: int) -> None:
    bucket = Pacer(rate_bps, 0)
    full = bucket.burst_bytes
    bucket.spend(full + 1)
    granted = bucket.grant(idle_us)
    assert granted == min(full, max(0, bucket.rate_bps * idle_us // BIT_US_PER_BYTE - 1))


def test_a_debt_beyond_all_measure_has_no_time() -> None:
    bucket = Pacer(1, NEVER - 10)
    bucket.spend(MIN_BURST_BYTES)
    assert bucket.next_us == NEVER
    bucket.spend(1 << 60)
    assert bucket.next_us == NEVER


@settings(deadline=None)
@given(rate=rates, steps=st.lists(st.tuples(waits, st.none() | rates), max_size=60))
def test_nothing_is_lost_to_rounding_whenever_it_is_asked(
    rate: int, steps: list[tuple[int, int | None]]
) -> None:
    now = 12_345
    bucket = Pacer(rate, now)
    debt = 1 << 45  # so deep that the bucket is never full
    level = bucket.level_bytes - debt
    bucket.spend(debt)
    earned = 0
    for wait_us, new_rate in steps:
        now += wait_us
        earned += wait_us * rate
        if new_rate is None:
            assert bucket.grant(now) == 0
        else:
            bucket.set_rate(new_rate, now)
            rate = new_rate
        assert bucket.level_bytes == level + earned // BIT_US_PER_BYTE


@settings(deadline=None)
@given(rate=rates, steps=st.lists(waits, min_size=1, max_size=60), seed=st.integers(0, 1000))
def test_a_sender_gets_a_burst_and_the_rate_and_no_more(rate: int, steps: list[int], seed: int) -> None:
    packets = random.Random(seed)
    bucket = Pacer(rate, 0)
    now = sent = 0
    for wait_us in steps:
        now += wait_us
        granted = bucket.grant(now)
        assert granted <= bucket.burst_bytes
        while granted > 0:  # the last packet may overdraw
            size = packets.randint(40, 1232)
            bucket.spend(size)
            sent += size
            granted -= size
        assert sent < bucket.burst_bytes + 1232 + rate * now / BIT_US_PER_BYTE


@settings(deadline=None)
@given(rate=st.integers(1000, 10_000_000_000), count=st.integers(1, 100), seed=st.integers(0, 1000))
def test_a_sender_that_comes_when_told_to_gets_the_whole_rate(rate: int, count: int, seed: int) -> None:
    packets = random.Random(seed)
    bucket = Pacer(rate, 0)
    full = bucket.burst_bytes
    now = sent = 0
    for _ in range(count):
        granted = bucket.grant(now)
        assert granted > 0
        size = granted + packets.randint(0, 1231)
        bucket.spend(size)
        sent += size
        now = bucket.next_us
    # All credit but the burst at the beginning is earned at the rate, and at `now` there is the first new byte of it.
    earned = rate * now // BIT_US_PER_BYTE
    assert full + earned - sent >= 1
    assert full + rate * (now - 1) // BIT_US_PER_BYTE - sent < 1


@settings(deadline=None)
@given(rate=rates, spent=st.integers(0, 1 << 30), before_us=waits)
def test_next_is_the_first_microsecond_with_a_grant(rate: int, spent: int, before_us: int) -> None:
    def bucket() -> Pacer:
        made = Pacer(rate, 0)
        made.spend(made.burst_bytes + spent)
        made.grant(before_us)
        return made

    at = bucket().next_us
    assert bucket().grant(at) > 0
    if at > before_us:
        assert bucket().grant(at - 1) == 0
    else:
        assert at == before_us
        assert bucket().grant(before_us) > 0
