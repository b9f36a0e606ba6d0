"""Tests of native/load/verify.c: nothing is found in a right stream, and every planted fault is."""

import random
import struct
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu._testing import load
from sfu._testing.load import Mark, Verify
from sfu._testing.peer import StreamStats

STARTS = [0, 1, 127, 128, 255, 256, 32767, 32768, 65534, 65535]
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


@dataclass(frozen=True)
class Packet:
    sequence: int  # extended
    timestamp: int
    marker: bool
    payload: bytes
    payload_type: int = 96

    def bytes(self) -> bytes:
        fixed = struct.pack(
            "!BBHII",
            0x80,
            self.marker << 7 | self.payload_type,
            self.sequence & 0xFFFF,
            self.timestamp & 0xFFFFFFFF,
            0xC0FFEE,
        )
        return fixed + self.payload


def frame(
    number: int,
    first: int,
    count: int = 3,
    *,
    stream: int = 1,
    key: bool | None = None,
    timestamp: int | None = None,
) -> list[Packet]:
    """The packets of one frame, as a source would number them from `first`."""
    packets = []
    for index in range(count):
        mark: Mark = {
            "stream": stream,
            "sequence": first + index,
            "frame": number,
            "index": index,
            "count": count,
            "length": 100,
            "video": True,
            "key": number == 0 if key is None else key,
            "capture_us": number * 33_333,
        }
        payload = load.write_payload(mark)
        assert payload is not None
        packets.append(
            Packet(
                first + index, 3000 * number if timestamp is None else timestamp, index == count - 1, payload
            )
        )
    return packets


def stream(frames: int, first: int = 0, count: int = 3, *, timestamp: int = 0) -> list[Packet]:
    return [
        packet
        for n in range(frames)
        for packet in frame(n, first + n * count, count, timestamp=timestamp + 3000 * n)
    ]


def verify(packets: list[Packet]) -> StreamStats:
    verifier = Verify()
    for i, packet in enumerate(packets):
        verifier.on_packet(1000 * i, packet.sequence, packet.bytes())
    return verifier.stats()


def faults(stats: StreamStats) -> dict[str, int]:
    return {name: value for name, value in stats.items() if name in FAULTS and value}  # type: ignore[misc]


@pytest.mark.parametrize("first", STARTS)
def test_a_right_stream_has_no_fault(first: int) -> None:
    stats = verify(stream(100, first, timestamp=2**32 - 30_000))
    assert faults(stats) == {}
    assert stats["packets"] == 300
    assert stats["bytes"] == 30_000
    assert stats["frames"] == stats["frames_complete"] == stats["frames_decoded"] == 100
    assert stats["key_frames"] == 1
    assert stats["missing"] == stats["late"] == stats["duplicates"] == stats["splices"] == 0
    assert (stats["stream"], stats["frame"], stats["highest_sequence"]) == (1, 99, first + 299)
    assert stats["longest_gap_us"] == 3000


@given(st.randoms(use_true_random=False), st.sampled_from(STARTS))
def test_disorder_and_duplicates_are_the_networks_doing(rng: random.Random, first: int) -> None:
    packets = stream(40, first)
    # Bounded displacement, as on a network; the first packet stays first.
    order = [0, *sorted(range(1, len(packets)), key=lambda i: i + rng.uniform(0, 20))]
    shuffled = [packets[i] for i in order]
    for _ in range(10):
        at = rng.randrange(len(shuffled))
        shuffled.insert(rng.randint(at, len(shuffled)), shuffled[at])
    stats = verify(shuffled)
    assert faults(stats) == {}
    assert stats["duplicates"] == 10
    assert stats["packets"] == 120
    assert stats["missing"] == 0
    assert stats["frames_decoded"] == 40


@given(st.sets(st.integers(1, 118), max_size=30), st.sampled_from(STARTS))
def test_loss_is_counted_and_no_fault(lost: set[int], first: int) -> None:
    packets = stream(40, first)
    stats = verify([p for i, p in enumerate(packets) if i not in lost])
    assert faults(stats) == {}
    assert stats["missing"] == len(lost)
    broken = {i // 3 for i in lost}
    assert stats["frames_complete"] == 40 - len(broken)
    assert stats["frames_decoded"] == min(broken, default=40)


def test_a_recovered_packet_closes_its_hole_and_frees_what_waited() -> None:
    packets = stream(10)
    verifier = Verify()
    for i, packet in enumerate(packets):
        if i != 7:
            verifier.on_packet(i * 1000, packet.sequence, packet.bytes())
    assert verifier.stats()["frames_decoded"] == 2
    assert verifier.extend(7) == 7
    result = verifier.on_packet(60_000, 7, packets[7].bytes(), recovered=True)
    assert result == {"fresh": True, "intact": True, "key_frame_start": False}
    stats = verifier.stats()
    assert stats["frames_decoded"] == 10
    assert (stats["recovered"], stats["late"], stats["missing"]) == (1, 0, 0)
    assert stats["longest_gap_us"] == 60_000 - 5000
    assert faults(stats) == {}
    assert not verifier.on_packet(61_000, 7, packets[7].bytes(), recovered=True)["fresh"]
    assert verifier.stats()["duplicates"] == 1


@pytest.mark.parametrize("start", STARTS)
def test_original_numbers_are_extended_near_the_highest(start: int) -> None:
    verifier = Verify()
    assert verifier.extend(start) == start
    for packet in stream(5, start + 65536):
        verifier.on_packet(0, packet.sequence, packet.bytes())
    for sequence in range(start + 65536 - 10, start + 65536 + 20):
        assert verifier.extend(sequence & 0xFFFF) == sequence


def test_what_is_below_the_window_is_ignored() -> None:
    verifier = Verify()
    packets = stream(load.WINDOW // 3 + 2)
    for packet in packets[1:]:
        verifier.on_packet(0, packet.sequence, packet.bytes())
    assert not verifier.on_packet(0, 0, packets[0].bytes())["fresh"]
    assert verifier.stats()["too_late"] == 1


def test_a_jump_over_the_window_forgets_it() -> None:
    packets = stream(2) + frame(2, 10_000, key=True)
    stats = verify(packets)
    assert stats["missing"] == 10_000 - 6
    assert stats["duplicates"] == 0
    # Frame 2 followed frame 1 at the source, so the hole between them is the server's.
    assert faults(stats) == {"numbering_errors": 1}


def test_padding_holds_a_number_and_is_nothing_else() -> None:
    packets = frame(0, 0) + [Packet(3, 0, False, b"")] + frame(5, 4, key=True)
    stats = verify(packets)
    assert faults(stats) == {}
    assert (stats["padding"], stats["packets"], stats["missing"]) == (1, 6, 0)


def test_frames_that_never_become_whole_are_lost() -> None:
    packets = [p for p in stream(load.FRAMES + 10) if p.sequence % 3 != 1 or p.sequence >= 15]
    stats = verify(packets)
    assert stats["frames_lost"] == 5
    assert faults(stats) == {}


def test_a_splice_at_a_key_frame() -> None:
    packets = stream(5) + frame(0, 15, stream=2, timestamp=15_000) + frame(1, 18, stream=2, timestamp=18_000)
    stats = verify(packets)
    assert faults(stats) == {}
    assert (stats["splices"], stats["key_frames"], stats["frames_decoded"], stats["stream"]) == (1, 2, 7, 2)


# ---- planted faults: each is a change to stream(10), whose frames have three packets ----


def flipped_byte(packets: list[Packet]) -> None:
    payload = bytearray(packets[4].payload)
    payload[77] ^= 0x20
    packets[4] = replace(packets[4], payload=bytes(payload))


def foreign_payload(packets: list[Packet]) -> None:
    packets[4] = replace(packets[4], payload=bytes(100))


def cut_payload(packets: list[Packet]) -> None:
    packets[4] = replace(packets[4], payload=packets[4].payload[:-1])


def swapped_in_frame(packets: list[Packet]) -> None:
    a, b = packets[3], packets[4]
    packets[3], packets[4] = replace(a, payload=b.payload), replace(b, payload=a.payload)


def swapped_between_frames(packets: list[Packet]) -> None:
    a, b = packets[4], packets[7]
    packets[4], packets[7] = replace(a, payload=b.payload), replace(b, payload=a.payload)


def swapped_frames(packets: list[Packet]) -> None:
    for i in range(3):
        a, b = packets[3 + i], packets[6 + i]
        packets[3 + i], packets[6 + i] = replace(a, payload=b.payload), replace(b, payload=a.payload)


def missing_marker(packets: list[Packet]) -> None:
    packets[5] = replace(packets[5], marker=False)


def early_marker(packets: list[Packet]) -> None:
    packets[4] = replace(packets[4], marker=True)


def repeated_frame(packets: list[Packet]) -> None:
    again = [replace(p, sequence=p.sequence + 3, timestamp=30_000) for p in packets[27:30]]
    packets += again


def repeated_frame_in_place(packets: list[Packet]) -> None:
    packets += [replace(p, sequence=p.sequence + 3) for p in packets[27:30]]


def repeated_packet(packets: list[Packet]) -> None:
    packets[4:] = [
        replace(packets[3], sequence=4),
        *(replace(p, sequence=p.sequence + 1) for p in packets[4:]),
    ]


def time_goes_back(packets: list[Packet]) -> None:
    for i in range(15, 18):
        packets[i] = replace(packets[i], timestamp=4000)


def two_times_in_a_frame(packets: list[Packet]) -> None:
    packets[5] = replace(packets[5], timestamp=packets[5].timestamp + 1)


def two_frames_at_one_time(packets: list[Packet]) -> None:
    for i in range(6, 9):
        packets[i] = replace(packets[i], timestamp=packets[3].timestamp)


def hole_between_frames(packets: list[Packet]) -> None:
    packets[15:] = [replace(p, sequence=p.sequence + 1) for p in packets[15:]]


def hole_in_frame(packets: list[Packet]) -> None:
    packets[16:] = [replace(p, sequence=p.sequence + 1) for p in packets[16:]]


def dropped_frame_closed(packets: list[Packet]) -> None:
    packets[12:] = [replace(p, sequence=p.sequence - 3) for p in packets[15:]]


def splice_at_delta(packets: list[Packet]) -> None:
    packets[15:] = frame(40, 15, stream=2, timestamp=15_000)


def wrong_payload_type(packets: list[Packet]) -> None:
    packets[8] = replace(packets[8], payload_type=100)


@pytest.mark.parametrize(
    "plant,counters",
    [
        (flipped_byte, {"corrupt"}),
        (foreign_payload, {"corrupt"}),
        (cut_payload, {"corrupt"}),
        (swapped_in_frame, {"inconsistent"}),
        (swapped_between_frames, {"inconsistent"}),
        (swapped_frames, {"chain_breaks", "numbering_errors"}),
        (missing_marker, {"marker_errors"}),
        (early_marker, {"marker_errors"}),
        (repeated_frame, {"repeated_frames", "chain_breaks"}),
        (repeated_frame_in_place, {"inconsistent"}),
        (repeated_packet, {"inconsistent"}),
        (time_goes_back, {"timestamp_errors"}),
        (two_times_in_a_frame, {"repeated_frames"}),
        (two_frames_at_one_time, {"inconsistent"}),
        (hole_between_frames, {"numbering_errors"}),
        (hole_in_frame, {"inconsistent"}),
        (dropped_frame_closed, {"chain_breaks"}),
        (splice_at_delta, {"chain_breaks"}),
        (wrong_payload_type, {"wrong_payload_type"}),
    ],
)
@pytest.mark.parametrize("first", [0, 65530])
def test_planted_faults_are_found(first: int, plant: object, counters: set[str]) -> None:
    packets = stream(10)
    assert callable(plant)
    plant(packets)
    packets = [replace(p, sequence=p.sequence + first) for p in packets]
    assert counters <= set(faults(verify(packets)))


def test_audio_needs_no_key_frame_and_may_have_markers_anywhere() -> None:
    verifier = Verify(video=False, payload_type=111)
    for n in range(50):
        mark: Mark = {
            "stream": 1,
            "sequence": n,
            "frame": n,
            "index": 0,
            "count": 1,
            "length": 80,
            "video": False,
            "key": False,
            "capture_us": n * 20_000,
        }
        payload = load.write_payload(mark)
        assert payload is not None
        if n % 10 != 5:
            verifier.on_packet(n * 20_000 + 7, n, Packet(n, n * 960, n % 7 == 0, payload, 111).bytes())
    stats = verifier.stats()
    assert faults(stats) == {}
    assert stats["frames_decoded"] == 45
    assert stats["missing"] == 5
    assert stats["delay_us"] == 7
