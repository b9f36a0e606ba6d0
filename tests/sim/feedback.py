"""RTCP by hand: what a client writes that none of ours would, and what it is told."""

from __future__ import annotations

from collections.abc import Callable

from sfu._testing.engine import Datagram
from sfu._testing.rtcp import Status, Writer, twcc, walk
from sfu._testing.srtp import Receiver, Sender
from tests.sim.checks import read_rtp
from tests.sim.client import Client
from tests.sim.world import AEAD_AES_128_GCM, EXTENSION_IDS, World

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


class ArrivalsTold:
    """What transport-cc tells the holder of these keys, as it is told: 250 µs is the unit of its times."""

    def __init__(self, profile: int, key: bytes, salt: bytes) -> None:
        self.told: list[Status] = []
        self._receiver = Receiver(profile, key, salt)

    def on_datagram(self, data: bytes) -> None:
        """Anything that comes."""
        if data[1] not in range(192, 224) or data[0] >> 6 != 2:
            return
        status, opened = self._receiver.unprotect_rtcp(data)
        assert status > 0
        for part in walk(opened)[0]:
            if (part.type, part.count) == (_RTPFB, _TRANSPORT_CC):
                self.told.extend(twcc(part)[1])


def arrivals_told(world: World, client: Client) -> list[Status]:
    """To a client."""
    key, salt, _, _ = client.keys
    reader = ArrivalsTold(AEAD_AES_128_GCM, key, salt)

    def note(_now_us: int, _engine: int, datagram: Datagram) -> None:
        if datagram.remote == client.paths[-1].address:
            reader.on_datagram(datagram.data)

    world.on_sent.append(note)
    return reader.told


def transport_number(data: bytes, id: int = EXTENSION_IDS["transport-cc"]) -> int | None:
    """The transport-wide number of an RTP packet, from the one-byte extensions of its clear header."""
    if read_rtp(data) is None or not data[0] & 0x10 or data[12:14] != b"\xbe\xde":
        return None
    at, end = 16, 16 + 4 * int.from_bytes(data[14:16])
    while at < end:
        if data[at] >> 4 == id:
            return int.from_bytes(data[at + 1 : at + 3])
        at += 1 if data[at] == 0 else 2 + (data[at] & 15)
    return None
