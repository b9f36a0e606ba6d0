"""Records in words and as a pcap file, and a trace through real workers."""

import asyncio
import io
import ipaddress
import struct

import aioice.ice
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.mediastreams import AudioStreamTrack
from hypothesis import given
from hypothesis import strategies as st

from sfu.media.engine import MediaPlane
from sfu.media.events import Closed, Secured
from sfu.media.trace import KINDS, WORDS, PcapWriter, Record, line, path_of, records
from tests.media.test_engine import SETTINGS, Events, join, within

RECORD = struct.Struct("=QIIHHBBH")
RTP = bytes.fromhex("80e0000100000002000000035af0")


def packed(what: int, data: bytes = b"", *, number: int = 0) -> bytes:
    return RECORD.pack(1_000_000, number, 7, 2, len(data), what, 1, 0) + data


# ---- records ----


def test_records_of_a_batch() -> None:
    batch = packed(KINDS.index("slot_filled")) + packed(KINDS.index("packet_in"), RTP, number=1200)
    assert list(records(batch)) == [
        Record("slot_filled", 1_000_000, 0, 7, 2, 1, b""),
        Record("packet_in", 1_000_000, 1200, 7, 2, 1, RTP),
    ]


def test_every_cut_of_a_batch_is_refused() -> None:
    batch = packed(KINDS.index("packet_out"), RTP)
    for length in range(1, len(batch)):
        with pytest.raises(ValueError, match="trace"):
            list(records(batch[:length]))


def test_unknown_record_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be"):
        list(records(packed(len(KINDS))))


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_read_whole(data: bytes) -> None:
    try:
        found = list(records(data))
    except ValueError:
        return
    assert sum(RECORD.size + len(record.data) for record in found) == len(data)


def test_every_kind_has_words() -> None:
    for what in KINDS:
        assert WORDS[what]
        told = line(Record(what, 0, 1, 2, 3, 4, b""))
        assert told.startswith("00:00:00.000000  ")
        assert "{" not in told


def test_a_line_says_who_and_when() -> None:
    assert line(Record("slot_filled", 3_661_000_005, 0, 9, 2, 1, b"")) == (
        "01:01:01.000005  slot 2 shows source 9, layer 1"
    )
    path = Record("path", 0, 0, 0, 0, 0, b"")
    assert line(path, ("2001:db8::1", 9)) == "00:00:00.000000  sends to [2001:db8::1]:9"


@pytest.mark.parametrize("ip", ["192.0.2.1", "2001:db8::1"])
def test_path_of_a_record(ip: str) -> None:
    address = ipaddress.ip_address(ip)
    mapped = address.packed if address.version == 6 else bytes(10) + b"\xff\xff" + address.packed
    data = struct.pack("=16sHHI", mapped, 4242, address.version == 6, 3)
    assert path_of(Record("path", 0, 0, 0, 0, 0, data)) == (3, (ip, 4242))


# ---- pcap ----


def test_pcap_golden_bytes() -> None:
    file = io.BytesIO()
    writer = PcapWriter(file)
    writer.write(1_700_000_000_000_005, ("192.0.2.1", 5000), ("198.51.100.2", 6000), RTP)
    expected = struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    expected += struct.pack("=IIII", 1_700_000_000, 5, 42, 42)
    expected += bytes.fromhex("4500002a0000000040118e8cc0000201c6336402")  # IP
    expected += bytes.fromhex("1388177000160000")  # UDP
    assert file.getvalue() == expected + RTP


@pytest.mark.parametrize(
    "source,destination",
    [
        (("192.0.2.1", 5000), ("198.51.100.2", 6000)),
        (("2001:db8::1", 5000), ("2001:db8::2", 6000)),
    ],
)
@pytest.mark.parametrize("cut", [0, 1000])
def test_pcap_can_be_read_back(source: tuple[str, int], destination: tuple[str, int], cut: int) -> None:
    file = io.BytesIO()
    writer = PcapWriter(file)
    packets = [(number * 999_999, RTP + bytes([number]) * number) for number in range(5)]
    for at_us, data in packets:
        writer.write(at_us, source, destination, data, len(data) + cut)
    found = list(read_pcap(file.getvalue()))
    assert found == [(at_us, source, destination, data, len(data) + cut) for at_us, data in packets]


Found = tuple[int, tuple[str, int], tuple[str, int], bytes, int]


def read_pcap(data: bytes) -> list[Found]:
    """Packets of a pcap file with raw IP, as libpcap's and the protocols' documents have it; checksums are checked."""
    assert struct.unpack("=IHHiIII", data[:24])[0::6] == (0xA1B2C3D4, 101)
    offset, found = 24, list[Found]()
    while offset < len(data):
        seconds, microseconds, captured, whole = struct.unpack_from("=IIII", data, offset)
        packet = data[offset + 16 : offset + 16 + captured]
        assert len(packet) == captured
        offset += 16 + captured
        if packet[0] >> 4 == 4:
            assert packet[9] == 17
            assert ones_complement(packet[:20]) == 0xFFFF
            assert int.from_bytes(packet[2:4], "big") == whole
            ips, udp, length = (packet[12:16], packet[16:20]), packet[20:28], whole - 28
        else:
            assert packet[6] == 17
            assert int.from_bytes(packet[4:6], "big") == whole - 40
            ips, udp, length = (packet[8:24], packet[24:40]), packet[40:48], whole - 48
            if captured == whole:
                pseudo = packet[8:40] + struct.pack("!II", whole - 40, 17)
                assert ones_complement(pseudo + packet[40:]) == 0xFFFF
        source_port, destination_port, udp_length, _ = struct.unpack("!HHHH", udp)
        assert udp_length == length + 8
        payload = packet[len(packet) - (captured - (whole - length)) :]
        ends = [str(ipaddress.ip_address(ip)) for ip in ips]
        at_us = seconds * 1_000_000 + microseconds
        found.append((at_us, (ends[0], source_port), (ends[1], destination_port), payload, length))
    return found


def ones_complement(data: bytes) -> int:
    total = sum(int.from_bytes(data[i : i + 2].ljust(2, b"\0"), "big") for i in range(0, len(data), 2))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_addresses_of_two_families_are_refused() -> None:
    with pytest.raises(ValueError, match="two families"):
        PcapWriter(io.BytesIO()).write(0, ("192.0.2.1", 1), ("2001:db8::1", 2), RTP)


# ---- through real workers ----


def is_rtp_in(record: Record) -> bool:
    return record.what == "packet_in" and not 192 <= record.data[1] <= 223


class Batches:
    """What a trace has given so far."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.media = asyncio.Event()  # RTP has come

    def __call__(self, batch: bytes) -> None:
        self.seen.append(batch)
        if any(is_rtp_in(record) for record in records(batch)):
            self.media.set()


async def test_a_trace_of_a_publisher_on_the_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda *_, **__: ["127.0.0.1"])
    peer, told = RTCPeerConnection(RTCConfiguration(iceServers=[])), Events()
    peer.addTransceiver(AudioStreamTrack(), direction="sendonly")
    batches = Batches()
    async with MediaPlane.start(SETTINGS) as plane:
        transport = await join(plane, peer, told, worker=1)
        transport.trace(batches, packets=True)
        with pytest.raises(ValueError, match="already"):
            transport.trace(batches)
        await told.until(Secured())
        await within(batches.media.wait())
        transport.close()
        await told.until(Closed())
        await peer.close()
        assert batches.seen[-1] == b""  # the end, after the last of the records
        found = [record for batch in batches.seen for record in records(batch)]
        path = next(record for record in found if record.what == "path")
        local, remote = path_of(path)
        assert remote[0] == "127.0.0.1"
        assert plane.server_address(1, local, ipv6=False)[0] == "127.0.0.1"
        rtp = [record for record in found if is_rtp_in(record)]
        assert all(record.number == len(record.data) and record.data[0] >> 6 == 2 for record in rtp)
        assert len({record.data[8:12] for record in rtp}) == 1  # one track, one SSRC
        numbers = [int.from_bytes(record.data[2:4], "big") for record in rtp]
        assert numbers == [(numbers[0] + i) % 65536 for i in range(len(numbers))]
        assert plane.refusals == 0
