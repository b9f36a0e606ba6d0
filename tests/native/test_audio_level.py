"""media/audio_level.c: levels smoothed, and told where they matter."""

import random

import pytest

from sfu._testing.parts import AudioLevel

MS = 1000
SECOND = 1_000_000
START = 5 * SECOND
SILENCE = 127


def feed(
    level: AudioLevel, dbov: int, duration_us: int, begin_us: int = START, packet_us: int = 20 * MS
) -> list[tuple[int, int]]:
    """When what was told."""
    told = []
    for now_us in range(begin_us, begin_us + duration_us, packet_us):
        value = level.on_packet(dbov, now_us)
        if value is not None:
            told.append((now_us - begin_us, value))
    return told


def test_silence_is_never_told() -> None:
    assert feed(AudioLevel(), SILENCE, 10 * SECOND) == []
    assert feed(AudioLevel(), 56, 10 * SECOND) == []


@pytest.mark.parametrize("packet_us", [10 * MS, 20 * MS, 60 * MS, 120 * MS])
def test_speech_is_told_soon_and_again_each_second(packet_us: int) -> None:
    told = feed(AudioLevel(), 20, 10 * SECOND, packet_us=packet_us)
    assert told[0][0] < 500 * MS
    assert told[-1][1] == 20
    assert all(value <= 50 for _, value in told)
    gaps = [after - before for (before, _), (after, _) in zip(told, told[1:], strict=False)]
    assert all(300 * MS <= gap <= SECOND + packet_us for gap in gaps)


def test_falling_silent_is_told_once() -> None:
    level = AudioLevel()
    feed(level, 20, 3 * SECOND)
    told = feed(level, SILENCE, 5 * SECOND, START + 3 * SECOND)
    values = [value for _, value in told]
    assert values[-1] == SILENCE
    assert values.count(SILENCE) == 1
    assert told[-1][0] <= 600 * MS


def test_a_click_is_not_speech() -> None:
    level = AudioLevel()
    feed(level, SILENCE, SECOND)
    assert level.on_packet(0, START + SECOND) is None
    assert feed(level, SILENCE, SECOND, START + SECOND + 20 * MS) == []


def test_between_the_thresholds_it_stays_as_it_is() -> None:
    quiet, loud = AudioLevel(), AudioLevel()
    assert feed(quiet, 53, 5 * SECOND) == []
    feed(loud, 20, 2 * SECOND)
    told = feed(loud, 53, 5 * SECOND, START + 2 * SECOND)
    assert told
    assert all(value <= 53 for _, value in told)


def test_any_levels_and_gaps_keep_the_rules() -> None:
    dice = random.Random(7)  # noqa: S311
    level, now_us, last_us, before = AudioLevel(), START, 0, SILENCE
    for _ in range(20_000):
        now_us += dice.choice((0, 1, 20 * MS, 20 * MS, 60 * MS, 3 * SECOND))
        value = level.on_packet(dice.choice((0, 30, 50, 55, 90, 127, 255)), now_us)
        if value is None:
            continue
        assert value <= 55 or value == SILENCE
        assert now_us - last_us >= 300 * MS
        assert value != SILENCE or before != SILENCE
        last_us, before = now_us, value
