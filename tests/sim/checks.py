"""What tests of the world share: whether a stream is as a strict receiver wants it, and what went over the wire."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from sfu._testing.engine import Datagram
from tests.sim.client import Client, Slot
from tests.sim.world import World

# Each counts something that no network can cause.
FAULTS = (
    "corrupt",
    "inconsistent",
    "wrong_payload_type",
    "marker_errors",
    "timestamp_errors",
    "numbering_errors",
    "repeated_frames",
    "chain_breaks",
)
WRAP_POINTS = (0, 1, 127, 128, 255, 256, 32767, 32768, 65534, 65535)


def assert_no_faults(client: Client, slot: Slot) -> None:
    """Loss may show, but nothing that only a faulty server does."""
    received = client.received(slot)
    found = {name: value for name, value in received.items() if name in FAULTS and value}
    assert not found, f"{client.name} slot {slot.number}: {found}"
    stats = client.peer.stats()
    assert (stats["malformed"], stats["unauthentic"]) == (0, 0)


def assert_whole(client: Client, slot: Slot, frames: int) -> None:
    """Every packet came once, every frame was decoded, and there were at least so many."""
    assert_no_faults(client, slot)
    assert client.peer.stats()["replayed"] == 0
    received = client.received(slot)
    assert (received["missing"], received["duplicates"], received["late"]) == (0, 0, 0)
    assert received["frames_complete"] >= frames
    assert received["frames_decoded"] == received["frames_complete"] == received["frames"]


@dataclass(frozen=True)
class Rtp:
    """The clear header of an SRTP packet."""

    at_us: int
    engine: int
    datagram: Datagram
    ssrc: int
    sequence: int
    timestamp: int
    payload_type: int
    marker: bool


def read_rtp(data: bytes) -> tuple[int, int, int, int, bool] | None:
    """SSRC, sequence number, time stamp, payload type and marker of an RTP packet; None for anything else."""
    if len(data) < 12 or not 128 <= data[0] <= 191 or 192 <= data[1] <= 223:
        return None
    sequence, timestamp, ssrc = struct.unpack_from("!HII", data, 2)
    return ssrc, sequence, timestamp, data[1] & 0x7F, data[1] >> 7 == 1


class Tap:
    """All datagrams that engines send from now on, or those for which `keep` holds."""

    def __init__(self, world: World, keep: Callable[[Datagram], bool] = lambda _: True) -> None:
        self.sent: list[tuple[int, int, Datagram]] = []
        self._keep = keep
        world.on_sent.append(self._note)

    def _note(self, now_us: int, engine: int, datagram: Datagram) -> None:
        if self._keep(datagram):
            self.sent.append((now_us, engine, datagram))

    def rtp(self, *ssrcs: int) -> list[Rtp]:
        """RTP among them, of these SSRCs (none given: of all)."""
        found = []
        for at_us, engine, datagram in self.sent:
            header = read_rtp(datagram.data)
            if header and (not ssrcs or header[0] in ssrcs):
                found.append(Rtp(at_us, engine, datagram, *header))
        return found
