"""Too few buffers: history goes first, then video, never audio and never STUN; and all of it comes back."""

from __future__ import annotations

import pytest

from tests.sim.checks import assert_no_faults, assert_whole
from tests.sim.clockwork import MS, SECOND
from tests.sim.world import World


def test_history_goes_first_and_nobody_notices() -> None:
    """Half a second of this camera is more than the pool: what is kept for retransmission shrinks, media flows whole."""
    with World(1, engines=1, packets=128) as world:
        publisher, receiver = world.client(), world.client()
        camera = world.publish_video(publisher, bitrate_bps=2_000_000, key_size_percent=200)
        shown = [
            world.subscribe(receiver, publisher, camera),
            world.subscribe(receiver, publisher, world.publish_audio(publisher)),
        ]
        world.run_for(10 * SECOND)
        stats = world.engines[0].stats()
        assert stats["history_evicted"] > 0
        assert stats["pool_exhausted"] == 0
        for slot in shown:
            assert_whole(receiver, slot, frames=290)


def test_retransmission_works_with_what_history_is_left() -> None:
    with World(2, engines=1, packets=128) as world:
        publisher, receiver = world.client(), world.client()
        camera = world.publish_video(publisher, bitrate_bps=1_000_000, key_size_percent=200)
        slot = world.subscribe(receiver, publisher, camera)
        receiver.paths[0].down.conditions = type(world.conditions)(delay_us=10 * MS, loss=0.02)
        world.run_for(10 * SECOND)
        assert world.engines[0].stats()["history_evicted"] > 0
        assert_no_faults(receiver, slot)
        received = receiver.received(slot)
        assert received["recovered"] > 10
        assert received["frames_decoded"] > 290


@pytest.mark.parametrize("packets", [64, 256])
def test_video_is_refused_before_audio_and_everything_recovers(packets: int) -> None:
    """A sleeping engine keeps the bodies that it was lent, until there is no other left."""
    with World(3, engines=2, packets=packets) as world:
        publisher, far, near = world.client(0), world.client(1), world.client(0)
        camera = world.publish_video(publisher, bitrate_bps=3_000_000, key_size_percent=100)
        microphone = world.publish_audio(publisher)
        far_video, far_audio = (world.subscribe(far, publisher, track) for track in (camera, microphone))
        near_video, near_audio = (world.subscribe(near, publisher, track) for track in (camera, microphone))
        world.run_for(2 * SECOND)
        for _ in range(3):
            before = world.engines[0].stats()
            world.asleep.add(1)
            # Until video has filled all but the reserve, and no longer than audio can live on that.
            world.run_until(lambda: world.engines[0].stats()["pool_exhausted"] > before["pool_exhausted"])  # noqa: B023
            world.run_for(20 * MS * (packets // 8 - 4))
            assert world.engines[0].stats()["pool_exhausted"] > before["pool_exhausted"]
            late = world.client(0)
            world.run_for(50 * MS)
            assert late.happened("connected"), "a newcomer's check is answered"
            world.close(late)
            world.wake(1)
            world.run_for(2 * SECOND)
            for client in (near, far):
                decoded_us = client.received(client.slots[0])["decoded_us"]
                assert decoded_us > world.now_us - 100 * MS, "video flows again"
        for client, video, audio in ((near, near_video, near_audio), (far, far_video, far_audio)):
            assert_no_faults(client, video)
            assert_whole(client, audio, frames=300)
        assert publisher.peer.sender_stats(camera.layers[0].ssrc)["key_frame_requests"] >= 3
        for engine in world.engines:
            assert engine.stats()["packets_free"] > 0


def test_forgeries_take_no_buffer() -> None:
    with World(4, engines=1, packets=64) as world:
        publisher, receiver = world.client(), world.client()
        slot = world.subscribe(receiver, publisher, world.publish_audio(publisher))
        world.run_for(SECOND)
        for number in range(2000):
            forged = bytes([0x80, publisher.payloads.vp8]) + number.to_bytes(2, "big") + bytes(100)
            world.inject(0, forged, publisher.paths[0].address)
            if number % 100 == 0:
                world.run_for(10 * MS)
        world.run_for(SECOND)
        assert world.engines[0].stats()["srtp_refused"] >= 2000
        assert world.engines[0].stats()["pool_exhausted"] == 0
        assert_whole(receiver, slot, frames=100)
