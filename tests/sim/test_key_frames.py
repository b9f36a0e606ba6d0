"""When a publisher is asked for a key frame: at once, then at most every 500 ms, and never in vain."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.sim.checks import assert_no_faults
from tests.sim.client import Client, Slot, Track
from tests.sim.clockwork import MS, SECOND
from tests.sim.world import World

INTERVAL_US = 500 * MS


class Asked:
    """When the publisher's client hears of a PLI, to the millisecond."""

    def __init__(self, world: World, publisher: Client, track: Track, layer: int = 0) -> None:
        self.times: list[int] = []
        self._ssrc = track.layers[layer].ssrc
        self._peer = publisher.peer
        self._world = world
        self._seen = self._count()

    def _count(self) -> int:
        return self._peer.sender_stats(self._ssrc)["key_frame_requests"]

    def run_for(self, duration_us: int) -> None:
        for _ in range(duration_us // MS):
            self._world.run_for(MS)
            for _ in range(self._count() - self._seen):
                self.times.append(self._world.now_us)
            self._seen = self._count()


def show(
    world: World, engines: int, receivers: int, **settings: Any
) -> tuple[Client, Track, list[tuple[Client, Slot]]]:
    publisher = world.client(0, **settings)
    track = world.publish_video(publisher)
    shown = []
    for i in range(receivers):
        receiver = world.client(i % engines)
        shown.append((receiver, world.subscribe(receiver, publisher, track)))
    world.run_for(2 * SECOND)
    return publisher, track, shown


@pytest.mark.parametrize("engines", [1, 2])
def test_the_first_request_is_passed_on_at_once(engines: int) -> None:
    with World(1, engines=engines) as world:
        publisher, track, shown = show(world, engines, engines)
        receiver, slot = shown[-1]
        asked = Asked(world, publisher, track)
        receiver.peer.request_key_frame(world.now_us, slot.ssrc)
        begun_us = world.now_us
        asked.run_for(2 * SECOND)
        assert len(asked.times) == 1
        assert asked.times[0] - begun_us <= 2 * world.conditions.delay_us + MS
        assert receiver.received(slot)["key_frames"] == 2
        assert_no_faults(receiver, slot)


@pytest.mark.parametrize("engines", [1, 3])
def test_many_requests_become_one_in_500_ms_and_the_last_is_not_forgotten(engines: int) -> None:
    with World(2, engines=engines) as world:
        publisher, track, shown = show(world, engines, 9)
        asked = Asked(world, publisher, track)
        # Each client asks at most every 500 ms; the nine of them make a request every 60 ms.
        for turn in range(50):
            receiver, slot = shown[turn % len(shown)]
            receiver.peer.request_key_frame(world.now_us, slot.ssrc)
            asked.run_for(60 * MS)
        last_us = world.now_us
        asked.run_for(2 * SECOND)
        gaps = [b - a for a, b in itertools.pairwise(asked.times)]
        assert all(gap >= INTERVAL_US - MS for gap in gaps)
        assert 6 <= len(asked.times) <= 8
        # The wish of the last moment is met after it was made.
        assert asked.times[-1] >= last_us - world.conditions.delay_us
        assert asked.times[-1] <= last_us + INTERVAL_US + 4 * world.conditions.delay_us


def test_a_publisher_that_does_not_answer_is_asked_again_and_again() -> None:
    with World(3, engines=1) as world:
        publisher, track, shown = show(world, 1, 1, respond_to_key_frame_requests=False)
        receiver, slot = shown[0]
        asked = Asked(world, publisher, track)
        receiver.peer.request_key_frame(world.now_us, slot.ssrc)
        asked.run_for(5 * SECOND)
        gaps = [b - a for a, b in itertools.pairwise(asked.times)]
        assert len(asked.times) >= 5
        assert all(gap >= INTERVAL_US - MS for gap in gaps)
        publisher.peer.make_key_frame(track.index)
        asked.run_for(100 * MS)
        count = len(asked.times)
        asked.run_for(2 * SECOND)
        assert len(asked.times) == count, "the key frame that came is the answer"


def test_a_lost_request_or_answer_is_made_good() -> None:
    with World(4, engines=1) as world:
        publisher, _, shown = show(world, 1, 1)
        receiver, slot = shown[0]
        before = receiver.received(slot)["key_frames"]
        down = publisher.paths[0].down
        good, down.conditions = down.conditions, type(down.conditions)(loss=1.0)
        receiver.peer.request_key_frame(world.now_us, slot.ssrc)
        world.run_for(400 * MS)
        assert receiver.received(slot)["key_frames"] == before
        down.conditions = good
        world.run_for(400 * MS)
        assert receiver.received(slot)["key_frames"] == before + 1


def test_layers_are_asked_for_on_their_own() -> None:
    with World(5, engines=2) as world:
        publisher = world.client(0, respond_to_key_frame_requests=False)
        track = world.publish_video(publisher, layers=3)
        receiver = world.client(1)
        slots = [world.subscribe(receiver, publisher, track, layer) for layer in (0, 2)]
        world.run_for(2 * SECOND)
        counts = [publisher.peer.sender_stats(layer.ssrc)["key_frame_requests"] for layer in track.layers]
        receiver.peer.request_key_frame(world.now_us, slots[1].ssrc)
        world.run_for(200 * MS)
        after = [publisher.peer.sender_stats(layer.ssrc)["key_frame_requests"] for layer in track.layers]
        assert [b - a for a, b in zip(counts, after, strict=True)] == [0, 0, 1]


def test_nobody_is_asked_for_audio() -> None:
    with World(6, engines=1) as world:
        publisher, receiver = world.client(), world.client()
        slot = world.subscribe(receiver, publisher, world.publish_audio(publisher))
        world.run_for(SECOND)
        receiver.peer.request_key_frame(world.now_us, slot.ssrc)
        world.run_for(SECOND)
        assert world.engines[0].stats()["key_frames_requested"] == 0
