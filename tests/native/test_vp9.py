"""core/vp9: the payload descriptor of RFC 9628 section 4.2, by hand and against a reader of the tests' own."""

import errno
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu._testing.descriptors import vp9_parse, vp9_rewrite

BARE: dict[str, Any] = {
    "length": 1,
    "head_length": 1,
    "predicted": False,
    "flexible": False,
    "frame_start": False,
    "frame_end": False,
    "not_referred_above": False,
    "picture_id": None,
    "wide": None,
    "temporal_id": None,
    "switching_up": None,
    "spatial_id": None,
    "inter_layer_predicted": None,
    "tl0_pic_idx": None,
    "references": [],
    "structure": None,
    "picture_start": False,
    "key_picture_start": False,
}


def expected(**fields: Any) -> dict[str, Any]:
    return BARE | fields


def layers(temporal: int, up: bool, spatial: int, dependent: bool) -> dict[str, Any]:
    return {
        "temporal_id": temporal,
        "switching_up": up,
        "spatial_id": spatial,
        "inter_layer_predicted": dependent,
    }


START = {"frame_start": True, "picture_start": True}
KEY = START | {"key_picture_start": True}


@pytest.mark.parametrize(
    "payload, fields",
    [
        ("00", {}),
        ("08", KEY),
        ("48", START | {"predicted": True}),
        ("0d aa", KEY | {"frame_end": True, "not_referred_above": True}),
        ("80 7f", {"length": 2, "head_length": 2, "picture_id": 127, "wide": False}),
        ("80 ff fe", {"length": 3, "head_length": 3, "picture_id": 0x7FFE, "wide": True}),
        ("28 00 09", KEY | layers(0, False, 0, False) | {"length": 3, "head_length": 3, "tl0_pic_idx": 9}),
        (  # the second layer of a key picture begins no picture
            "28 13 09",
            layers(0, True, 1, True) | {"length": 3, "head_length": 3, "frame_start": True, "tl0_pic_idx": 9},
        ),
        ("30 ee", layers(7, False, 7, False) | {"length": 2, "head_length": 2, "flexible": True}),
        ("10", {"flexible": True}),
        ("50 02", {"length": 2, "predicted": True, "flexible": True, "references": [1]}),
        ("50 03 05 fe", {"length": 4, "predicted": True, "flexible": True, "references": [1, 2, 127]}),
        ("40 03", {"predicted": True}),  # non-flexible: none follow
        (
            "02 00",
            {"length": 2, "structure": {"spatial_layer_count": 1, "resolutions": None, "picture_count": 0}},
        ),
        (
            "8a 8001 38 0140 00b4 0280 0168 02 14 01 28 02 03",
            KEY
            | {
                "length": 18,
                "head_length": 3,
                "picture_id": 1,
                "wide": True,
                "structure": {
                    "spatial_layer_count": 2,
                    "resolutions": [(320, 180), (640, 360)],
                    "picture_count": 2,
                },
            },
        ),
    ],
)
def test_by_hand(payload: str, fields: dict[str, Any]) -> None:
    data = bytes.fromhex(payload)
    found = vp9_parse(data)
    assert found == expected(**fields)
    assert vp9_rewrite(data) == data[: found["head_length"]]


def test_more_references_than_there_may_be() -> None:
    with pytest.raises(OSError) as raised:
        vp9_parse(bytes.fromhex("50 03 05 07 02"))
    assert raised.value.errno == errno.EBADMSG


@pytest.mark.parametrize(
    "whole",
    [
        "fa 8102 28 05 03 02 b8" + "0140 00b4" * 6 + "03 00 14 01 2c 01 02 03",
        "ea 8102 28 07 38 0140 00b4 0280 0168 01 0c 01 02 03",
    ],
)
def test_truncated_at_every_byte(whole: str) -> None:
    data = bytes.fromhex(whole)
    assert vp9_parse(data)["length"] == len(data)
    for length in range(len(data)):
        with pytest.raises(OSError) as raised:
            vp9_parse(data[:length])
        assert raised.value.errno == errno.EBADMSG


def reference(payload: bytes) -> dict[str, Any] | None:
    """Section 4.2, octet by octet; None where the descriptor is cut off or has too many references."""
    octets = list(payload)
    found = expected()

    def take() -> int:
        return octets.pop(0)

    try:
        i, p, layered, flexible, b, e, v, z = _flags(take())
        found |= {
            "predicted": p,
            "flexible": flexible,
            "frame_start": b,
            "frame_end": e,
            "not_referred_above": z,
        }
        if i:
            high = take()
            found |= {"picture_id": (high - 128) * 256 + take() if high >= 128 else high, "wide": high >= 128}
        if layered:
            indices = take()
            found |= layers(indices >> 5, indices & 16 > 0, indices >> 1 & 7, indices & 1 > 0)
            if not flexible:
                found["tl0_pic_idx"] = take()
        found["head_length"] = len(payload) - len(octets)
        more = p and flexible
        while more:
            difference = take()
            found["references"] = [*found["references"], difference >> 1]
            more = difference & 1 == 1
        if len(found["references"]) > 3:
            return None
        if v:
            found["structure"] = _structure(take)
    except IndexError:
        return None
    start = b and not found["spatial_id"]
    return found | {
        "length": len(payload) - len(octets),
        "picture_start": start,
        "key_picture_start": start and not p,
    }


def _flags(octet: int) -> list[bool]:
    return [octet >> bit & 1 == 1 for bit in range(7, -1, -1)]


def _structure(take: Any) -> dict[str, Any]:
    flags = take()
    count = (flags >> 5) + 1
    sizes = None
    if flags & 16:
        sizes = [(take() * 256 + take(), take() * 256 + take()) for _ in range(count)]
    pictures = take() if flags & 8 else 0
    for _ in range(pictures):
        for _ in range(take() >> 2 & 3):
            take()
    return {"spatial_layer_count": count, "resolutions": sizes, "picture_count": pictures}


PAYLOADS = st.binary(max_size=12) | st.tuples(
    st.binary(min_size=1, max_size=6), st.binary(min_size=40, max_size=80)
).map(lambda parts: bytes([parts[0][0] | 2]) + parts[0][1:] + parts[1])


@given(PAYLOADS)
def test_any_bytes_mean_the_same_to_the_reference(payload: bytes) -> None:
    wanted = reference(payload)
    if wanted is None:
        with pytest.raises(OSError):
            vp9_parse(payload)
    else:
        assert vp9_parse(payload) == wanted


@given(PAYLOADS, st.integers(0, 65535), st.integers(0, 255))
def test_rewritten(payload: bytes, picture_id: int, tl0_pic_idx: int) -> None:
    """The head keeps its length, so that reference indices and structure follow it from where they are."""
    before = reference(payload)
    if before is None:
        return
    head = vp9_rewrite(payload, picture_id, tl0_pic_idx)
    assert head is not None
    assert len(head) == before["head_length"]
    wanted = dict(before)
    if before["picture_id"] is not None:
        wanted["picture_id"] = picture_id % (1 << 15 if before["wide"] else 1 << 7)
    if before["tl0_pic_idx"] is not None:
        wanted["tl0_pic_idx"] = tl0_pic_idx
    assert vp9_parse(head + payload[before["head_length"] :]) == wanted
    assert vp9_rewrite(payload, picture_id, tl0_pic_idx, capacity=len(head) - 1) is None
