"""Simulcast: which layer a slot shows, and how it passes from one to another."""

from __future__ import annotations

import pytest

from tests.sim.checks import Tap, assert_no_faults, assert_whole
from tests.sim.client import Client, Slot, Track
from tests.sim.clockwork import MS, SECOND
from tests.sim.netem import Conditions
from tests.sim.receiver_wire import parse_rtp
from tests.sim.test_clock import extensions
from tests.sim.world import EXTENSION_IDS, World

SILENT_US = 500 * MS  # native/media/layer_select.h


def only(publisher: Client, track: Track, *layers: int) -> None:
    """The publisher sends these layers from now on."""
    for layer in range(len(track.layers)):
        publisher.peer.set_layer_active(track.index, layer, layer in layers)


def shown(client: Client, slot: Slot) -> list[tuple[int, int]]:
    """(source, layer) as the control plane was told."""
    return [
        (e.source, e.layer) for _, e in client.events if e.type == "slot_filled" and e.slot == slot.number
    ]


@pytest.mark.parametrize("engines", [1, 2])
def test_layers_are_shown_as_they_come(engines: int) -> None:
    """A publisher starts with its lowest layer, as Chromium does."""
    with World(1, engines=engines) as world:
        publisher, receiver = world.client(0), world.client(engines - 1)
        track = world.publish_video(publisher, layers=3, bitrate_bps=200_000)
        only(publisher, track, 0)
        high = world.subscribe(receiver, publisher, track, 2)
        middle = world.subscribe(receiver, publisher, track, 1)
        low = world.subscribe(receiver, publisher, track, 0)
        world.run_for(SECOND)
        only(publisher, track, 0, 1)
        world.run_for(SECOND)
        only(publisher, track, 0, 1, 2)
        world.run_for(SECOND)
        source = track.source
        assert shown(receiver, high) == [(source, 0), (source, 1), (source, 2)]
        assert shown(receiver, middle) == [(source, 0), (source, 1)]
        assert shown(receiver, low) == [(source, 0)]
        for slot, layer in ((high, 2), (middle, 1), (low, 0)):
            assert_whole(receiver, slot, frames=80)
            assert receiver.received(slot)["stream"] == track.layers[layer].stream
            assert receiver.received(slot)["longest_gap_us"] <= 100 * MS
        # A layer that is not sent is asked for nothing.
        assert publisher.peer.sender_stats(track.layers[2].ssrc)["key_frame_requests"] <= 1


@pytest.mark.parametrize("engines", [1, 2])
@pytest.mark.parametrize("left", [0, 1])
def test_a_layer_that_falls_silent_is_left_for_a_lower_one(engines: int, left: int) -> None:
    with World(2, engines=engines) as world:
        publisher, receiver = world.client(0), world.client(engines - 1)
        track = world.publish_video(publisher, layers=3, bitrate_bps=200_000)
        slot = world.subscribe(receiver, publisher, track, 2)
        world.run_for(2 * SECOND)
        only(publisher, track, *range(left + 1))
        stopped_us = world.now_us
        world.run_until_shows(receiver, slot, track, left)
        # Silence, the wish for a key frame up, the next picture, and down again.
        assert world.now_us - stopped_us <= SILENT_US + 3 * world.conditions.delay_us + 3 * 34 * MS
        world.run_for(SECOND)
        only(publisher, track, 0, 1, 2)
        world.run_until_shows(receiver, slot, track, 2)
        world.run_for(SECOND)
        assert shown(receiver, slot)[-3:] == [(track.source, layer) for layer in (2, left, 2)]
        assert_whole(receiver, slot, frames=100)


@pytest.mark.parametrize("engines", [1, 2])
def test_what_is_shown_goes_on_until_the_key_frame_of_the_new_layer(engines: int) -> None:
    with World(3, engines=engines) as world:
        publisher = world.client(0, respond_to_key_frame_requests=False)
        receiver = world.client(engines - 1)
        track = world.publish_video(publisher, layers=3, bitrate_bps=200_000)
        slot = world.subscribe(receiver, publisher, track, 0)
        world.run_for(2 * SECOND)
        world.fill(receiver, slot, publisher, track, 2)
        world.run_for(3 * SECOND)
        assert receiver.received(slot)["stream"] == track.layers[0].stream
        asked = publisher.peer.sender_stats(track.layers[2].ssrc)["key_frame_requests"]
        assert 5 <= asked <= 8, "again and again, but no faster than publishers are asked"
        publisher.peer.make_key_frame(track.index)
        world.run_until_shows(receiver, slot, track, 2)
        world.run_for(SECOND)
        assert_whole(receiver, slot, frames=170)
        assert receiver.received(slot)["longest_gap_us"] <= 70 * MS
        assert shown(receiver, slot)[-1] == (track.source, 2)


@pytest.mark.parametrize("engines", [1, 2])
def test_a_wish_that_is_taken_back_changes_nothing(engines: int) -> None:
    with World(4, engines=engines) as world:
        publisher = world.client(0, respond_to_key_frame_requests=False)
        receiver = world.client(engines - 1)
        track = world.publish_video(publisher, layers=2, bitrate_bps=200_000)
        slot = world.subscribe(receiver, publisher, track, 0)
        world.run_for(SECOND)
        for _ in range(20):
            world.fill(receiver, slot, publisher, track, 1)
            world.run_for(7 * MS)
            world.fill(receiver, slot, publisher, track, 0)
            world.run_for(5 * MS)
        asked = publisher.peer.sender_stats(track.layers[1].ssrc)["key_frame_requests"]
        world.run_for(2 * SECOND)
        assert publisher.peer.sender_stats(track.layers[1].ssrc)["key_frame_requests"] == asked
        publisher.peer.make_key_frame(track.index)
        world.run_for(SECOND)
        assert shown(receiver, slot) == [(track.source, 0)]
        assert receiver.received(slot)["stream"] == track.layers[0].stream
        assert_whole(receiver, slot, frames=110)


@pytest.mark.parametrize("engines", [1, 2])
def test_layers_change_under_loss(engines: int) -> None:
    """Publishers and receivers lose packets, layers come and go: nothing that only a faulty server does, and it goes on."""
    lossy = Conditions(delay_us=20 * MS, jitter_us=10 * MS, loss=0.03)
    with World(5, engines=engines) as world:
        publisher = world.client(0, up=lossy)
        receivers = [world.client(i % engines, down=lossy) for i in range(2 * engines)]
        track = world.publish_video(publisher, layers=3, bitrate_bps=300_000)
        slots = [world.subscribe(receiver, publisher, track, i % 3) for i, receiver in enumerate(receivers)]
        for turn in range(60):
            if turn % 5 == 0:
                only(publisher, track, *range(1 + world.random.randrange(3)))
            receiver = world.random.randrange(len(receivers))
            world.fill(receivers[receiver], slots[receiver], publisher, track, world.random.randrange(3))
            world.run_for(world.random.randrange(100, 700) * MS)
        only(publisher, track, 0, 1, 2)
        for receiver_, slot in zip(receivers, slots, strict=True):
            world.fill(receiver_, slot, publisher, track, 2)
        world.run_for(4 * SECOND)
        for receiver_, slot in zip(receivers, slots, strict=True):
            assert_no_faults(receiver_, slot)
            assert receiver_.received(slot)["stream"] == track.layers[2].stream
            assert receiver_.received(slot)["frames_decoded"] > 400


@pytest.mark.parametrize("turned", [0, 1, 3])
def test_what_enters_says_how_it_is_turned(turned: int) -> None:
    with World(6, engines=1) as world:
        extra = ("orientation",)
        publishers = [world.client(extra=extra) for _ in range(2)]
        receiver = world.client(extra=extra)
        tracks = [world.publish_video(p, orientation=turned) for p in publishers]
        slot = world.subscribe(receiver, publishers[0], tracks[0])
        tap = Tap(world)
        world.run_for(SECOND)
        world.fill(receiver, slot, publishers[1], tracks[1])
        world.run_for(SECOND)
        publishers[1].peer.make_key_frame(tracks[1].index)
        world.run_for(SECOND)
        said = [
            (packet.marker, extensions(packet.datagram.data)[12][0])
            for packet in tap.rtp(slot.ssrc)
            if 12 in extensions(packet.datagram.data)
        ]
        # In the last packet of the two first pictures; of a later key frame only if its publisher says so.
        assert said == [(True, turned)] * (3 if turned else 2)
        assert_whole(receiver, slot, frames=80)


COLORS = bytes.fromhex("01020304")
HDR = COLORS + bytes(range(24))  # longer than an element of the one-byte form (RFC 8285 section 4.2)


@pytest.mark.parametrize("engines", [1, 2])
@pytest.mark.parametrize(
    "first_id, color_space", [(5, COLORS), (5, HDR), (200, COLORS)], ids=["one-byte", "by-length", "by-id"]
)
def test_what_a_source_says_of_its_frames_goes_on_to_the_byte(
    engines: int, first_id: int, color_space: bytes
) -> None:
    names = ("playout-delay", "color-space", "orientation", "abs-capture-time")
    ids = {name: first_id + number for number, name in enumerate(reversed(names))}
    delay = bytes.fromhex("123456")
    with World(9, engines=engines) as world:
        publisher, receiver = world.client(0, extra=names), world.client(engines - 1, extra=ids)
        track = world.publish_video(publisher, orientation=3, playout_delay=delay, color_space=color_space)
        sound = world.publish_audio(publisher, level=33, voice=True)
        picture, heard = (world.subscribe(receiver, publisher, of) for of in (track, sound))
        tap = Tap(world)
        world.run_for(SECOND)
        publisher.peer.make_key_frame(track.index)
        world.run_for(SECOND)

        packets = [
            (packet.marker, parse_rtp(packet.datagram.data).extensions) for packet in tap.rtp(picture.ssrc)
        ]
        assert len(packets) > 100
        assert {found.get(ids["playout-delay"]) for _, found in packets} == {delay}
        captures = [found.get(ids["abs-capture-time"], b"") for _, found in packets]
        assert {len(capture) for capture in captures} <= {0, 8}  # unknown until the publisher's first report
        assert captures[-1]
        last = [(marker, found) for marker, found in packets if ids["color-space"] in found]
        assert [(marker, found[ids["color-space"]], found[ids["orientation"]]) for marker, found in last] == [
            (True, color_space, b"\x03")
        ] * 2  # of the two key frames
        levels = [
            parse_rtp(packet.datagram.data).extensions[EXTENSION_IDS["audio-level"]]
            for packet in tap.rtp(heard.ssrc)
        ]
        assert len(levels) > 80
        assert set(levels) == {bytes([0x80 | 33])}
        assert_whole(receiver, picture, frames=50)
        assert_whole(receiver, heard, frames=80)


def test_sound_that_enters_has_the_marker() -> None:
    with World(7, engines=1) as world:
        publishers = [world.client() for _ in range(2)]
        receiver = world.client()
        tracks = [world.publish_audio(p) for p in publishers]
        slot = world.slot(receiver, tracks[0].kind)
        world.run_for(SECOND)
        tap = Tap(world)
        for turn in range(4):
            world.fill(receiver, slot, publishers[turn % 2], tracks[turn % 2])
            world.run_for(500 * MS)
        packets = tap.rtp(slot.ssrc)
        assert sum(packet.marker for packet in packets) == 4
        assert packets[0].marker


@pytest.mark.parametrize("engines", [1, 2])
def test_what_a_receiver_misses_of_the_layer_before_is_sent_again(engines: int) -> None:
    with World(8, engines=engines) as world:
        publisher = world.client(0)
        receiver = world.client(engines - 1, down=Conditions(delay_us=30 * MS, loss=0.1))
        track = world.publish_video(publisher, layers=2, bitrate_bps=800_000)
        slot = world.subscribe(receiver, publisher, track, 1)
        world.run_for(SECOND)
        for turn in range(20):
            world.fill(receiver, slot, publisher, track, turn % 2)
            world.run_for(200 * MS)
        receiver.paths[0].down.conditions = Conditions(delay_us=30 * MS)
        world.run_for(SECOND)
        received = receiver.received(slot)
        assert_no_faults(receiver, slot)
        assert received["recovered"] > 30
        assert received["missing"] == 0
