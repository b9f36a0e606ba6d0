"""A strict receiver: what a good one (libwebrtc) relies on, checked packet by packet, against what was really published.

It is given the decrypted datagrams that the server puts on the wire to one receiver, in the order in which they leave, and the
decrypted RTCP of that receiver as it reaches the server; so what the network between them loses, doubles or reorders shows only
in the NACKs, and every other irregularity is the server's. It imports nothing of the server and parses everything itself.

Most rules speak of the stream in the order of its numbers, so a packet is judged some seconds after it left, when nothing can
fill a hole below it any longer: `settle`. What is found is kept in `Receiver.faults`.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.sim.receiver_ledger import Ledger
from tests.sim.receiver_rules import SECOND, Fault, Limits, Rule, SlotDescription
from tests.sim.receiver_slot import SlotModel
from tests.sim.receiver_wire import (
    Cname,
    Goodbye,
    Nack,
    Rtp,
    SenderReport,
    WireError,
    difference,
    is_rtcp,
    parse_rtcp,
    parse_rtp,
)

MAX_FAULTS = 50  # kept; the first says most


@dataclass(frozen=True)
class HopExtensions:
    """Ids of the header extensions that this receiver negotiated; 0: not."""

    transport_cc: int = 0
    send_time: int = 0
    others: frozenset[int] = frozenset()


class Receiver:
    """All that goes to one receiver."""

    def __init__(self, ledger: Ledger, extensions: HopExtensions, limits: Limits | None = None) -> None:
        self.faults: list[Fault] = []
        self.slots: dict[int, SlotModel] = {}
        self._of_ssrc: dict[int, tuple[SlotModel, bool]] = {}
        self._ledger = ledger
        self._extensions = extensions
        self._allowed = extensions.others | {extensions.transport_cc, extensions.send_time}
        self._limits = limits or Limits()
        self._transport_number: int | None = None
        self._cname: bytes | None = None

    def add_slot(self, description: SlotDescription) -> SlotModel:
        slot = SlotModel(description, self._ledger, self._limits, self._note)
        self.slots[description.ssrc] = slot
        self._of_ssrc[description.ssrc] = slot, False
        if description.rtx_ssrc:
            self._of_ssrc[description.rtx_ssrc] = slot, True
        return slot

    def _note(self, fault: Fault) -> None:
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(fault)

    def on_datagram(self, at_us: int, data: bytes) -> None:
        """A decrypted datagram leaves the server for this receiver."""
        try:
            if is_rtcp(data):
                self._on_rtcp(at_us, data)
            else:
                self._on_rtp(at_us, parse_rtp(data))
        except WireError as error:
            self._note(Fault(at_us, 0, Rule.MALFORMED, str(error)))

    def on_feedback(self, at_us: int, data: bytes) -> None:
        """Decrypted RTCP of this receiver reaches the server."""
        for part in parse_rtcp(data):
            if isinstance(part, Nack) and part.media in self.slots:
                self.slots[part.media].on_nack(at_us, part.numbers)

    def settle(self, now_us: int) -> None:
        """Judges all that nothing can change any longer."""
        for slot in self.slots.values():
            slot.settle(now_us, now_us - self._limits.settle_us)

    def finish(self, now_us: int) -> None:
        """Judges the rest: nothing more is sent."""
        for slot in self.slots.values():
            slot.settle(now_us, now_us + 1)

    def _on_rtp(self, at_us: int, packet: Rtp) -> None:
        self._check_extensions(at_us, packet)
        slot, repeated = self._of_ssrc.get(packet.ssrc, (None, False))
        if slot is None:
            self._note(Fault(at_us, packet.ssrc, Rule.MALFORMED, "RTP with the SSRC of no slot"))
        elif repeated:
            slot.on_rtx(at_us, packet)
        else:
            slot.on_media(at_us, packet)

    def _check_extensions(self, at_us: int, packet: Rtp) -> None:
        found = packet.extensions
        if not found.keys() <= self._allowed:
            self._note(
                Fault(at_us, packet.ssrc, Rule.EXTENSION, f"{set(found)}, not only {set(self._allowed)}")
            )
        if self._extensions.transport_cc:
            number = int.from_bytes(found.get(self._extensions.transport_cc, b""), "big")
            before = self._transport_number
            if before is not None and number != (before + 1) & 0xFFFF:
                self._note(Fault(at_us, packet.ssrc, Rule.TRANSPORT_NUMBER, f"{number} after {before}"))
            self._transport_number = number
        if self._extensions.send_time:
            sent = int.from_bytes(
                found.get(self._extensions.send_time, b""), "big"
            )  # 6.18 fixed point seconds
            off = difference(sent, (at_us << 18) // SECOND, 24)
            if abs(off) > (self._limits.clock_us << 18) // SECOND:
                self._note(Fault(at_us, packet.ssrc, Rule.SEND_TIME, f"{off / (1 << 18) * 1000:.1f} ms off"))

    def _on_rtcp(self, at_us: int, data: bytes) -> None:
        named = set()
        reported = set()
        for part in parse_rtcp(data):
            if isinstance(part, SenderReport):
                reported.add(part.ssrc)
                if part.ssrc in self.slots:
                    self.slots[part.ssrc].on_sender_report(at_us, part)
                else:
                    self._note(Fault(at_us, part.ssrc, Rule.MALFORMED, "SR with the SSRC of no slot"))
            elif isinstance(part, Cname):
                named.add(part.ssrc)
                self._cname = self._cname or part.text
                if part.text != self._cname:
                    self._note(Fault(at_us, part.ssrc, Rule.CNAME, f"{part.text!r}, not {self._cname!r}"))
            elif isinstance(part, Goodbye):
                for ssrc in self._of_ssrc.keys() & part.ssrcs:
                    self._note(Fault(at_us, ssrc, Rule.GOODBYE, "BYE"))
        for ssrc in reported - named:
            self._note(Fault(at_us, ssrc, Rule.CNAME, "SR without one"))
