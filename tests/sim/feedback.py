"""RTCP by hand: what a client writes that none of ours would, and what it is told."""

from __future__ import annotations

from collections.abc import Callable

from sfu._testing.engine import Datagram
from sfu._testing.rtcp import Status, Writer, twcc, walk
from sfu._testing.srtp import Receiver, Sender
from tests.sim.checks import read_rtp
from tests.sim.world import AEAD_AES_128_GCM, Client, World

SENDER_SSRC = 0xBAD
_RTPFB, _TRANSPORT_CC = 205, 15


class Feedback:
    """RTCP under a client's own keys."""

    def __init__(self, world: World, client: Client) -> None:
        _, _, key, salt = client.keys
        self._sender = Sender(AEAD_AES_128_GCM, key, salt)
        self._world = world
        self._client = client

    def send(self, write: Callable[[Writer], None]) -> None:
        writer = Writer(1400)
        write(writer)
        assert writer.ok
        status, data = self._sender.protect_rtcp(writer.data)
        assert status > 0
        self._world.inject(self._client.engine, data, self._client.paths[-1].address)


def sequences_of(world: World, ssrc: int) -> list[int]:
    """The numbers that the engines send under an SSRC, as they are sent."""
    sent: list[int] = []

    def note(_now_us: int, _engine: int, datagram: Datagram) -> None:
        header = read_rtp(datagram.data)
        if header and header[0] == ssrc:
            sent.append(header[1])

    world.on_sent.append(note)
    return sent


def arrivals_told(world: World, client: Client) -> list[Status]:
    """What transport-cc tells a client, as it is told: 250 µs is the unit of its times."""
    key, salt, _, _ = client.keys
    receiver = Receiver(AEAD_AES_128_GCM, key, salt)
    told: list[Status] = []

    def note(_now_us: int, _engine: int, datagram: Datagram) -> None:
        if datagram.remote != client.paths[-1].address or datagram.data[1] not in range(192, 224):
            return
        status, opened = receiver.unprotect_rtcp(datagram.data)
        assert status > 0
        for part in walk(opened)[0]:
            if (part.type, part.count) == (_RTPFB, _TRANSPORT_CC):
                told.extend(twcc(part)[1])

    world.on_sent.append(note)
    return told
