"""Reads the files that `sfu trace --pcap` writes: the RTP packets in them, by direction."""

import struct
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from aiortc.codecs.vpx import VpxPayloadDescriptor
from aiortc.rtp import RtpPacket, is_rtcp


@dataclass(frozen=True)
class Packet:
    source_port: int
    rtp: RtpPacket


def rtp_packets(path: Path) -> list[Packet]:
    """IPv4, whole packets."""
    data, found = path.read_bytes(), []
    at = 24
    while at < len(data):
        *_, kept, whole = struct.unpack_from("<IIII", data, at)
        packet = data[at + 16 : at + 16 + kept]
        at += 16 + kept
        payload = packet[28:]
        # RFC 7983: RTP and RTCP begin with 128 to 191.
        if kept == whole and 128 <= payload[0] <= 191 and not is_rtcp(payload):
            found.append(Packet(struct.unpack_from("!H", packet, 20)[0], RtpPacket.parse(payload)))
    return found


def vp8_frames(packets: list[Packet], payload_type: int) -> list[bytes]:
    """Whole frames, in the order of their numbers; one with a hole is left out."""
    frames: dict[tuple[int, int], dict[int, RtpPacket]] = defaultdict(dict)
    for packet in packets:
        if packet.rtp.payload_type == payload_type:
            frames[packet.rtp.ssrc, packet.rtp.timestamp][packet.rtp.sequence_number] = packet.rtp
    found = []
    for parts in frames.values():
        ordered = [parts[number] for number in sorted(parts)]
        pieces = [VpxPayloadDescriptor.parse(rtp.payload) for rtp in ordered]
        is_whole = len(parts) == max(parts) - min(parts) + 1
        if is_whole and ordered[-1].marker and pieces[0][0].partition_start:
            found.append(b"".join(data for _, data in pieces))
    return found
