"""Tests of native/load/source_model.c."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu._testing import load
from sfu._testing.load import Source, SourcePacket

STARTS = [0, 1, 127, 128, 255, 256, 32767, 32768, 65534, 65535]
SECOND = 1_000_000
ONE = [(1, 500_000, 0, 0)]


def run(source: Source, until_us: int) -> list[SourcePacket]:
    """All packets of captures before `until_us`, polled at the source's own deadlines."""
    packets: list[SourcePacket] = []
    while source.next_deadline_us() < until_us:
        packets += source.poll(source.next_deadline_us())
    return packets


def frames_of(packets: list[SourcePacket]) -> list[list[SourcePacket]]:
    frames: dict[tuple[int, int], list[SourcePacket]] = {}
    for packet in packets:
        frames.setdefault((packet["stream"], packet["frame"]), []).append(packet)
    return list(frames.values())


@pytest.mark.parametrize("start", STARTS)
def test_numbers_go_on_across_wraps(start: int) -> None:
    packets = run(Source([(1, 500_000, start, 2**32 - 30_000)]), SECOND)
    assert [p["wire"] for p in packets] == list(range(start, start + len(packets)))
    assert all(p["sequence"] == p["wire"] for p in packets)
    stamps = [frame[0]["timestamp"] for frame in frames_of(packets)]
    assert stamps == [(2**32 - 30_000 + 3000 * n) % 2**32 for n in range(30)]


def test_frames_are_split_about_equally_with_a_marker_on_the_last() -> None:
    frames = frames_of(run(Source([(1, 1_000_000, 0, 0)]), SECOND))
    assert len(frames) == 30
    for frame in frames:
        lengths = [p["length"] for p in frame]
        assert lengths == sorted(lengths)
        assert max(lengths) - min(lengths) <= 1
        assert max(lengths) <= 1100
        assert [p["index"] for p in frame] == list(range(len(frame)))
        assert {p["count"] for p in frame} == {len(frame)}
        assert [p["marker"] for p in frame] == [False] * (len(frame) - 1) + [True]
        assert len({p["timestamp"] for p in frame}) == 1
        size = 1_000_000 // 8 // 30 * (5 if frame[0]["key"] else 1)
        assert sum(lengths) == size
        assert len(frame) == -(-size // 1100)


@given(
    st.integers(0, 50_000_000),
    st.integers(1, 120),
    st.integers(2 * load.MIN_BYTES, load.MAX_BYTES),
    st.integers(1, 2000),
    st.integers(0, 90),
)
def test_every_split_fits(bitrate_bps: int, fps: int, limit: int, key_size: int, spread: int) -> None:
    source = Source(
        [(1, bitrate_bps, 0, 0)],
        frames_per_second=fps,
        max_packet_bytes=limit,
        key_size_percent=key_size,
        size_spread_percent=spread,
    )
    for frame in frames_of(run(source, SECOND // 10)):
        lengths = [p["length"] for p in frame]
        assert load.MIN_BYTES <= min(lengths) <= max(lengths) <= limit
        assert max(lengths) - min(lengths) <= 1
        assert len(frame) == frame[0]["count"] <= load.MAX_FRAME_PACKETS


def test_the_rate_is_what_was_asked_for() -> None:
    packets = run(Source(ONE, key_size_percent=100, size_spread_percent=50), 60 * SECOND)
    total = sum(p["length"] for p in packets)
    assert total * 8 / 60 == pytest.approx(500_000, rel=0.05)
    assert len({sum(p["length"] for p in frame) for frame in frames_of(packets)}) > 100


def test_the_first_frame_is_a_key_frame_and_then_one_for_each_request() -> None:
    source = Source(ONE)
    packets = run(source, SECOND)
    source.request_key_frame()
    source.request_key_frame()
    packets += run(source, 2 * SECOND)
    assert [f[0]["frame"] for f in frames_of(packets) if f[0]["key"]] == [0, 30]
    assert source.stats()["key_frames"] == 2
    assert source.stats()["frames"] == 60
    assert source.stats()["packets"] == len(packets)


def test_a_key_interval_is_kept_and_starts_again_at_a_request() -> None:
    source = Source(ONE, key_interval=10)
    packets = run(source, SECOND // 2)  # frames 0 to 14
    source.request_key_frame()
    packets += run(source, SECOND)
    assert [f[0]["frame"] for f in frames_of(packets) if f[0]["key"]] == [0, 10, 15, 25]


@pytest.mark.parametrize("fps", [7, 24, 30, 60])
def test_the_capture_clock_is_steady_however_it_is_polled(fps: int) -> None:
    regular = run(Source(ONE, frames_per_second=fps, start_us=777), 10 * SECOND)
    source = Source(ONE, frames_per_second=fps, start_us=777)
    ragged: list[SourcePacket] = []
    now_us = 0
    while now_us < 10 * SECOND - 1:
        ragged += source.poll(now_us)
        now_us = min(now_us + 333_333, 10 * SECOND - 1)
    ragged += source.poll(now_us)
    assert ragged == regular
    for packet in regular:
        assert packet["capture_us"] == 777 + packet["frame"] * SECOND // fps
        assert packet["timestamp"] == packet["frame"] * 90_000 // fps
        # A sender report at the capture maps it to the same time stamp, within the µs and the tick of rounding.
        assert source.timestamp_at(0, packet["capture_us"]) == pytest.approx(packet["timestamp"], abs=1)


def test_what_is_too_old_is_skipped() -> None:
    source = Source(ONE)
    assert {p["frame"] for p in source.poll(0)} == {0}
    late = source.poll(10 * SECOND)
    assert {p["capture_us"] for p in late} == {10 * SECOND}
    assert {p["frame"] for p in late} == {1}
    assert source.stats()["captures_skipped"] == 299
    assert source.next_deadline_us() > 10 * SECOND


def test_layers_are_captured_together_and_numbered_apart() -> None:
    source = Source([(1, 100_000, 5, 0), (2, 400_000, 65535, 1000), (3, 1_600_000, 7, 2**32 - 1)])
    packets = run(source, SECOND)
    for layer, (stream, start, stamp) in enumerate(((1, 5, 0), (2, 65535, 1000), (3, 7, 2**32 - 1))):
        own = [p for p in packets if p["layer"] == layer]
        assert {p["stream"] for p in own} == {stream}
        assert [p["wire"] for p in own] == list(range(start, start + len(own)))
        assert own[0]["timestamp"] == stamp
        assert [f[0]["capture_us"] for f in frames_of(own)] == [n * SECOND // 30 for n in range(30)]
    source.request_key_frame()
    keyed = run(source, SECOND + 1)
    assert {p["layer"] for p in keyed if p["key"]} == {0, 1, 2}


def test_a_layer_that_was_off_resumes_with_a_key_frame() -> None:
    source = Source([(1, 100_000, 0, 0), (2, 400_000, 0, 0)])
    run(source, SECOND)
    source.set_layer_active(1, active=False)
    assert {p["layer"] for p in run(source, 2 * SECOND)} == {0}
    source.set_layer_active(1, active=True)
    back = run(source, 2 * SECOND + 1)
    assert {p["layer"]: p["key"] for p in back} == {0: False, 1: True}
    assert next(p for p in back if p["layer"] == 1)["frame"] == 30
    source.set_layer_active(9, active=False)


def test_audio_has_a_marker_after_silence_only() -> None:
    source = Source([(1, 0, 100, 2**32 - 960)], video=False, clock_rate=48000, frames_per_second=50)
    packets = run(source, SECOND)
    assert [p["marker"] for p in packets] == [True] + [False] * 49
    assert {p["length"] for p in packets} == {80}
    assert [p["timestamp"] for p in packets] == [(960 * n - 960) % 2**32 for n in range(50)]
    assert not any(p["key"] for p in packets)
    source.set_muted(muted=True)
    assert run(source, 2 * SECOND) == []
    source.set_muted(muted=False)
    packets += run(source, 3 * SECOND)
    assert [p["marker"] for p in packets[50:]] == [True] + [False] * 49
    assert packets[50]["timestamp"] == 99 * 960
    assert all(b["wire"] == a["wire"] + 1 for a, b in pairwise(packets))


@pytest.mark.parametrize(
    "changes",
    [
        {"layers": []},
        {"layers": ONE * 4},
        {"layers": ONE * 2, "video": False},
        {"clock_rate": 0},
        {"frames_per_second": 0},
        {"video": False, "audio_bytes": load.MIN_BYTES - 1},
        {"video": False, "audio_bytes": load.MAX_BYTES + 1},
        {"video": False, "audio_level": 128},
        {"max_packet_bytes": 2 * load.MIN_BYTES - 1},
        {"max_packet_bytes": load.MAX_BYTES + 1},
        {"key_size_percent": 0},
        {"size_spread_percent": 91},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(changes: dict[str, object]) -> None:
    arguments = {"layers": ONE, **changes}
    with pytest.raises(ValueError, match="refused"):
        Source(**arguments)  # type: ignore[arg-type]
