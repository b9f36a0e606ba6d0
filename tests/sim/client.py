"""A client of the simulated world: its peer, its networks, and what the control plane knows of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sfu._testing.engine import AUDIO, VIDEO, Event
from sfu._testing.peer import Layer, Peer
from tests.sim.netem import Link

if TYPE_CHECKING:
    from sfu._testing.peer import ReceiverStats

Address = tuple[str, int]


@dataclass(frozen=True)
class Payloads:
    """Payload types as one browser numbers them."""

    opus: int = 111
    vp8: int = 96
    rtx: int = 97


CHROMIUM = Payloads()
FIREFOX = Payloads(opus=109, vp8=120, rtx=124)


@dataclass
class Path:
    """One network of a client: an address of its own and a link each way."""

    address: Address
    up: Link[tuple[int, Address, bytes]]
    down: Link[tuple[int, Address, bytes]]


@dataclass
class Track:
    """What a client publishes."""

    source: int  # id among all engines
    kind: int
    mid: str
    layers: list[Layer]
    index: int = -1  # in the peer


@dataclass
class Slot:
    """A place in a client's session."""

    number: int
    kind: int
    ssrc: int
    rtx_ssrc: int


@dataclass
class Client:
    """A load client, its networks and what the control plane knows of it."""

    name: str
    engine: int
    transport: int
    peer: Peer
    paths: list[Path]
    payloads: Payloads
    local_ufrag: str  # of the server's end
    local_password: str
    remote_ufrag: str
    remote_password: str
    keys: tuple[bytes, bytes, bytes, bytes]  # server's key and salt, client's key and salt
    socket: int = 0  # of its engine, that it reaches
    tracks: list[Track] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    events: list[tuple[int, Event]] = field(default_factory=list)
    keyed: bool = False
    silent: bool = False  # sends nothing more, and hears nothing
    open: bool = True

    def happened(self, kind: str) -> list[int]:
        """When events of a kind came."""
        return [at for at, event in self.events if event.type == kind]

    def received(self, slot: Slot) -> ReceiverStats:
        return self.peer.receiver_stats(slot.ssrc)

    def audio(self, number: int = 0) -> Track:
        return [track for track in self.tracks if track.kind == AUDIO][number]

    def video(self, number: int = 0) -> Track:
        return [track for track in self.tracks if track.kind == VIDEO][number]
