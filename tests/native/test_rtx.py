"""RTX (RFC 4588) from both ends."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu._testing import wire
from sfu._testing.wire import Writer

WRAP_POINTS = [0, 1, 127, 128, 255, 256, 32767, 32768, 65534, 65535]
RTX_SSRC, SSRC = 0xAAAA0001, 0xAAAA0000


def rtx_packet(body: bytes, marker: bool = False, padding: bool = False, extension: bool = False) -> bytes:
    """An RTX packet with `body` after the header."""
    writer = Writer(12 + 8 + len(body))
    writer.rtp_header(97, 4242, 90_000, RTX_SSRC, marker, padding, extension)
    if extension:
        writer.rtp_extensions([(1, b"0")])
    writer.write(body)
    return writer.output


def test_write_osn_is_big_endian() -> None:
    for original in (*WRAP_POINTS, 0x1234):
        assert wire.rtx_write_osn(original) == original.to_bytes(2, "big")


@pytest.mark.parametrize("extension", [False, True])
@pytest.mark.parametrize("original", WRAP_POINTS)
def test_unwrap(original: int, extension: bool) -> None:
    packet = rtx_packet(wire.rtx_write_osn(original) + b"payload", marker=True, extension=extension)
    outer, inner = wire.rtp_parse(packet), wire.rtx_unwrap(packet, SSRC, 96)
    assert (inner["sequence"], inner["ssrc"], inner["payload_type"]) == (original, SSRC, 96)
    assert packet[inner["payload_offset"] :] == b"payload"
    assert inner["payload_length"] == 7
    moved = {"sequence", "ssrc", "payload_type", "payload_offset", "payload_length"}
    assert {k: v for k, v in inner.items() if k not in moved} == {
        k: v for k, v in outer.items() if k not in moved
    }


def test_original_with_empty_payload() -> None:
    assert wire.rtx_unwrap(rtx_packet(b"\x12\x34"), SSRC, 96)["payload_length"] == 0


@pytest.mark.parametrize(
    "body, padding, code",
    [
        (b"", False, errno.ENODATA),
        (bytes(254) + b"\xff", True, errno.ENODATA),  # libwebrtc's probe: 255 bytes of padding
        (b"\x01", False, errno.EBADMSG),
        (b"\x01\x01", True, errno.EBADMSG),  # one byte of payload, one of padding
        (b"\x01\0\x02", True, errno.EBADMSG),  # the same with two: the OSN is not read from padding
    ],
)
def test_without_an_original(body: bytes, padding: bool, code: int) -> None:
    with pytest.raises(OSError) as raised:
        wire.rtx_unwrap(rtx_packet(body, padding=padding), SSRC, 96)
    assert raised.value.errno == code


def test_truncated_at_every_length() -> None:
    packet = rtx_packet(b"\x12\x34abc", extension=True)
    for length in range(len(packet)):
        if length >= 22:
            assert wire.rtx_unwrap(packet[:length], SSRC, 96)["payload_length"] == length - 22
            continue
        with pytest.raises(OSError) as raised:
            wire.rtx_unwrap(packet[:length], SSRC, 96)
        assert raised.value.errno == (errno.ENODATA if length == 20 else errno.EBADMSG)


@given(st.integers(0, 65535), st.binary(max_size=100), st.integers(0, 255))
def test_round_trip(original: int, payload: bytes, padding: int) -> None:
    tail = bytes(padding - 1) + bytes([padding]) if padding else b""
    packet = rtx_packet(wire.rtx_write_osn(original) + payload + tail, padding=padding > 0)
    header = wire.rtx_unwrap(packet, SSRC, 96)
    start = header["payload_offset"]
    assert header["sequence"] == original
    assert packet[start : start + header["payload_length"]] == payload
    assert header["padding_length"] == padding
