"""Tests of native/load/payload.c."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu._testing import load
from sfu._testing.load import Mark

U32 = 2**32 - 1


def mark(**changes: int) -> Mark:
    result: Mark = {
        "stream": 7,
        "sequence": 65536,
        "frame": 3,
        "index": 0,
        "count": 2,
        "length": 200,
        "video": True,
        "key": True,
        "capture_us": 123_456_789,
    }
    result.update(changes)  # type: ignore[typeddict-item]
    return result


def write(of: Mark) -> bytes:
    data = load.write_payload(of)
    assert data is not None
    return data


marks = st.builds(
    lambda stream, sequence, frame, count, at, length, video, key, capture_us: mark(
        stream=stream,
        sequence=sequence,
        frame=frame,
        index=at % count,
        count=count,
        length=length,
        video=video,
        key=key,
        capture_us=capture_us,
    ),
    st.integers(0, U32),
    st.integers(0, U32),
    st.integers(0, U32),
    st.integers(1, 65535),
    st.integers(0, 65534),
    st.integers(load.MIN_BYTES, load.MAX_BYTES),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**64 - 1),
)


@given(marks)
def test_a_mark_comes_back(of: Mark) -> None:
    data = write(of)
    assert len(data) == of["length"]
    assert load.read_payload(data, of["video"]) == of
    assert write(of) == data


@pytest.mark.parametrize(
    "index,key,shape",
    [(0, True, b"\x10\x10"), (0, False, b"\x10\x11"), (1, True, b"\x00"), (1, False, b"\x00")],
)
def test_video_is_shaped_as_vp8(index: int, key: bool, shape: bytes) -> None:
    data = write(mark(index=index, key=key))
    assert data.startswith(shape + b"sfu1")


def test_audio_has_nothing_before_the_header() -> None:
    assert write(mark(video=False)).startswith(b"sfu1")


@pytest.mark.parametrize("video", [True, False])
@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("length", [load.MIN_BYTES, 41, 200])
def test_no_flipped_bit_goes_unseen(index: int, video: bool, length: int) -> None:
    data = write(mark(index=index, video=video, length=length))
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        assert load.read_payload(bytes(flipped), video) in {-errno.EBADMSG, -errno.ENOMSG}


def test_no_other_length_goes_unseen() -> None:
    data = write(mark())
    for length in range(len(data)):
        assert load.read_payload(data[:length], video=True) in {-errno.EBADMSG, -errno.ENOMSG}
    assert load.read_payload(data + b"\x00", video=True) == -errno.EBADMSG


def test_two_packets_share_no_filling() -> None:
    first, second = write(mark()), write(mark(sequence=65537))
    assert sum(a == b for a, b in zip(first[40:], second[40:], strict=True)) < 10


def test_it_is_written_whole_or_not_at_all() -> None:
    for capacity in range(200):
        assert load.write_payload(mark(), capacity) is None
    assert load.write_payload(mark(), 200) == write(mark())
    assert load.write_payload(mark(length=load.MIN_BYTES - 1)) is None


def test_the_wrong_kind_is_no_match() -> None:
    assert load.read_payload(write(mark()), video=False) == -errno.ENOMSG
    assert load.read_payload(write(mark(video=False)), video=True) in {-errno.EBADMSG, -errno.ENOMSG}


@given(st.binary(max_size=300), st.booleans())
def test_anything_may_be_read(data: bytes, video: bool) -> None:
    assert load.read_payload(data, video) in {-errno.EBADMSG, -errno.ENOMSG}
