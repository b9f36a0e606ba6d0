"""Loss on the way in and on the way out, and how it is made good."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from tests.sim.checks import Tap, assert_no_faults
from tests.sim.client import Client, Slot, Track
from tests.sim.clockwork import MS, SECOND
from tests.sim.feedback import SENDER_SSRC, Feedback, sequences_of
from tests.sim.netem import Conditions, Gilbert
from tests.sim.world import World

GOOD = Conditions(delay_us=20 * MS)


def lossy(loss: float) -> Conditions:
    return dataclasses.replace(GOOD, loss=loss)


def show(world: World, publisher: Client, receiver: Client) -> tuple[Track, Slot, Slot]:
    """A camera of 1 Mbit/s and a microphone; the camera's track, its slot, and the microphone's slot."""
    track = world.publish_video(publisher, bitrate_bps=1_000_000)
    return (
        track,
        world.subscribe(receiver, publisher, track),
        world.subscribe(receiver, publisher, world.publish_audio(publisher)),
    )


def settle(world: World, publisher: Client) -> None:
    """Lets what is missing be asked for: the tail of a stream has nothing behind it that would show its loss."""
    for path in (path for client in world.clients for path in client.paths):
        path.up.conditions = path.down.conditions = GOOD
    world.run_for(500 * MS)
    for track in publisher.tracks:
        publisher.peer.set_muted(track.index, True)
    world.run_for(SECOND)


@pytest.mark.parametrize("engines", [1, 2])
def test_loss_upstream_is_recovered_from_the_publisher(engines: int) -> None:
    with World(1, engines=engines) as world:
        publisher = world.client(0, up=lossy(0.02), down=GOOD)
        receiver = world.client(engines - 1, up=GOOD, down=GOOD)
        track, video, audio = show(world, publisher, receiver)
        world.run_for(20 * SECOND)
        settle(world, publisher)
        stats = world.engines[0].stats()
        sent = publisher.peer.sender_stats(track.layers[0].ssrc)
        assert stats["rtp_recovered"] > 20
        assert sent["retransmissions"] >= stats["rtp_recovered"]
        assert sent["nacks_unknown"] == 0
        assert_no_faults(receiver, video)
        received = receiver.received(video)
        assert received["missing"] == 0
        assert received["frames_decoded"] == received["frames"] >= 590
        assert received["packets"] == sent["packets"]
        # What came late came as media on the number that was kept for it, not over RTX.
        assert received["recovered"] <= received["nacks_sent"]
        # Audio has no retransmission: its loss is the network's.
        heard = receiver.received(audio)
        assert 0 < heard["missing"] < 0.04 * 1000
        assert_no_faults(receiver, audio)


@pytest.mark.parametrize("engines", [1, 2])
def test_loss_downstream_is_answered_over_rtx(engines: int) -> None:
    with World(2, engines=engines) as world:
        publisher = world.client(0, up=GOOD, down=GOOD)
        receiver = world.client(engines - 1, up=GOOD, down=lossy(0.02))
        other = world.client(engines - 1, up=GOOD, down=GOOD)
        track, video, _ = show(world, publisher, receiver)
        whole = world.subscribe(other, publisher, track)
        tap = Tap(world)
        world.run_for(20 * SECOND)
        settle(world, publisher)
        received = receiver.received(video)
        assert_no_faults(receiver, video)
        assert received["recovered"] > 20
        assert received["missing"] == 0
        assert received["frames_decoded"] == received["frames"] >= 590
        rtx = tap.rtp(video.rtx_ssrc)
        assert len(rtx) >= received["recovered"]
        assert {packet.payload_type for packet in rtx} == {receiver.payloads.rtx}
        assert world.engines[receiver.engine].stats()["retransmissions_sent"] == len(rtx)
        # No number goes out twice under an SSRC: that would be a nonce used twice.
        for ssrc in (video.ssrc, video.rtx_ssrc):
            numbers = [packet.sequence for packet in tap.rtp(ssrc)]
            assert len(numbers) == len(set(numbers))
        # RTX numbers are made at departure, one after another.
        numbers = [packet.sequence for packet in rtx]
        assert [(b - a) & 0xFFFF for a, b in itertools.pairwise(numbers)] == [1] * (len(rtx) - 1)
        # Nobody else is bothered: the publisher is asked for nothing, the other receiver gets nothing twice.
        assert publisher.peer.sender_stats(track.layers[0].ssrc)["nacks_received"] == 0
        assert other.received(whole)["duplicates"] == other.received(whole)["recovered"] == 0


@pytest.mark.parametrize("loss", [0.02, 0.1])
@pytest.mark.parametrize("engines", [1, 3])
def test_loss_both_ways(loss: float, engines: int) -> None:
    conditions = lossy(loss)
    with World(3, engines=engines, conditions=conditions) as world:
        publisher, receiver = world.client(0), world.client(engines - 1)
        track, video, _ = show(world, publisher, receiver)
        world.run_for(20 * SECOND)
        settle(world, publisher)
        assert_no_faults(receiver, video)
        received = receiver.received(video)
        sent = publisher.peer.sender_stats(track.layers[0].ssrc)
        assert received["recovered"] > 0
        assert world.engines[0].stats()["rtp_recovered"] > 0
        lost = 1 - received["packets"] / sent["packets"]
        assert lost < (0.001 if loss == 0.02 else 0.02)
        assert received["frames_decoded"] >= (0.99 if loss == 0.02 else 0.9) * 600


def test_bursts_of_loss() -> None:
    conditions = dataclasses.replace(GOOD, burst=Gilbert(enter=0.002, leave=0.2))
    with World(4, engines=2, conditions=conditions) as world:
        publisher, receiver = world.client(0), world.client(1)
        _, video, _ = show(world, publisher, receiver)
        world.run_for(20 * SECOND)
        settle(world, publisher)
        assert_no_faults(receiver, video)
        received = receiver.received(video)
        assert received["missing"] == 0
        assert received["frames_decoded"] >= 590


@pytest.mark.parametrize("engines", [1, 2])
def test_an_outage_ends_with_a_key_frame(engines: int) -> None:
    """Two seconds are cut from the publisher's way in: too much to ask for, so a picture is asked for instead."""
    from_us = 1_000_000_000 + 3 * SECOND
    with World(5, engines=engines) as world:
        publisher = world.client(0, up=dataclasses.replace(GOOD, outages=((from_us, from_us + 2 * SECOND),)))
        receiver = world.client(engines - 1)
        _, video, audio = show(world, publisher, receiver)
        world.run_for(4900 * MS)
        before = receiver.received(video)["frames_decoded"]
        world.run_for(2 * SECOND)
        received = receiver.received(video)
        assert received["frames_decoded"] > before + 40
        assert received["longest_gap_us"] < 2 * SECOND + 300 * MS
        assert_no_faults(receiver, video)
        assert_no_faults(receiver, audio)


@pytest.mark.parametrize("start", [0, 127, 255, 32767, 65500, 65535])
def test_recovery_across_wraps(start: int) -> None:
    with World(6, engines=1, conditions=lossy(0.05)) as world:
        publisher, receiver = world.client(), world.client()
        track = world.publish_video(publisher, bitrate_bps=1_000_000, first_sequence=start)
        video = world.subscribe(receiver, publisher, track)
        world.run_for(3 * SECOND)
        settle(world, publisher)
        assert_no_faults(receiver, video)
        assert receiver.received(video)["missing"] == 0
        assert receiver.received(video)["recovered"] > 0


def test_a_number_asked_for_again_within_a_round_trip_is_sent_once() -> None:
    """The answer is on its way; only after a round trip has it been lost, too."""
    with World(7, engines=1) as world:  # nothing is lost, so nobody asks but this test
        publisher, receiver = world.client(), world.client()
        slot = world.subscribe(receiver, publisher, world.publish_video(publisher))
        sent, repeated = sequences_of(world, slot.ssrc), sequences_of(world, slot.rtx_ssrc)
        world.run_for(3 * SECOND)  # reports have told that the round trip is 20 ms
        feedback = Feedback(world, receiver)
        number = sent[-10]

        def ask() -> int:
            """How often the number has been sent again in all."""
            feedback.send(lambda writer: writer.nack(SENDER_SSRC, slot.ssrc, [number]))
            world.run_for(MS)
            return len(repeated)

        assert ask() == 1
        assert ask() == 1
        world.run_for(17 * MS)
        assert ask() == 1
        world.run_for(2 * MS)
        assert ask() == 2
        assert ask() == 2


def test_what_the_publisher_cannot_repeat_costs_one_picture_not_the_stream() -> None:
    """A publisher that answers no NACK: the hole stays, and a key frame is asked for."""
    with World(8, engines=1) as world:
        publisher = world.client(up=lossy(0.01), down=GOOD, answer_nacks=False)
        receiver = world.client(up=GOOD, down=GOOD)
        track = world.publish_video(publisher, bitrate_bps=1_000_000)
        video = world.subscribe(receiver, publisher, track)
        world.run_for(20 * SECOND)
        assert_no_faults(receiver, video)
        received = receiver.received(video)
        assert received["missing"] > 0
        assert publisher.peer.sender_stats(track.layers[0].ssrc)["key_frame_requests"] > 1
        assert received["frames_decoded"] > 200
        assert received["longest_gap_us"] < 3500 * MS
