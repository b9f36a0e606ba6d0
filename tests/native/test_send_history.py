
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
