import random
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu._testing.feedback import FEEDBACK_INTERVAL_US, MAX_PENDING, MAX_REORDER, ArrivalFeedback

NEVER = (1 << 64) - 1
WRAPS = [0, 1, 127, 128, 255, 256, 32767, 32768, 65534, 65535]
TICK_US = 250
LATER = 10 * FEEDBACK_INTERVAL_US

starts = pytest.mark.parametrize("start", WRAPS)


@dataclass(frozen=True)
class Message:
    base: int
    count: int  # of the message, not of its packets
    arrivals: list[int | None]  # microseconds, None: lost; from base on

    def received(self) -> list[int]:
        return [
            (self.base + n) & 0xFFFF for n, arrival_us in enumerate(self.arrivals) if arrival_us is not None
        ]


def parse(message: bytes) -> Message:
    """By the draft's section 3.1, without the C parser."""
    assert message[0] & 0x1F == 15
    assert message[1] == 205
    assert len(message) == 4 * (int.from_bytes(message[2:4], "big") + 1)
    assert int.from_bytes(message[4:8], "big") == 1
    assert int.from_bytes(message[8:12], "big") == 2
    base = int.from_bytes(message[12:14], "big")
    status_count = int.from_bytes(message[14:16], "big")
    time_us = int.from_bytes(message[16:19], "big", signed=True) * 64_000
    symbols: list[int] = []
    at = 20
    while len(symbols) < status_count:
        chunk = int.from_bytes(message[at : at + 2], "big")
        at += 2
        if not chunk & 0x8000:
            symbols += [chunk >> 13] * (chunk & 0x1FFF)
        elif not chunk & 0x4000:
            symbols += [chunk >> shift & 1 for shift in range(13, -1, -1)]
        else:
            symbols += [chunk >> shift & 3 for shift in range(12, -1, -2)]
    arrivals: list[int | None] = []
    for symbol in symbols[:status_count]:
        time_us += TICK_US * int.from_bytes(message[at : at + symbol], "big", signed=symbol == 2)
        at += symbol
        arrivals.append(time_us if symbol else None)
    assert len(message) - at < 4
    return Message(base, message[19], arrivals)


def poll_all(feedback: ArrivalFeedback, now_us: int, capacity: int = 1200) -> list[Message]:
    messages = []
    while (message := feedback.poll(now_us, capacity=capacity)) is not None:
        assert len(message) <= capacity
        messages.append(parse(message))
    return messages


def test_without_packets_there_is_nothing_to_tell() -> None:
    feedback = ArrivalFeedback()
    assert feedback.next_deadline_us == NEVER
    assert feedback.poll(10**9) is None


@starts
def test_arrivals_come_back_as_they_were(start: int) -> None:
    feedback = ArrivalFeedback()
    times = [1_000_000, 1_000_250, 1_000_250, 1_030_000, 1_029_000, 1_100_000]
    for n, time in enumerate(times):
        feedback.on_packet(time, (start + n) & 0xFFFF)
    (message,) = poll_all(feedback, 1_100_000)
    assert message == Message(start, 0, list(times))
    assert feedback.next_deadline_us == NEVER


@starts
def test_gaps_are_losses_also_between_messages(start: int) -> None:
    feedback = ArrivalFeedback()
    for n in (0, 1, 4):
        feedback.on_packet(64_000, (start + n) & 0xFFFF)
    (first,) = poll_all(feedback, 64_000)
    assert first.arrivals == [64_000, 64_000, None, None, 64_000]
    feedback.on_packet(128_000, (start + 7) & 0xFFFF)
    (second,) = poll_all(feedback, LATER)
    assert second == Message((start + 5) & 0xFFFF, 1, [None, None, 128_000])


@starts
def test_reordered_within_an_interval_is_one_message(start: int) -> None:
    feedback = ArrivalFeedback()
    order = [3, 1, 0, 2, 5, 4, 3, 0]  # the last two are duplicates: the first arrival counts
    for n, offset in enumerate(order):
        feedback.on_packet(64_000 + n * 1000, (start + offset) & 0xFFFF)
    (message,) = poll_all(feedback, LATER)
    assert message.base == start
    assert message.arrivals == [66_000, 65_000, 67_000, 64_000, 69_000, 68_000]


def test_messages_are_an_interval_apart() -> None:
    feedback = ArrivalFeedback()
    sent = []
    for n in range(200):
        now = 1_000_000 + n * 5000
        feedback.on_packet(now, n)
        deadline = feedback.next_deadline_us
        messages = poll_all(feedback, now)
        assert bool(messages) == (deadline <= now)
        sent += [now] * len(messages)
    assert sent == list(range(1_000_000, 1_000_000 + 200 * 5000, FEEDBACK_INTERVAL_US))


def test_after_a_pause_the_first_packet_is_told_at_once() -> None:
    feedback = ArrivalFeedback()
    feedback.on_packet(0, 1)
    assert len(poll_all(feedback, 10)) == 1
    feedback.on_packet(20, 2)
    assert feedback.next_deadline_us == 10 + FEEDBACK_INTERVAL_US
    assert poll_all(feedback, 9 + FEEDBACK_INTERVAL_US) == []
    assert len(poll_all(feedback, 10 + FEEDBACK_INTERVAL_US)) == 1
    feedback.on_packet(10**6, 3)
    assert feedback.next_deadline_us == 10**6
    assert len(poll_all(feedback, 10**6)) == 1


@starts
def test_when_many_are_pending_a_message_is_due_at_once(start: int) -> None:
    feedback = ArrivalFeedback()
    feedback.on_packet(0, start)
    poll_all(feedback, 0)
    for n in range(1, MAX_PENDING // 2):
        feedback.on_packet(1000, (start + n) & 0xFFFF)
        assert feedback.next_deadline_us == FEEDBACK_INTERVAL_US
    feedback.on_packet(1000, (start + MAX_PENDING // 2) & 0xFFFF)
    assert feedback.next_deadline_us <= 1000
    (message,) = poll_all(feedback, 1000)
    assert len(message.arrivals) == MAX_PENDING // 2


@starts
@pytest.mark.parametrize("capacity", [28, 64, 200, 1200])
def test_what_does_not_fit_one_message_is_told_in_the_next(start: int, capacity: int) -> None:
    feedback = ArrivalFeedback()
    chance = random.Random(start)
    time = 64_000
    arrivals = []
    for n in range(200):
        time += chance.choice([0, 250, 100_000])  # some need two bytes
        arrivals.append(time)
        feedback.on_packet(time, (start + n) & 0xFFFF)
    messages = poll_all(feedback, time, capacity)
    assert [message.count for message in messages] == list(range(len(messages)))
    assert len(messages) > 1 or capacity == 1200
    base = start
    for message in messages:
        assert message.base == base & 0xFFFF
        base += len(message.arrivals)
    assert [time for message in messages for time in message.arrivals] == arrivals


def test_without_room_nothing_is_lost() -> None:
    feedback = ArrivalFeedback()
    feedback.on_packet(64_000, 5)
    for capacity in (0, 4, 20, 23):
        assert feedback.poll(64_000, capacity=capacity) is None
    assert poll_all(feedback, 64_000) == [Message(5, 0, [64_000])]


@starts
def test_a_pause_longer_than_a_delta_parts_the_messages(start: int) -> None:
    feedback = ArrivalFeedback()
    feedback.on_packet(64_000, start)
    feedback.on_packet(64_000_000, (start + 3) & 0xFFFF)
    assert poll_all(feedback, 64_000_000) == [
        Message(start, 0, [64_000]),
        Message((start + 1) & 0xFFFF, 1, [None, None, 64_000_000]),
    ]


@starts
def test_a_late_packet_is_told_without_calling_others_lost(start: int) -> None:
    feedback = ArrivalFeedback()
    for n in (0, 3, 5, 9):
        feedback.on_packet(64_000, (start + n) & 0xFFFF)
    poll_all(feedback, 64_000)
    for n in (10, 4, 8, 7, 1):
        feedback.on_packet(128_000, (start + n) & 0xFFFF)
    messages = poll_all(feedback, LATER)
    assert [(m.base - start & 0xFFFF, m.arrivals) for m in messages] == [
        (1, [128_000]),
        (4, [128_000]),
        (7, [128_000, 128_000]),
        (10, [128_000]),
    ]
    feedback.on_packet(LATER, (start + 12) & 0xFFFF)
    (message,) = poll_all(feedback, 2 * LATER)
    assert message.base == (start + 11) & 0xFFFF
    assert message.arrivals == [None, LATER // TICK_US * TICK_US]


@starts
def test_a_late_packet_that_adjoins_the_new_ones_shares_their_message(start: int) -> None:
    feedback = ArrivalFeedback()
    feedback.on_packet(64_000, start)
    feedback.on_packet(64_000, (start + 2) & 0xFFFF)
    poll_all(feedback, 64_000)
    for n in (4, 2):  # 2 came again
        feedback.on_packet(128_000, (start + n) & 0xFFFF)
    (message,) = poll_all(feedback, LATER)
    assert message.base == (start + 2) & 0xFFFF
    assert message.arrivals == [128_000, None, 128_000]


@starts
@pytest.mark.parametrize("behind", [MAX_REORDER, MAX_REORDER + 1])
def test_further_behind_than_reordering_is_a_new_sender(start: int, behind: int) -> None:
    feedback = ArrivalFeedback()
    feedback.on_packet(64_000, start)
    poll_all(feedback, 64_000)
    other = (start + 1 - behind) & 0xFFFF
    feedback.on_packet(128_000, other)
    feedback.on_packet(128_000, (other + 2) & 0xFFFF)
    messages = poll_all(feedback, LATER)
    if behind == MAX_REORDER:  # two late packets, each by itself, and the old numbering goes on
        assert [m.base for m in messages] == [other, (other + 2) & 0xFFFF]
        assert [m.arrivals for m in messages] == [[128_000], [128_000]]
        feedback.on_packet(192_000, (start + 1) & 0xFFFF)
        assert [m.base for m in poll_all(feedback, 2 * LATER)] == [(start + 1) & 0xFFFF]
    else:
        assert [(m.base, m.arrivals) for m in messages] == [(other, [128_000, None, 128_000])]
        feedback.on_packet(192_000, (other + 4) & 0xFFFF)
        (message,) = poll_all(feedback, 2 * LATER)
        assert (message.base, message.arrivals) == ((other + 3) & 0xFFFF, [None, 192_000])


@starts
@pytest.mark.parametrize("jump", [8194, 20_000, 32_767, 32_768, 40_000, 64_000])
def test_a_new_numbering_leaves_what_is_pending_and_is_no_loss(start: int, jump: int) -> None:
    feedback = ArrivalFeedback()
    for n in (0, 1):
        feedback.on_packet(64_000, (start + n) & 0xFFFF)
    for n in (0, 1):
        feedback.on_packet(65_000, (start + jump + n) & 0xFFFF)
    assert [(m.base, m.arrivals) for m in poll_all(feedback, LATER)] == [
        (start, [64_000, 64_000]),
        ((start + jump) & 0xFFFF, [65_000, 65_000]),
    ]


@starts
def test_an_outage_that_one_message_spans_is_told_as_loss(start: int) -> None:
    feedback = ArrivalFeedback()
    feedback.on_packet(64_000, start)
    poll_all(feedback, 64_000)
    feedback.on_packet(128_000, (start + 8192) & 0xFFFF)
    (message,) = poll_all(feedback, LATER)
    assert message.base == (start + 1) & 0xFFFF
    assert message.arrivals == [None] * 8191 + [128_000]


def test_who_does_not_poll_loses_the_oldest_untold() -> None:
    feedback = ArrivalFeedback()
    count = 3 * MAX_PENDING
    for n in range(count):
        feedback.on_packet(64_000, n)
    messages = poll_all(feedback, 64_000)
    told = [number for message in messages for number in message.received()]
    assert told == list(range(count - len(told), count))
    assert MAX_PENDING // 2 < len(told) <= MAX_PENDING
    assert all(time is not None for message in messages for time in message.arrivals)


def test_the_message_count_wraps() -> None:
    feedback = ArrivalFeedback()
    counts = []
    for n in range(300):
        feedback.on_packet(n * LATER, n)
        counts += [message.count for message in poll_all(feedback, n * LATER)]
    assert counts == [n & 0xFF for n in range(300)]


@settings(deadline=None)
@given(
    start=st.sampled_from(WRAPS),
    packets=st.lists(
        st.tuples(
            st.integers(0, 12_000),
            st.one_of(st.just(1), st.integers(1, 4), st.integers(-30, 0), st.sampled_from([300, -300])),
            st.booleans(),
        ),
        max_size=120,
    ),
)
def test_each_arrival_is_told_and_none_is_taken_back(
    start: int, packets: list[tuple[int, int, bool]]
) -> None:
    feedback = ArrivalFeedback()
    now = 5_000_000
    highest = 1000 + start  # in full; some may come before the first
    came: dict[int, int] = {}
    told: dict[int, int | None] = {}
    counted = 0
    begin: int | None = None

    def read(now_us: int) -> None:
        nonlocal counted, begin
        for message in poll_all(feedback, now_us, capacity=100):
            assert message.count == counted & 0xFF
            counted += 1
            for n, time in enumerate(message.arrivals):
                number = highest - ((highest - message.base - n) & 0xFFFF)
                begin = number if begin is None else begin
                if time is None:
                    assert number not in came
                    assert told.get(number) is None
                    told[number] = None
                else:
                    assert number in came
                    told[number] = told.get(number) or time

    for wait_us, step, polls in packets:
        now += wait_us
        number = highest + step
        highest = max(highest, number)
        came.setdefault(number, now)
        feedback.on_packet(now, number & 0xFFFF)
        if polls:
            read(now)
    read(now + FEEDBACK_INTERVAL_US)
    assert {n: time for n, time in told.items() if time is not None} == {
        n: time // TICK_US * TICK_US for n, time in came.items()
    }
    if begin is not None:
        assert told.keys() >= set(range(begin, max(told)))  # the messages leave no hole
