"""Tests of native/core/rtcp.c: framing of compound and reduced-size RTCP."""

import errno
from pathlib import Path

import pytest
from aiortc.rtp import RtcpByePacket, RtcpPacket, RtcpPsfbPacket, RtcpRrPacket
from hypothesis import example, given
from hypothesis import strategies as st

from sfu._testing import rtcp
from sfu._testing.rtcp import Packet, Writer

RR = bytes.fromhex("80c90001 01020304")
PLI = bytes.fromhex("81ce0002 01020304 05060708")
BYE = bytes.fromhex("81cb0001 01020304")
COMPOUND = RR + PLI + BYE
PACKETS = [
    Packet(201, 0, bytes.fromhex("01020304")),
    Packet(206, 1, bytes.fromhex("0102030405060708")),
    Packet(203, 1, bytes.fromhex("01020304")),
]


def walk_by_the_rfc(datagram: bytes) -> tuple[list[Packet], int]:
    """RFC 3550 section 6.4.1 once more, independent of the C, with the padding that libwebrtc sends."""
    packets: list[Packet] = []
    while datagram:
        end = 4 + 4 * int.from_bytes(datagram[2:4], "big")
        if len(datagram) < 4 or datagram[0] >> 6 != 2 or len(datagram) < end:
            return packets, errno.EBADMSG
        body = datagram[4:end]
        if datagram[0] & 0x20:
            if len(datagram) != end or not body or not 1 <= body[-1] <= len(body):
                return packets, errno.EBADMSG
            body = body[: -body[-1]]
        packets.append(Packet(datagram[1], datagram[0] & 0x1F, body))
        datagram = datagram[end:]
    return packets, 0


def test_walks_a_compound() -> None:
    assert rtcp.walk(COMPOUND) == (PACKETS, 0)
    assert rtcp.check(COMPOUND) == 0


def test_takes_reduced_size() -> None:
    assert rtcp.walk(PLI) == (PACKETS[1:2], 0)
    assert rtcp.check(PLI) == 0


def test_an_empty_datagram_has_no_packet() -> None:
    assert rtcp.walk(b"") == ([], 0)
    assert rtcp.check(b"") == errno.EBADMSG


def test_a_packet_may_have_no_body() -> None:
    assert rtcp.walk(bytes.fromhex("80cb0000")) == ([Packet(203, 0, b"")], 0)


@pytest.mark.parametrize("length", range(len(COMPOUND)))
def test_truncation_is_seen_at_every_length(length: int) -> None:
    whole = {0: 0, len(RR): 1, len(RR + PLI): 2}
    packets, error = rtcp.walk(COMPOUND[:length])
    assert error == (0 if length in whole else errno.EBADMSG)
    assert packets == PACKETS[: len(packets)]
    assert rtcp.check(COMPOUND[:length]) == (0 if length in whole and length else errno.EBADMSG)


@pytest.mark.parametrize("tail", [b"\x80", b"\x80\xc9", b"\x80\xc9\x00", b"\x80\xc9\x00\x01", b"\x00" * 4])
def test_a_trailing_fragment_spoils_the_datagram(tail: bytes) -> None:
    assert rtcp.walk(COMPOUND + tail) == (PACKETS, errno.EBADMSG)
    assert rtcp.check(COMPOUND + tail) == errno.EBADMSG


@pytest.mark.parametrize("version", [0, 1, 3])
@pytest.mark.parametrize("at", [0, len(RR)])
def test_only_version_2(version: int, at: int) -> None:
    wrong = bytearray(COMPOUND)
    wrong[at] = wrong[at] & 0x3F | version << 6
    assert rtcp.check(bytes(wrong)) == errno.EBADMSG


@pytest.mark.parametrize("padding", [1, 2, 3, 4, 7, 8, 12])
def test_padding_of_the_last_packet_is_taken_off(padding: int) -> None:
    # One to three bytes are what libwebrtc appends to transport-cc feedback.
    body = bytes(range(12 - padding)) + bytes(padding - 1) + bytes([padding])
    packet = bytes.fromhex("afcd0003") + body
    expected = Packet(205, 15, bytes(range(12 - padding)))
    assert rtcp.walk(RR + packet) == ([PACKETS[0], expected], 0)
    assert rtcp.check(RR + packet) == 0


@pytest.mark.parametrize("padding", [0, 9, 12, 255])
def test_padding_must_fit_the_packet(padding: int) -> None:
    packet = bytes.fromhex("a1cb0002 01020304 000000") + bytes([padding])
    assert rtcp.check(packet) == errno.EBADMSG


def test_padding_needs_a_body() -> None:
    assert rtcp.check(bytes.fromhex("a0cb0000")) == errno.EBADMSG


def test_padding_before_the_last_packet_is_refused() -> None:
    padded = bytes.fromhex("a1cb0002 01020304 00000004")
    assert rtcp.check(padded) == 0
    assert rtcp.check(padded + RR) == errno.EBADMSG


def test_builds_a_compound() -> None:
    w = Writer(len(COMPOUND))
    for packet in PACKETS:
        w.packet(packet.type, packet.count, packet.body)
    assert w.ok
    assert w.data == COMPOUND


@pytest.mark.parametrize("capacity", range(len(COMPOUND)))
def test_building_fails_where_it_does_not_fit(capacity: int) -> None:
    w = Writer(capacity)
    for packet in PACKETS:
        w.packet(packet.type, packet.count, packet.body)
    assert not w.ok
    assert COMPOUND[:8].startswith(w.data[:2])


def test_a_failed_writer_stays_failed() -> None:
    w = Writer(12)
    w.packet(206, 1, bytes(12))
    w.packet(203, 0, b"")
    assert not w.ok


@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_a_body_is_whole_words(length: int) -> None:
    w = Writer(100)
    w.packet(204, 0, bytes(length))
    assert not w.ok


def test_a_count_has_five_bits() -> None:
    w = Writer(100)
    w.packet(203, 31, b"")
    assert w.data == bytes.fromhex("9fcb0000")
    w.packet(203, 32, b"")
    assert not w.ok


def test_a_length_has_sixteen_bits() -> None:
    w = Writer(300_000)
    w.packet(204, 0, bytes(4 * 65535))
    assert w.data[:4] == bytes.fromhex("80ccffff")
    assert rtcp.check(w.data) == 0
    w = Writer(300_000)
    w.packet(204, 0, bytes(4 * 65536))
    assert not w.ok


def test_frames_as_aiortc_does() -> None:
    theirs = (
        bytes(RtcpRrPacket(ssrc=1))
        + bytes(RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=2))
        + bytes(RtcpByePacket(sources=[1, 2]))
    )
    packets, error = rtcp.walk(theirs)
    assert error == 0
    assert [(p.type, p.count, len(p.body)) for p in packets] == [(201, 0, 4), (206, 1, 8), (203, 2, 8)]
    w = Writer(len(theirs))
    for packet in packets:
        w.packet(packet.type, packet.count, packet.body)
    assert w.data == theirs
    assert b"".join(bytes(p) for p in RtcpPacket.parse(w.data)) == theirs


BODIES = st.binary(max_size=10).map(lambda b: b * 4)


@given(st.lists(st.builds(Packet, st.integers(0, 255), st.integers(0, 31), BODIES), min_size=1, max_size=6))
def test_what_is_built_walks_the_same(packets: list[Packet]) -> None:
    w = Writer(500)
    for packet in packets:
        w.packet(packet.type, packet.count, packet.body)
    assert w.ok
    assert rtcp.walk(w.data) == (packets, 0)


@given(
    st.one_of(
        st.binary(max_size=64),
        st.tuples(st.binary(max_size=40), st.integers(0, 27), st.binary(min_size=1, max_size=3)).map(
            lambda t: COMPOUND[: t[1]] + t[2] + COMPOUND[t[1] + len(t[2]) :] + t[0]
        ),
    )
)
@example(bytes.fromhex("a0cb0001 00000004"))
def test_any_bytes_walk_as_the_rfc_says(datagram: bytes) -> None:
    packets, error = rtcp.walk(datagram)
    assert (packets, error) == walk_by_the_rfc(datagram)
    assert rtcp.check(datagram) == (0 if packets and not error else errno.EBADMSG)


@pytest.mark.needs_shared("vectors/corpora/rtcp")
def test_the_corpus_walks_as_the_rfc_says(shared: Path) -> None:
    well_framed = 0
    for path in sorted(shared.iterdir()):
        datagram = path.read_bytes()
        packets, error = rtcp.walk(datagram)
        assert (packets, error) == walk_by_the_rfc(datagram), path.name
        if rtcp.check(datagram):
            continue
        well_framed += 1
        if all(len(packet.body) % 4 == 0 for packet in packets):
            w = Writer(len(datagram))
            for packet in packets:
                w.packet(packet.type, packet.count, packet.body)
            assert rtcp.walk(w.data) == (packets, 0), path.name
    assert well_framed > 60


PARSERS = [
    rtcp.report,
    rtcp.sdes_cname,
    lambda p: rtcp.bye_ssrc(p, 0),
    rtcp.feedback_ssrcs,
    lambda p: rtcp.nack(p, 100),
    lambda p: rtcp.fir_entry(p, 0),
    rtcp.remb,
    rtcp.twcc,
]


def parse_with_all(packet: Packet) -> int:
    """How many parsers took the packet; what they refuse they refuse with one of two errors."""
    taken = 0
    for parse in PARSERS:
        try:
            parse(packet)
            taken += 1
        except OSError as error:
            assert error.errno in {errno.EBADMSG, errno.ENOENT}  # noqa: PT017
    return taken


@pytest.mark.needs_shared("vectors/corpora/rtcp")
def test_the_corpus_passes_every_parser(shared: Path) -> None:
    taken = 0
    for path in sorted(shared.iterdir()):
        packets, _ = rtcp.walk(path.read_bytes())
        for packet in packets:
            taken += parse_with_all(packet)
    assert taken > 60


@given(st.sampled_from([200, 201, 202, 203, 204, 205, 206]), st.integers(0, 31), st.binary(max_size=120))
def test_any_packet_passes_every_parser(packet_type: int, count: int, body: bytes) -> None:
    assert parse_with_all(Packet(packet_type, count, body)) <= 2  # its own and feedback_ssrcs
