"""core/vp8: the payload descriptor of RFC 7741 section 4.2, by hand and against a reader and writer of the tests' own."""

import errno
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu._testing.descriptors import vp8_parse, vp8_rewrite

BARE: dict[str, Any] = {
    "length": 1,
    "frame_start": False,
    "key_frame": False,
    "not_referred": False,
    "partition_start": False,
    "partition": 0,
    "picture_id": None,
    "wide": None,
    "tl0_pic_idx": None,
    "temporal_id": None,
    "layer_sync": None,
    "key_idx": None,
}


# What says nothing is not written again.
WITHOUT_NOISE = {b"\x80\x00\x10": b"\x00", b"\x80\x20\x5f": b"\x80\x20\x40", b"\x80\x10\xff": b"\x80\x10\x1f"}


def expected(**fields: Any) -> dict[str, Any]:
    return BARE | fields


@pytest.mark.parametrize(
    "payload, fields",
    [
        ("10 10", {"partition_start": True, "frame_start": True, "key_frame": True}),
        ("10 11", {"partition_start": True, "frame_start": True}),
        ("10", {"partition_start": True}),  # nothing behind it
        ("00 10", {}),
        ("17 10", {"partition_start": True, "partition": 7}),
        ("30 11", {"partition_start": True, "frame_start": True, "not_referred": True}),
        ("80 00 10", {"length": 2}),  # X, and no extension
        ("80 80 7f", {"length": 3, "picture_id": 127, "wide": False}),
        ("80 80 ff fe", {"length": 4, "picture_id": 0x7FFE, "wide": True}),
        ("80 80 80 05", {"length": 4, "picture_id": 5, "wide": True}),
        ("80 40 c8", {"length": 3, "tl0_pic_idx": 200}),
        ("80 20 a0", {"length": 3, "temporal_id": 2, "layer_sync": True}),
        (
            "80 20 5f",
            {"length": 3, "temporal_id": 1, "layer_sync": False},
        ),  # what K does not announce is none
        ("80 10 ff", {"length": 3, "key_idx": 31}),
        (
            "90 f0 81 02 07 e3 10",
            {
                "length": 6,
                "partition_start": True,
                "frame_start": True,
                "key_frame": True,
                "picture_id": 0x102,
                "wide": True,
                "tl0_pic_idx": 7,
                "temporal_id": 3,
                "layer_sync": True,
                "key_idx": 3,
            },
        ),
    ],
)
def test_by_hand(payload: str, fields: dict[str, Any]) -> None:
    data = bytes.fromhex(payload)
    found = vp8_parse(data)
    assert found == expected(**fields)
    assert vp8_rewrite(data) == WITHOUT_NOISE.get(data, data[: found["length"]])


def test_truncated_at_every_byte() -> None:
    whole = bytes.fromhex("90 f0 81 02 07 e3")
    assert vp8_parse(whole)["frame_start"] is False
    for length in range(len(whole)):
        with pytest.raises(OSError) as raised:
            vp8_parse(whole[:length])
        assert raised.value.errno == errno.EBADMSG


def reference(payload: bytes) -> dict[str, Any] | None:
    """Section 4.2, octet by octet; None where the descriptor is cut off."""
    octets = iter(payload)
    found = expected()
    try:
        first = next(octets)
        found |= {
            "not_referred": bool(first & 32),
            "partition_start": bool(first & 16),
            "partition": first % 8,
        }
        flags = next(octets) if first & 128 else 0
        length = 1 + (first >> 7)
        if flags & 128:
            high = next(octets)
            wide = high >= 128
            found |= {"picture_id": (high - 128) * 256 + next(octets) if wide else high, "wide": wide}
            length += 1 + wide
        if flags & 64:
            found["tl0_pic_idx"] = next(octets)
            length += 1
        if flags & 48:
            indices = next(octets)
            length += 1
            if flags & 32:
                found |= {"temporal_id": indices >> 6, "layer_sync": bool(indices & 32)}
            if flags & 16:
                found["key_idx"] = indices & 31
    except StopIteration:
        return None
    rest = payload[length:]
    start = bool(rest) and bool(first & 16) and first % 8 == 0
    return found | {"length": length, "frame_start": start, "key_frame": start and rest[0] % 2 == 0}


@given(st.binary(max_size=9))
def test_any_bytes_mean_the_same_to_the_reference(payload: bytes) -> None:
    wanted = reference(payload)
    if wanted is None:
        with pytest.raises(OSError):
            vp8_parse(payload)
    else:
        assert vp8_parse(payload) == wanted


@given(st.binary(min_size=1, max_size=9), st.integers(0, 65535), st.integers(0, 255), st.integers(0, 31))
def test_rewritten(payload: bytes, picture_id: int, tl0_pic_idx: int, key_idx: int) -> None:
    """Only what is there is changed, cut to its width, and all else stays."""
    before = reference(payload)
    if before is None:
        return
    output = vp8_rewrite(payload, picture_id, tl0_pic_idx, key_idx)
    assert output is not None
    rest = payload[before["length"] :]
    wanted = dict(before, length=len(output))
    if before["picture_id"] is not None:
        wanted["picture_id"] = picture_id % (1 << 15 if before["wide"] else 1 << 7)
    if before["tl0_pic_idx"] is not None:
        wanted["tl0_pic_idx"] = tl0_pic_idx
    if before["key_idx"] is not None:
        wanted["key_idx"] = key_idx
    assert vp8_parse(output + rest) == wanted
    assert vp8_rewrite(payload, picture_id, tl0_pic_idx, key_idx, capacity=len(output) - 1) is None
