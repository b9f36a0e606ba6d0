"""media/key_frame: what each codec's clear bytes tell, by hand from RFC 7741, RFC 9628, RFC 6184 and the AV1 RTP specification."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu._testing.parts import ENVELOPES, key_frame_mark

KEY, DELTA, INSIDE = (True, True), (True, False), (False, False)


@pytest.mark.parametrize(
    "envelope, payload, expected",
    [
        ("opaque", "c0ffee", DELTA),
        ("vp8", "10 10 aabb", KEY),  # S, partition 0; the envelope's key byte
        ("vp8", "10 11 aabb", DELTA),
        ("vp8", "00 10 aabb", INSIDE),  # not the start of a partition
        ("vp8", "11 10 aabb", INSIDE),  # partition 1
        ("vp8", "90 80 05 10", KEY),  # 7-bit picture id
        ("vp8", "90 80 8005 11", DELTA),  # 15-bit picture id
        ("vp8", "90 e0 8005 07 40 10", KEY),  # picture id, TL0PICIDX, TID
        ("vp8", "90 30 40 10", KEY),
        ("vp9", "88 01 aa", KEY),  # I, B, not predicted
        ("vp9", "c8 01 aa", DELTA),  # P
        ("vp9", "80 01 aa", INSIDE),  # no B
        ("vp9", "a8 8001 00 aa", KEY),  # 15-bit picture id, layer indices: spatial 0
        ("vp9", "a8 8001 02 aa", INSIDE),  # spatial 1 begins no picture
        ("h264", "65 88", KEY),
        ("h264", "67 42", KEY),
        ("h264", "61 88", DELTA),
        ("h264", "78 0002 6742 0002 68ce 0002 6588", KEY),  # STAP-A with SPS
        ("h264", "78 0002 6188", DELTA),
        ("h264", "7c 85 88", KEY),  # FU-A, start of NAL 5
        ("h264", "7c 05 88", INSIDE),
        ("h264", "7c 81 88", DELTA),
        ("av1", "18 0a", KEY),  # N
        ("av1", "10 32", DELTA),
        ("av1", "90 32", INSIDE),  # Z: goes on from before
    ],
)
def test_marks(envelope: str, payload: str, expected: tuple[bool, bool]) -> None:
    assert key_frame_mark(envelope, bytes.fromhex(payload)) == expected


@pytest.mark.parametrize("envelope", [name for name in ENVELOPES if name != "opaque"])
def test_too_short_to_tell_marks_nothing(envelope: str) -> None:
    assert key_frame_mark(envelope, b"") == INSIDE


@given(st.sampled_from(ENVELOPES), st.binary(max_size=12))
def test_only_a_frame_start_is_key(envelope: str, payload: bytes) -> None:
    start, key = key_frame_mark(envelope, payload)
    assert start or not key
