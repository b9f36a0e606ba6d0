"""Tests of native/core/rtcp_feedback.c: NACK, PLI, FIR and REMB."""

import errno

import pytest
from aiortc.rtp import RtcpPacket, RtcpPsfbPacket, RtcpRtpfbPacket, pack_remb_fci, unpack_remb_fci
from hypothesis import example, given
from hypothesis import strategies as st

from sfu._testing import rtcp
from sfu._testing.rtcp import Packet, Remb, Writer
from tests.native.rtcp_support import only, refused, written

U8, U32 = st.integers(0, 2**8 - 1), st.integers(0, 2**32 - 1)
STARTS = [0, 1, 127, 128, 255, 256, 32767, 32768, 65534, 65535]
SENDER, MEDIA = 0x01020304, 0x05060708
SSRCS = bytes.fromhex("01020304 05060708")


def nacked(packet: Packet) -> list[int]:
    named, lost = rtcp.nack(packet, 2000)
    assert named == len(lost)
    return lost


def test_feedback_ssrcs() -> None:
    for packet_type in (205, 206):
        assert rtcp.feedback_ssrcs(Packet(packet_type, 9, SSRCS + b"rest")) == (SENDER, MEDIA)
        for length in range(8):
            refused(errno.EBADMSG, rtcp.feedback_ssrcs, Packet(packet_type, 1, SSRCS[:length]))
    refused(errno.EBADMSG, rtcp.feedback_ssrcs, Packet(201, 1, SSRCS))


# RFC 4585 section 6.2.1: PID, then BLP, whose bit i (least significant is 1) stands for PID + i.
NACKS = [
    ([1000], "03e80000"),
    ([1000, 1001], "03e80001"),
    ([1000, 1002, 1016], "03e88002"),
    ([1000, 1017], "03e80000 03f90000"),
    (list(range(1000, 1018)), "03e8ffff 03f90000"),
    ([65535, 0, 1], "ffff0003"),
    ([65534, 65535, 14, 15], "fffe8001 000f0000"),
]


@pytest.mark.parametrize("lost, fci", NACKS)
def test_nack_golden(lost: list[int], fci: str) -> None:
    body = SSRCS + bytes.fromhex(fci)
    wire = bytes.fromhex("81cd") + (len(body) // 4).to_bytes(2, "big") + body
    assert written(lambda w: w.nack(SENDER, MEDIA, lost)) == wire
    assert nacked(only(wire)) == lost
    assert rtcp.feedback_ssrcs(only(wire)) == (SENDER, MEDIA)


def test_nack_parse_keeps_to_its_capacity() -> None:
    packet = Packet(205, 1, SSRCS + bytes.fromhex("03e8ffff 07d00000"))
    everything = [*range(1000, 1017), 2000]
    for capacity in range(20):
        assert rtcp.nack(packet, capacity) == (18, everything[:capacity])


def test_nack_of_no_number_is_not_written_and_not_taken() -> None:
    w = Writer(100)
    w.nack(SENDER, MEDIA, [])
    assert w.ok
    assert w.data == b""
    refused(errno.EBADMSG, nacked, Packet(205, 1, SSRCS))


def test_nack_truncated_or_of_another_format() -> None:
    body = SSRCS + bytes.fromhex("03e80000 07d00000")
    for length in set(range(len(body))) - {12}:
        refused(errno.EBADMSG, nacked, Packet(205, 1, body[:length]))
    for packet_type, fmt in [(205, 0), (205, 2), (205, 15), (206, 1)]:
        refused(errno.EBADMSG, nacked, Packet(packet_type, fmt, body))


@pytest.mark.parametrize("start", STARTS)
@given(gaps=st.lists(st.one_of(st.integers(1, 20), st.integers(1, 2000)), max_size=30))
@example(gaps=[1] * 40)
@example(gaps=[16] * 10)
@example(gaps=[17] * 10)
def test_nack_round_trip(start: int, gaps: list[int]) -> None:
    lost = [start]
    for gap in gaps:
        lost.append((lost[-1] + gap) % 2**16)
    w = Writer(2000)
    w.nack(SENDER, MEDIA, lost)
    assert w.ok
    assert nacked(only(w.data)) == lost


@given(st.sets(st.integers(0, 65535), min_size=1, max_size=60))
def test_nack_to_and_from_aiortc(sequences: set[int]) -> None:
    lost = sorted(sequences)
    theirs = RtcpRtpfbPacket(fmt=1, ssrc=SENDER, media_ssrc=MEDIA, lost=lost)
    w = Writer(2000)
    w.nack(SENDER, MEDIA, lost)
    assert w.data == bytes(theirs)
    assert RtcpPacket.parse(w.data) == [theirs]
    assert nacked(only(bytes(theirs))) == lost


def test_nack_numbers_in_any_order_are_all_named() -> None:
    # Out of order costs bytes, not numbers; a repeated one is named once.
    w = Writer(200)
    w.nack(SENDER, MEDIA, [7, 5, 5, 6, 30, 29])
    assert nacked(only(w.data)) == [7, 5, 6, 30, 29]


def test_pli() -> None:
    wire = bytes.fromhex("81ce0002 01020304 05060708")
    assert written(lambda w: w.pli(SENDER, MEDIA)) == wire
    assert wire == bytes(RtcpPsfbPacket(fmt=1, ssrc=SENDER, media_ssrc=MEDIA))
    assert rtcp.feedback_ssrcs(only(wire)) == (SENDER, MEDIA)


# RFC 5104 section 4.3.1.1: SSRC, command sequence number, 24 reserved bits; the media SSRC is 0.
FIR = bytes.fromhex("84ce0006 01020304 00000000 11121314 05000000 21222324 ff000000")
FIR_ENTRIES = [(0x11121314, 5), (0x21222324, 255)]


def test_fir_golden() -> None:
    assert written(lambda w: w.fir(SENDER, FIR_ENTRIES)) == FIR
    packet = only(FIR)
    assert [rtcp.fir_entry(packet, i) for i in range(4)] == [*FIR_ENTRIES, None, None]
    assert rtcp.fir_entry(packet, 2**63) is None
    assert RtcpPacket.parse(FIR) == [RtcpPsfbPacket(fmt=4, ssrc=SENDER, media_ssrc=0, fci=FIR[12:])]


def test_fir_ignores_reserved_bits() -> None:
    packet = Packet(206, 4, bytes(8) + bytes.fromhex("11121314 05ffffff"))
    assert rtcp.fir_entry(packet, 0) == (0x11121314, 5)


def test_fir_truncated_empty_or_of_another_format() -> None:
    body = only(FIR).body
    for length in set(range(len(body))) - {16}:
        refused(errno.EBADMSG, lambda p: rtcp.fir_entry(p, 0), Packet(206, 4, body[:length]))
    for packet_type, fmt in [(205, 4), (206, 1), (206, 15)]:
        refused(errno.EBADMSG, lambda p: rtcp.fir_entry(p, 0), Packet(packet_type, fmt, body))
    w = Writer(100)
    w.fir(SENDER, [])
    assert w.data == b""


@given(st.lists(st.tuples(U32, U8), min_size=1, max_size=40))
def test_fir_round_trip(entries: list[tuple[int, int]]) -> None:
    w = Writer(2000)
    w.fir(SENDER, entries)
    packet = only(w.data)
    assert [rtcp.fir_entry(packet, i) for i in range(len(entries))] == entries
    assert rtcp.fir_entry(packet, len(entries)) is None


# draft-alvestrand-rmcat-remb-03 section 2.2: "REMB", count, 6 bits exponent, 18 bits mantissa, SSRCs.
REMBS = [
    (0, [], "00 000000"),
    (1, [], "00 000001"),
    (262_143, [], "00 03ffff"),
    (262_144, [], "00 060000"),
    (1_000_000, [7], "01 0bd090 00000007"),  # 250000 << 2
    (8927168, [1215622422], "01 1a20df 4874ed16"),  # 139487 << 6
    (2**63 - 2**45, [1, 2], "02 b7ffff 00000001 00000002"),  # 262143 << 45
]


@pytest.mark.parametrize("bitrate, ssrcs, fci", REMBS)
def test_remb_golden(bitrate: int, ssrcs: list[int], fci: str) -> None:
    body = bytes.fromhex("01020304 00000000") + b"REMB" + bytes.fromhex(fci)
    wire = bytes.fromhex("8fce") + (len(body) // 4).to_bytes(2, "big") + body
    assert written(lambda w: w.remb(SENDER, bitrate, ssrcs)) == wire
    assert rtcp.remb(only(wire)) == Remb(bitrate, ssrcs)


@given(st.integers(0, 2**63 - 1), st.lists(U32, max_size=20))
@example(2**63 - 1, [])
def test_remb_to_and_from_aiortc(bitrate: int, ssrcs: list[int]) -> None:
    fci = pack_remb_fci(bitrate, ssrcs)
    theirs = RtcpPsfbPacket(fmt=15, ssrc=SENDER, media_ssrc=0, fci=fci)
    w = Writer(200)
    w.remb(SENDER, bitrate, ssrcs)
    assert w.data == bytes(theirs)
    rounded, same_ssrcs = unpack_remb_fci(fci)
    assert rtcp.remb(only(bytes(theirs))) == Remb(rounded, same_ssrcs)
    # 18 bits of precision, and never above what was asked.
    assert 0 <= bitrate - rounded <= bitrate >> 17


@pytest.mark.parametrize("exponent, mantissa", [(63, 1), (63, 0x3FFFF), (46, 0x3FFFF), (62, 2)])
def test_remb_too_large_is_refused(exponent: int, mantissa: int) -> None:
    fci = b"REMB" + (exponent << 18 | mantissa).to_bytes(4, "big")
    refused(errno.EBADMSG, rtcp.remb, Packet(206, 15, SSRCS + fci))


@pytest.mark.parametrize("exponent, mantissa", [(63, 0), (62, 1), (45, 0x3FFFF), (0, 0x3FFFF)])
def test_remb_with_any_exponent_that_fits(exponent: int, mantissa: int) -> None:
    fci = b"REMB" + (exponent << 18 | mantissa).to_bytes(4, "big")
    assert rtcp.remb(Packet(206, 15, SSRCS + fci)).bitrate_bps == mantissa << exponent


def test_remb_above_the_limit_is_written_as_the_limit() -> None:
    w = Writer(100)
    w.remb(SENDER, 2**64 - 1, [])
    assert rtcp.remb(only(w.data)).bitrate_bps == 0x3FFFF << 45


def test_remb_that_is_another_application_message() -> None:
    refused(errno.ENOENT, rtcp.remb, Packet(206, 15, SSRCS + b"GOOG" + bytes(4)))
    refused(errno.ENOENT, rtcp.remb, Packet(206, 15, SSRCS))


def test_remb_truncated_or_too_long_or_of_another_format() -> None:
    body = SSRCS + b"REMB" + bytes.fromhex("02 000001 00000007 00000008")
    assert rtcp.remb(Packet(206, 15, body)) == Remb(1, [7, 8])
    for length in range(len(body)):
        error = errno.ENOENT if 8 <= length < 12 else errno.EBADMSG
        refused(error, rtcp.remb, Packet(206, 15, body[:length]))
    refused(errno.EBADMSG, rtcp.remb, Packet(206, 15, body + bytes(4)))
    for packet_type, fmt in [(205, 15), (206, 1), (206, 4)]:
        refused(errno.EBADMSG, rtcp.remb, Packet(packet_type, fmt, body))


@pytest.mark.parametrize("count", [0, 1, 254, 255])
def test_remb_names_up_to_255(count: int) -> None:
    w = Writer(2000)
    w.remb(SENDER, 5, range(count))
    assert rtcp.remb(only(w.data)) == Remb(5, list(range(count)))
