"""Tests of native/load/peer_receive.c and observation.c."""

import struct

import pytest

from sfu._testing import load, srtp
from sfu._testing.load import Mark
from sfu._testing.peer import Peer
from tests.native.peer_pair import (
    AUDIO,
    GCM_128,
    KEY_A,
    SALT_A,
    SECOND,
    VIDEO,
    VIDEO_RTX,
    A,
    drops,
    faults,
    pair,
    passes,
    publisher,
    receiver,
)


def test_loss_both_ways_is_repaired_over_rtx() -> None:
    joined = pair()
    joined.forward, joined.back = drops(1, 0.05), drops(2, 0.05)
    joined.run(20 * SECOND)
    joined.forward = joined.back = passes
    joined.run(22 * SECOND - 1)
    video = joined.receiver.receiver_stats(VIDEO)
    sender = joined.publisher.sender_stats(VIDEO)
    assert faults(video) == faults(joined.receiver.receiver_stats(AUDIO)) == {}
    assert video["missing"] == 0
    assert video["frames_decoded"] == 22 * 30
    assert 30 < video["recovered"] <= sender["retransmissions"]
    assert sender["nacks_received"] >= video["recovered"]
    assert sender["nacks_unknown"] == 0
    assert joined.receiver.receiver_stats(AUDIO)["missing"] > 10
    assert joined.publisher.stats()["send_errors"] == 0


def test_recovered_packets_are_observed_as_the_originals() -> None:
    joined = pair(observations=10_000)
    joined.forward = drops(3, 0.1)
    joined.run(5 * SECOND)
    seen = joined.receiver.observations()
    recovered = [o for o in seen if o.recovered and o.fresh]
    assert recovered
    assert all(o.intact for o in seen)
    for o in recovered:
        assert (o.ssrc, o.payload_type, o.sequence) == (VIDEO, 96, o.source_sequence)
        assert o.timestamp == o.frame * 3000
        assert o.marker == (o.packet == o.packets - 1)
    assert joined.receiver.observations() == []


def test_what_does_not_belong_is_counted_and_dropped() -> None:
    a, b = publisher(), receiver()
    a.add_audio(AUDIO)
    (_, _, packet), *_ = a.poll(0)
    b.on_datagram(0, 0, ("203.0.113.5", 1), packet)
    b.on_datagram(0, 0, A, b"")
    b.on_datagram(0, 0, A, b"\x16\xfe\xfd" + bytes(20))
    b.on_datagram(0, 0, A, packet[:-1] + bytes([packet[-1] ^ 1]))
    b.on_datagram(0, 0, A, packet)
    b.on_datagram(0, 0, A, packet)
    b.on_datagram(0, 0, A, packet[:11])
    b.on_datagram(0, 0, A, b"\x80\xc8" + bytes(50))
    b.on_datagram(0, 0, A, bytes([0x80]) * 3000)
    stats = b.stats()
    assert stats["foreign"] == 1
    assert stats["unexpected"] == 3
    assert stats["unauthentic"] == 2
    assert stats["replayed"] == 1
    assert stats["malformed"] == 1
    assert stats["rtp_received"] == 1
    unkeyed = Peer(connected=True, server=A)
    unkeyed.on_datagram(0, 0, A, packet)
    assert unkeyed.stats()["unkeyed"] == 1


def test_the_oldest_observations_are_forgotten() -> None:
    joined = pair(observations=50)
    joined.run(SECOND)
    seen = joined.receiver.observations()
    assert len(seen) == 50
    assert [o.arrival_us for o in seen] == sorted(o.arrival_us for o in seen)
    assert seen[-1].arrival_us > SECOND - 50_000
    joined.run(SECOND + 100_000)
    assert all(o.arrival_us > SECOND for o in joined.receiver.observations())


def test_nothing_is_observed_unless_asked_for() -> None:
    joined = pair()
    joined.run(SECOND)
    assert joined.receiver.observations() == []


def test_transport_wide_numbers_are_observed_in_order_of_sending() -> None:
    joined = pair(observations=10_000)
    joined.run(SECOND)
    numbers = [o.transport_sequence for o in joined.receiver.observations()]
    assert numbers == list(range(1, len(numbers) + 1))


# ---- packets of a server that is not there ----


class Server:
    """Protects RTP as the far side of `receiver()` and gives it to it."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.sender = srtp.Sender(GCM_128, KEY_A[:16], SALT_A[:12])

    def send(
        self, ssrc: int, payload_type: int, sequence: int, payload: bytes, *, padding: bool = False
    ) -> None:
        header = struct.pack("!BBHII", 0x80 | padding << 5, payload_type, sequence & 0xFFFF, 0, ssrc)
        ((status, data),) = self.sender.protect([(sequence, header, payload)])
        assert status == 0
        self.peer.on_datagram(0, 0, A, data)


@pytest.fixture
def server() -> Server:
    return Server(receiver(observations=100))


def payload(sequence: int) -> bytes:
    mark: Mark = {
        "stream": 1,
        "sequence": sequence,
        "frame": 0,
        "index": sequence,
        "count": 1000,
        "length": 100,
        "video": True,
        "key": True,
        "capture_us": 0,
    }
    data = load.write_payload(mark)
    assert data is not None
    return data


def test_rtx_of_all_kinds(server: Server) -> None:
    server.send(VIDEO, 96, 0, payload(0))
    server.send(VIDEO, 96, 2, payload(2))
    server.send(VIDEO_RTX, 97, 500, b"\x00\x01" + payload(1))  # the missing one
    server.send(VIDEO_RTX, 97, 501, b"\x00\x02" + payload(2))  # one that is there
    server.send(VIDEO_RTX, 97, 502, bytes(19) + b"\x14", padding=True)  # a probe: nothing but padding
    server.send(VIDEO_RTX, 97, 503, b"\x00")  # half a number
    server.send(VIDEO_RTX, 98, 504, b"\x00\x03" + payload(3))  # unknown payload type
    server.send(VIDEO_RTX, 97, 505, b"\x00\x03" + payload(4))  # the wrong packet under a number
    video = server.peer.receiver_stats(VIDEO)
    stats = server.peer.stats()
    assert (video["recovered"], video["duplicates"], video["missing"]) == (2, 1, 0)
    assert (stats["rtx_padding"], stats["rtx_malformed"]) == (1, 2)
    assert video["inconsistent"] == 1
    assert [(o.sequence, o.recovered, o.fresh) for o in server.peer.observations()] == [
        (0, False, True),
        (2, False, True),
        (1, True, True),
        (2, True, False),
        (3, True, True),
    ]


def test_unknown_streams_and_payload_types_are_counted(server: Server) -> None:
    server.send(0, 96, 0, payload(0))
    server.send(77, 96, 0, payload(0))
    server.send(VIDEO, 33, 0, payload(0))
    assert server.peer.stats()["unknown_ssrc"] == 2
    assert server.peer.receiver_stats(VIDEO)["wrong_payload_type"] == 1
    with pytest.raises(KeyError):
        server.peer.receiver_stats(77)


def test_a_gap_too_wide_asks_for_a_key_frame_at_once(server: Server) -> None:
    server.send(VIDEO, 96, 0, payload(0))
    server.send(VIDEO, 96, 999, payload(999))
    server.peer.poll(0)
    stats = server.peer.receiver_stats(VIDEO)
    assert (stats["key_frames_requested"], stats["nacks_sent"], stats["missing"]) == (1, 0, 998)


def test_packets_that_never_make_a_frame_are_taken_for_a_freeze() -> None:
    joined = pair(send_nacks=False)

    def without_first_packets(now_us: int, data: bytes) -> list[tuple[int, bytes]]:
        # The longest packets of a frame are its last: without the others no frame is ever whole.
        return passes(now_us, data) if now_us < SECOND or data[1] & 0x80 else []

    joined.forward = without_first_packets
    joined.run(3 * SECOND)
    assert joined.receiver.receiver_stats(VIDEO)["key_frames_requested"] == 0
    joined.run(5 * SECOND)
    assert joined.receiver.receiver_stats(VIDEO)["key_frames_requested"] > 0
