"""What one participant can take from the others by feedback and records that are authentic and too many."""

from __future__ import annotations

import pytest

from sfu._testing.rtcp import ReportBlock, Writer
from tests.sim.checks import Tap, assert_no_faults
from tests.sim.client import Slot
from tests.sim.clockwork import MS, SECOND
from tests.sim.feedback import SENDER_SSRC, Feedback, sequences_of
from tests.sim.world import World

DTLS = bytes([22, 254, 253]) + bytes(50)


def ask_for_all(world: World, hostile: Feedback, slot: Slot, lost: list[int]) -> None:
    """Five datagrams that name all of `lost` sixteen times, after a report of next to no round trip: what was just sent again
    may be sent again.
    """
    now = world.now_us * 65536 // SECOND & 0xFFFF_FFFF
    block = ReportBlock(slot.ssrc, 0, 0, 0, 0, 1, now - 2 & 0xFFFF_FFFF)
    hostile.send(lambda writer: writer.report(SENDER_SSRC, None, [block]))

    def write(writer: Writer) -> None:
        for _ in range(16):
            writer.nack(SENDER_SSRC, slot.ssrc, lost)

    for _ in range(5):
        hostile.send(write)


def test_asking_for_everything_again_and_again_takes_nothing_from_others() -> None:
    with World(1, engines=1) as world:
        publisher, victim, greedy = world.client(), world.client(), world.client()
        audio, video = world.publish_audio(publisher), world.publish_video(publisher, bitrate_bps=3_000_000)
        heard = world.subscribe(victim, publisher, audio)
        seen = world.subscribe(victim, publisher, video)
        taken = world.subscribe(greedy, publisher, video)
        sent = sequences_of(world, taken.ssrc)
        world.run_for(2 * SECOND)
        hostile = Feedback(world, greedy)
        frames, packets = victim.received(seen)["frames_decoded"], victim.received(heard)["packets"]
        for _ in range(100):
            ask_for_all(world, hostile, taken, sent[-200:])
            world.run_for(20 * MS)
        assert victim.received(seen)["frames_decoded"] - frames > 45
        assert victim.received(heard)["packets"] - packets > 95
        assert_no_faults(victim, seen)
        assert_no_faults(victim, heard)
        # What is answered is bounded by what the receiver's own queue may hold, however often it asks.
        assert world.engines[0].stats()["departures_queued"] < 2000


@pytest.mark.parametrize("claimed_us", [0, 30, 30_000 * MS])
def test_a_claimed_round_trip_changes_little(claimed_us: int) -> None:
    """Next to none has nothing sent again more than every 10 ms, however the numbers are mixed; half a minute of it keeps nothing
    back for more than half a second.
    """
    with World(4, engines=1) as world:
        publisher, greedy = world.client(), world.client()
        slot = world.subscribe(greedy, publisher, world.publish_video(publisher, bitrate_bps=3_000_000))
        sent = sequences_of(world, slot.ssrc)
        world.run_for(2 * SECOND)
        hostile = Feedback(world, greedy)
        # Numbers that shared a place when there were 64.
        pair = [sent[-1], sent[-65]]

        def ask(count: int) -> None:
            now = world.now_us * 65536 // SECOND & 0xFFFF_FFFF
            block = ReportBlock(
                slot.ssrc, 0, 0, 0, 0, 1, now - 1 - claimed_us * 65536 // SECOND & 0xFFFF_FFFF
            )
            hostile.send(lambda writer: writer.report(SENDER_SSRC, None, [block] if claimed_us else []))
            for number in pair * count:
                hostile.send(lambda writer, number=number: writer.nack(SENDER_SSRC, slot.ssrc, [number]))  # type: ignore[misc]

        repeats = Tap(world)
        ask(20)
        world.run_for(9 * MS)
        assert len(repeats.rtp(slot.rtx_ssrc)) == len(pair)
        pair[:] = sent[-2:]
        ask(1)
        world.run_for(MS)
        before = len(repeats.rtp(slot.rtx_ssrc))
        world.run_for(SECOND // 2)
        ask(1)
        world.run_for(MS)
        assert len(repeats.rtp(slot.rtx_ssrc)) == before + len(pair)


def test_wishes_for_key_frames_do_not_pile_up_before_an_engine_that_is_late() -> None:
    with World(2, engines=2, ring_controls=2) as world:
        publisher, greedy = world.client(0), world.client(1)
        slot = world.subscribe(greedy, publisher, world.publish_video(publisher))
        world.run_for(SECOND)
        world.asleep.add(0)
        hostile = Feedback(world, greedy)
        for number in range(20):
            entries = [(slot.ssrc, number * 100 + i & 0xFF) for i in range(100)]
            hostile.send(lambda writer, entries=entries: writer.fir(SENDER_SSRC, entries))  # type: ignore[misc]
        world.run_for(MS)
        rounds = 0
        busy = True
        while busy:
            rounds += 1
            world.engines[0].on_handoff(world.now_us)
            world.engines[1].on_handoff(world.now_us)
            busy = 0 in world.engines[1].take_wakeups()
        assert rounds < 5, "two thousand wishes waited, one or two say the same"
        world.wake(0)
        world.run_for(SECOND)
        assert greedy.received(slot)["key_frames"] >= 2


def test_a_flood_of_dtls_leaves_room_for_the_handshakes_of_others() -> None:
    with World(3, engines=1) as world:
        flooder, victim = world.client(), world.client()
        world.run_for(SECOND)
        engine, now = world.engines[0], world.now_us
        flood = [(DTLS, 0, flooder.paths[0].address, now)] * 500
        engine.on_datagrams(now, flood)
        engine.on_datagrams(now, [(DTLS, 0, victim.paths[0].address, now)])
        told = [event.transport for event in engine.next_events() if event.type == "dtls"]
        assert told.count(victim.transport) == 1
        # Nor is who reads them kept busy: some in a second, however many come.
        for _ in range(50):
            engine.on_datagrams(now, flood)
            told += [event.transport for event in engine.next_events() if event.type == "dtls"]
        assert told.count(flooder.transport) <= 128
        engine.on_datagrams(now + SECOND, [(DTLS, 0, flooder.paths[0].address, now + SECOND)])
        assert [event.type for event in engine.next_events()] == ["dtls"]
