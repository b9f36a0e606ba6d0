import random

import pytest

from sfu._testing.sending import HISTORY_MAX, SendHistory

WRAPS = [1, 127, 128, 255, 256, 32767, 32768, 65534, 65535, 65536, 131072]


def started_at(sequence: int) -> SendHistory:
    history = SendHistory()
    for _ in range(1, sequence):
        history.add(0, 100)
    assert history.next == sequence
    return history


def test_an_empty_history_knows_nothing() -> None:
    history = SendHistory()
    assert history.next == 1
    assert [history.acknowledge(n, True) for n in (0, 1, 65535)] == [None, None, None]
    assert history.in_flight_bytes(0, 1000) == 0


@pytest.mark.parametrize("start", WRAPS)
def test_what_went_out_is_found_by_its_wire_number(start: int) -> None:
    history = started_at(start)
    for n in range(300):
        assert history.add(10**9 + n, 1000 + n) == start + n
    for n in range(300):
        assert history.acknowledge((start + n) & 0xFFFF, True) == (start + n, 10**9 + n, 1000 + n, False)
    assert history.acknowledge((start + 300) & 0xFFFF, True) is None  # not sent yet


def test_number_zero_was_never_sent() -> None:
    history = started_at(3)
    assert history.acknowledge(0, True) is None
    assert history.acknowledge(65535, True) is None


@pytest.mark.parametrize("start", WRAPS)
def test_only_the_newest_are_remembered(start: int) -> None:
    history = started_at(start)
    for _ in range(HISTORY_MAX + 50):
        history.add(10**9, 10)
    last = history.next - 1
    assert history.acknowledge((last - HISTORY_MAX + 1) & 0xFFFF, True) is not None
    assert history.acknowledge((last - HISTORY_MAX) & 0xFFFF, True) is None


def test_a_packet_is_new_until_it_was_reported_as_received() -> None:
    history = SendHistory()
    history.add(5, 100)
    assert history.acknowledge(1, False) == (1, 5, 100, False)
    assert history.acknowledge(1, True) == (1, 5, 100, False)
    assert history.acknowledge(1, True) == (1, 5, 100, True)
    assert history.acknowledge(1, False) == (1, 5, 100, True)
    assert history.acknowledge(1, False) == (1, 5, 100, True)  # received once is received


def test_a_slot_of_the_ring_starts_anew() -> None:
    history = SendHistory()
    for n in range(1, 3 * HISTORY_MAX):
        assert history.add(10**9, 10) == n
        assert history.acknowledge(n & 0xFFFF, True) == (n, 10**9, 10, False)
    assert history.in_flight_bytes(10**9, 0) == 0


def test_a_slow_sender_keeps_two_seconds_and_little_more() -> None:
    history = SendHistory()
    for n in range(5000):
        history.add(n * 20_000, 80)
    last = history.next - 1
    for back in range(100):
        assert history.acknowledge((last - back) & 0xFFFF, True) is not None
    assert history.acknowledge((last - 200) & 0xFFFF, True) is None


def test_the_history_grows_when_the_rate_does() -> None:
    history = SendHistory()
    for n in range(1000):
        history.add(n * 20_000, 80)
    for n in range(3000):
        history.add(20_000_000 + n * 500, 1200)
    last = history.next - 1
    for back in range(3000):
        packet = history.acknowledge((last - back) & 0xFFFF, True)
        assert packet == (last - back, 20_000_000 + (2999 - back) * 500, 1200, False)


def test_in_flight_is_what_no_feedback_spoke_of() -> None:
    history = SendHistory()
    for n in range(5):
        history.add(n * 10, 1 << n)
    assert history.in_flight_bytes(40, 1000) == 0b11111
    history.acknowledge(2, True)
    assert history.in_flight_bytes(40, 1000) == 0b11101
    history.acknowledge(4, False)  # lost
    assert history.in_flight_bytes(40, 1000) == 0b10101
    assert history.in_flight_bytes(40, 20) == 0b10100  # exactly as old still counts
    assert history.in_flight_bytes(41, 20) == 0b10000
    assert history.in_flight_bytes(0, 0) == 0b10101  # nothing is older than now


@pytest.mark.parametrize("start", [1, 65400])
def test_in_flight_agrees_with_a_plain_table(start: int) -> None:
    chance = random.Random(start)
    history = started_at(start)
    for n in range(max(1, start - HISTORY_MAX), start):
        history.acknowledge(n & 0xFFFF, True)
    flying: dict[int, tuple[int, int]] = {}
    now = 10**9
    for _ in range(8000):
        now += chance.choice([0, 100, 1000, 5000])
        if chance.random() < 0.7:
            size = chance.randint(40, 1232)
            flying[history.add(now, size)] = (now, size)
        elif flying:
            of = chance.choice([min(flying), max(flying), chance.choice(list(flying))])
            if history.acknowledge(of & 0xFFFF, chance.random() < 0.9) is not None:
                del flying[of]
        age = chance.choice([0, 20_000, 150_000, 500_000])
        expected = sum(size for sent, size in flying.values() if now - sent <= age)
        assert history.in_flight_bytes(now, age) == expected
        flying = {n: packet for n, packet in flying.items() if now - packet[0] <= 1_500_000}
