"""Two clients back to back, without a server between, in virtual time."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from sfu._testing.peer import Layer, Peer, StreamStats

CM, GCM_128, GCM_256 = 0x0001, 0x0007, 0x0008
STARTS = [0, 1, 127, 128, 255, 256, 32767, 32768, 65534, 65535]
A, B = ("10.0.0.1", 5000), ("10.0.0.2", 6000)
KEY_A, SALT_A, KEY_B, SALT_B = bytes(range(32)), bytes(range(14)), bytes(range(50, 82)), bytes(range(20, 34))
EXTENSIONS = {
    "mid": 4,
    "rid": 10,
    "repaired-rid": 11,
    "transport-cc": 3,
    "abs-send-time": 2,
    "audio-level": 1,
}
VIDEO, VIDEO_RTX, AUDIO = 0x1000, 0x1001, 0x2000
DELAY_US = 10_000
SECOND = 1_000_000

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

Filter = Callable[[int, bytes], list[tuple[int, bytes]]]


def passes(now_us: int, data: bytes) -> list[tuple[int, bytes]]:
    """A link that does nothing but delay."""
    return [(now_us + DELAY_US, data)]


@dataclass
class Pair:
    """A publisher and a receiver joined by two links, in virtual time."""

    publisher: Peer
    receiver: Peer
    forward: Filter = passes
    back: Filter = passes
    now_us: int = 0
    flights: list[tuple[int, int, int, bytes]] = field(default_factory=list)  # when, order, to whom, what
    sent: int = 0

    def run(self, until_us: int) -> None:
        while True:
            deadline_us = min(self.publisher.next_deadline_us(), self.receiver.next_deadline_us())
            if self.flights:
                deadline_us = min(deadline_us, min(self.flights)[0])
            if max(deadline_us, self.now_us) > until_us:
                self.now_us = until_us
                return
            self.now_us = max(deadline_us, self.now_us)
            self.deliver()
            for who, peer, link in ((0, self.publisher, self.forward), (1, self.receiver, self.back)):
                for _, _, data in peer.poll(self.now_us):
                    for when_us, bytes_ in link(self.now_us, data):
                        self.sent += 1
                        self.flights.append((when_us, self.sent, 1 - who, bytes_))

    def deliver(self) -> None:
        due = sorted(flight for flight in self.flights if flight[0] <= self.now_us)
        self.flights = [flight for flight in self.flights if flight[0] > self.now_us]
        for _, _, to, data in due:
            if to == 0:
                self.publisher.on_datagram(self.now_us, 0, B, data)
            else:
                self.receiver.on_datagram(self.now_us, 0, A, data)


def publisher(profile: int = GCM_128, **config: object) -> Peer:
    peer = Peer(connected=True, server=B, send_extensions=EXTENSIONS, **config)  # type: ignore[arg-type]
    peer.set_keys(profile, KEY_A, SALT_A, KEY_B, SALT_B)
    return peer


def receiver(profile: int = GCM_128, **config: object) -> Peer:
    peer = Peer(connected=True, server=A, receive_extensions=EXTENSIONS, **config)  # type: ignore[arg-type]
    peer.set_keys(profile, KEY_B, SALT_B, KEY_A, SALT_A)
    peer.expect_stream(VIDEO, video=True, payload_type=96, rtx_ssrc=VIDEO_RTX, rtx_payload_type=97)
    peer.expect_stream(AUDIO, video=False, payload_type=111)
    return peer


def pair(first_sequence: int = 0, first_timestamp: int = 0, profile: int = GCM_128, **config: object) -> Pair:
    a, b = publisher(profile), receiver(profile, **config)
    a.add_video(
        [Layer(VIDEO, VIDEO_RTX, first_sequence=first_sequence, first_timestamp=first_timestamp)], mid="v"
    )
    a.add_audio(AUDIO, mid="a", first_sequence=first_sequence, first_timestamp=first_timestamp)
    return Pair(a, b)


def faults(stats: StreamStats) -> dict[str, int]:
    return {name: value for name, value in stats.items() if name in FAULTS and value}  # type: ignore[misc]


def recording(log: list[bytes]) -> Filter:
    def link(now_us: int, data: bytes) -> list[tuple[int, bytes]]:
        log.append(data)
        return passes(now_us, data)

    return link


def drops(seed: int, share: float) -> Filter:
    rng = random.Random(seed)

    def link(now_us: int, data: bytes) -> list[tuple[int, bytes]]:
        return [] if rng.random() < share else passes(now_us, data)

    return link
