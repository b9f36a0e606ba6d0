"""A slot enters at a key frame whose first packet was overtaken by the others, and they came before anybody wanted them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sfu._testing.engine import VIDEO
from tests.sim.checks import Tap, assert_no_faults, read_rtp
from tests.sim.client import Address
from tests.sim.clockwork import MS, SECOND
from tests.sim.netem import Conditions, Link
from tests.sim.test_padding import DELTA, KEY, SOURCE, prepare
from tests.sim.world import World

HELD_US = 25 * MS
Flight = tuple[int, Address, bytes]


class Overtaken(Link[Flight]):
    """The first packet of every frame takes longer than the rest."""

    timestamp = -1

    def send(self, now_us: int, item: Flight, length: int) -> None:
        header = read_rtp(item[2])
        usual = self.conditions
        if header and header[2] != self.timestamp:
            self.timestamp = header[2]
            self.conditions = replace(usual, delay_us=usual.delay_us + HELD_US)
        super().send(now_us, item, length)
        self.conditions = usual


@pytest.mark.parametrize("engine", [0, 1])
def test_what_overtook_the_key_frame_is_shown_too(engine: int) -> None:
    with World(8, engines=2) as world:
        publisher, receiver = world.client(0), world.client(engine)
        publisher.paths[0].up = Overtaken(1, Conditions(10 * MS, reorder=True))
        # A key frame every time: the one that is on its way at this moment will do, none is waited for.
        track = world.publish_video(publisher, bitrate_bps=1_000_000, key_interval=1, frames_per_second=30)
        slot = world.slot(receiver, VIDEO)
        world.run_for(SECOND)
        arrived: set[int] = set()

        def note(_now_us: int, _engine: int, _remote: Address, data: bytes) -> None:
            header = read_rtp(data)
            if header and header[0] == track.layers[0].ssrc:
                arrived.add(header[1])

        world.on_arrival.append(note)
        world.run_until(lambda: len(arrived) > 6 and min(arrived) + len(arrived) <= max(arrived))
        wanted_us = world.now_us
        world.fill(receiver, slot, publisher, track)
        assert world.run_until_shows(receiver, slot, track) - wanted_us < HELD_US + 20 * MS
        world.run_for(SECOND)
        assert_no_faults(receiver, slot)
        received = receiver.received(slot)
        assert received["missing"] == 0
        assert received["frames_decoded"] == received["frames"]
        assert received["recovered"] == 0


def test_a_queue_that_is_flushed_on_the_way_takes_no_packet_twice() -> None:
    """What overtook is more than the queue may hold, and has a key frame behind the middle, at which the slot enters again."""
    with World(9, engines=1, pacing_bps=1_000_000) as world:
        hand, receiver, slot = prepare(world, 1)
        world.empty(receiver, slot)
        world.run_for(SECOND)
        key, again, last = 1000, 1130, 1150
        made = {
            n: hand.packet(n, (KEY if n in (key, again) else DELTA) + bytes(1100))
            for n in range(key - 1, last + 1)
        }
        for number in (key - 1, *range(key + 1, last + 1)):
            hand.send(made[number])
        world.run_for(MS)
        world.engines[0].slot_source(world.now_us, receiver.transport, slot.number, SOURCE)
        engine, now = world.engines[0], world.now_us
        engine.on_datagrams(now, [(made[key], 0, world.clients[0].paths[0].address, now)])
        assert engine.stats()["queue_flushed"] == 1
        assert engine.transport_stats(receiver.transport)["queue_packets"] == last - again + 1
        tap = Tap(world)
        world.touch(0)
        world.run_for(SECOND)
        sent = [packet.sequence for packet in tap.rtp(slot.ssrc)]
        assert sent == list(range(sent[0], sent[0] + last - again + 1))
