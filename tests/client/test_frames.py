from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.client import frames
from sfu.client.envelope import Codec
from sfu.client.frames import Count, ExhaustedError, FrameOpener, SendingSource
from sfu.client.keys import LinkKeys, Source
from tests.client.vectors import SENDER, VECTORS, frame_keys, named, room_keys

KID = int(VECTORS["sources"][0]["kid"], 16)
CAMERA = int(VECTORS["sources"][1]["kid"], 16)
TIME_MS = 1_795_539_600_123
STRANGER = 0x1111_1111_1111_1111
KEY_FRAMES = {Codec.VP8: b"\x50", Codec.VP9: b"\x82"}


def _source(kid: int = KID, counter: int = 0, source: Source = Source.MICROPHONE) -> SendingSource:
    return SendingSource(source, kid, LinkKeys(room_keys()), counter=counter)


def _sealed(count: int, kid: int = KID, size: int = 10) -> list[bytes]:
    source = _source(kid)
    return [source.seal(Codec.OPUS, b"x" * size, TIME_MS) for _ in range(count)]


@pytest.mark.parametrize("vector", named(VECTORS["frames"]))
def test_frame_is_sealed_as_the_vectors_have_it(vector: dict[str, Any]) -> None:
    source = _source(int(vector["kid"], 16), int(vector["counter"]), Source(vector["source"]))
    frame = bytes.fromhex(vector["frame"])
    sealed = source.seal(Codec(vector["codec"]), frame, vector["time_ms"], vector["padding"])
    assert sealed.hex() == vector["sealed"]


@pytest.mark.parametrize("vector", named(VECTORS["frames"]))
def test_frame_of_the_vectors_opens(vector: dict[str, Any]) -> None:
    kid = int(vector["kid"], 16)
    keys = frame_keys((kid, vector["source"]))
    opener = FrameOpener(keys)
    codec, media = Codec(vector["codec"]), vector["media"]
    if not vector["is_key"]:
        begin = _source(kid, 1000, Source(vector["source"])).seal(codec, KEY_FRAMES[codec], TIME_MS)
        assert opener.open(codec, media, begin, 0, "line")
    opened = opener.open(codec, media, bytes.fromhex(vector["sealed"]), 0, "line")
    assert opened is not None
    assert opened.frame.hex() == vector["frame"]
    assert (opened.kid, opened.sender, opened.source) == (kid, SENDER, vector["source"])
    assert (opened.time_ms, opened.line) == (vector["time_ms"], "line")
    assert opened.is_key == vector["is_key"]
    assert not opener.counts
    assert opener.open(codec, media, bytes.fromhex(vector["sealed"]), 0) is None
    assert opener.counts == {Count.REPLAYED: 1}


@pytest.mark.parametrize("vector", named(VECTORS["frames_invalid"]))
def test_frame_that_breaks_a_rule_is_dropped_under_its_name(vector: dict[str, Any]) -> None:
    opener = FrameOpener(frame_keys())
    opened = opener.open(Codec(vector["codec"]), vector["media"], bytes.fromhex(vector["sealed"]), 0)
    opener.expire(frames.HELD_US)
    assert opened is None
    assert opener.counts == ({vector["count"]: 1} if vector["count"] else {})


@pytest.mark.parametrize("vector", named(VECTORS["frames"][:6]))
def test_frame_cut_anywhere_is_dropped(vector: dict[str, Any]) -> None:
    sealed = bytes.fromhex(vector["sealed"])
    opener = FrameOpener(frame_keys())
    for end in range(1, len(sealed)):
        assert opener.open(Codec(vector["codec"]), vector["media"], sealed[:end], 0) is None
    assert set(opener.counts) == {Count.MALFORMED, Count.FORGED}
    assert opener.counts.total() == len(sealed) - 1
    assert opener.open(Codec(vector["codec"]), vector["media"], sealed, 0)


@settings(max_examples=300)
@given(st.sampled_from(VECTORS["frames"]), st.data())
def test_mutated_frame_is_never_delivered(vector: dict[str, Any], data: st.DataObject) -> None:
    sealed = bytearray.fromhex(vector["sealed"])
    for at in data.draw(st.lists(st.integers(0, len(sealed) - 1), min_size=1, max_size=4, unique=True)):
        sealed[at] ^= data.draw(st.integers(1, 255))
    opener = FrameOpener(frame_keys((int(vector["kid"], 16), vector["source"])))
    assert opener.open(Codec(vector["codec"]), vector["media"], bytes(sealed), 0) is None
    assert opener.counts.total() + opener.held_frames == 1


@given(st.sampled_from(list(Codec)), st.binary(max_size=60))
def test_any_bytes_are_dropped_without_an_error(codec: Codec, data: bytes) -> None:
    assert FrameOpener(frame_keys()).open(codec, "video", data, 0) is None


def test_forgery_does_not_move_the_window() -> None:
    good = _source(counter=3).seal(Codec.OPUS, b"frame", TIME_MS)
    far = bytearray(_source(counter=1 << 20).seal(Codec.OPUS, b"frame", TIME_MS))
    far[-1] ^= 1
    opener = FrameOpener(frame_keys())
    assert opener.open(Codec.OPUS, "audio", bytes(far), 0) is None
    assert opener.open(Codec.OPUS, "audio", good, 0)


def test_key_is_that_of_the_kid_and_one_is_tried() -> None:
    """A frame sealed under another KID's key does not open, though that key is known."""
    microphone = _source().seal(Codec.OPUS, b"frame", TIME_MS)
    relabelled = microphone[:1] + CAMERA.to_bytes(8, "big") + microphone[9:]
    opener = FrameOpener(frame_keys())
    assert opener.open(Codec.OPUS, "audio", relabelled, 0) is None
    assert opener.counts == {Count.FORGED: 1}


def test_counter_never_comes_twice_and_ends() -> None:
    source = _source(counter=(1 << 64) - 3)
    assert len({source.seal(Codec.OPUS, b"x", TIME_MS) for _ in range(2)}) == 2
    for _ in range(2):
        with pytest.raises(ExhaustedError):
            source.seal(Codec.OPUS, b"x", TIME_MS)


def test_source_seals_no_more_than_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "SOURCE_FRAMES", 3)
    source = _source()
    for _ in range(3):
        source.seal(Codec.OPUS, b"x", TIME_MS)
    with pytest.raises(ExhaustedError):
        source.seal(Codec.OPUS, b"x", TIME_MS)


def test_empty_frame_is_not_sealed() -> None:
    with pytest.raises(ValueError, match="empty"):
        _source().seal(Codec.VP8, b"", TIME_MS)


# ---- frames held for a KID without an owner ----


def test_held_frames_come_when_the_profile_does() -> None:
    keys = frame_keys()
    opener = FrameOpener(keys)
    sealed = _sealed(3, STRANGER)
    for number, frame in enumerate(sealed):
        assert opener.open(Codec.OPUS, "audio", frame, number) is None
    assert opener.release([STRANGER]) == []
    assert opener.held_frames == 3
    assert keys.claim(b"another sender..", STRANGER, Source.MICROPHONE)
    released = opener.release([STRANGER])
    assert [opened.sender for opened in released] == [b"another sender.."] * 3
    assert (opener.held_frames, opener.held_bytes) == (0, 0)
    assert not opener.counts
    assert opener.open(Codec.OPUS, "audio", sealed[0], 9) is None
    assert opener.counts == {Count.REPLAYED: 1}


def test_held_frames_go_after_five_seconds_with_a_request() -> None:
    opener = FrameOpener(frame_keys())
    for number, frame in enumerate(_sealed(2, STRANGER)):
        opener.open(Codec.OPUS, "audio", frame, number * 1_000_000, f"line {number}")
    assert opener.expire(4_999_999) == []
    assert opener.expire(5_000_000) == ["line 0"]
    assert opener.held_frames == 1
    assert opener.expire(6_000_000) == ["line 1"]
    assert opener.counts == {Count.NO_KEY: 2}
    assert (opener.held_frames, opener.held_bytes) == (0, 0)


def test_held_frames_of_a_kid_are_bounded() -> None:
    opener = FrameOpener(frame_keys())
    for frame in _sealed(frames.HELD_FRAMES + 5, STRANGER):
        opener.open(Codec.OPUS, "audio", frame, 0)
    assert opener.held_frames == frames.HELD_FRAMES
    assert opener.counts == {Count.NO_KEY: 5}


def test_kids_held_are_bounded() -> None:
    opener = FrameOpener(frame_keys())
    for kid in range(1 << 60, (1 << 60) + frames.HELD_KIDS + 5):
        opener.open(Codec.OPUS, "audio", _sealed(1, kid)[0], 0)
    assert opener.held_frames == frames.HELD_KIDS
    assert opener.counts == {Count.NO_KEY: 5}


def test_bytes_held_are_bounded() -> None:
    opener = FrameOpener(frame_keys())
    for frame in _sealed(12, STRANGER, 100_000):
        opener.open(Codec.OPUS, "audio", frame, 0)
    assert 900_000 < opener.held_bytes <= frames.HELD_BYTES
    assert opener.counts[Count.NO_KEY] == 12 - opener.held_frames


def test_bytes_held_are_those_of_whole_frames() -> None:
    around = len(_sealed(1, STRANGER, 1)[0]) - 1
    for over in (0, 1):
        opener = FrameOpener(frame_keys())
        (frame,) = _sealed(1, STRANGER, frames.HELD_BYTES - around + over)
        opener.open(Codec.OPUS, "audio", frame, 0)
        assert opener.held_bytes == (0 if over else frames.HELD_BYTES)


# ---- replay windows ----


def test_new_kids_do_not_push_out_the_window_of_one_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "WINDOWS", 4)
    keys = frame_keys()
    opener = FrameOpener(keys)
    mine = _sealed(10)
    for number, frame in enumerate(mine):
        assert opener.open(Codec.OPUS, "audio", frame, 0)
        kid = STRANGER + number
        assert keys.claim(b"another sender..", kid, Source.MICROPHONE)
        assert opener.open(Codec.OPUS, "audio", _sealed(1, kid)[0], 0)
    assert [opener.open(Codec.OPUS, "audio", frame, 0) for frame in mine] == [None] * 10
    assert opener.counts == {Count.REPLAYED: 10}


# ---- what a picture needs after a loss ----


def test_picture_that_is_dropped_breaks_its_line_and_repeats_and_sound_do_not() -> None:
    camera = _source(CAMERA, source=Source.CAMERA).seal(Codec.VP9, KEY_FRAMES[Codec.VP9], TIME_MS)
    opener = FrameOpener(frame_keys())
    for _ in range(2):
        opener.open(Codec.VP9, "video", camera, 0, "fine")
    opener.open(Codec.OPUS, "audio", _sealed(1)[0][:-1], 0, "sound")
    assert opener.counts == {Count.REPLAYED: 1, Count.FORGED: 1}
    assert opener.broken == set()
    forged = _source(CAMERA, 1, Source.CAMERA).seal(Codec.VP9, b"x", TIME_MS)[:-1]
    opener.open(Codec.VP9, "video", forged, 0, "forged")
    opener.open(Codec.VP9, "video", _sealed(1)[0], 0, "of another kind")
    opener.open(Codec.VP9, "video", b"\xff", 0, "malformed")
    assert opener.broken == {"forged", "of another kind", "malformed"}


@pytest.mark.parametrize("vector", VECTORS["pictures"], ids=lambda vector: vector["codec"])
def test_another_kid_enters_an_m_line_with_a_key_frame_alone(vector: dict[str, Any]) -> None:
    opener = FrameOpener(frame_keys())
    for number, step in enumerate(vector["steps"]):
        before = opener.counts.copy()
        opened = opener.open(Codec(vector["codec"]), "video", bytes.fromhex(step["sealed"]), 0, "line")
        count = None if opened else next(iter(opener.counts - before))
        assert count == step["count"], number
        if opened:
            assert opened.source is Source(step["source"])
        assert opener.waiting == (set() if opened else {"line"})
    assert opener.broken == {"line"}
    # Another m-line has another decoder.
    shown = _source(CAMERA, 1000, Source.CAMERA).seal(Codec.VP8, b"\x51", TIME_MS)
    assert opener.open(Codec.VP8, "video", shown, 0, "another") is None


def test_what_is_not_held_breaks_its_line_and_what_is_held_does_not() -> None:
    opener = FrameOpener(frame_keys())
    sealed = _sealed(frames.HELD_FRAMES + 1, STRANGER)
    for frame in sealed[:-1]:
        opener.open(Codec.VP9, "video", frame, 0, "line")
    assert opener.broken == set()
    opener.open(Codec.VP9, "video", sealed[-1], 0, "line")
    assert opener.broken == {"line"}
