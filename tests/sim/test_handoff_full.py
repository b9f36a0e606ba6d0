"""Rings between engines that are full, because the engine at their other end is late."""

from __future__ import annotations

import pytest

from sfu._testing.engine import VIDEO
from tests.sim.checks import Tap, assert_no_faults, assert_whole
from tests.sim.clockwork import MS, SECOND
from tests.sim.world import World


@pytest.mark.parametrize("ring", [16, 32, 64])
def test_a_full_ring_drops_video_until_the_next_key_frame_and_never_audio(ring: int) -> None:
    with World(1, engines=2, ring_packets=ring) as world:
        publisher, receiver, near = world.client(0), world.client(1), world.client(0)
        # Small key frames: one that does not fit into the ring can never enter.
        camera = world.publish_video(publisher, bitrate_bps=2_000_000, key_size_percent=100)
        microphone = world.publish_audio(publisher)
        video, audio = (world.subscribe(receiver, publisher, track) for track in (camera, microphone))
        near_video = world.subscribe(near, publisher, camera)
        world.run_for(2 * SECOND)
        dropped_before = world.engines[0].stats()["handoff_dropped"]
        asked_before = publisher.peer.sender_stats(camera.layers[0].ssrc)["key_frame_requests"]
        for _ in range(5):
            world.asleep.add(1)
            # As long as audio does not fill its share of the ring.
            world.run_for(20 * MS * (ring // 4 - 1))
            world.wake(1)
            world.run_for(SECOND)
        assert world.engines[0].stats()["handoff_dropped"] > dropped_before
        assert publisher.peer.sender_stats(camera.layers[0].ssrc)["key_frame_requests"] > asked_before
        # Re-entry is a splice: numbers go on without a hole, and whole frames follow a key frame.
        assert_no_faults(receiver, video)
        received = receiver.received(video)
        assert received["missing"] == 0
        assert received["frames_lost"] <= 5, "one that the ring cut in two, each time"
        assert received["frames_decoded"] == received["frames_complete"] >= received["frames"] - 5
        assert received["key_frames"] > 1
        assert received["longest_gap_us"] < 20 * MS * ring // 4 + 500 * MS + 100 * MS
        assert_whole(receiver, audio, frames=300)
        # Those at home notice nothing but the key frames.
        assert_whole(near, near_video, frames=200)


def test_a_ring_that_is_full_for_long_gives_back_what_it_holds() -> None:
    with World(2, engines=3, ring_packets=128, ring_returns=4) as world:
        publisher = world.client(0)
        receivers = [world.client(i) for i in (1, 2)]
        track = world.publish_video(publisher, bitrate_bps=3_000_000)
        slots = [world.subscribe(r, publisher, track) for r in receivers]
        world.run_for(SECOND)
        world.asleep.add(1)
        world.run_for(5 * SECOND)
        assert_whole(receivers[1], slots[1], frames=150)
        world.wake(1)
        world.run_for(SECOND)
        for receiver, slot in zip(receivers, slots, strict=True):
            assert_no_faults(receiver, slot)
            assert receiver.received(slot)["decoded_us"] > world.now_us - 100 * MS


def test_a_small_return_ring_loses_no_body() -> None:
    with World(3, engines=2, ring_returns=2) as world:
        publisher, receiver = world.client(0), world.client(1)
        track = world.publish_video(publisher, bitrate_bps=5_000_000)
        slot = world.subscribe(receiver, publisher, track)
        world.run_for(5 * SECOND)
        assert_whole(receiver, slot, frames=140)


def test_a_small_control_ring_loses_no_wish() -> None:
    """Sixteen subscriptions and their key-frame wishes through a ring of two, while the publishers' engine sleeps."""
    with World(4, engines=2, ring_controls=2) as world:
        publishers = [world.client(0) for _ in range(4)]
        tracks = [(p, world.publish_video(p)) for p in publishers for _ in range(2)]
        receiver = world.client(1)
        slots = [world.slot(receiver, VIDEO) for _ in tracks]
        world.run_for(500 * MS)
        world.asleep.add(0)
        for _ in range(2):
            for slot, (publisher, track) in zip(slots, tracks, strict=True):
                world.fill(receiver, slot, publisher, track)
            world.run_for(100 * MS)
        world.wake(0)
        world.run_for(2 * SECOND)
        for slot, (_, track) in zip(slots, tracks, strict=True):
            assert_no_faults(receiver, slot)
            assert receiver.received(slot)["stream"] == track.layers[0].stream
            assert receiver.received(slot)["frames_decoded"] > 40


def test_a_transport_may_close_while_its_packets_are_lent() -> None:
    with World(5, engines=2) as world:
        publisher, receiver = world.client(0), world.client(1)
        slot = world.subscribe(receiver, publisher, world.publish_video(publisher, bitrate_bps=3_000_000))
        world.run_for(SECOND)
        world.asleep.add(1)
        world.run_for(100 * MS)
        world.close(publisher)
        world.run_for(100 * MS)
        assert world.engines[0].stats()["packets_free"] < world.engines[0].stats()["packets_total"]
        world.wake(1)
        world.run_for(SECOND)
        assert_no_faults(receiver, slot)
        assert world.engines[0].stats()["packets_free"] == world.engines[0].stats()["packets_total"]


def test_nothing_crosses_to_engines_without_receivers() -> None:
    with World(6, engines=3) as world:
        publisher, receiver = world.client(0), world.client(0)
        slot = world.subscribe(receiver, publisher, world.publish_video(publisher))
        tap = Tap(world)
        world.run_for(SECOND)
        assert_whole(receiver, slot, frames=25)
        assert {engine for _, engine, _ in tap.sent} == {0}
