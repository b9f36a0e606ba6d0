"""Tests of native/load/peer.c: media from end to end, keys, ICE."""

import random

import pytest

from sfu._testing.peer import Layer, Lite, Peer
from tests.native.peer_pair import (
    AUDIO,
    CM,
    DELAY_US,
    GCM_128,
    GCM_256,
    KEY_A,
    KEY_B,
    SALT_A,
    SALT_B,
    SECOND,
    STARTS,
    VIDEO,
    VIDEO_RTX,
    A,
    B,
    drops,
    faults,
    pair,
    passes,
    publisher,
    receiver,
    recording,
)


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
    return peer, Lite("bbbb", "b" * 22, "aaaa", "a" * 22)


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
