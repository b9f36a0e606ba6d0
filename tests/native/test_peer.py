"""Tests of native/load/peer.c, peer_receive.c and peer_rtcp.c: two clients back to back, without a server between."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from sfu._testing.peer import Layer, Lite, Peer, ReceiverStats

CM, GCM_128, GCM_256 = 0x0001, 0x0007, 0x0008
STARTS = [0, 1, 127, 128, 255, 256, 32767, 32768, 65534, 65535]
A, B = ("10.0.0.1", 5000), ("10.0.0.2", 6000)
KEY_A, SALT_A, KEY_B, SALT_B = bytes(range(32)), bytes(range(14)), bytes(range(50, 82)), bytes(range(20, 34))
EXTENSIONS = {
    "mid": 4,
    "rid": 10,
    "repaired-rid": 11,
    "transport-cc": 3,
    "abs-send-time": 2,
    "audio-level": 1,
}
VIDEO, VIDEO_RTX, AUDIO = 0x1000, 0x1001, 0x2000
DELAY_US = 10_000
SECOND = 1_000_000

FAULTS = (
    "corrupt",
    "inconsistent",
    "wrong_payload_type",
    "marker_errors",
    "timestamp_errors",
    "numbering_errors",
    "repeated_frames",
    "chain_breaks",
)

Filter = Callable[[int, bytes], list[tuple[int, bytes]]]


def passes(now_us: int, data: bytes) -> list[tuple[int, bytes]]:
    """A link that does nothing but delay."""
    return [(now_us + DELAY_US, data)]


@dataclass
class Pair:
    """A publisher and a receiver joined by two links, in virtual time."""

    publisher: Peer
    receiver: Peer
    forward: Filter = passes
    back: Filter = passes
    now_us: int = 0
    flights: list[tuple[int, int, int, bytes]] = field(default_factory=list)  # when, order, to whom, what
    sent: int = 0

    def run(self, until_us: int) -> None:
        while True:
            deadline_us = min(self.publisher.next_deadline_us(), self.receiver.next_deadline_us())
            if self.flights:
                deadline_us = min(deadline_us, min(self.flights)[0])
            if max(deadline_us, self.now_us) > until_us:
                self.now_us = until_us
                return
            self.now_us = max(deadline_us, self.now_us)
            self.deliver()
            for who, peer, link in ((0, self.publisher, self.forward), (1, self.receiver, self.back)):
                for _, _, data in peer.poll(self.now_us):
                    for when_us, bytes_ in link(self.now_us, data):
                        self.sent += 1
                        self.flights.append((when_us, self.sent, 1 - who, bytes_))

    def deliver(self) -> None:
        due = sorted(flight for flight in self.flights if flight[0] <= self.now_us)
        self.flights = [flight for flight in self.flights if flight[0] > self.now_us]
        for _, _, to, data in due:
            if to == 0:
                self.publisher.on_datagram(self.now_us, 0, B, data)
            else:
                self.receiver.on_datagram(self.now_us, 0, A, data)


def publisher(profile: int = GCM_128, **config: object) -> Peer:
    peer = Peer(connected=True, server=B, send_extensions=EXTENSIONS, **config)  # type: ignore[arg-type]
    peer.set_keys(profile, KEY_A, SALT_A, KEY_B, SALT_B)
    return peer


def receiver(profile: int = GCM_128, **config: object) -> Peer:
    peer = Peer(connected=True, server=A, receive_extensions=EXTENSIONS, **config)  # type: ignore[arg-type]
    peer.set_keys(profile, KEY_B, SALT_B, KEY_A, SALT_A)
    peer.expect_stream(VIDEO, video=True, payload_type=96, rtx_ssrc=VIDEO_RTX, rtx_payload_type=97)
    peer.expect_stream(AUDIO, video=False, payload_type=111)
    return peer


def pair(first_sequence: int = 0, first_timestamp: int = 0, profile: int = GCM_128, **config: object) -> Pair:
    a, b = publisher(profile), receiver(profile, **config)
    a.add_video(
        [Layer(VIDEO, VIDEO_RTX, first_sequence=first_sequence, first_timestamp=first_timestamp)], mid="v"
    )
    a.add_audio(AUDIO, mid="a", first_sequence=first_sequence, first_timestamp=first_timestamp)
    return Pair(a, b)


def faults(stats: ReceiverStats) -> dict[str, int]:
    return {name: value for name, value in stats.items() if name in FAULTS and value}  # type: ignore[misc]


def recording(log: list[bytes]) -> Filter:
    def link(now_us: int, data: bytes) -> list[tuple[int, bytes]]:
        log.append(data)
        return passes(now_us, data)

    return link


def drops(seed: int, share: float) -> Filter:
    rng = random.Random(seed)

    def link(now_us: int, data: bytes) -> list[tuple[int, bytes]]:
        return [] if rng.random() < share else passes(now_us, data)

    return link


@pytest.mark.parametrize("profile", [CM, GCM_128, GCM_256], ids=["cm", "gcm128", "gcm256"])
def test_what_is_sent_arrives(profile: int) -> None:
    joined = pair(profile=profile)
    joined.run(3 * SECOND - 1)
    video = joined.receiver.receiver_stats(VIDEO)
    audio = joined.receiver.receiver_stats(AUDIO)
    assert faults(video) == faults(audio) == {}
    assert video["frames_decoded"] == 90
    assert video["key_frames"] == 1
    assert audio["packets"] == 150
    assert video["packets"] == joined.publisher.sender_stats(VIDEO)["packets"]
    assert video["missing"] == audio["missing"] == 0
    assert video["delay_us"] == DELAY_US
    assert joined.receiver.stats()["malformed"] == joined.receiver.stats()["unauthentic"] == 0


@pytest.mark.parametrize("start", STARTS)
def test_numbers_and_time_stamps_wrap(start: int) -> None:
    joined = pair(start, first_timestamp=2**32 - 90000)
    joined.run(2 * SECOND - 1)
    video = joined.receiver.receiver_stats(VIDEO)
    assert faults(video) == {}
    assert video["frames_decoded"] == 60
    assert video["missing"] == 0


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


def test_muted_sources_resume_with_a_key_frame_and_a_marker() -> None:
    joined = pair(observations=10_000)
    joined.run(SECOND - 1)
    joined.receiver.observations()
    joined.publisher.set_muted(0, True)
    joined.publisher.set_muted(1, True)
    joined.run(3 * SECOND - 1)
    assert not [o for o in joined.receiver.observations() if o.capture_us >= SECOND]
    joined.publisher.set_muted(0, False)
    joined.publisher.set_muted(1, False)
    joined.run(4 * SECOND - 1)
    seen = joined.receiver.observations()
    video = [o for o in seen if o.ssrc == VIDEO]
    audio = [o for o in seen if o.ssrc == AUDIO]
    assert video[0].key
    assert video[0].timestamp == 3 * 90_000
    assert [o.marker for o in audio] == [True] + [False] * 49
    assert faults(joined.receiver.receiver_stats(VIDEO)) == {}


def test_simulcast_layers_go_out_side_by_side_and_one_request_keys_all() -> None:
    layers = [
        Layer(VIDEO + 2 * i, VIDEO + 2 * i + 1, rid=rid, bitrate_bps=100_000 * 4**i, first_timestamp=i * 1000)
        for i, rid in enumerate("lmh")
    ]
    joined = pair()
    joined.publisher = publisher()
    joined.publisher.add_video(layers, mid="0")
    for layer in layers[1:]:
        joined.receiver.expect_stream(
            layer.ssrc, video=True, payload_type=96, rtx_ssrc=layer.rtx_ssrc, rtx_payload_type=97
        )
    joined.run(SECOND)
    joined.receiver.request_key_frame(joined.now_us, layers[2].ssrc)
    joined.run(2 * SECOND)
    joined.publisher.set_layer_active(0, 2, False)
    joined.run(3 * SECOND - 1)
    stats = [joined.receiver.receiver_stats(layer.ssrc) for layer in layers]
    assert [faults(s) for s in stats] == [{}, {}, {}]
    assert [s["key_frames"] for s in stats] == [2, 2, 2]
    assert [s["frames_decoded"] for s in stats] == [90, 90, 61]
    assert stats[0]["bytes"] < stats[1]["bytes"] / 2
    assert joined.receiver.stats()["unknown_ssrc"] == 0


@pytest.mark.parametrize("missing", ["keys", "ice"])
def test_nothing_is_sent_before_keys_and_ice(missing: str) -> None:
    a = Peer(
        connected=missing == "keys",
        server=B,
        local_ufrag="aaaa",
        local_password="a" * 22,
        remote_ufrag="bbbb",
        remote_password="b" * 22,
    )
    if missing == "ice":
        a.set_keys(GCM_128, KEY_A, SALT_A, KEY_B, SALT_B)
    a.add_audio(AUDIO)
    sent = [data for now_us in range(0, 2 * SECOND, 10_000) for _, _, data in a.poll(now_us)]
    assert all(data[0] <= 3 for data in sent)  # STUN at most
    assert bool(sent) == (missing == "ice")
    assert not a.stats()["ready"]


def ice_pair(seed: int = 7) -> tuple[Peer, Lite]:
    peer = Peer(
        seed=seed,
        server=B,
        local_ufrag="aaaa",
        local_password="a" * 22,
        remote_ufrag="bbbb",
        remote_password="b" * 22,
    )
    peer.set_keys(GCM_128, KEY_A, SALT_A, KEY_B, SALT_B)
    peer.add_audio(AUDIO)
    return peer, Lite("bbbb", "b" * 22, "aaaa")


def exchange(peer: Peer, lite: Lite, from_us: int, until_us: int, source: tuple[str, int]) -> list[bytes]:
    """Runs the peer against the lite agent; returns the media it sends."""
    media = []
    now_us = from_us
    while now_us < until_us:
        for local, to, data in peer.poll(now_us):
            assert to == B
            if data[0] <= 3:
                response = lite.on_stun(now_us, 0, source, data)
                peer.on_datagram(now_us, local, B, response)
            else:
                media.append(data)
        now_us = max(now_us, peer.next_deadline_us())
    return media


def test_ice_connects_and_media_flows() -> None:
    peer, lite = ice_pair()
    media = exchange(peer, lite, 0, SECOND, A)
    assert peer.stats()["connected"]
    assert len(media) == 50 + 1  # audio, and a report
    assert lite.selected() == (0, A)


def test_a_new_network_is_checked_before_media_goes_there() -> None:
    peer, lite = ice_pair()
    exchange(peer, lite, 0, SECOND, A)
    elsewhere = ("192.0.2.9", 4444)
    peer.set_path(SECOND, 3, B)
    assert not peer.stats()["connected"]
    first = peer.poll(SECOND)
    assert [(local, data[0] <= 3) for local, _, data in first] == [(3, True)]
    peer.on_datagram(SECOND, 3, B, lite.on_stun(SECOND, 0, elsewhere, first[0][2]))
    assert peer.stats()["connected"]
    assert lite.selected() == (0, elsewhere)
    assert exchange(peer, lite, SECOND, 2 * SECOND, elsewhere)


def test_the_same_seed_makes_the_same_bytes() -> None:
    def run(seed: int) -> list[bytes]:
        peer, lite = ice_pair(seed)
        checks = [data for _, _, data in peer.poll(0)]
        return checks + exchange(peer, lite, 50_000, SECOND, A)

    assert run(1) == run(1)
    assert run(1) != run(2)


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


def test_every_truncation_and_many_mutations_are_survived() -> None:
    rng = random.Random(9)
    joined = pair()
    joined.forward = drops(10, 0.2)
    packets: list[bytes] = []
    joined.back = recording(packets)
    joined.run(SECOND)
    for data in packets[:20]:
        for length in range(len(data)):
            joined.publisher.on_datagram(joined.now_us, 0, B, data[:length])
        for _ in range(100):
            at = rng.randrange(len(data))
            mutated = data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]
            joined.publisher.on_datagram(joined.now_us, 0, B, mutated)
    joined.back = passes
    joined.forward = passes
    joined.run(2 * SECOND)
    assert joined.receiver.receiver_stats(VIDEO)["packets"] > 0


def test_ssrcs_are_taken_once() -> None:
    a, b = publisher(), receiver()
    a.add_video([Layer(1, 2), Layer(3, 4)])
    for layers in ([Layer(1)], [Layer(9, 4)], [Layer(10, 11), Layer(10, 12)]):
        with pytest.raises(FileExistsError):
            a.add_video(layers)
    assert a.add_video([Layer(10, 11)]) == 1  # nothing of the refused ones is left
    for ssrc, rtx in ((VIDEO, 0), (VIDEO_RTX, 0), (50, AUDIO)):
        with pytest.raises(FileExistsError):
            b.expect_stream(ssrc, video=True, payload_type=96, rtx_ssrc=rtx)


def test_names_are_sent_until_the_other_side_has_reported() -> None:
    a, b = publisher(), receiver()
    a.add_audio(AUDIO, mid="audio-mid")
    packets: list[bytes] = []
    joined = Pair(a, b, forward=recording(packets))
    joined.run(2 * SECOND)
    # Elements are mid (1 + 9), abs-send-time (1 + 3), transport-cc (1 + 2), level (1 + 1).
    audio = [len(data) for data in packets if data[1] & 0x7F == 111]
    assert audio[0] == 12 + 4 + 20 + 80 + 16
    assert audio[-1] == 12 + 4 + 12 + 80 + 16
