"""Tests of native/load/peer_rtcp.c."""

import pytest

from sfu._testing import load, rtcp, srtp
from sfu._testing.peer import Layer, Peer
from tests.native.peer_pair import (
    AUDIO,
    DELAY_US,
    GCM_128,
    KEY_A,
    KEY_B,
    SALT_A,
    SALT_B,
    SECOND,
    VIDEO,
    VIDEO_RTX,
    A,
    B,
    Pair,
    drops,
    faults,
    pair,
    passes,
    publisher,
    receiver,
)


def test_a_publisher_that_answers_no_nacks_leaves_holes_and_makes_key_frames() -> None:
    joined = pair()
    joined.publisher = publisher(answer_nacks=False)
    joined.publisher.add_video([Layer(VIDEO, VIDEO_RTX)])
    joined.forward = drops(4, 0.02)
    joined.run(20 * SECOND)
    video = joined.receiver.receiver_stats(VIDEO)
    assert faults(video) == {}
    assert video["missing"] > 0
    assert video["recovered"] == 0
    assert video["nacks_abandoned"] > 0
    assert video["key_frames_requested"] > 0
    assert joined.publisher.sender_stats(VIDEO)["key_frame_requests"] > 0
    assert video["key_frames"] > 1


def test_a_receiver_that_sends_no_nacks_gets_nothing_again() -> None:
    joined = pair(send_nacks=False)
    joined.forward = drops(5, 0.05)
    joined.run(5 * SECOND)
    video = joined.receiver.receiver_stats(VIDEO)
    assert video["missing"] > 0
    assert video["nacks_sent"] == video["recovered"] == 0
    assert joined.publisher.sender_stats(VIDEO)["nacks_received"] == 0


def test_a_key_frame_is_asked_for_when_there_is_none_to_start_with() -> None:
    joined = pair()
    joined.forward = lambda now_us, data: passes(now_us, data) if now_us > SECOND else []
    joined.run(SECOND + 100_000)
    assert joined.receiver.receiver_stats(VIDEO)["frames_decoded"] == 0
    assert joined.receiver.receiver_stats(VIDEO)["key_frames_requested"] == 0
    joined.run(2 * SECOND)
    video = joined.receiver.receiver_stats(VIDEO)
    assert video["key_frames_requested"] == 1
    assert video["frames_decoded"] > 10
    assert joined.publisher.source_stats(0)["key_frames"] == 2


def test_a_publisher_deaf_to_key_frame_requests_is_asked_again_and_again() -> None:
    joined = pair()
    joined.publisher = publisher(respond_to_key_frame_requests=False)
    joined.publisher.add_video([Layer(VIDEO, VIDEO_RTX)])
    joined.forward = lambda now_us, data: passes(now_us, data) if now_us > SECOND else []
    joined.run(5 * SECOND)
    video = joined.receiver.receiver_stats(VIDEO)
    assert video["frames_decoded"] == 0
    assert 5 <= video["key_frames_requested"] <= 9
    assert joined.publisher.sender_stats(VIDEO)["key_frame_requests"] == video["key_frames_requested"]


def test_a_key_frame_request_by_hand() -> None:
    joined = pair()
    joined.run(SECOND)
    joined.receiver.request_key_frame(joined.now_us, VIDEO)
    joined.run(2 * SECOND)
    assert joined.receiver.receiver_stats(VIDEO)["key_frames"] == 2
    with pytest.raises(OSError, match="No such file"):
        joined.receiver.request_key_frame(joined.now_us, 77)


def test_reports_go_both_ways_and_give_the_round_trip_time() -> None:
    joined = pair(clock_offset_us=5 * SECOND)
    joined.run(5 * SECOND)
    assert joined.publisher.stats()["reports_sent"] == 5
    assert joined.receiver.stats()["reports_sent"] == 5
    # One SR in each of the publisher's reports for each of its streams.
    assert joined.receiver.receiver_stats(VIDEO)["sender_reports"] == 5
    assert joined.receiver.receiver_stats(AUDIO)["sender_reports"] == 5
    sender = joined.publisher.sender_stats(VIDEO)
    assert sender["reports_received"] == 5
    assert sender["cumulative_lost"] == 0
    assert abs(joined.publisher.stats()["rtt_us"] - 2 * DELAY_US) < 100


@pytest.mark.parametrize("skew_ppm", [0, 100, -100])
@pytest.mark.parametrize("offset_us", [0, 7 * SECOND])
def test_sender_reports_fit_media_on_the_clients_own_clock(offset_us: int, skew_ppm: int) -> None:
    joined = pair(first_timestamp=2**32 - 200_000)
    joined.publisher = publisher(clock_offset_us=offset_us, clock_skew_ppm=skew_ppm, start_us=10 * SECOND)
    joined.publisher.add_video([Layer(VIDEO, VIDEO_RTX, first_timestamp=2**32 - 200_000)])
    joined.now_us = 10 * SECOND
    joined.run(15 * SECOND)
    video = joined.receiver.receiver_stats(VIDEO)
    made_us = video["sr_arrival_us"] - DELAY_US
    ntp_us = video["sr_ntp"] * SECOND / 2**32
    assert ntp_us == pytest.approx(made_us * (1 + skew_ppm / 1e6) + offset_us, abs=2)
    since_start = (video["sr_rtp_timestamp"] - (2**32 - 200_000)) % 2**32
    assert since_start == pytest.approx((made_us - 10 * SECOND) * 0.09, abs=1)


def test_transport_feedback_covers_every_packet_and_retransmission() -> None:
    joined = pair()
    joined.forward = drops(6, 0.05)
    joined.run(5 * SECOND)
    joined.forward = passes
    joined.publisher.set_muted(0, True)
    joined.publisher.set_muted(1, True)
    joined.run(6 * SECOND)
    sent = sum(joined.publisher.sender_stats(ssrc)["packets"] for ssrc in (VIDEO, AUDIO))
    sent += joined.publisher.sender_stats(VIDEO)["retransmissions"]
    stats = joined.publisher.stats()
    assert stats["transport_received"] == joined.receiver.stats()["rtp_received"]
    assert stats["transport_received"] < sent
    assert stats["transport_unknown"] == 0
    assert stats["transport_lost"] > 0
    assert stats["transport_feedback_received"] == joined.receiver.stats()["transport_feedback_sent"] > 90


# ---- datagrams of a server that is not there ----


class Server:
    """Protects RTCP as the far side of `publisher()` and gives it to it."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.sender = srtp.Sender(GCM_128, KEY_B[:16], SALT_B[:12])

    def send(self, plain: bytes, now_us: int = 0) -> None:
        status, data = self.sender.protect_rtcp(plain)
        assert status > 0
        self.peer.on_datagram(now_us, 0, B, data)


@pytest.fixture
def server() -> Server:
    peer = publisher()
    peer.add_video([Layer(VIDEO, VIDEO_RTX), Layer(VIDEO + 10, VIDEO + 11)])
    peer.poll(0)
    return Server(peer)


def test_a_fir_counts_once_for_each_command_number(server: Server) -> None:
    for number, expected in ((255, 1), (255, 1), (0, 2), (0, 2), (1, 3)):
        w = rtcp.Writer(100)
        w.fir(1, [(VIDEO, number), (77, 0)])
        server.send(w.data)
        assert server.peer.sender_stats(VIDEO)["key_frame_requests"] == expected
    assert server.peer.sender_stats(VIDEO + 10)["key_frame_requests"] == 0
    server.peer.poll(40_000)
    assert server.peer.source_stats(0)["key_frames"] == 4  # two layers, start and request


def test_remb_and_bye_are_noted(server: Server) -> None:
    w = rtcp.Writer(100)
    w.remb(1, 1_000_000, [VIDEO])
    w.bye([1])
    server.send(w.data)
    assert server.peer.stats()["remb_bps"] == pytest.approx(1_000_000, rel=0.001)
    assert server.peer.stats()["byes_received"] == 1


def test_nacks_are_answered_from_the_last_1024_packets(server: Server) -> None:
    now_us = 0
    while server.peer.sender_stats(VIDEO)["packets"] < 2000:
        now_us = server.peer.next_deadline_us()
        server.peer.poll(now_us)
    sent = server.peer.sender_stats(VIDEO)["packets"]
    oldest = sent - 1024
    w = rtcp.Writer(1000)
    w.nack(1, VIDEO, [0, oldest - 1, oldest, sent - 1, sent, 65535])
    server.send(w.data, now_us)
    answers = server.peer.poll(now_us)
    assert len(answers) == 2
    stats = server.peer.sender_stats(VIDEO)
    assert (stats["nacks_received"], stats["nacks_unknown"], stats["retransmissions"]) == (6, 4, 2)
    opened = srtp.Receiver(GCM_128, KEY_A[:16], SALT_A[:12]).unprotect([data for _, _, data in answers])
    assert [o.header["ssrc"] for o in opened] == [VIDEO_RTX] * 2
    assert [o.header["payload_type"] for o in opened] == [97] * 2
    assert [o.header["sequence"] for o in opened] == [0x4000, 0x4001]
    payloads = [o.packet[o.header["payload_offset"] :] for o in opened]
    assert [int.from_bytes(p[:2]) for p in payloads] == [oldest, sent - 1]
    marks = [load.read_payload(p[2:], video=True) for p in payloads]
    assert [mark["sequence"] for mark in marks if not isinstance(mark, int)] == [oldest, sent - 1]


def test_more_nacks_than_can_be_queued_are_dropped_and_counted(server: Server) -> None:
    for _ in range(1100):
        w = rtcp.Writer(100)
        w.nack(1, VIDEO, [0])
        server.send(w.data)
    assert server.peer.stats()["retransmissions_dropped"] == 1100 - 1024
    assert len(server.peer.poll(0)) == 1024


def test_what_is_malformed_within_is_counted(server: Server) -> None:
    for malformed in (
        b"\x81\xc9\x00\x01" + bytes(4),  # RR: a block is promised
        b"\x81\xcd\x00\x00" + b"\x80\xc9\x00\x01" + bytes(4),  # NACK without SSRCs
        b"\x81\xcd\x00\x05" + bytes(8),  # longer than the datagram
        b"\x8f\xcd\x00\x02" + bytes(8),  # transport-cc without a body
    ):
        before = server.peer.stats()
        server.send(malformed)
        after = server.peer.stats()
        assert after["malformed"] == before["malformed"] + 1
        assert after["rtcp_received"] == before["rtcp_received"] + 1


def test_feedback_for_streams_that_are_not_there_is_ignored(server: Server) -> None:
    w = rtcp.Writer(200)
    w.nack(1, 77, [0])
    w.pli(1, 77)
    w.report(1, None, [rtcp.ReportBlock(77, 0, 0, 0, 0, 0, 0)])
    w.twcc(1, 77, 0, 5000, [(5000, 0), (5003, 10)])
    server.send(w.data)
    stats = server.peer.stats()
    assert stats["malformed"] == 0
    assert stats["transport_unknown"] == 4
    assert server.peer.source_stats(0)["key_frames"] == 2


def test_reports_of_more_streams_than_a_packet_holds_go_out_in_several() -> None:
    a, b = publisher(), receiver()
    for i in range(16):
        a.add_audio(100 + i)
    for i in range(40):
        b.expect_stream(100 + i, video=False, payload_type=111)
    many = Pair(a, b)
    reports: list[rtcp.Report] = []
    first_packets: list[int] = []
    opener = srtp.Receiver(GCM_128, KEY_B[:16], SALT_B[:12])

    def back(now_us: int, data: bytes) -> list[tuple[int, bytes]]:
        if 192 <= data[1] <= 223:
            length, plain = opener.unprotect_rtcp(data)
            assert length > 0
            packets, error = rtcp.walk(plain[:length])
            assert error == 0
            assert len(data) <= 1232
            first_packets.append(packets[0].type)
            reports.extend(rtcp.report(p) for p in packets if p.type in {200, 201})
        return []

    many.back = back
    a2 = publisher()
    for i in range(16, 32):
        a2.add_audio(100 + i)
    many.run(SECOND - 1)
    for now_us in range(0, SECOND, 20_000):
        for _, _, data in a2.poll(now_us):
            b.on_datagram(SECOND, 0, A, data)
    reports.clear()
    first_packets.clear()
    many.run(2 * SECOND - 1)
    assert sorted(block.ssrc for report in reports for block in report.blocks) == [100 + i for i in range(32)]
    assert all(len(report.blocks) <= 31 for report in reports)
    assert set(first_packets) <= {201, 205}  # each with an RR first, or transport-cc
    assert first_packets.count(201) == 2


def test_a_sender_of_many_streams_reports_on_each() -> None:
    a, b = publisher(), receiver()
    for i in range(16):
        a.add_audio(100 + i)
        b.expect_stream(100 + i, video=False, payload_type=111)
    Pair(a, b).run(2 * SECOND)
    assert [b.receiver_stats(100 + i)["sender_reports"] for i in range(16)] == [2] * 16
