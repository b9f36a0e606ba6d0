"""Puts a strict receiver behind every client of a world: opens what the engines send and what reaches them, and keeps the ledger.

`shim` stands between an engine's output and the models, to re-enact faults that the engine does not have.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from sfu._testing.engine import AUDIO, VIDEO
from sfu._testing.srtp import Receiver as Srtp
from tests.sim.clockwork import SECOND
from tests.sim.receiver_ledger import Ledger, Stream
from tests.sim.receiver_model import HopExtensions, Receiver
from tests.sim.receiver_rules import Limits, SlotDescription
from tests.sim.receiver_slot import SlotModel
from tests.sim.receiver_wire import is_rtcp
from tests.sim.world import AEAD_AES_128_GCM, EXTENSION_IDS

if TYPE_CHECKING:
    from sfu._testing.engine import Datagram
    from tests.sim.client import Address, Client, Slot
    from tests.sim.world import World

EXTENSIONS = HopExtensions(
    transport_cc=EXTENSION_IDS["transport-cc"],
    send_time=EXTENSION_IDS["abs-send-time"],
    others=frozenset({EXTENSION_IDS["audio-level"]}),
)
_CAPTURE_OFFSET = 24  # of the capture time in a payload of native/load, behind what is left clear
LEDGER_US = 12 * SECOND  # longer than anything is judged late

# (now, receiver's name, datagram) → what the model sees instead
Shim = Callable[[int, str, bytes], list[bytes]]


def capture_time(payload: bytes, video: bool) -> int:
    """When a payload of the load clients was captured, µs of the world's clock."""
    clear = (2 if payload[0] & 0x10 else 1) if video else 0
    (captured_us,) = struct.unpack_from("!Q", payload, clear + _CAPTURE_OFFSET)
    return int(captured_us)


class Watched:
    """A client, seen from outside: SRTP both ways and the model of what it receives."""

    def __init__(self, client: Client, ledger: Ledger, limits: Limits) -> None:
        server_key, server_salt, client_key, client_salt = client.keys
        self.client = client
        self.model = Receiver(ledger, EXTENSIONS, limits)
        self.up = Srtp(AEAD_AES_128_GCM, client_key, client_salt)
        self.down = Srtp(AEAD_AES_128_GCM, server_key, server_salt)
        self.tracks = 0  # of the client's that the ledger knows
        self.slots = 0


def open_datagram(srtp: Srtp, data: bytes) -> bytes | None:
    """Plain RTP or RTCP; None for anything else, a forgery or what was opened before."""
    if len(data) < 12 or not 128 <= data[0] <= 191:
        return None
    if is_rtcp(data):
        status, plain = srtp.unprotect_rtcp(data)
        return plain[:status] if status >= 0 else None
    opened = srtp.unprotect([data])[0]
    return opened.packet if opened.status == 0 else None


class Strict:
    """Watches a world from its beginning."""

    def __init__(
        self, world: World, limits: Limits | None = None, *, shim: Shim | None = None, jitter_us: int = 0
    ) -> None:
        """`jitter_us`: what publishers' links may add to their delay at any time."""
        self.world = world
        self.limits = limits or Limits()
        self.ledger = Ledger(capture_time)
        self.watched: dict[int, Watched] = {}  # by position among the world's clients
        self._shim = shim
        self._jitter_us = jitter_us
        world.on_arrival.append(self._on_arrival)
        world.on_sent.append(self._on_sent)

    def of(self, client: Client) -> Watched:
        """The client as it is known here, with its newest tracks and slots."""
        watched = self.watched.get(id(client))
        if watched is None:
            watched = self.watched[id(client)] = Watched(client, self.ledger, self.limits)
        for track in client.tracks[watched.tracks :]:
            watched.tracks += 1
            rate = 90_000 if track.kind == VIDEO else 48_000
            least_us = client.paths[0].up.conditions.delay_us
            delay_us = (least_us, least_us + self._jitter_us)
            for number, layer in enumerate(track.layers):
                stream = Stream(track.source, number, track.kind == VIDEO, rate, delay_us)
                self.ledger.add_stream(stream, layer.ssrc, layer.rtx_ssrc)
        for slot in client.slots[watched.slots :]:
            watched.slots += 1
            watched.model.add_slot(describe(client, slot))
        return watched

    def slot(self, client: Client, slot: Slot) -> SlotModel:
        return self.of(client).model.slots[slot.ssrc]

    def settle(self) -> None:
        """Judges what is old enough; fails where anything was found."""
        for watched in self.watched.values():
            watched.model.settle(self.world.now_us)
        self.ledger.forget(self.world.now_us - LEDGER_US)
        self.check()

    def finish(self) -> None:
        """Judges all; fails where anything was found."""
        for watched in self.watched.values():
            watched.model.finish(self.world.now_us)
        self.check()

    def faults(self) -> list[str]:
        return [
            f"{watched.client.name}: {fault}"
            for watched in self.watched.values()
            for fault in watched.model.faults
        ]

    def check(self) -> None:
        faults = self.faults()
        assert not faults, "\n".join(["the strict receiver finds:", *faults[:10]])

    def _on_arrival(self, now_us: int, engine: int, remote: Address, data: bytes) -> None:
        client = self.world.client_at(remote)
        if client is None or client.engine != engine or not client.open or client.silent:
            return
        watched = self.of(client)
        plain = open_datagram(watched.up, data)
        if plain is None:
            return
        if is_rtcp(data):
            watched.model.on_feedback(now_us, plain)
        else:
            self.ledger.on_datagram(now_us, plain)

    def _on_sent(self, now_us: int, _engine: int, datagram: Datagram) -> None:
        client = self.world.client_at(datagram.remote)
        if client is None:
            return
        watched = self.of(client)
        plain = open_datagram(watched.down, datagram.data)
        if plain is None:
            return
        for seen in self._shim(now_us, client.name, plain) if self._shim else [plain]:
            watched.model.on_datagram(now_us, seen)


def describe(client: Client, slot: Slot) -> SlotDescription:
    """What the answer would say of a slot."""
    if slot.kind == AUDIO:
        return SlotDescription(
            slot.ssrc, 0, video=False, payload_type=client.payloads.opus, clock_rate=48_000
        )
    return SlotDescription(
        slot.ssrc,
        slot.rtx_ssrc,
        video=True,
        payload_type=client.payloads.vp8,
        rtx_payload_type=client.payloads.rtx,
    )
