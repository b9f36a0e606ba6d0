"""Every pair of first bytes against RFC 7983 figure 3 and RFC 5761 section 4."""

from sfu._testing import wire


def expected(first: int, second: int) -> int:
    """What the figure says."""
    if first in range(4):
        return wire.STUN
    if first in range(20, 64):
        return wire.DTLS
    if first in range(128, 192):
        return wire.RTCP if second in range(192, 224) else wire.RTP
    return wire.UNKNOWN


def test_every_first_and_second_byte() -> None:
    for first in range(256):
        for second in range(256):
            assert wire.demux_classify(bytes([first, second])) == expected(first, second), (first, second)


def test_too_short_for_any() -> None:
    assert wire.demux_classify(b"") == wire.UNKNOWN
    for first in range(256):
        assert wire.demux_classify(bytes([first])) == wire.UNKNOWN


def test_rtcp_packet_types() -> None:
    for packet_type in (200, 201, 202, 203, 204, 205, 206, 207):
        assert wire.demux_classify(bytes([0x80, packet_type])) == wire.RTCP


def test_rtp_payload_types_with_and_without_marker() -> None:
    for payload_type in [*range(35), *range(96, 128)]:
        for marker in (0, 0x80):
            assert wire.demux_classify(bytes([0x90, marker | payload_type])) == wire.RTP
