"""Feedback to a publisher about what arrived: all of it, whatever it is, or its estimate never rises."""

from __future__ import annotations

import struct

import pytest

from sfu._testing.srtp import Sender
from tests.sim.checks import read_rtp
from tests.sim.client import Client
from tests.sim.clockwork import MS, SECOND
from tests.sim.feedback import arrivals_told, transport_number
from tests.sim.netem import Conditions
from tests.sim.world import AEAD_AES_128_GCM, EXTENSION_IDS, World


def arrivals(world: World, client: Client) -> list[int]:
    """Numbers of RTP datagrams, of any kind, that reach the engine from a client."""
    count = [0]
    address = client.paths[0].address

    def note(_now: int, _engine: int, remote: tuple[str, int], data: bytes) -> None:
        count[0] += remote == address and read_rtp(data) is not None

    world.on_arrival.append(note)
    return count


@pytest.mark.parametrize("engines", [1, 2])
def test_every_packet_is_reported(engines: int) -> None:
    with World(1, engines=engines) as world:
        publisher, receiver = world.client(0), world.client(engines - 1)
        for track in (world.publish_audio(publisher), world.publish_video(publisher, layers=3)):
            world.subscribe(receiver, publisher, track)
        count = arrivals(world, publisher)
        world.run_for(5 * SECOND)
        for track in publisher.tracks:
            publisher.peer.set_muted(track.index, True)
        world.run_for(SECOND)
        stats = publisher.peer.stats()
        assert count[0] > 2000
        assert stats["transport_received"] == count[0]
        assert stats["transport_lost"] == stats["transport_unknown"] == 0
        # One in 50 ms is due at this rate, not one for each packet.
        assert 80 <= stats["transport_feedback_received"] <= 130


def test_tracks_that_nobody_receives_are_reported_too() -> None:
    with World(2, engines=1) as world:
        publisher = world.client()
        world.publish_video(publisher)
        count = arrivals(world, publisher)
        world.run_for(2 * SECOND)
        publisher.silent = True
        world.run_for(SECOND)
        publisher.silent = False
        assert count[0] > 50
        assert publisher.peer.stats()["transport_received"] > count[0] - 10


def test_loss_is_told_as_loss_and_retransmissions_count() -> None:
    with World(3, engines=1) as world:
        publisher = world.client(
            up=Conditions(delay_us=20 * MS, loss=0.05), down=Conditions(delay_us=20 * MS)
        )
        receiver = world.client()
        track = world.publish_video(publisher, bitrate_bps=1_000_000)
        world.subscribe(receiver, publisher, track)
        count = arrivals(world, publisher)
        world.run_for(10 * SECOND)
        publisher.peer.set_muted(track.index, True)
        world.run_for(SECOND)
        stats = publisher.peer.stats()
        sent = publisher.peer.sender_stats(track.layers[0].ssrc)
        assert sent["retransmissions"] > 20
        assert stats["transport_received"] == count[0]
        lost = sent["packets"] + sent["retransmissions"] - count[0]
        assert lost > 20
        # Loss of the last packet has nothing behind it that would show it.
        assert lost - 2 <= stats["transport_lost"] <= lost


@pytest.mark.parametrize("payload_type", [97, 96, 120])
@pytest.mark.parametrize("padding", [1, 255])
def test_padding_and_unknown_ssrcs_are_reported(payload_type: int, padding: int) -> None:
    """Packets of padding only, of an SSRC that nobody announced, over RTX, media or an unknown payload type."""
    with World(4, engines=1) as world:
        client = world.client()
        world.run_for(SECOND)
        _, _, key, salt = client.keys
        sender = Sender(AEAD_AES_128_GCM, key, salt)
        for number in range(10):
            extension = bytes([EXTENSION_IDS["transport-cc"] << 4 | 1]) + number.to_bytes(2, "big") + b"\0"
            header = (
                struct.pack("!BBHII", 0xB0, payload_type, number, 1000 * number, 0xABCDEF)
                + struct.pack("!HH", 0xBEDE, 1)
                + extension
            )
            ((status, packet),) = sender.protect([(number, header, bytes(padding - 1) + bytes([padding]))])
            assert status == 0
            world.inject(0, packet, client.paths[0].address)
            world.run_for(5 * MS)
        world.run_for(SECOND)
        stats = client.peer.stats()
        assert stats["transport_feedback_received"] > 0
        # The client never sent those numbers, so it counts them as unknown: they were reported.
        assert stats["transport_unknown"] == 10


def test_what_is_told_is_when_packets_came_not_when_they_were_read() -> None:
    """A worker that reads its sockets once in 15 ms: a publisher that is told of bursts sees a queue where there is none."""
    with World(5, engines=1, turn_us=15 * MS) as world:
        publisher = world.client()
        world.publish_audio(publisher)
        world.publish_video(publisher, bitrate_bps=1_000_000)
        told = arrivals_told(world, publisher)
        came: dict[int, int] = {}

        def note(now_us: int, _engine: int, _remote: tuple[str, int], data: bytes) -> None:
            if (number := transport_number(data)) is not None:
                came[number] = now_us

        world.on_arrival.append(note)
        world.run_for(3 * SECOND)
        assert len(told) > 200
        assert len({at for at in came.values() if at % (15 * MS)}) > 100
        # Rounded to 250 µs; what 24 bits of 64 ms leave of the time is what both have in common.
        first = came[told[0].sequence] - told[0].arrival_us
        for status in told:
            assert status.received
            assert abs(came[status.sequence] - status.arrival_us - first) <= 250


def test_the_round_trip_is_reckoned_from_when_a_report_came() -> None:
    with World(6, engines=1, turn_us=15 * MS) as world:
        publisher, receiver = world.client(), world.client()
        world.subscribe(receiver, publisher, world.publish_audio(publisher))
        world.run_for(3 * SECOND)
        rtt_us = world.engines[0].transport_stats(receiver.transport)["rtt_us"]
        assert abs(rtt_us - 20 * MS) < 100
