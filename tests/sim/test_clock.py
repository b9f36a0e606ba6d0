"""Time as receivers have it: one server's clock in all reports, pictures and sound of one moment together, no way back."""

from __future__ import annotations

import itertools

import pytest

from sfu._testing.engine import AUDIO, VIDEO
from sfu._testing.peer import Observation
from tests.sim.checks import Tap, assert_no_faults, assert_whole
from tests.sim.client import Client, Slot
from tests.sim.clockwork import MS, SECOND
from tests.sim.netem import Conditions
from tests.sim.world import World

RATES = {AUDIO: 48_000, VIDEO: 90_000}
MASK = 0xFFFFFFFF


def ahead(a: int, b: int) -> int:
    """a - b, as RTP time stamps compare."""
    return (a - b + 0x80000000 & MASK) - 0x80000000


def observed(client: Client, slot: Slot) -> list[Observation]:
    """What came in a slot since the last look, in its order; other slots' packets are dropped."""
    taken = client.peer.observations()
    return sorted((o for o in taken if o.ssrc == slot.ssrc and o.fresh), key=lambda o: o.sequence)


def reported_us(client: Client, slot: Slot, timestamp: int) -> float:
    """The server's time of a time stamp, by the last report."""
    received = client.received(slot)
    at_us = (received["sr_ntp"] >> 32) * SECOND + ((received["sr_ntp"] & MASK) * SECOND >> 32)
    return at_us + ahead(timestamp, received["sr_rtp_timestamp"]) * SECOND / RATES[slot.kind]


@pytest.mark.parametrize("engines", [1, 2])
@pytest.mark.parametrize("skew_ppm", [-80, 0, 80])
def test_reports_put_sound_and_picture_of_a_moment_together(engines: int, skew_ppm: int) -> None:
    """The publisher's clocks are anywhere, and the network jitters."""
    jittery = Conditions(delay_us=20 * MS, jitter_us=30 * MS)
    with World(1, engines=engines) as world:
        publisher = world.client(0, up=jittery, clock_offset_us=987_654_321_000, clock_skew_ppm=skew_ppm)
        receiver = world.client(engines - 1, observations=4096)
        audio = world.subscribe(receiver, publisher, world.publish_audio(publisher, phase_us=7 * MS))
        video = world.subscribe(receiver, publisher, world.publish_video(publisher))
        world.run_for(8 * SECOND)
        receiver.peer.observations()
        world.run_for(SECOND)
        off = {}
        taken = receiver.peer.observations()
        for slot in (audio, video):
            frames = [o for o in taken if o.ssrc == slot.ssrc and o.fresh]
            assert len(frames) > 25
            off[slot.kind] = [reported_us(receiver, slot, o.timestamp) - o.capture_us for o in frames]
            # What lies between camera and server is not known; the least of it counts as the way.
            assert all(20 * MS - 5 * MS <= us <= 20 * MS + 15 * MS for us in off[slot.kind])
            assert receiver.received(slot)["sender_reports"] > 6
        apart = sum(off[AUDIO]) / len(off[AUDIO]) - sum(off[VIDEO]) / len(off[VIDEO])
        assert abs(apart) < 5 * MS


@pytest.mark.parametrize("engines", [1, 3])
@pytest.mark.parametrize("kind", [AUDIO, VIDEO])
def test_splices_neither_go_back_nor_gather_anything(engines: int, kind: int) -> None:
    """From the nearest publisher to the farthest and back; a second after each splice the time stamps fit the capture."""
    with World(2, engines=engines) as world:
        ways_us = (2 * MS, 9 * MS, 18 * MS)
        publishers = [
            world.client(i % engines, up=Conditions(delay_us=way), clock_offset_us=i * 77 * SECOND)
            for i, way in enumerate(ways_us)
        ]
        tracks = [world.publish_video(p) if kind == VIDEO else world.publish_audio(p) for p in publishers]
        receiver = world.client(0, observations=8192)
        slot = world.slot(receiver, kind)
        world.run_for(2 * SECOND)
        seen: list[Observation] = []
        for turn in range(60):
            i = turn * turn % 3
            world.fill(receiver, slot, publishers[i], tracks[i])
            world.run_for(150 * MS + turn * 7 * MS)
            seen += observed(receiver, slot)
        assert_no_faults(receiver, slot)
        assert [b.sequence - a.sequence for a, b in itertools.pairwise(seen)] == [1] * (len(seen) - 1)
        assert receiver.received(slot)["splices"] > 25
        first = seen[0]
        for before, after in itertools.pairwise(seen):
            same = (before.stream, before.frame) == (after.stream, after.frame)
            assert (ahead(after.timestamp, before.timestamp) == 0) == same
            assert ahead(after.timestamp, before.timestamp) >= 0
        for o in seen:
            elapsed_us = ahead(o.timestamp, first.timestamp) * SECOND / RATES[kind]
            assert abs(elapsed_us - (o.capture_us - first.capture_us)) <= 20 * MS


def test_inside_a_run_the_distance_to_the_sources_own_time_stamps_is_constant() -> None:
    with World(3, engines=2) as world:
        publisher, receiver = world.client(0), world.client(1, observations=8192)
        track = world.publish_video(publisher)
        slot = world.subscribe(receiver, publisher, track)
        world.run_for(20 * SECOND)
        frames = observed(receiver, slot)
        start = frames[0]
        assert len(frames) > 1000
        for o in frames:
            steps = (o.frame - start.frame) * 3000
            assert ahead(o.timestamp, start.timestamp) == steps


def test_reports_go_on_while_the_source_is_muted() -> None:
    with World(4, engines=2) as world:
        publisher, receiver = world.client(0), world.client(1, observations=8192)
        audio = world.subscribe(receiver, publisher, world.publish_audio(publisher))
        video = world.subscribe(receiver, publisher, world.publish_video(publisher))
        world.run_for(3 * SECOND)
        for track in publisher.tracks:
            publisher.peer.set_muted(track.index, True)
        world.run_for(SECOND)
        before = {slot.number: receiver.received(slot) for slot in (audio, video)}
        world.run_for(10 * SECOND)
        for slot in (audio, video):
            received = receiver.received(slot)
            assert received["packets"] == before[slot.number]["packets"]
            assert 9 <= received["sender_reports"] - before[slot.number]["sender_reports"] <= 11
            # Both pairs lie on one line.
            old, new = before[slot.number], received
            ticks = ahead(new["sr_rtp_timestamp"], old["sr_rtp_timestamp"])
            assert abs(ticks / RATES[slot.kind] - (new["sr_ntp"] - old["sr_ntp"]) / 2**32) < 0.001
        receiver.peer.observations()
        for track in publisher.tracks:
            publisher.peer.set_muted(track.index, False)
        world.run_for(SECOND)
        for o in receiver.peer.observations():
            slot = audio if o.ssrc == audio.ssrc else video
            assert abs(reported_us(receiver, slot, o.timestamp) - o.capture_us - 10 * MS) < 5 * MS
        for slot in (audio, video):
            assert_whole(receiver, slot, frames=100)


def test_an_emptied_slot_says_nothing_and_no_bye() -> None:
    with World(5, engines=1) as world:
        publisher, receiver = world.client(), world.client()
        slot = world.subscribe(receiver, publisher, world.publish_video(publisher))
        world.run_for(3 * SECOND)
        reports = receiver.received(slot)["sender_reports"]
        world.empty(receiver, slot)
        world.run_for(3 * SECOND)
        assert receiver.received(slot)["sender_reports"] - reports <= 1
        assert receiver.peer.stats()["byes_received"] == 0


@pytest.mark.parametrize("engines", [1, 2])
def test_what_is_sent_again_has_the_time_stamp_of_its_frame(engines: int) -> None:
    """Also while the timeline slews: the first packet of all was late, and audio's reports move the common offset."""
    with World(6, engines=engines) as world:
        publisher = world.client(0, up=Conditions(delay_us=10 * MS, jitter_us=25 * MS))
        receiver = world.client(engines - 1, down=Conditions(delay_us=10 * MS, loss=0.05))
        slot = world.subscribe(receiver, publisher, world.publish_video(publisher, bitrate_bps=1_500_000))
        world.publish_audio(publisher)
        world.run_for(8 * SECOND)
        assert_no_faults(receiver, slot)  # a frame of two time stamps is inconsistent
        assert receiver.received(slot)["recovered"] > 30


def test_the_time_of_capture_goes_on_in_the_servers_clock() -> None:
    with World(7, engines=2) as world:
        extra = ("abs-capture-time",)
        publisher = world.client(0, extra=extra, clock_offset_us=123_456 * SECOND)
        receiver, plain = world.client(1, extra=extra, observations=4096), world.client(1)
        track = world.publish_video(publisher)
        slot, other = world.subscribe(receiver, publisher, track), world.subscribe(plain, publisher, track)
        tap = Tap(world)
        world.run_for(5 * SECOND)
        captured = {o.sequence & 0xFFFF: o.capture_us for o in observed(receiver, slot)}
        told = 0
        for packet in tap.rtp(slot.ssrc):
            value = extensions(packet.datagram.data).get(13)
            if value is None:
                assert packet.at_us < world.now_us - 3 * SECOND, "unknown only until the first report"
                continue
            ntp = int.from_bytes(value, "big")
            at_us = (ntp >> 32) * SECOND + ((ntp & MASK) * SECOND >> 32)
            assert abs(at_us - captured[packet.sequence] - 10 * MS) < MS
            told += 1
        assert told > 200
        assert all(13 not in extensions(packet.datagram.data) for packet in tap.rtp(other.ssrc))


def extensions(packet: bytes) -> dict[int, bytes]:
    """Header extensions of the one-byte form by id (RFC 8285); SRTP leaves them readable."""
    if not packet[0] & 0x10:
        return {}
    assert packet[12:14] == b"\xbe\xde"
    block = packet[16 : 16 + int.from_bytes(packet[14:16], "big") * 4]
    found = {}
    while block:
        if block[0] == 0:
            block = block[1:]
            continue
        length = (block[0] & 15) + 1
        found[block[0] >> 4] = block[1 : 1 + length]
        block = block[1 + length :]
    return found
