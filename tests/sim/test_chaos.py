"""Anything, in any order, from a seed: people come, go, move, mute, look at others, while links and engines misbehave. No
receiver ever sees what only a faulty server does, and at the end nothing is left.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from sfu._testing.engine import AUDIO, VIDEO
from tests.sim.checks import assert_no_faults
from tests.sim.client import CHROMIUM, FIREFOX, Client
from tests.sim.clockwork import MS, SECOND
from tests.sim.netem import Conditions, Gilbert
from tests.sim.world import World

LINKS = (
    Conditions(delay_us=5 * MS),
    Conditions(delay_us=40 * MS, jitter_us=15 * MS),
    Conditions(delay_us=25 * MS, jitter_us=10 * MS, reorder=True, duplicate=0.02),
    Conditions(delay_us=30 * MS, loss=0.03),
    Conditions(delay_us=60 * MS, burst=Gilbert(0.01, 0.3)),
    Conditions(delay_us=20 * MS, rate_bps=1_500_000, queue_bytes=60_000),
)


class Chaos:
    """A world and the dice that decide what happens in it."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.dice = random.Random(seed)
        self.present: list[Client] = []

    def join(self) -> None:
        if len(self.present) >= 8:
            return
        client = self.world.client(
            self.dice.randrange(len(self.world.engines)),
            payloads=self.dice.choice((CHROMIUM, FIREFOX)),
            up=self.dice.choice(LINKS),
            down=self.dice.choice(LINKS),
        )
        self.world.publish_audio(client)
        self.world.publish_video(
            client,
            layers=self.dice.choice((1, 3)),
            bitrate_bps=self.dice.choice((100_000, 300_000)),
            named=self.dice.random() < 0.5,
            first_sequence=self.dice.choice((0, 65535, 65300, 32767, 1234)),
        )
        for kind in (VIDEO, VIDEO, AUDIO, AUDIO):
            self.world.slot(client, kind)
        self.present.append(client)

    def leave(self) -> None:
        if len(self.present) > 2:
            client = self.present.pop(self.dice.randrange(len(self.present)))
            self.world.close(client)

    def look(self) -> None:
        """Somebody looks at somebody, in whatever layer there is."""
        if len(self.present) < 2:
            return
        receiver, publisher = self.dice.sample(self.present, 2)
        slot = self.dice.choice(receiver.slots)
        track = publisher.audio() if slot.kind == AUDIO else publisher.video()
        self.world.fill(receiver, slot, publisher, track, self.dice.randrange(len(track.layers)))

    def look_away(self) -> None:
        if self.present:
            receiver = self.dice.choice(self.present)
            self.world.empty(receiver, self.dice.choice(receiver.slots))

    def mute(self) -> None:
        if self.present:
            client = self.dice.choice(self.present)
            client.peer.set_muted(self.dice.choice(client.tracks).index, self.dice.random() < 0.5)

    def move(self) -> None:
        if self.present:
            self.world.move(
                self.dice.choice(self.present), up=self.dice.choice(LINKS), down=self.dice.choice(LINKS)
            )

    def sleep(self) -> None:
        """An engine is late."""
        engine = self.dice.randrange(len(self.world.engines))
        self.world.asleep.add(engine)
        self.world.after(self.dice.randrange(300) * MS, lambda: self.world.wake(engine))

    def slow(self) -> None:
        if self.present:
            client = self.dice.choice(self.present)
            rate_bps = self.dice.choice((150_000, 1_000_000, 20_000_000))
            self.world.engines[client.engine].transport_pacing(self.world.now_us, client.transport, rate_bps)

    def run(self, events: int) -> None:
        happenings = [
            self.join,
            self.leave,
            self.look,
            self.look_away,
            self.mute,
            self.move,
            self.sleep,
            self.slow,
        ]
        weights = [10, 4, 40, 6, 8, 3, 6, 5]
        for _ in range(3):
            self.join()
        for _ in range(events):
            self.dice.choices(happenings, weights)[0]()
            self.world.run_for(self.dice.randrange(400) * MS)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", ["ample", "tight"])
def test_anything_in_any_order(seed: int, size: str) -> None:
    settings: dict[str, Any] = (
        {"packets": 192, "ring_packets": 32, "ring_returns": 8, "ring_controls": 4} if size == "tight" else {}
    )
    with World(seed, engines=3, **settings) as world:
        chaos = Chaos(world, seed)
        chaos.run(150)
        for client in world.clients:
            for slot in client.slots:
                assert_no_faults(client, slot)
        # Whoever is there now can be seen and heard by a newcomer.
        world.run_for(SECOND)
        for client in chaos.present:
            for track in client.tracks:
                client.peer.set_muted(track.index, False)
        newcomer = world.client(0)
        shown = [
            world.subscribe(newcomer, client, track)
            for client in chaos.present
            for track in client.tracks
            if not client.silent
        ]
        world.run_for(6 * SECOND)
        for slot in shown:
            received = newcomer.received(slot)
            assert received["frames_decoded"] > 0
            assert_no_faults(newcomer, slot)
