"""A publisher's RTP time stamps on the server's clock: before reports, with them, and when clocks are set or jump."""

from __future__ import annotations

import random

import pytest

from sfu._testing.sending import DRIFT_PPM, SEGMENTS, ClockMap, ticks_of

MS = 1000
SECOND = 1_000_000
START_US = 5_000_000_000
VIDEO, AUDIO = 90_000, 48_000
MASK = 0xFFFFFFFF
# Rounding of microseconds to ticks and back.
ROUNDING_US = 25


def ntp_of(us: int) -> int:
    return us // SECOND << 32 | (us % SECOND << 32) // SECOND


def us_of(ntp: int) -> int:
    return (ntp >> 32) * SECOND + ((ntp & MASK) * SECOND >> 32)


class Publisher:
    """Clocks that differ from the server's: NTP by an offset and a rate, RTP by a random start."""

    def __init__(self, rates: tuple[int, ...] = (VIDEO, AUDIO), *, seed: int = 1, skew_ppm: int = 0) -> None:
        self.random = random.Random(seed)
        self.rates = rates
        self.skew_ppm = skew_ppm
        self.ntp_offset_us = 1_000_000 * SECOND
        self.starts = [self.random.getrandbits(32) for _ in rates]
        self.map = ClockMap(rates)

    def elapsed(self, now_us: int) -> int:
        since = now_us - START_US
        return since + since * self.skew_ppm // 1_000_000

    def timestamp(self, stream: int, capture_us: int) -> int:
        return (self.starts[stream] + self.elapsed(capture_us) * self.rates[stream] // SECOND) & MASK

    def packet(self, stream: int, capture_us: int, delay_us: int) -> tuple[int, int]:
        return self.map.on_packet(stream, capture_us + delay_us, self.timestamp(stream, capture_us))

    def report(self, stream: int, now_us: int, delay_us: int = 20 * MS) -> None:
        ntp = ntp_of(START_US + self.elapsed(now_us) + self.ntp_offset_us)
        self.map.on_report(stream, now_us + delay_us, ntp, self.timestamp(stream, now_us))


def close(found: int, expected: int, within_us: int) -> bool:
    return abs(found - expected) <= within_us


def test_the_first_packet_is_captured_when_it_arrives() -> None:
    clocks = ClockMap([VIDEO])
    captured, ticks = clocks.on_packet(0, START_US, 0xFFFFFFFF)
    assert captured == START_US
    assert ticks == pytest.approx(ticks_of(START_US, VIDEO), abs=2)


@pytest.mark.parametrize("start", [0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFF00, 0xFFFFFFFF])
def test_capture_times_go_on_with_time_stamps_from_every_wrap_point(start: int) -> None:
    clocks = ClockMap([VIDEO])
    for frame in range(200):
        captured, ticks = clocks.on_packet(0, START_US + frame * 40 * MS, (start + frame * 3600) & MASK)
        assert captured == START_US + frame * 40 * MS
        assert abs(((ticks - ticks_of(captured, VIDEO) + 8) & MASK) - 8) <= 2


def test_jitter_moves_nothing_once_the_least_delay_is_known() -> None:
    publisher = Publisher((VIDEO,))
    publisher.packet(0, START_US, 10 * MS)
    seen = []
    for frame in range(1, 3000):
        capture_us = START_US + frame * 33 * MS
        delay_us = 10 * MS + publisher.random.randrange(0, 80 * MS)
        captured, ticks = publisher.packet(0, capture_us, delay_us)
        assert close(captured, capture_us + 10 * MS, 3 * MS)
        seen.append((ticks - publisher.timestamp(0, capture_us)) & MASK)
    # The distance to the source's own time stamps is constant for long stretches.
    assert len(set(seen)) < 20


def test_a_first_packet_that_was_late_is_put_right_within_a_second() -> None:
    publisher = Publisher((VIDEO,))
    publisher.packet(0, START_US, 90 * MS)
    last = 0
    for frame in range(1, 60):
        capture_us = START_US + frame * 33 * MS
        captured, _ = publisher.packet(0, capture_us, 10 * MS)
        assert captured > last, "time goes on"
        last = captured
        if frame * 33 > 1200:
            assert close(captured, capture_us + 10 * MS, 2 * MS)


def test_one_offset_for_audio_and_video() -> None:
    """Audio arrives 60 ms later after its capture than video does; reports say what belongs together."""
    publisher = Publisher()
    for turn in range(400):
        now_us = START_US + turn * 20 * MS
        video = publisher.packet(0, now_us, 10 * MS)
        audio = publisher.packet(1, now_us, 70 * MS)
        if turn in (20, 70, 120):
            publisher.report(0, now_us)
            publisher.report(1, now_us)
        if turn < 20:
            assert close(audio[0] - video[0], 60 * MS, ROUNDING_US), "arrival is all that is known"
        if turn > 80:
            assert close(audio[0], video[0], 3 * MS)
            assert close(video[0], now_us + 10 * MS, 3 * MS)


def test_the_first_report_alone_changes_nothing() -> None:
    publisher = Publisher((VIDEO,))
    for turn in range(100):
        now_us = START_US + turn * 33 * MS
        if turn == 50:
            publisher.report(0, now_us)
        captured, _ = publisher.packet(0, now_us, 10 * MS)
        assert close(captured, now_us + 10 * MS, ROUNDING_US)


def test_a_report_before_any_packet_is_passed_over() -> None:
    publisher = Publisher((VIDEO,))
    publisher.report(0, START_US)
    assert publisher.map.shift(ntp_of(START_US)) is None
    assert publisher.packet(0, START_US, 10 * MS)[0] == START_US + 10 * MS


@pytest.mark.parametrize("skew_ppm", [-100, 100])
def test_clocks_that_run_at_another_pace_are_followed(skew_ppm: int) -> None:
    publisher = Publisher(skew_ppm=skew_ppm)
    for turn in range(50 * 600):
        now_us = START_US + turn * 20 * MS
        delay_us = 10 * MS + publisher.random.randrange(0, 20 * MS)
        captured, _ = publisher.packet(turn % 2, now_us, delay_us)
        if turn % 50 < 2:
            publisher.report(turn % 2, now_us)
        assert close(captured, now_us + 10 * MS, 22 * MS if turn < 100 else 6 * MS)


def test_a_delay_that_stays_is_followed_no_faster_than_clocks_drift() -> None:
    publisher = Publisher((VIDEO,))
    for turn in range(30 * 20):
        now_us = START_US + turn * 33 * MS
        delay_us = 10 * MS if turn < 100 else 200 * MS
        captured, _ = publisher.packet(0, now_us, delay_us)
        allowed = max(0, turn - 99) * 33 * MS * DRIFT_PPM // 1_000_000 + ROUNDING_US
        assert 0 <= captured - now_us - 10 * MS + ROUNDING_US <= allowed + ROUNDING_US


def test_all_packets_of_a_frame_have_one_capture_time_however_late() -> None:
    publisher = Publisher((VIDEO,))
    publisher.packet(0, START_US, 100 * MS)
    first = {}
    for frame in range(1, SEGMENTS):
        capture_us = START_US + frame * 33 * MS
        first[capture_us] = publisher.packet(0, capture_us, 10 * MS)
    assert len({captured - capture_us for capture_us, (captured, _) in first.items()}) > 10, "it slews"
    for capture_us, reading in first.items():
        late = publisher.map.on_packet(
            0, START_US + 1500 * MS, publisher.timestamp(0, capture_us), recovered=True
        )
        assert late == reading


@pytest.mark.parametrize("by", [10 * SECOND, -10 * SECOND])
def test_time_stamps_that_jump_begin_anew(by: int) -> None:
    publisher = Publisher((VIDEO,))
    for turn in range(100):
        now_us = START_US + turn * 33 * MS
        publisher.packet(0, now_us, 10 * MS)
        if turn == 50:
            publisher.report(0, now_us)
    publisher.starts[0] += by * VIDEO // SECOND
    for turn in range(100, 200):
        now_us = START_US + turn * 33 * MS
        captured, _ = publisher.packet(0, now_us, 10 * MS)
        assert close(captured, now_us + 10 * MS, ROUNDING_US)
        if turn == 150:
            publisher.report(0, now_us)


def test_a_clock_that_stood_still_is_put_right_by_the_next_report() -> None:
    """While its source was muted the RTP clock did not go on: 1.5 s are missing."""
    publisher = Publisher()
    for turn in range(100):
        now_us = START_US + turn * 20 * MS
        publisher.packet(0, now_us, 10 * MS)
        publisher.packet(1, now_us, 10 * MS)
        if turn in (20, 60):
            publisher.report(0, now_us)
            publisher.report(1, now_us)
    publisher.starts[0] -= 1500 * VIDEO // 1000
    for turn in range(175, 500):
        now_us = START_US + turn * 20 * MS
        if turn == 180:
            publisher.report(0, now_us)
            publisher.report(1, now_us)
        video = publisher.packet(0, now_us, 10 * MS)
        audio = publisher.packet(1, now_us, 10 * MS)
        assert close(audio[0], now_us + 10 * MS, 2 * MS), "the other stream is not touched"
        if turn > 400:
            assert close(video[0], now_us + 10 * MS, 3 * MS)


@pytest.mark.parametrize("by", [3600 * SECOND, -3600 * SECOND])
def test_an_ntp_clock_that_is_set_parts_nothing(by: int) -> None:
    publisher = Publisher()
    for turn in range(400):
        now_us = START_US + turn * 20 * MS
        if turn == 200:
            publisher.ntp_offset_us += by
        if turn % 50 == 20:
            publisher.report(0, now_us)
        if turn % 50 == 45:
            publisher.report(1, now_us)
        for stream in (0, 1):
            assert close(publisher.packet(stream, now_us, 10 * MS)[0], now_us + 10 * MS, 2 * MS)


def test_reports_that_part_audio_and_video_too_far_are_not_believed() -> None:
    publisher = Publisher()
    for turn in range(400):
        now_us = START_US + turn * 20 * MS
        if turn % 50 == 20:
            publisher.report(0, now_us)
            wrong = ntp_of(now_us + publisher.ntp_offset_us + 40 * SECOND)
            publisher.map.on_report(1, now_us, wrong, publisher.timestamp(1, now_us))
        for stream in (0, 1):
            assert close(publisher.packet(stream, now_us, 10 * MS)[0], now_us + 10 * MS, 2 * MS)


def test_a_publishers_ntp_time_is_put_on_the_servers_clock() -> None:
    publisher = Publisher((VIDEO,))
    assert publisher.map.shift(ntp_of(START_US)) is None
    for turn in range(100):
        publisher.packet(0, START_US + turn * 33 * MS, 10 * MS)
    now_us = START_US + 99 * 33 * MS
    publisher.report(0, now_us)
    shifted = publisher.map.shift(ntp_of(now_us + publisher.ntp_offset_us))
    assert shifted is not None
    assert close(us_of(shifted), now_us + 10 * MS, ROUNDING_US)


@pytest.mark.parametrize("seed", range(20))
def test_nothing_that_a_publisher_says_stops_the_clock(seed: int) -> None:
    """Any time stamps and reports: what comes out is near the arrival, always."""
    chance = random.Random(seed)
    clocks = ClockMap([VIDEO, 1, 1_000_000])
    now_us = START_US
    for _ in range(3000):
        now_us += chance.choice([0, 1, 20 * MS, 20 * MS, 3 * SECOND])
        stream = chance.randrange(3)
        if chance.random() < 0.2:
            clocks.on_report(stream, now_us, chance.getrandbits(64), chance.getrandbits(32))
        else:
            captured, _ = clocks.on_packet(stream, now_us, chance.getrandbits(32))
            assert now_us - 5 * SECOND <= captured <= now_us + 5 * SECOND
