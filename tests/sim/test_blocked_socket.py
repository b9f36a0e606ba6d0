"""A socket that takes no more: its receivers wait, those of the others do not notice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sfu._testing.engine import Datagram
from tests.sim import stun
from tests.sim.checks import Tap, assert_no_faults, assert_whole
from tests.sim.client import Client, Slot
from tests.sim.clockwork import MS, SECOND
from tests.sim.world import World

FULL = 1  # the socket that will be blocked
CONSENT_US = 30 * SECOND


def is_media(datagram: Datagram) -> bool:
    return not stun.is_stun(datagram.data)


def watch(world: World, receiver: Client, publisher: Client) -> tuple[Slot, Slot]:
    return (
        world.subscribe(receiver, publisher, publisher.video()),
        world.subscribe(receiver, publisher, publisher.audio()),
    )


@contextmanager
def waiting(seed: int) -> Iterator[tuple[World, Client, Client, Slot]]:
    """A publisher, and a receiver of its picture whose socket takes no more."""
    with World(seed, engines=1) as world:
        publisher, held = world.client(), world.client(socket=FULL)
        world.publish_video(publisher)
        watched = world.subscribe(held, publisher, publisher.video())
        world.run_for(SECOND)
        world.engines[0].on_blocked(FULL)
        yield world, publisher, held, watched


def let_go(world: World) -> None:
    world.engines[0].on_writable(FULL)
    world.touch(0)


def assert_shown_by_now(world: World, client: Client, slot: Slot) -> None:
    assert_no_faults(client, slot)
    assert client.received(slot)["decoded_us"] > world.now_us - 100 * MS


def test_others_go_on_and_nothing_is_lost_by_a_short_wait() -> None:
    with World(1, engines=1) as world:
        publisher, free, held = world.client(), world.client(), world.client(socket=FULL)
        world.publish_video(publisher)
        world.publish_audio(publisher)
        of_free, of_held = watch(world, free, publisher), watch(world, held, publisher)
        world.run_for(2 * SECOND)
        before = [held.received(slot)["packets"] for slot in of_held]

        world.engines[0].on_blocked(FULL)
        world.run_for(20 * MS)  # what was on its way
        sent = Tap(world, lambda d: d.local == FULL and is_media(d))
        world.run_for(400 * MS)
        assert sent.sent == []
        assert world.engines[0].transport_stats(held.transport)["queue_packets"] > 20

        let_go(world)
        world.run_for(2 * SECOND)
        for slot in of_free:
            assert_whole(free, slot, frames=100)
            assert free.received(slot)["longest_delay_us"] <= 2 * world.conditions.delay_us + 5 * MS
        for slot, packets in zip(of_held, before, strict=True):
            assert_whole(held, slot, frames=100)
            assert held.received(slot)["packets"] > packets


def test_checks_are_answered_and_nothing_spins_meanwhile() -> None:
    with waiting(2) as (world, _, held, watched):
        # The world fails where a deadline does not pass. Beyond consent, which the answers keep alive.
        world.run_for(CONSENT_US + 5 * SECOND)
        assert not held.happened("disconnected")
        let_go(world)
        world.run_for(2 * SECOND)
        assert_shown_by_now(world, held, watched)


def test_who_waits_leaves_departures_to_the_others() -> None:
    """Audio too: it waits for no pacer, so no queue of it is long but here."""
    with World(3, engines=1, packets=256) as world:
        publisher = world.client()
        world.publish_audio(publisher)
        held = [world.client(socket=FULL) for _ in range(12)]
        free = world.client()
        slots = [world.subscribe(client, publisher, publisher.audio()) for client in (*held, free)]
        world.run_for(SECOND)
        world.engines[0].on_blocked(FULL)
        world.run_for(10 * SECOND)
        stats = world.engines[0].stats()
        assert stats["departures_queued"] == 4 * stats["packets_total"] // 2
        assert_whole(free, slots[-1], frames=500)
        let_go(world)
        world.run_for(SECOND)
        for client, slot in zip(held, slots, strict=False):
            assert_shown_by_now(world, client, slot)


def test_who_moves_to_another_socket_waits_no_longer() -> None:
    with waiting(4) as (world, _, held, watched):
        world.run_for(500 * MS)
        held.socket = 0
        world.move(held)
        world.run_for(2 * SECOND)
        assert_shown_by_now(world, held, watched)


def test_a_number_given_anew_while_its_holder_waited() -> None:
    with waiting(5) as (world, publisher, held, _):
        world.run_for(100 * MS)
        world.close(held)
        world.run_for(MS)
        anew = world.client()
        assert anew.transport == held.transport
        watched = world.subscribe(anew, publisher, publisher.video())
        world.run_for(2 * SECOND)
        assert_whole(anew, watched, frames=30)
