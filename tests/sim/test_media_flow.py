"""Media from publishers to receivers, in one engine and over three, where the network is good: all of it arrives."""

from __future__ import annotations

import pytest

from sfu._testing.engine import AUDIO, VIDEO
from tests.sim.checks import WRAP_POINTS, Tap, assert_no_faults, assert_whole
from tests.sim.client import CHROMIUM, FIREFOX
from tests.sim.clockwork import MS, SECOND
from tests.sim.netem import Conditions
from tests.sim.world import World


@pytest.mark.parametrize("engines", [1, 2, 3])
def test_everybody_hears_and_sees_everybody(engines: int) -> None:
    with World(1, engines=engines) as world:
        clients = [world.client(i % engines) for i in range(5)]
        tracks = {c.name: (world.publish_audio(c), world.publish_video(c)) for c in clients}
        shown = [
            (receiver, world.subscribe(receiver, publisher, track))
            for receiver in clients
            for publisher in clients
            if receiver is not publisher
            for track in tracks[publisher.name]
        ]
        world.run_for(5 * SECOND)
        for receiver, slot in shown:
            assert_whole(receiver, slot, frames=240 if slot.kind == AUDIO else 140)
            # Both links, a millisecond of pacing at most, and no waiting in the engines.
            assert receiver.received(slot)["longest_delay_us"] < 2 * world.conditions.delay_us + 15 * MS
        for engine in world.engines:
            stats = engine.stats()
            assert stats["srtp_refused"] == stats["rtp_unlatched"] == stats["handoff_dropped"] == 0
            assert stats["queue_flushed"] == stats["pool_exhausted"] == stats["oversize_dropped"] == 0


@pytest.mark.parametrize("engines", [1, 2])
@pytest.mark.parametrize("start", WRAP_POINTS)
def test_sequence_numbers_from_every_wrap_point(start: int, engines: int) -> None:
    with World(start, engines=engines) as world:
        publisher, receiver = world.client(0), world.client(engines - 1)
        shown = [
            world.subscribe(receiver, publisher, world.publish_video(publisher, first_sequence=start)),
            world.subscribe(receiver, publisher, world.publish_audio(publisher)),
        ]
        world.run_for(2 * SECOND)
        for slot in shown:
            assert_whole(receiver, slot, frames=50)


def test_a_slots_own_numbers_wrap() -> None:
    with World(2, engines=1, pacing_bps=200_000_000, packets=16384) as world:
        publisher, receiver = world.client(), world.client()
        track = world.publish_video(publisher, bitrate_bps=60_000_000)
        slot = world.subscribe(receiver, publisher, track)
        world.run_for(12 * SECOND)
        assert receiver.received(slot)["packets"] > 65536
        assert_whole(receiver, slot, frames=300)


def test_payload_types_are_each_receivers_own() -> None:
    with World(3, engines=2) as world:
        chromium, firefox = world.client(0, payloads=CHROMIUM), world.client(1, payloads=FIREFOX)
        for publisher, receiver in ((chromium, firefox), (firefox, chromium)):
            for track in (world.publish_audio(publisher), world.publish_video(publisher)):
                world.subscribe(receiver, publisher, track)
        world.run_for(2 * SECOND)
        for client in (chromium, firefox):
            for slot in client.slots:
                assert_whole(client, slot, frames=50)


@pytest.mark.parametrize("engines", [1, 2])
@pytest.mark.parametrize("named", [True, False])
def test_layers_and_the_switch_between_them(engines: int, named: bool) -> None:
    """The SSRCs of the layers are named, or learnt from mid and rid."""
    with World(4, engines=engines) as world:
        publisher, receiver = world.client(0), world.client(engines - 1)
        track = world.publish_video(publisher, layers=3, bitrate_bps=200_000, named=named)
        fixed = [world.subscribe(receiver, publisher, track, layer) for layer in range(3)]
        moving = world.subscribe(receiver, publisher, track, 0)
        for layer in (1, 2, 0, 2):
            world.run_for(SECOND)
            world.fill(receiver, moving, publisher, track, layer)
            world.run_until_shows(receiver, moving, track, layer)
        world.run_for(SECOND)
        for layer, slot in enumerate(fixed):
            assert_whole(receiver, slot, frames=140)
            assert receiver.received(slot)["stream"] == track.layers[layer].stream
        assert_whole(receiver, moving, frames=140)
        assert receiver.received(moving)["splices"] == 4
        assert receiver.received(moving)["longest_gap_us"] < 200 * MS


@pytest.mark.parametrize("engines", [1, 3])
def test_a_slot_passes_from_one_publisher_to_another(engines: int) -> None:
    with World(5, engines=engines) as world:
        receiver = world.client(0)
        publishers = [world.client(i % engines) for i in range(3)]
        videos = [world.publish_video(p) for p in publishers]
        audios = [world.publish_audio(p) for p in publishers]
        video, audio = world.slot(receiver, VIDEO), world.slot(receiver, AUDIO)
        for turn in range(9):
            i = turn % 3
            world.fill(receiver, video, publishers[i], videos[i])
            world.fill(receiver, audio, publishers[i], audios[i])
            world.run_until_shows(receiver, video, videos[i])
            world.run_for(700 * MS)
            assert receiver.received(audio)["stream"] == audios[i].layers[0].stream
        for slot in (video, audio):
            assert_whole(receiver, slot, frames=150)
            assert receiver.received(slot)["splices"] == 8
        told = [e.source for _, e in receiver.events if e.type == "slot_filled" and e.slot == video.number]
        assert [source for source in told if source] == [videos[turn % 3].source for turn in range(9)]


def test_an_emptied_slot_is_silent_and_can_be_filled_again() -> None:
    with World(6, engines=2) as world:
        publisher, receiver = world.client(0), world.client(1)
        slot = world.subscribe(receiver, publisher, world.publish_video(publisher))
        world.run_for(SECOND)
        world.empty(receiver, slot)
        world.run_for(100 * MS)
        before = receiver.received(slot)["packets"]
        world.run_for(2 * SECOND)
        assert receiver.received(slot)["packets"] == before
        told = [e.source for _, e in receiver.events if e.type == "slot_filled"]
        assert told == [publisher.video().source, 0]
        world.fill(receiver, slot, publisher, publisher.video())
        world.run_for(SECOND)
        assert receiver.received(slot)["packets"] > before
        assert_whole(receiver, slot, frames=55)


@pytest.mark.parametrize("engines", [1, 2])
def test_a_late_receiver_gets_a_key_frame_at_once(engines: int) -> None:
    with World(7, engines=engines) as world:
        publisher, early, late = world.client(0), world.client(engines - 1), world.client(engines - 1)
        track = world.publish_video(publisher)
        shown = world.subscribe(early, publisher, track)
        world.run_for(3 * SECOND)
        slot = world.subscribe(late, publisher, track)
        asked_us = world.now_us
        world.run_until(lambda: late.received(slot)["frames_decoded"] > 0)
        # PLI up, the next frame of the camera, down again.
        assert world.now_us - asked_us < 3 * world.conditions.delay_us + 34 * MS + 5 * MS
        assert publisher.peer.sender_stats(track.layers[0].ssrc)["key_frame_requests"] == 1
        world.run_for(SECOND)
        assert_whole(late, slot, frames=25)
        assert_whole(early, shown, frames=110)


@pytest.mark.parametrize("engines", [1, 2])
@pytest.mark.parametrize("how", ["track", "transport"])
def test_a_source_that_is_gone_empties_its_slots(engines: int, how: str) -> None:
    with World(8, engines=engines) as world:
        publisher, receiver = world.client(0), world.client(engines - 1)
        slot = world.subscribe(receiver, publisher, world.publish_video(publisher))
        world.run_for(SECOND)
        if how == "track":
            world.unpublish(publisher, publisher.video())
        else:
            world.close(publisher)
        world.run_for(SECOND)
        assert [e.source for _, e in receiver.events if e.type == "slot_filled"] == [
            publisher.video().source,
            0,
        ]
        assert_whole(receiver, slot, frames=25)
        other = world.client(0)
        world.fill(receiver, slot, other, world.publish_video(other))
        world.run_for(SECOND)
        assert_whole(receiver, slot, frames=45)
        if how == "track":
            # The client has not heard of it and sends on: authenticated, but nobody's.
            assert world.engines[0].stats()["rtp_unlatched"] > 0


@pytest.mark.parametrize("kind", [AUDIO, VIDEO])
def test_a_slot_may_be_filled_before_the_other_engine_knows_the_source(kind: int) -> None:
    """Commands to two engines keep no order among each other."""
    with World(17, engines=2) as world:
        publisher, receiver = world.client(0), world.client(1)
        slot = world.slot(receiver, kind)
        world.fill_early(receiver, slot, publisher.engine)
        world.run_for(100 * MS)
        track = world.publish_video(publisher) if kind == VIDEO else world.publish_audio(publisher)
        world.run_for(SECOND)
        assert [e.source for _, e in receiver.events if e.type == "slot_filled"] == [track.source]
        assert_whole(receiver, slot, frames=20)


def test_a_slot_that_was_filled_early_may_change_its_mind() -> None:
    with World(18, engines=2) as world:
        publisher, receiver = world.client(0), world.client(1)
        slot = world.slot(receiver, VIDEO)
        world.fill_early(receiver, slot, publisher.engine)
        world.run_for(MS)
        world.empty(receiver, slot)
        world.run_for(MS)
        world.publish_video(publisher)
        world.run_for(SECOND)
        assert [e.source for _, e in receiver.events if e.type == "slot_filled"] == [0]
        assert world.engines[1].stats()["packets_sent"] == 0


def test_a_source_that_never_comes_is_gone_once_a_later_one_is_there() -> None:
    with World(19, engines=2) as world:
        publisher, receiver = world.client(0), world.client(1)
        slot, other = world.slot(receiver, VIDEO), world.slot(receiver, VIDEO)
        world.fill_early(receiver, slot, publisher.engine)
        world.skip_source()
        track = world.publish_video(publisher)
        world.fill(receiver, other, publisher, track)
        world.run_for(50 * MS)
        with pytest.raises(OSError, match="No such file"):  # told so, and for a while remembered
            world.fill_early(receiver, slot, publisher.engine, source=track.source - 1)
        world.run_for(SECOND)
        assert_whole(receiver, other, frames=20)


def test_a_transport_number_is_used_again() -> None:
    with World(9, engines=2) as world:
        receiver = world.client(1)
        slot = world.slot(receiver, VIDEO)
        for _ in range(4):
            publisher = world.client(0)
            assert publisher.transport == 0
            world.fill(receiver, slot, publisher, world.publish_video(publisher))
            world.run_for(SECOND)
            world.close(publisher)
            world.run_for(50 * MS)
            assert publisher.happened("closed")
        assert_whole(receiver, slot, frames=100)
        assert receiver.received(slot)["splices"] == 3


@pytest.mark.parametrize("engines", [1, 2])
def test_filling_a_slot_with_what_it_shows_changes_nothing(engines: int) -> None:
    with World(15, engines=engines) as world:
        publisher, receiver = world.client(0), world.client(engines - 1)
        track = world.publish_video(publisher)
        slot = world.subscribe(receiver, publisher, track)
        for _ in range(5):
            world.fill(receiver, slot, publisher, track)
            world.run_for(200 * MS)
        assert_whole(receiver, slot, frames=25)
        assert publisher.peer.sender_stats(track.layers[0].ssrc)["key_frame_requests"] == 0


@pytest.mark.parametrize("engines", [1, 2])
def test_a_slot_that_changes_back_at_once_still_fills(engines: int) -> None:
    """Wishes to the publishers' engine cross one another: the last one counts."""
    with World(16, engines=engines) as world:
        publishers, receiver = [world.client(0), world.client(0)], world.client(engines - 1)
        tracks = [world.publish_video(p) for p in publishers]
        slot = world.slot(receiver, VIDEO)
        for turn in range(1, 12):
            world.fill(receiver, slot, publishers[turn % 2], tracks[turn % 2])
            world.run_for(MS * turn)
        world.run_for(SECOND)
        assert receiver.received(slot)["stream"] == tracks[1].layers[0].stream
        assert_whole(receiver, slot, frames=25)


def test_duplicates_and_reordering_do_no_harm() -> None:
    rough = Conditions(delay_us=20 * MS, jitter_us=4 * MS, reorder=True, duplicate=0.05)
    with World(10, engines=2, conditions=rough) as world:
        publisher, receiver = world.client(0), world.client(1)
        video = world.subscribe(receiver, publisher, world.publish_video(publisher, bitrate_bps=2_000_000))
        audio = world.subscribe(receiver, publisher, world.publish_audio(publisher))
        world.run_for(5 * SECOND)
        for slot in (video, audio):
            assert_no_faults(receiver, slot)
            received = receiver.received(slot)
            assert received["missing"] <= 3, "what is under way"
            assert received["frames_lost"] == 0
        assert world.engines[0].stats()["srtp_refused"] > 0, "duplicates are refused as replays"
        assert world.engines[0].stats()["rtp_recovered"] == 0, "what is only late is not asked for"


@pytest.mark.parametrize("engines", [1, 2])
def test_a_muted_track_pauses_and_resumes(engines: int) -> None:
    with World(11, engines=engines) as world:
        publisher, receiver = world.client(0), world.client(engines - 1)
        tracks = (world.publish_audio(publisher), world.publish_video(publisher))
        slots = [world.subscribe(receiver, publisher, track) for track in tracks]
        for _ in range(3):
            world.run_for(SECOND)
            for track in tracks:
                publisher.peer.set_muted(track.index, True)
            world.run_for(SECOND)
            for track in tracks:
                publisher.peer.set_muted(track.index, False)
        world.run_for(SECOND)
        for slot in slots:
            assert_whole(receiver, slot, frames=100)


def test_sender_reports_come_while_media_flows() -> None:
    with World(12, engines=2) as world:
        publisher, receiver = world.client(0), world.client(1)
        slots = [
            world.subscribe(receiver, publisher, world.publish_audio(publisher)),
            world.subscribe(receiver, publisher, world.publish_video(publisher)),
        ]
        world.run_for(5 * SECOND)
        for slot in slots:
            assert receiver.received(slot)["sender_reports"] >= 3
        reported = publisher.peer.sender_stats(publisher.video().layers[0].ssrc)
        assert reported["reports_received"] >= 3
        assert reported["cumulative_lost"] == 0
        assert receiver.peer.stats()["rtt_us"] > 0 or publisher.peer.stats()["rtt_us"] > 0


def test_nothing_is_sent_before_keys_and_all_of_it_after() -> None:
    with World(13, engines=1, dtls_us=2 * SECOND) as world:
        publisher, receiver = world.client(), world.client()
        tap = Tap(world)
        slot = world.subscribe(receiver, publisher, world.publish_video(publisher))
        world.run_for(SECOND)
        assert publisher.happened("connected")
        assert tap.rtp() == []
        world.run_for(3 * SECOND)
        assert_whole(receiver, slot, frames=50)
        assert len(receiver.happened("secured")) == len(publisher.happened("secured")) == 1


def test_two_slots_may_show_the_same_track() -> None:
    with World(14, engines=2) as world:
        publisher, receiver = world.client(0), world.client(1)
        track = world.publish_video(publisher)
        slots = [world.subscribe(receiver, publisher, track) for _ in range(3)]
        world.run_for(2 * SECOND)
        for slot in slots:
            assert_no_faults(receiver, slot)
            assert_whole(receiver, slot, frames=50)
