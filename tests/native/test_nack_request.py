import random

import pytest

from sfu._testing.feedback import (
    MAX_AGE_US,
    MAX_MISSING,
    MAX_TRIES,
    MIN_INTERVAL_US,
    REORDER_US,
    NackRequest,
)

NEVER = (1 << 64) - 1
WRAPS = [0, 1, 127, 128, 255, 256, 32767, 32768, 65534, 65535]
RTT = 100_000

starts = pytest.mark.parametrize("start", WRAPS)


def after_gap(start: int, missing: int, now_us: int = 0) -> NackRequest:
    requests = NackRequest()
    assert not requests.on_packet(now_us, start)
    assert not requests.on_packet(now_us, start + missing + 1)
    return requests


@starts
def test_an_unbroken_stream_asks_nothing(start: int) -> None:
    requests = NackRequest()
    for n in range(1000):
        assert not requests.on_packet(n * 1000, start + n)
        assert requests.next_deadline_us == NEVER
    assert requests.poll(10**9, RTT) == []
    assert requests.take_abandoned() == 0


@starts
def test_a_gap_is_asked_for_after_a_wait_for_reordering(start: int) -> None:
    requests = after_gap(start, 3, now_us=1000)
    assert requests.next_deadline_us == 1000 + REORDER_US
    assert requests.poll(999 + REORDER_US, RTT) == []
    assert requests.poll(1000 + REORDER_US, RTT) == [start + 1, start + 2, start + 3]


@starts
def test_what_was_overtaken_is_not_asked_for(start: int) -> None:
    requests = after_gap(start, 3)
    for n in (2, 1, 3):
        requests.on_packet(REORDER_US - 1, start + n)
    assert requests.next_deadline_us == NEVER
    assert requests.poll(REORDER_US, RTT) == []


def test_the_start_of_a_stream_is_where_it_is() -> None:
    requests = NackRequest()
    requests.on_packet(0, 5000)
    requests.on_packet(0, 4990)  # overtaken by the first: nothing is known of what lies between
    assert requests.next_deadline_us == NEVER
    requests.on_packet(0, 5001)
    assert requests.poll(10**6, RTT) == []


@pytest.mark.parametrize(
    "rtt_us, interval_us", [(0, MIN_INTERVAL_US), (MIN_INTERVAL_US - 1, MIN_INTERVAL_US), (30_000, 30_000)]
)
def test_requests_are_a_round_trip_apart(rtt_us: int, interval_us: int) -> None:
    requests = after_gap(0, 1)
    now = REORDER_US
    for _ in range(5):
        assert requests.next_deadline_us == now
        assert requests.poll(now - 1, rtt_us) == []
        assert requests.poll(now, rtt_us) == [1]
        now += interval_us


def test_a_round_trip_is_counted_from_each_request_by_itself() -> None:
    requests = after_gap(0, 1)
    assert requests.poll(REORDER_US, RTT) == [1]
    requests.on_packet(50_000, 4)
    assert requests.next_deadline_us == 50_000 + REORDER_US
    assert requests.poll(50_000 + REORDER_US, RTT) == [3]
    assert requests.poll(REORDER_US + RTT, RTT) == [1]
    assert requests.next_deadline_us == 50_000 + REORDER_US + RTT


@starts
def test_after_the_last_try_it_is_given_up(start: int) -> None:
    requests = after_gap(start, 2)
    now = 0
    asked = []
    while requests.next_deadline_us != NEVER:
        assert requests.take_abandoned() == 0
        assert requests.next_deadline_us > now
        now = requests.next_deadline_us
        asked += requests.poll(now, 0)
    assert asked == [start + 1, start + 2] * MAX_TRIES
    assert now == REORDER_US + MAX_TRIES * MIN_INTERVAL_US  # the last request had its time too
    assert requests.take_abandoned() == 2
    assert requests.take_abandoned() == 0


def test_an_answer_to_the_last_try_is_in_time() -> None:
    requests = after_gap(0, 1)
    for n in range(MAX_TRIES):
        assert requests.poll(REORDER_US + n * MIN_INTERVAL_US, 0) == [1]
    requests.on_packet(REORDER_US + MAX_TRIES * MIN_INTERVAL_US - 1, 1)
    assert requests.next_deadline_us == NEVER
    assert requests.poll(10**9, 0) == []
    assert requests.take_abandoned() == 0


@pytest.mark.parametrize("rtt_us", [300_000, 600_000, 999_000, 5_000_000, NEVER])
def test_what_is_too_old_is_given_up(rtt_us: int) -> None:
    requests = after_gap(0, 1, now_us=500)
    tries = 0
    now = 0
    while requests.next_deadline_us != NEVER:
        now = requests.next_deadline_us
        tries += len(requests.poll(now, rtt_us))
    assert now == 500 + MAX_AGE_US
    assert tries == 1 + (MAX_AGE_US - REORDER_US - 1) // rtt_us
    assert requests.take_abandoned() == 1


def test_a_poll_long_after_asks_for_nothing_too_old() -> None:
    requests = after_gap(0, 2)
    requests.on_packet(MAX_AGE_US - 1, 5)
    assert requests.poll(MAX_AGE_US + REORDER_US, RTT) == [4]
    assert requests.take_abandoned() == 2


@starts
def test_a_packet_that_came_late_is_asked_for_no_more(start: int) -> None:
    requests = after_gap(start, 5)
    assert len(requests.poll(REORDER_US, RTT)) == 5
    for n in (3, 3, 1, 5):
        assert not requests.on_packet(20_000, start + n)
    assert requests.poll(REORDER_US + RTT, RTT) == [start + 2, start + 4]
    for n in (2, 4):
        requests.on_packet(200_000, start + n)
    assert requests.next_deadline_us == NEVER
    assert requests.poll(10**9, RTT) == []
    assert requests.take_abandoned() == 0


@starts
def test_a_burst_as_wide_as_can_be_asked_for(start: int) -> None:
    requests = after_gap(start, MAX_MISSING)
    assert requests.poll(REORDER_US, RTT) == list(range(start + 1, start + 1 + MAX_MISSING))


@starts
@pytest.mark.parametrize("missing", [MAX_MISSING + 1, 30_000, 70_000, 1 << 40])
def test_a_gap_too_wide_forgets_everything(start: int, missing: int) -> None:
    requests = after_gap(start, 3)
    end = start + 4 + missing + 1
    assert requests.on_packet(1000, end)
    assert requests.next_deadline_us == NEVER
    assert requests.poll(10**6, RTT) == []
    assert requests.take_abandoned() == 0  # told by the return value already
    assert not requests.on_packet(1000, end - 1)
    assert not requests.on_packet(1000, end + 2)
    assert requests.poll(10**6, RTT) == [end + 1]


def test_many_small_gaps_are_one_too_wide() -> None:
    requests = NackRequest()
    told = [requests.on_packet(0, 2 * n) for n in range(MAX_MISSING + 2)]
    assert told == [False] * (MAX_MISSING + 1) + [True]
    assert requests.next_deadline_us == NEVER


@pytest.mark.parametrize("capacity", [0, 1, 7])
def test_what_does_not_fit_is_asked_for_next(capacity: int) -> None:
    requests = after_gap(0, 20)
    asked = []
    for _ in range(20):
        part = requests.poll(REORDER_US, RTT, capacity)
        assert len(part) <= capacity
        asked += part
        if len(asked) < 20:
            assert requests.next_deadline_us <= REORDER_US
    assert asked == (list(range(1, 21)) if capacity else [])


@starts
@pytest.mark.parametrize("seed", range(4))
def test_under_loss_and_reordering_it_asks_for_exactly_what_is_missing(start: int, seed: int) -> None:
    chance = random.Random(seed)
    requests = NackRequest()
    requests.on_packet(0, start)
    since: dict[int, int] = {}
    asked_at: dict[int, list[int]] = {}
    highest = start
    now = abandoned = 0
    for _ in range(4000):
        now += chance.choice([0, 200, 1000, 3000])
        if since and chance.random() < 0.45:
            late = chance.choice(list(since))
            assert not requests.on_packet(now, late)
            del since[late]
            asked_at.pop(late, None)
        else:
            number = highest + chance.choice([1, 1, 1, 1, 1, 1, 2, 3, 8])
            assert not requests.on_packet(now, number)
            since.update(dict.fromkeys(range(highest + 1, number), now))
            highest = number
        asked = requests.poll(now, 25_000)
        assert asked == sorted(set(asked))
        for n in asked:
            assert now >= since[n] + REORDER_US
            assert now - since[n] < MAX_AGE_US
            times = asked_at.setdefault(n, [])
            assert not times or now >= times[-1] + 25_000
            times.append(now)
            assert len(times) <= MAX_TRIES
        for n, then in list(since.items()):
            times = asked_at.get(n, [])
            due = times[-1] + 25_000 if times else then + REORDER_US
            if len(times) == MAX_TRIES and now >= due:
                abandoned += 1
                del since[n]
            else:
                assert due > now  # nothing is overdue after a poll
        assert requests.take_abandoned() == abandoned
        abandoned = 0
        assert requests.next_deadline_us > now
