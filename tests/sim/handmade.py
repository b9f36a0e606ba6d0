"""Streams made by hand for the strict receiver's own tests: publishers, and a server without fault unless it is told to make one."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from tests.sim.receiver_ledger import Ledger, Stream
from tests.sim.receiver_model import HopExtensions, Receiver
from tests.sim.receiver_rules import Limits, SlotDescription
from tests.sim.receiver_slot import SlotModel

MS = 1000
START_US = 1_000_000_000
FRAME_US = 40 * MS
UP_US = 10 * MS  # from capture to the server
AUDIO, RTX_OF_NONE = 0xA0, 0
VIDEO_SSRC, RTX_SSRC, AUDIO_SSRC = 0xB1, 0xB2, 0xB3
VIDEO_TYPE, RTX_TYPE, AUDIO_TYPE = 96, 97, 111
TRANSPORT_CC, SEND_TIME, LEVEL = 3, 2, 1


def rtp(
    ssrc: int,
    sequence: int,
    timestamp: int,
    payload_type: int,
    payload: bytes,
    *,
    marker: bool = False,
    extensions: dict[int, bytes] | None = None,
    padding: int = 0,
) -> bytes:
    """An RTP packet with one-byte extensions."""
    block = b"".join(bytes([i << 4 | (len(data) - 1)]) + data for i, data in (extensions or {}).items())
    block += bytes(-len(block) % 4)
    first = 0x80 | (0x10 if extensions else 0) | (0x20 if padding else 0)
    head = struct.pack(
        "!BBHII", first, payload_type | marker << 7, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc
    )
    if extensions:
        head += struct.pack("!HH", 0xBEDE, len(block) // 4) + block
    return head + payload + (bytes(padding - 1) + bytes([padding]) if padding else b"")


def rtcp(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def sender_report(
    ssrc: int, ntp_us: int, timestamp: int, packets: int, octets: int, cname: bytes = b"c"
) -> bytes:
    seconds, rest = divmod(ntp_us, 1_000_000)
    body = struct.pack(
        "!IIIIII", ssrc, seconds, (rest << 32) // 1_000_000, timestamp & 0xFFFFFFFF, packets, octets
    )
    item = bytes([1, len(cname)]) + cname
    return rtcp(200, 0, body) + rtcp(202, 1, struct.pack("!I", ssrc) + item + bytes(4 - len(item) % 4))


def nack(media: int, *numbers: int) -> bytes:
    return rtcp(
        205, 1, struct.pack("!II", 1, media) + b"".join(struct.pack("!HH", n & 0xFFFF, 0) for n in numbers)
    )


@dataclass
class Content:
    """One published packet."""

    stream: Stream
    captured_us: int
    payload: bytes
    marker: bool


class Publisher:
    """A layer of a source. Frames fall on multiples of 40 ms; `capture` puts one into the ledger, but for what is `lost`."""

    def __init__(
        self, ledger: Ledger, source: int, layer: int, *, video: bool = True, first: int = 65534
    ) -> None:
        self.stream = Stream(source, layer, video, 90_000 if video else 48_000, (UP_US, UP_US))
        self.ssrc = source << 8 | layer << 4
        self.next = first
        self.first_timestamp = 0xFFFFF000 + source * 77
        self._ledger = ledger
        ledger.add_stream(self.stream, self.ssrc, self.ssrc + 1)

    def packet(self, content: Content, number: int, *, repeated: bool = False) -> bytes:
        ticks = (content.captured_us - START_US) * self.stream.clock_rate // 1_000_000
        payload = struct.pack("!H", number & 0xFFFF) + content.payload if repeated else content.payload
        return rtp(
            self.ssrc + repeated, number, self.first_timestamp + ticks, 100, payload, marker=content.marker
        )

    def capture(
        self, frame: int, *, key: bool = False, packets: int = 3, lost: tuple[int, ...] = ()
    ) -> list[Content]:
        """All packets of a frame, also the lost ones."""
        captured_us = START_US + frame * FRAME_US
        made = []
        for index in range(packets):
            name = struct.pack("!QIIII", captured_us, self.stream.source, self.stream.layer, frame, index)
            clear = (
                b"" if not self.stream.video else b"\x00" if index else b"\x10" + bytes([0x10 | (not key)])
            )
            marker = self.stream.video and index == packets - 1
            content = Content(self.stream, captured_us, clear + name, marker)
            if index not in lost:
                self._ledger.on_datagram(captured_us + UP_US, self.packet(content, self.next))
            self.next += 1
            made.append(content)
        return made


def capture_time(payload: bytes, video: bool) -> int:
    clear = (2 if payload[0] & 0x10 else 1) if video else 0
    (captured_us,) = struct.unpack_from("!Q", payload, clear)
    return int(captured_us)


class Stage:
    """A ledger, a model with a video and an audio slot, and the server's part in between."""

    def __init__(self, limits: Limits | None = None, *, first: int = 65533) -> None:
        self.ledger = Ledger(capture_time)
        extensions = HopExtensions(TRANSPORT_CC, SEND_TIME, frozenset({LEVEL}))
        self.model = Receiver(self.ledger, extensions, limits)
        self.video: SlotModel = self.model.add_slot(
            SlotDescription(
                VIDEO_SSRC, RTX_SSRC, video=True, payload_type=VIDEO_TYPE, rtx_payload_type=RTX_TYPE
            )
        )
        self.audio: SlotModel = self.model.add_slot(
            SlotDescription(AUDIO_SSRC, RTX_OF_NONE, video=False, payload_type=AUDIO_TYPE, clock_rate=48_000)
        )
        self.one = Publisher(self.ledger, 1, 0)
        self.two = Publisher(self.ledger, 2, 1, first=3)
        self.voice = Publisher(self.ledger, 3, 0, video=False)
        self.next = {VIDEO_SSRC: first, RTX_SSRC: first, AUDIO_SSRC: first}
        self.transport_number = 65530
        self.counts = {VIDEO_SSRC: [0, 0], AUDIO_SSRC: [0, 0]}
        self.now_us = START_US

    def time(self, captured_us: int, rate: int = 90_000) -> int:
        """The slot's time stamp for a capture."""
        return 0xFFFFE000 + (captured_us + UP_US - START_US) * rate // 1_000_000

    def _put(self, ssrc: int, payload: bytes, fields: dict[str, Any]) -> None:
        number = self.transport_number = (self.transport_number + fields.pop("transport_step", 1)) & 0xFFFF
        sent = ((fields.pop("sent_us", self.now_us) << 18) // 1_000_000) & 0xFFFFFF
        extensions = {TRANSPORT_CC: number.to_bytes(2, "big"), SEND_TIME: sent.to_bytes(3, "big")}
        extensions |= fields.pop("extensions", {})
        self.model.on_datagram(self.now_us, rtp(ssrc, payload=payload, extensions=extensions, **fields))

    def send(self, content: Content, **wrong: Any) -> int:
        """Sends content under the next number of its slot, which it returns; `wrong`: what the server makes other than it should,
        of the fields of rtp(), or `skip`: numbers, `transport_step`, `sent_us`.
        """
        ssrc = VIDEO_SSRC if content.stream.video else AUDIO_SSRC
        ssrc = wrong.pop("ssrc", ssrc)
        self.next.setdefault(ssrc, 0)
        number: int | None = wrong.pop("sequence", None)
        if number is None:
            number = self.next[ssrc] + wrong.pop("skip", 0)
            self.next[ssrc] = number + 1
        self.now_us = max(self.now_us, content.captured_us + UP_US)
        payload = wrong.pop("payload", content.payload)
        fields = {
            "sequence": number,
            "timestamp": self.time(content.captured_us, content.stream.clock_rate),
            "payload_type": VIDEO_TYPE if content.stream.video else AUDIO_TYPE,
            "marker": content.marker or (not content.stream.video and self.counts[AUDIO_SSRC][0] == 0),
        } | wrong
        if ssrc in self.counts:
            self.counts[ssrc][0] += 1
            self.counts[ssrc][1] += len(payload)
        self._put(ssrc, payload, fields)
        return number

    def show(self, contents: list[Content], **wrong: Any) -> None:
        for content in contents:
            self.send(content, **wrong)

    def ask(self, *numbers: int, ssrc: int = VIDEO_SSRC) -> None:
        self.model.on_feedback(self.now_us, nack(ssrc, *numbers))

    def answer(self, number: int, content: Content, **wrong: Any) -> None:
        """A retransmission."""
        self.next[RTX_SSRC] += 1
        fields = {
            "sequence": self.next[RTX_SSRC],
            "timestamp": self.time(content.captured_us),
            "payload_type": RTX_TYPE,
            "marker": content.marker,
        } | wrong
        payload = struct.pack("!H", number & 0xFFFF) + content.payload
        self._put(RTX_SSRC, fields.pop("payload", payload), fields)

    def report(self, ssrc: int = VIDEO_SSRC, **wrong: Any) -> None:
        """An SR, `late_us` after the time stamp that it should have."""
        late_us = wrong.pop("late_us", 0)
        rate = 90_000 if ssrc == VIDEO_SSRC else 48_000
        packets, octets = self.counts.get(ssrc, (0, 0))
        fields = {
            "ntp_us": self.now_us,
            "timestamp": self.time(self.now_us - UP_US - late_us, rate),
            "packets": packets,
            "octets": octets,
        } | wrong
        self.model.on_datagram(self.now_us, sender_report(ssrc, **fields))

    def found(self) -> set[str]:
        """The rules that were broken."""
        self.model.finish(self.now_us)
        return {fault.rule for fault in self.model.faults}
