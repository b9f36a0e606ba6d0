"""Tests of native/core/rtcp_report.c: SR, RR, SDES and BYE."""

import errno

import pytest
from aiortc.rtp import (
    RtcpByePacket,
    RtcpPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
)
from hypothesis import given
from hypothesis import strategies as st

from sfu._testing import rtcp
from sfu._testing.rtcp import Packet, Report, ReportBlock, SenderInfo, Writer
from tests.native.rtcp_support import only, refused, written

U8, U32, U64 = st.integers(0, 2**8 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
LOST = st.integers(-(2**23), 2**23 - 1)
BLOCKS = st.lists(st.builds(ReportBlock, U32, U8, LOST, U32, U32, U32, U32), max_size=31)
SENDERS = st.builds(SenderInfo, U64, U32, U32, U32)

# Field by field from the figures of RFC 3550 sections 6.4.1 and 6.4.2.
SR = bytes.fromhex(
    "81c8000c"  # V=2, RC=1, PT=200, length 12
    "01020304"  # SSRC of sender
    "1112131415161718"  # NTP
    "21222324"  # RTP timestamp
    "31323334"  # packet count
    "41424344"  # octet count
    "51525354"  # SSRC_1
    "61fffffe"  # fraction lost, cumulative lost -2
    "00017172"  # one cycle, highest sequence number
    "81828384"  # jitter
    "91929394"  # LSR
    "a1a2a3a4"  # DLSR
)
SR_REPORT = Report(
    0x01020304,
    SenderInfo(0x1112131415161718, 0x21222324, 0x31323334, 0x41424344),
    [ReportBlock(0x51525354, 0x61, -2, 0x00017172, 0x81828384, 0x91929394, 0xA1A2A3A4)],
)
RR = bytes.fromhex(
    "81c90007 01020304 51525354 617fffff 00017172 81828384 91929394 a1a2a3a4",
)
RR_REPORT = Report(
    0x01020304,
    None,
    [ReportBlock(0x51525354, 0x61, 0x7FFFFF, 0x00017172, 0x81828384, 0x91929394, 0xA1A2A3A4)],
)


@pytest.mark.parametrize("wire, report", [(SR, SR_REPORT), (RR, RR_REPORT)], ids=["sr", "rr"])
def test_report_golden(wire: bytes, report: Report) -> None:
    assert rtcp.report(only(wire)) == report
    assert written(lambda w: w.report(*report)) == wire


@pytest.mark.parametrize("wire", [SR, RR], ids=["sr", "rr"])
def test_report_truncated_at_every_length(wire: bytes) -> None:
    packet = only(wire)
    for length in range(len(packet.body)):
        refused(errno.EBADMSG, rtcp.report, Packet(packet.type, packet.count, packet.body[:length]))


def test_report_with_fewer_blocks_than_it_counts() -> None:
    refused(errno.EBADMSG, rtcp.report, Packet(201, 2, only(RR).body))


def test_report_ignores_profile_specific_extensions() -> None:
    for wire, report in [(SR, SR_REPORT), (RR, RR_REPORT)]:
        packet = only(wire)
        assert rtcp.report(Packet(packet.type, packet.count, packet.body + b"more")) == report


@pytest.mark.parametrize("other", [0, 199, 202, 203, 205, 206])
def test_report_of_another_type(other: int) -> None:
    refused(errno.EBADMSG, rtcp.report, Packet(other, 0, bytes(24)))


@pytest.mark.parametrize(
    "lost, wire",
    [(0, "000000"), (1, "000001"), (-1, "ffffff"), (0x7FFFFF, "7fffff"), (-0x800000, "800000")],
)
def test_cumulative_lost_is_24_bit_signed(lost: int, wire: str) -> None:
    block = ReportBlock(1, 0, lost, 0, 0, 0, 0)
    data = written(lambda w: w.report(2, None, [block]))
    assert data[13:16].hex() == wire
    assert rtcp.report(only(data)).blocks == [block]


@pytest.mark.parametrize(
    "lost, clamped", [(2**31 - 1, 0x7FFFFF), (0x800000, 0x7FFFFF), (-(2**31), -0x800000)]
)
def test_cumulative_lost_stays_at_its_limit(lost: int, clamped: int) -> None:
    data = written(lambda w: w.report(2, None, [ReportBlock(1, 0, lost, 0, 0, 0, 0)]))
    assert rtcp.report(only(data)).blocks[0].cumulative_lost == clamped


def test_a_report_has_at_most_31_blocks() -> None:
    blocks = [ReportBlock(i, 0, 0, 0, 0, 0, 0) for i in range(32)]
    assert rtcp.report(only(written(lambda w: w.report(1, None, blocks[:31])))).blocks == blocks[:31]
    w = Writer(2000)
    w.report(1, None, blocks)
    assert not w.ok


@given(U32, st.one_of(st.none(), SENDERS), BLOCKS)
def test_reports_to_and_from_aiortc(ssrc: int, sender: SenderInfo | None, blocks: list[ReportBlock]) -> None:
    reports = [RtcpReceiverInfo(*block) for block in blocks]
    theirs = RtcpSrPacket(ssrc, RtcpSenderInfo(*sender), reports) if sender else RtcpRrPacket(ssrc, reports)
    w = Writer(2000)
    w.report(ssrc, sender, blocks)
    assert w.data == bytes(theirs)
    assert RtcpPacket.parse(w.data) == [theirs]
    assert rtcp.report(only(bytes(theirs))) == Report(ssrc, sender, blocks)


# RFC 3550 section 6.5: items, then one or more nulls up to the next word.
SDES = {
    b"": "81ca0002 01020304 01000000",
    b"a": "81ca0002 01020304 01016100",
    b"ab": "81ca0003 01020304 01026162 00000000",
    b"abc": "81ca0003 01020304 01036162 63000000",
    b"abcd": "81ca0003 01020304 01046162 63640000",
    b"abcde": "81ca0003 01020304 01056162 63646500",
}


@pytest.mark.parametrize("cname", SDES)
def test_sdes_golden(cname: bytes) -> None:
    wire = bytes.fromhex(SDES[cname])
    assert written(lambda w: w.sdes_cname(0x01020304, cname)) == wire
    assert rtcp.sdes_cname(only(wire)) == (0x01020304, cname)


def test_cname_has_at_most_255_bytes() -> None:
    data = written(lambda w: w.sdes_cname(1, b"x" * 255))
    assert rtcp.sdes_cname(only(data)) == (1, b"x" * 255)
    w = Writer(2000)
    w.sdes_cname(1, b"x" * 256)
    assert not w.ok


def test_sdes_skips_other_items_and_chunks_without_cname() -> None:
    wire = bytes.fromhex(
        "83ca0008"
        "00000001 02024142 00000000"  # NAME only: two text bytes, so the nulls are a word of their own
        "00000002 00000000"  # no item at all
        "00000003 02014101 02787900"  # NAME, then CNAME
    )
    assert rtcp.sdes_cname(only(wire)) == (3, b"xy")


@pytest.mark.parametrize(
    "count, body",
    [(0, ""), (1, "00000001 00000000"), (1, "00000001 02024142 00000000"), (2, "00000001 00000000" * 2)],
)
def test_sdes_without_cname(count: int, body: str) -> None:
    refused(errno.ENOENT, rtcp.sdes_cname, Packet(202, count, bytes.fromhex(body)))


@pytest.mark.parametrize(
    "count, body",
    [
        (1, ""),
        (1, "0000"),
        (1, "00000001"),  # no end of the list
        (1, "00000001 02024142"),  # the same after an item
        (1, "00000001 0203414200"),  # the next item is cut in its type
        (1, "00000001 02044142"),  # text past the end
        (1, "00000001 01044142"),
        (1, "00000001 01"),  # no length
        (1, "00000001 00"),  # the padding of the chunk is missing
        (2, "00000001 00000000"),  # fewer chunks than counted
        (1, "00000001 01ff" + "61" * 254),
    ],
)
def test_sdes_malformed(count: int, body: str) -> None:
    refused(errno.EBADMSG, rtcp.sdes_cname, Packet(202, count, bytes.fromhex(body)))


def test_sdes_of_another_type() -> None:
    refused(errno.EBADMSG, rtcp.sdes_cname, Packet(203, 1, only(bytes.fromhex(SDES[b"a"])).body))


TEXT = st.binary(max_size=255).filter(lambda b: 0 not in b)


@given(U32, TEXT)
def test_sdes_to_and_from_aiortc(ssrc: int, cname: bytes) -> None:
    w = Writer(300)
    w.sdes_cname(ssrc, cname)
    theirs = RtcpSdesPacket(chunks=[RtcpSourceInfo(ssrc=ssrc, items=[(1, cname)])])
    assert RtcpPacket.parse(w.data) == [theirs]
    assert rtcp.sdes_cname(only(bytes(theirs))) == (ssrc, cname)
    packet = only(w.data)
    for length in range(4 + 2 + len(cname)):
        refused(errno.EBADMSG, rtcp.sdes_cname, Packet(202, 1, packet.body[:length]))


def test_bye_golden() -> None:
    wire = bytes.fromhex("82cb0002 01020304 05060708")
    assert written(lambda w: w.bye([0x01020304, 0x05060708])) == wire
    packet = only(wire)
    assert [rtcp.bye_ssrc(packet, i) for i in range(2)] == [0x01020304, 0x05060708]
    refused(errno.EBADMSG, lambda p: rtcp.bye_ssrc(p, 2), packet)


def test_bye_with_a_reason() -> None:
    packet = only(bytes.fromhex("81cb0003 01020304 04676f6e 65000000"))
    assert rtcp.bye_ssrc(packet, 0) == 0x01020304
    # What follows the list is the reason, not another SSRC.
    refused(errno.EBADMSG, lambda p: rtcp.bye_ssrc(p, 1), packet)


def test_bye_shorter_than_its_count() -> None:
    for length in range(8):
        packet = Packet(203, 2, bytes.fromhex("0102030405060708")[:length])
        refused(errno.EBADMSG, lambda p: rtcp.bye_ssrc(p, 1), packet)
    refused(errno.EBADMSG, lambda p: rtcp.bye_ssrc(p, 0), Packet(202, 1, bytes(8)))


def test_a_bye_names_at_most_31() -> None:
    assert len(written(lambda w: w.bye(range(31)))) == 4 + 31 * 4
    w = Writer(2000)
    w.bye(range(32))
    assert not w.ok


@given(st.lists(U32, max_size=31))
def test_bye_to_and_from_aiortc(ssrcs: list[int]) -> None:
    w = Writer(200)
    w.bye(ssrcs)
    assert w.data == bytes(RtcpByePacket(sources=ssrcs))
    packet = only(w.data)
    assert [rtcp.bye_ssrc(packet, i) for i in range(packet.count)] == ssrcs
