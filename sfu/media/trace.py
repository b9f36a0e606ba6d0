"""What a transport that is traced tells (native/media/trace.h): records, lines for people, and a pcap file.

Packets are RTP and RTCP without hop SRTP; media in them is as the clients sealed it. Keys are in no record.
"""

import ipaddress
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO

# Positions are the values of trace_what. The words are for people: {n} number, {id} source or SSRC, {slot}, {layer}.
_LINES = (
    ("lost", "{n} records were lost: this trace is read too slowly"),
    ("connected", "a valid ICE check: connected"),
    ("path", "sends to {remote}"),
    ("expired", "ICE consent expired: nothing is sent"),
    ("restarted", "ICE restart"),
    ("keys", "SRTP keys are set, profile {n}"),
    ("secured", "the first authenticated packet"),
    ("payloads", "{n} payload types negotiated"),
    ("pacing", "paced at {n} kbit/s"),
    ("latched", "SSRC {n} is source {id}, layer {layer}"),
    ("latched_rtx", "SSRC {n} is the RTX of source {id}, layer {layer}"),
    ("key_frame_requested", "asks for a key frame of source {id}, layer {layer}"),
    ("key_frame_arrived", "a key frame of source {id}, layer {layer} came, RTP time {n}"),
    ("key_frame_wanted", "the client asks for a key frame in slot {slot}: source {id}, layer {layer}"),
    ("slot_wanted", "slot {slot} waits for source {id}, layer {layer}"),
    ("slot_filled", "slot {slot} shows source {id}, layer {layer}"),
    ("slot_emptied", "slot {slot} is empty"),
    ("slot_flushed", "slot {slot} was flushed with {n} bytes waiting"),
    ("nack_sent", "asks for {n} packets of source {id}, layer {layer} again"),
    ("nack_received", "the client asks for {n} packets of slot {slot} again"),
    ("send_refused", "the kernel refused {n} datagrams, error {id}"),
    ("packet_in", "{n} bytes in"),
    ("packet_out", "{n} bytes out"),
)
KINDS = tuple(kind for kind, _ in _LINES)
WORDS = dict(_LINES)
PACKETS = frozenset({"packet_in", "packet_out"})

_RECORD = struct.Struct("=QIIHHBBH")  # trace_record
_PATH = struct.Struct("=16sHHI")  # ice_path

_GLOBAL_HEADER = struct.Struct("=IHHiIII")
_PACKET_HEADER = struct.Struct("=IIII")
_MAGIC = 0xA1B2C3D4  # times in microseconds; its byte order tells the file's
_LINKTYPE_RAW = 101  # each packet begins with an IP header
_SNAP_BYTES = 65_535
_UDP = 17


@dataclass(frozen=True)
class Record:
    """One thing that happened."""

    what: str  # of KINDS
    at_us: int
    number: int
    id: int
    slot: int
    layer: int
    data: bytes  # of a packet, which may be cut: `number` is its whole length


Address = tuple[str, int]


def records(batch: bytes) -> Iterator[Record]:
    """The records of one batch, as a worker gives it. ValueError: it is not one."""
    offset = 0
    while offset < len(batch):
        if len(batch) - offset < _RECORD.size:
            raise ValueError("a trace ends within a record")
        at_us, number, identifier, slot, length, what, layer, _ = _RECORD.unpack_from(batch, offset)
        offset += _RECORD.size
        if what >= len(KINDS) or len(batch) - offset < length:
            raise ValueError("a trace has a record that cannot be")
        yield Record(
            KINDS[what], at_us, number, identifier, slot, layer, bytes(batch[offset : offset + length])
        )
        offset += length


def path_of(record: Record) -> tuple[int, Address]:
    """Of a path: the index of the local address, and the client's address."""
    ip, port, _, local = _PATH.unpack(record.data)
    address = ipaddress.IPv6Address(ip)
    return local, (str(address.ipv4_mapped or address), port)


def line(record: Record, remote: Address | None = None) -> str:
    """A record in words, with the time of day (UTC) if `at_us` counts from the epoch."""
    at = datetime.fromtimestamp(record.at_us / 1_000_000, UTC)
    words = WORDS[record.what].format(
        n=record.number,
        id=record.id,
        slot=record.slot,
        layer=record.layer,
        remote=_shown(remote) if remote else "a new address",
    )
    return f"{at:%H:%M:%S.%f}  {words}"


def _shown(address: Address) -> str:
    ip, port = address
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


class PcapWriter:
    """A classic pcap file. Packets get IP and UDP headers made up from the addresses, so that Wireshark takes them for what
    they are ("Decode as" RTP, or its heuristic for RTP in UDP).
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        file.write(_GLOBAL_HEADER.pack(_MAGIC, 2, 4, 0, 0, _SNAP_BYTES, _LINKTYPE_RAW))

    def write(
        self, at_us: int, source: Address, destination: Address, data: bytes, length: int | None = None
    ) -> None:
        """A UDP datagram of `length` bytes, of which `data` may be the beginning. Addresses of one family."""
        whole = len(data) if length is None else length
        header = _headers(source, destination, whole, data)
        seconds, microseconds = divmod(at_us, 1_000_000)
        self._file.write(
            _PACKET_HEADER.pack(seconds, microseconds, len(header) + len(data), len(header) + whole)
        )
        self._file.write(header + data)


def _headers(source: Address, destination: Address, length: int, data: bytes) -> bytes:
    from_ip, to_ip = ipaddress.ip_address(source[0]), ipaddress.ip_address(destination[0])
    if from_ip.version != to_ip.version:
        raise ValueError("addresses of two families")
    udp_length = 8 + length
    udp = struct.pack("!HHHH", source[1], destination[1], udp_length, 0)
    if from_ip.version == 4:  # where a checksum of 0 stands for none (RFC 768)
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + udp_length, 0, 0, 64, _UDP, 0)
        ip += from_ip.packed + to_ip.packed
        return ip[:10] + struct.pack("!H", _checksum(ip)) + ip[12:] + udp
    ip = struct.pack("!IHBB", 0x6000_0000, udp_length, _UDP, 64) + from_ip.packed + to_ip.packed
    if len(data) < length:  # of what was cut there is no checksum
        return ip + udp
    pseudo = from_ip.packed + to_ip.packed + struct.pack("!II", udp_length, _UDP)
    return ip + udp[:6] + struct.pack("!H", _checksum(pseudo + udp + data) or 0xFFFF)


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
