"""Mistakes that real servers make, made on the wire behind an engine that does not make them: each stands between what the engine
sends and the strict receiver (`Strict(shim=...)`), and changes one slot's packets as an engine with that mistake would.
"""

from __future__ import annotations

import struct

from tests.sim.receiver_wire import Rtp, extend, is_rtcp, parse_rtp

_SR = 200
_STREAM_OFFSET = 4  # of the stream's id in a payload of native/load, behind what is left clear


def _stream_of(payload: bytes) -> int:
    (stream,) = struct.unpack_from("!I", payload, (2 if payload[0] & 0x10 else 1) + _STREAM_OFFSET)
    return int(stream)


def _starts_key_frame(payload: bytes) -> bool:
    return payload[0] == 0x10 and payload[1] & 1 == 0


def _with_payload(data: bytes, packet: Rtp, payload: bytes) -> bytes:
    header = data[: len(data) - packet.padding - len(packet.payload)]
    return header + payload + data[len(data) - packet.padding :]


class Mistake:
    """A slot's packets pass unchanged, and `splice` is told when another stream enters. Only for links without loss, unless a
    mistake says otherwise: the numbers that receivers ask for are the engine's.
    """

    def __init__(self, receiver: str, ssrc: int, rtx_ssrc: int) -> None:
        self.receiver = receiver
        self.ssrc = ssrc
        self.rtx_ssrc = rtx_ssrc
        self.stream = 0
        self.made = 0  # how often the mistake was made

    def __call__(self, now_us: int, receiver: str, data: bytes) -> list[bytes]:
        if receiver != self.receiver:
            return [data]
        if is_rtcp(data):
            return [self._on_rtcp(data)]
        packet = parse_rtp(data)
        if packet.ssrc == self.rtx_ssrc:
            return [self.answer(packet, data)]
        if packet.ssrc != self.ssrc or not packet.payload:
            return self.other(data)
        stream = _stream_of(packet.payload)
        if stream != self.stream:
            self.splice(now_us, packet, first=self.stream == 0)
            self.stream = stream
        return self.media(now_us, packet, data)

    def _on_rtcp(self, data: bytes) -> bytes:
        changed = bytearray(data)
        at = 0
        while at < len(changed):
            kind, words = struct.unpack_from("!xBH", changed, at)
            if kind == _SR and struct.unpack_from("!I", changed, at + 4)[0] == self.ssrc:
                self.report(changed, at + 8)
            at += 4 + 4 * words
        return bytes(changed)

    def splice(self, now_us: int, packet: Rtp, *, first: bool) -> None: ...

    def media(self, now_us: int, packet: Rtp, data: bytes) -> list[bytes]:
        del now_us, packet
        return [data]

    def other(self, data: bytes) -> list[bytes]:
        return [data]

    def answer(self, packet: Rtp, data: bytes) -> bytes:
        del packet
        return data

    def report(self, data: bytearray, at: int) -> None:
        """Changes an SR's sender info, which begins at `at`: NTP, RTP time stamp at 8, packets at 12, octets at 16."""


class GapAtSplice(Mistake):
    """Numbers are kept in step with a count of all that was received, also while the slot waits: a new source enters one further
    than it should, and the receiver asks for what never was.
    """

    shift = 0

    def splice(self, now_us: int, packet: Rtp, *, first: bool) -> None:
        del now_us, packet
        self.shift += not first
        self.made += not first

    def media(self, now_us: int, packet: Rtp, data: bytes) -> list[bytes]:
        del now_us
        return [data[:2] + struct.pack("!H", (packet.sequence + self.shift) & 0xFFFF) + data[4:]]


class RoundedClock(Mistake):
    """A new source's time begins at the last time stamp plus the whole milliseconds since: what is cut off adds up."""

    last: tuple[int, int] = (0, 0)  # when, and the time stamp sent
    offset = 0

    def splice(self, now_us: int, packet: Rtp, *, first: bool) -> None:
        if first:
            return
        at_us, timestamp = self.last
        self.offset = timestamp + (now_us - at_us) // 1000 * 90 - packet.timestamp
        self.made += 1

    def media(self, now_us: int, packet: Rtp, data: bytes) -> list[bytes]:
        timestamp = (packet.timestamp + self.offset) & 0xFFFFFFFF
        self.last = now_us, timestamp
        return [data[:4] + struct.pack("!I", timestamp) + data[8:]]

    def report(self, data: bytearray, at: int) -> None:
        (timestamp,) = struct.unpack_from("!I", data, at + 8)
        struct.pack_into("!I", data, at + 8, (timestamp + self.offset) & 0xFFFFFFFF)


class ReportOfSendTime(Mistake):
    """An SR pairs the time at which it is sent with the time stamp of the last frame, which was captured earlier."""

    timestamp = 0

    def media(self, now_us: int, packet: Rtp, data: bytes) -> list[bytes]:
        del now_us
        self.timestamp = packet.timestamp
        return [data]

    def report(self, data: bytearray, at: int) -> None:
        struct.pack_into("!I", data, at + 8, self.timestamp)
        self.made += 1


class AnswerOfNewSource(Mistake):
    """Numbers that are asked for are looked up with the newest splice only, so what was lost of the source before is answered
    with packets of the new one. Wants losses.
    """

    start = 0  # number of the first packet of the newest stream
    highest = 0
    payload = b""

    def splice(self, now_us: int, packet: Rtp, *, first: bool) -> None:
        del now_us
        self.start = self.highest = packet.sequence if first else extend(self.highest, packet.sequence)
        self.payload = packet.payload

    def media(self, now_us: int, packet: Rtp, data: bytes) -> list[bytes]:
        del now_us
        self.highest = max(self.highest, extend(self.highest, packet.sequence))
        return [data]

    def answer(self, packet: Rtp, data: bytes) -> bytes:
        number = extend(self.highest, struct.unpack_from("!H", packet.payload)[0])
        if number >= self.start:
            return data
        self.made += 1
        return _with_payload(data, packet, packet.payload[:2] + self.payload)


class _EarlyEntry(Mistake):
    """A new layer enters too late in its frame or too early in its stream: what should have come first is not there. All else is
    as it should be, numbers and counts too.
    """

    dropped = 0
    dropped_octets = 0
    dropping = False

    def splice(self, now_us: int, packet: Rtp, *, first: bool) -> None:
        del now_us
        self.dropping = not first
        assert _starts_key_frame(packet.payload), "the engine itself makes this mistake"

    def drops(self, packet: Rtp) -> bool:
        raise NotImplementedError

    def media(self, now_us: int, packet: Rtp, data: bytes) -> list[bytes]:
        del now_us
        self.dropping = self.dropping and self.drops(packet)
        if self.dropping:
            self.dropped += 1
            self.dropped_octets += len(packet.payload)
            self.made += 1
            return []
        return self.other(data[:2] + struct.pack("!H", (packet.sequence - self.dropped) & 0xFFFF) + data[4:])

    def other(self, data: bytes) -> list[bytes]:
        """The transport-wide number, too."""
        changed = bytearray(data)
        at = 16 + 4 * (data[0] & 0x0F)  # the first element of the extensions: the engine puts it there
        (number,) = struct.unpack_from("!H", data, at + 1)
        struct.pack_into("!H", changed, at + 1, (number - self.dropped) & 0xFFFF)
        return [bytes(changed)]

    def report(self, data: bytearray, at: int) -> None:
        packets, octets = struct.unpack_from("!II", data, at + 12)
        struct.pack_into("!II", data, at + 12, packets - self.dropped, octets - self.dropped_octets)


class EntryInsideFrame(_EarlyEntry):
    """A new layer's first packet is left out: it begins inside a frame."""

    def drops(self, packet: Rtp) -> bool:
        return _starts_key_frame(packet.payload)


class EntryAtDeltaFrame(_EarlyEntry):
    """A new layer's key frame is left out."""

    timestamp = 0

    def drops(self, packet: Rtp) -> bool:
        if _starts_key_frame(packet.payload):
            self.timestamp = packet.timestamp
        return packet.timestamp == self.timestamp
