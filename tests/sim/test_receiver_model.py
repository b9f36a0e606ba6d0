"""The strict receiver finds what it is there to find: streams made by hand, each with one mistake, and five mistakes that real
servers make, planted behind an engine that does not make them.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sim.checks import WRAP_POINTS
from tests.sim.handmade import (
    AUDIO_SSRC,
    FRAME_US,
    MS,
    START_US,
    VIDEO_SSRC,
    Stage,
    nack,
    rtcp,
    rtp,
    sender_report,
)
from tests.sim.receiver_rules import Limits, Rule
from tests.sim.receiver_wire import (
    Cname,
    Nack,
    Other,
    SenderReport,
    WireError,
    difference,
    extend,
    parse_rtcp,
    parse_rtp,
)

HERE = Path(__file__).parent


def test_it_uses_nothing_of_the_server() -> None:
    allowed = {"__future__", "struct", "collections", "dataclasses", "enum", "functools", "typing"}
    for name in ("receiver_model", "receiver_slot", "receiver_ledger", "receiver_rules", "receiver_wire"):
        imported = set()
        for node in ast.walk(ast.parse((HERE / f"{name}.py").read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module or "")
        ours = {module for module in imported if module.startswith("tests.sim.receiver_")}
        assert {module.split(".")[0] for module in imported - ours} <= allowed


# ---- streams without a fault ----


def good_video(stage: Stage) -> None:
    """Two sources, the second entering at a key frame, reports, and a number that is asked for and answered."""
    stage.show(stage.one.capture(0, key=True))
    stage.report()
    frame = stage.one.capture(1)
    number = stage.send(frame[0])
    stage.show(frame[1:])
    stage.ask(number)
    stage.answer(number, frame[0])
    stage.show(stage.two.capture(2, key=True))
    stage.show(stage.two.capture(3))
    stage.report()


@pytest.mark.parametrize("first", WRAP_POINTS)
def test_a_good_stream_has_no_fault(first: int) -> None:
    stage = Stage(first=first)
    good_video(stage)
    assert stage.found() == set()
    assert (stage.video.frames, stage.video.splices, stage.video.answers, stage.video.reports) == (4, 2, 1, 2)
    assert stage.video.shows is stage.two.stream


def test_good_audio_has_no_fault() -> None:
    stage = Stage()
    for frame in range(5):
        stage.show(stage.voice.capture(frame, packets=1), extensions={1: b"\x9e"})
        stage.report(AUDIO_SSRC)
    assert stage.found() == set()
    assert stage.audio.frames == 5


def test_a_hole_of_a_packet_that_never_reached_the_server_is_right() -> None:
    stage = Stage()
    stage.show(stage.one.capture(0, key=True))
    frame = stage.one.capture(1, lost=(1,))
    stage.send(frame[0])
    stage.send(frame[2], skip=1)
    stage.show(stage.one.capture(2))
    assert stage.found() == set()
    assert stage.video.frames == 1  # the others cannot be decoded


def test_a_packet_recovered_late_may_go_out_under_its_number() -> None:
    stage = Stage()
    stage.show(stage.one.capture(0, key=True))
    frame = stage.one.capture(1, lost=(1,))
    number = stage.send(frame[0]) + 1
    stage.send(frame[2], skip=1)
    stage.show(stage.one.capture(2))
    stage.ledger.on_datagram(stage.now_us, stage.one.packet(frame[1], stage.one.next - 5, repeated=True))
    stage.send(frame[1], sequence=number)
    assert stage.found() == set()
    assert stage.video.frames == 3


def test_what_was_queued_and_never_sent_leaves_no_hole() -> None:
    """A queue that was flushed: a frame is cut short, its source enters again at a key frame."""
    stage = Stage()
    stage.show(stage.one.capture(0, key=True))
    stage.show(stage.one.capture(1)[:2])
    stage.one.capture(2)
    stage.show(stage.one.capture(3, key=True))
    assert stage.found() == set()
    assert (stage.video.frames, stage.video.splices) == (2, 2)


def test_padding_holds_a_number() -> None:
    stage = Stage()
    frame = stage.one.capture(0, key=True)
    stage.show(frame)
    stage.send(frame[2], payload=b"", padding=4, marker=False)
    stage.show(stage.two.capture(1, key=True))
    assert stage.found() == set()


def test_a_packet_is_judged_when_nothing_can_change_it() -> None:
    stage = Stage()
    stage.show(stage.one.capture(0, key=True))
    frame = stage.one.capture(1)
    stage.send(frame[1], skip=1)
    stage.send(frame[2])
    settle_us = Limits().settle_us
    stage.model.settle(START_US + FRAME_US + settle_us)
    assert not stage.model.faults
    stage.model.settle(START_US + FRAME_US + settle_us + 50 * MS)
    assert {fault.rule for fault in stage.model.faults} == {Rule.GAP}


# ---- streams with one ----


def entered(stage: Stage) -> None:
    stage.show(stage.one.capture(0, key=True))
    stage.report()


def gap(stage: Stage) -> None:
    frame = stage.one.capture(1)
    stage.send(frame[0])
    stage.send(frame[2], skip=1)


def gap_at_a_splice(stage: Stage) -> None:
    frame = stage.two.capture(1, key=True)
    stage.send(frame[0], skip=1)
    stage.show(frame[1:])


def gap_of_a_packet_that_came_late(stage: Stage) -> None:
    frame = stage.one.capture(1, lost=(1,))
    stage.send(frame[0])
    stage.send(frame[2], skip=1)
    stage.ledger.on_datagram(stage.now_us, stage.one.packet(frame[1], stage.one.next - 2, repeated=True))
    stage.show(stage.one.capture(2))


def number_twice(stage: Stage) -> None:
    frame = stage.one.capture(1)
    number = stage.send(frame[0])
    stage.send(frame[0], sequence=number)
    stage.show(frame[1:])


def content_twice(stage: Stage) -> None:
    frame = stage.one.capture(0, key=True)
    stage.show(stage.two.capture(1, key=True))
    stage.show(frame[:1])
    stage.show(frame[:1])


def foreign_bytes(stage: Stage) -> None:
    stage.show(stage.one.capture(1)[:2])
    stage.send(stage.one.capture(2)[0], payload=b"\x00nobody")


def audio_in_a_video_slot(stage: Stage) -> None:
    voice = stage.voice.capture(1, packets=1)[0]
    stage.send(voice, ssrc=VIDEO_SSRC, payload_type=96)


def entry_at_a_delta_frame(stage: Stage) -> None:
    stage.show(stage.two.capture(1))


def a_frame_left_out(stage: Stage) -> None:
    stage.one.capture(1)
    stage.show(stage.one.capture(2))


def layers_in_one_frame(stage: Stage) -> None:
    stage.show(stage.one.capture(1)[:1])
    stage.show(stage.two.capture(1, key=True)[1:], timestamp=stage.time(START_US + FRAME_US))


def time_goes_back(stage: Stage) -> None:
    stage.show(stage.two.capture(1, key=True), timestamp=stage.time(START_US) - 1)


def time_stands_still(stage: Stage) -> None:
    stage.show(stage.two.capture(1, key=True), timestamp=stage.time(START_US))


def time_differs_in_a_frame(stage: Stage) -> None:
    frame = stage.one.capture(1)
    stage.show(frame[:2])
    stage.send(frame[2], timestamp=stage.time(START_US + FRAME_US) + 1)


def time_has_another_pace(stage: Stage) -> None:
    stage.show(stage.one.capture(1), timestamp=stage.time(START_US + FRAME_US) + 2100)


def marker_lost(stage: Stage) -> None:
    stage.show(stage.one.capture(1), marker=False)


def marker_early(stage: Stage) -> None:
    frame = stage.one.capture(1)
    stage.send(frame[0], marker=True)
    stage.show(frame[1:])


def audio_marker(stage: Stage) -> None:
    stage.show(stage.voice.capture(0, packets=1), marker=False)


def padding_with_a_marker(stage: Stage) -> None:
    frame = stage.one.capture(1)
    stage.show(frame)
    stage.send(frame[2], payload=b"", padding=4)


def nothing_at_all(stage: Stage) -> None:
    frame = stage.one.capture(1)
    stage.show(frame)
    stage.send(frame[2], payload=b"", marker=False)


def not_asked_for(stage: Stage) -> None:
    frame = stage.one.capture(1)
    number = stage.send(frame[0])
    stage.show(frame[1:])
    stage.answer(number, frame[0])


def wrong_answer(stage: Stage) -> None:
    frame = stage.one.capture(1)
    number = stage.send(frame[0])
    stage.show(frame[1:])
    stage.ask(number)
    stage.answer(number, frame[1])


def answer_with_another_time(stage: Stage) -> None:
    frame = stage.one.capture(1)
    number = stage.send(frame[0])
    stage.show(frame[1:])
    stage.ask(number)
    stage.answer(number, frame[0], timestamp=5)


def answer_for_the_future(stage: Stage) -> None:
    frame = stage.one.capture(1)
    number = stage.send(frame[0])
    stage.ask(number + 9)
    stage.answer(number + 9, frame[0])
    stage.show(frame[1:])


def rtx_numbers_jump(stage: Stage) -> None:
    frame = stage.one.capture(1)
    number = stage.send(frame[0])
    stage.show(frame[1:])
    stage.ask(number, number + 1)
    stage.answer(number, frame[0])
    stage.answer(number + 1, frame[1], sequence=7)


def no_answer(stage: Stage) -> None:
    frame = stage.one.capture(1)
    number = stage.send(frame[0])
    stage.show(frame[1:])
    stage.ask(number)
    stage.now_us += 70 * MS


def report_of_the_send_time(stage: Stage) -> None:
    stage.now_us += 30 * MS
    stage.report(late_us=30 * MS)


def report_off_the_line(stage: Stage) -> None:
    stage.report(late_us=-6 * MS)


def report_of_another_clock(stage: Stage) -> None:
    stage.report(ntp_us=stage.now_us + 6 * MS, late_us=-6 * MS)


def report_miscounts(stage: Stage) -> None:
    stage.report(packets=4)


def far_from_its_capture(stage: Stage) -> None:
    stage.show(stage.two.capture(1, key=True), timestamp=stage.time(START_US + FRAME_US + 200 * MS))


def an_extension_of_the_other_hop(stage: Stage) -> None:
    stage.show(stage.one.capture(1), extensions={4: b"0"})


def transport_numbers_jump(stage: Stage) -> None:
    stage.show(stage.one.capture(1), transport_step=2)


def wrong_send_time(stage: Stage) -> None:
    stage.show(stage.one.capture(1), sent_us=START_US)


def wrong_type(stage: Stage) -> None:
    stage.show(stage.one.capture(1), payload_type=97)


def no_slot(stage: Stage) -> None:
    stage.show(stage.one.capture(1), ssrc=0xDEAD)


def no_rtp(stage: Stage) -> None:
    stage.model.on_datagram(stage.now_us, b"\x80\x60short")


def slot_ends(stage: Stage) -> None:
    stage.model.on_datagram(stage.now_us, rtcp(203, 1, VIDEO_SSRC.to_bytes(4, "big")))


def other_cname(stage: Stage) -> None:
    stage.report(cname=b"d")


MISTAKES: dict[Callable[[Stage], None], set[Rule]] = {
    gap: {Rule.GAP},
    gap_at_a_splice: {Rule.GAP},
    gap_of_a_packet_that_came_late: {Rule.GAP},
    number_twice: {Rule.NUMBER_TWICE},
    content_twice: {Rule.CONTENT_TWICE, Rule.TIMESTAMP},
    foreign_bytes: {Rule.CONTENT},
    audio_in_a_video_slot: {Rule.CONTENT},
    entry_at_a_delta_frame: {Rule.ENTRY},
    a_frame_left_out: {Rule.ENTRY},
    layers_in_one_frame: {Rule.MIXED_FRAME, Rule.TIMESTAMP},
    time_goes_back: {Rule.TIMESTAMP, Rule.CAPTURE},
    time_stands_still: {Rule.TIMESTAMP, Rule.CAPTURE},
    time_differs_in_a_frame: {Rule.TIMESTAMP},
    time_has_another_pace: {Rule.TIMESTAMP, Rule.CAPTURE},
    marker_lost: {Rule.MARKER},
    marker_early: {Rule.MARKER},
    audio_marker: {Rule.MARKER},
    padding_with_a_marker: {Rule.PADDING},
    nothing_at_all: {Rule.PADDING},
    not_asked_for: {Rule.RETRANSMISSION},
    wrong_answer: {Rule.RETRANSMISSION},
    answer_with_another_time: {Rule.RETRANSMISSION},
    answer_for_the_future: {Rule.RETRANSMISSION},
    rtx_numbers_jump: {Rule.RETRANSMISSION},
    no_answer: {Rule.UNANSWERED},
    report_of_the_send_time: {Rule.REPORT, Rule.DRIFT},
    report_off_the_line: {Rule.REPORT, Rule.DRIFT},
    report_of_another_clock: {Rule.REPORT},
    report_miscounts: {Rule.REPORT},
    far_from_its_capture: {Rule.CAPTURE},
    an_extension_of_the_other_hop: {Rule.EXTENSION},
    transport_numbers_jump: {Rule.TRANSPORT_NUMBER},
    wrong_send_time: {Rule.SEND_TIME},
    wrong_type: {Rule.PAYLOAD_TYPE},
    no_slot: {Rule.MALFORMED},
    no_rtp: {Rule.MALFORMED},
    slot_ends: {Rule.GOODBYE},
    other_cname: {Rule.CNAME},
}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_a_mistake_is_found(mistake: Callable[[Stage], None]) -> None:
    stage = Stage()
    entered(stage)
    mistake(stage)
    assert stage.found() == MISTAKES[mistake]


def test_every_rule_is_broken_by_some_mistake() -> None:
    assert set().union(*MISTAKES.values()) == set(Rule)


# ---- its parsers ----


def test_rtp_is_read() -> None:
    data = rtp(7, 65535, 9, 96, b"payload", marker=True, extensions={3: b"\x01\x02", 1: b"\xff"}, padding=3)
    packet = parse_rtp(data)
    assert packet == (7, 65535, 9, 96, True, {3: b"\x01\x02", 1: b"\xff"}, b"payload", 3)
    two_bytes = bytes.fromhex("905f0001 00000002 00000003 10000002 0702aabb 00090000") + b"x"
    assert parse_rtp(two_bytes)[5:7] == ({7: b"\xaa\xbb", 9: b""}, b"x")


@pytest.mark.parametrize(
    "text",
    [
        "80600001 00000002 000000",  # short
        "40600001 00000002 00000003",  # version 1
        "81600001 00000002 00000003",  # a CSRC, and none there
        "90600001 00000002 00000003 BEDE",  # half an extension header
        "90600001 00000002 00000003 BEDE0002 10AA0000",  # fewer words than said
        "90600001 00000002 00000003 BEDE0001 13AA0000",  # element beyond the block
        "90600001 00000002 00000003 BEDE0001 F0AA0000",  # reserved id
        "90600001 00000002 00000003 BEDE0001 10AA10BB",  # twice
        "90600001 00000002 00000003 ABCD0000",  # no profile of RFC 8285
        "90600001 00000002 00000003 10000001 00000001",  # two-byte element without a length
        "A0600001 00000002 00000003",  # padding of nothing
        "A0600001 00000002 00000003 00",  # of length 0
        "A0600001 00000002 00000003 0003",  # longer than the packet
    ],
)
def test_rtp_that_no_rfc_allows_is_refused(text: str) -> None:
    with pytest.raises(WireError):
        parse_rtp(bytes.fromhex(text))


def test_rtcp_is_read() -> None:
    parts = parse_rtcp(sender_report(5, 1_500_000, 9, 2, 3, b"name"))
    assert parts == [SenderReport(5, 1_500_000, 9, 2, 3), Other(200, 0), Cname(5, b"name")]
    packed = bytes.fromhex("81CD0003 00000001 00000002 FFFE8001")
    assert parse_rtcp(packed) == [Nack(2, [65534, 65535, 14])]


@pytest.mark.parametrize("whole", [sender_report(5, 1, 9, 2, 3), nack(2, 4, 5)])
def test_truncated_rtcp_is_refused(whole: bytes) -> None:
    for length in range(len(whole)):
        if length == 28:  # between the parts of the compound one
            continue
        with pytest.raises(WireError):
            parse_rtcp(whole[:length])


def test_numbers_are_extended_the_shorter_way() -> None:
    assert extend(65535, 0) == 65536
    assert extend(65536, 65535) == 65535
    assert extend(0x12345, 0x2345) == 0x12345
    assert difference(1, 0xFFFFFFFF) == 2
    assert difference(0xFFFFFFFF, 1) == -2
