"""A publisher's padding: it is taken note of and not handed on, and leaves no hole in a slot's numbers."""

from __future__ import annotations

import random
import struct

import pytest

from sfu._testing.engine import VIDEO
from sfu._testing.peer import Layer
from sfu._testing.srtp import Sender
from tests.sim.checks import WRAP_POINTS, Rtp, Tap
from tests.sim.client import Client, Slot, Track
from tests.sim.clockwork import MS, SECOND
from tests.sim.world import AEAD_AES_128_GCM, World

KEY, DELTA = (
    b"\x10\x10",
    b"\x10\x11",
)  # VP8 payload descriptor and first octet of a frame, in the clear envelope
SSRC = 0xABCDEF
SOURCE = 1000


class Hand:
    """A publisher whose packets the test makes itself: one frame a packet, every 20 ms."""

    def __init__(self, world: World, client: Client) -> None:
        self._world = world
        self._client = client
        _, _, key, salt = client.keys
        self._sender = Sender(AEAD_AES_128_GCM, key, salt)

    def packet(self, number: int, payload: bytes, padding: int = 0) -> bytes:
        tail = bytes(padding - 1) + bytes([padding]) if padding else b""
        header = struct.pack(
            "!BBHII", 0xA0 if padding else 0x80, 96 | 0x80, number & 0xFFFF, number * 1800 & 0xFFFFFFFF, SSRC
        )
        ((status, made),) = self._sender.protect([(number, header, payload + tail)])
        assert status == 0
        return made

    def send(self, packet: bytes) -> None:
        self._world.inject(self._client.engine, packet, self._client.paths[0].address)


def prepare(world: World, engines: int) -> tuple[Hand, Client, Slot]:
    publisher, receiver = world.client(0), world.client(engines - 1)
    track = Track(SOURCE, VIDEO, "v", [Layer(SSRC)])
    world._add_track(publisher, track, named=True)
    slot = world.slot(receiver, VIDEO)
    world.fill(receiver, slot, publisher, track)
    world.run_for(SECOND)
    return Hand(world, publisher), receiver, slot


def is_padding(packet: Rtp) -> bool:
    return bool(packet.datagram.data[0] & 0x20)


@pytest.mark.parametrize("engines", [1, 2])
@pytest.mark.parametrize("start", WRAP_POINTS)
def test_padding_in_order_is_closed_up(start: int, engines: int) -> None:
    with World(start, engines=engines) as world:
        hand, _, slot = prepare(world, engines)
        tap = Tap(world)
        chance = random.Random(start)
        media = 0
        for number in range(start, start + 300):
            if number > start and chance.random() < 0.4:
                hand.send(hand.packet(number, b"", padding=chance.choice([1, 200, 255])))
            else:
                hand.send(hand.packet(number, (DELTA if media else KEY) + bytes(100)))
                media += 1
            world.run_for(20 * MS)
        world.run_for(100 * MS)
        sent = tap.rtp(slot.ssrc)
        assert len(sent) == media
        assert not any(is_padding(packet) for packet in sent)
        numbers = [packet.sequence - sent[0].sequence & 0xFFFF for packet in sent]
        assert numbers == list(range(media))
        assert tap.rtp(slot.rtx_ssrc) == []


@pytest.mark.parametrize("engines", [1, 2])
def test_what_padding_has_overtaken_keeps_its_number(engines: int) -> None:
    """Number 3 comes after the padding 4 and the picture 5."""
    with World(1, engines=engines) as world:
        hand, _, slot = prepare(world, engines)
        tap = Tap(world)
        made = {n: hand.packet(n, (DELTA if n else KEY) + bytes(100 + n)) for n in (0, 1, 2, 3, 5, 6)}
        made[4] = hand.packet(4, b"", padding=255)
        for number in (0, 1, 2, 4, 5, 3, 6):
            hand.send(made[number])
            world.run_for(20 * MS)
        sent = {packet.sequence: packet for packet in tap.rtp(slot.ssrc)}
        first = min(sent)
        # Number 4 was promised while 3 was missing: nothing but padding goes out under it, and 3 under its own.
        assert sorted(sent) == list(range(first, first + 7))
        assert [number - first for number, packet in sent.items() if is_padding(packet)] == [4]
        sizes = [len(sent[first + n].datagram.data) for n in (0, 1, 2, 3, 5, 6)]
        assert sizes == [sizes[0] + n for n in (0, 1, 2, 3, 5, 6)]


@pytest.mark.parametrize("engines", [1, 2])
def test_a_late_packet_is_sent_though_padding_was_closed_up_behind_it(engines: int) -> None:
    """2 is missing when 3 goes out; 4 is padding and closed up; then 2 comes, and 5."""
    with World(2, engines=engines) as world:
        hand, _, slot = prepare(world, engines)
        tap = Tap(world)
        made = {n: hand.packet(n, (DELTA if n else KEY) + bytes(100)) for n in (0, 1, 2, 3, 5)}
        made[4] = hand.packet(4, b"", padding=255)
        for number, wait_ms in ((0, 20), (1, 40), (3, 20), (4, 10), (2, 10), (5, 20)):
            hand.send(made[number])
            world.run_for(wait_ms * MS)
        sent = tap.rtp(slot.ssrc)
        assert [packet.sequence - sent[0].sequence for packet in sent] == [0, 1, 3, 2, 4]
        assert [(packet.timestamp - sent[0].timestamp) // 100 for packet in sent] == [0, 18, 54, 36, 90]
        assert not any(is_padding(packet) for packet in sent)
