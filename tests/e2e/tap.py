"""What the server sees of a transport once hop SRTP is gone: RTP packets, and the frames that senders have sealed."""

import asyncio
import base64
import json
import struct
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
from aiortc.codecs.vpx import VpxPayloadDescriptor
from aiortc.rtp import RtpPacket, is_rtcp

from tests.e2e.server import Server


class Tap:
    """Follows transports of a server with `[trace]`."""

    def __init__(self) -> None:
        self.packets: list[RtpPacket] = []  # as they came in

    @asynccontextmanager
    async def follow(self, server: Server, room: str, participant: int) -> AsyncIterator[None]:
        url = f"{server.url}/trace/{room}/{participant}?packets=1"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            assert response.status == 200, await response.text()
            reading = asyncio.create_task(self._read(response))
            try:
                yield
            finally:
                reading.cancel()
                with suppress(asyncio.CancelledError):
                    await reading

    async def _read(self, response: aiohttp.ClientResponse) -> None:
        async for raw in response.content:
            line = json.loads(raw) if raw.strip() else {}
            if line.get("what") == "packet_in":
                self.packets.extend(_rtp(base64.b64decode(line["data"])))


def pcap_packets(path: Path) -> list[RtpPacket]:
    """Of a file that `sfu trace --pcap` has written: IPv4, in both directions, whole packets."""
    data, found = path.read_bytes(), []
    at = 24
    while at < len(data):
        *_, kept, whole = struct.unpack_from("<IIII", data, at)
        packet = data[at + 16 : at + 16 + kept]
        at += 16 + kept
        if kept == whole:
            found.extend(_rtp(packet[28:]))
    return found


def _rtp(payload: bytes) -> list[RtpPacket]:
    # RFC 7983: RTP and RTCP begin with 128 to 191.
    return [RtpPacket.parse(payload)] if 128 <= payload[0] <= 191 and not is_rtcp(payload) else []


def opus_frames(packets: Iterable[RtpPacket], payload_type: int) -> list[bytes]:
    """Sound comes whole, a frame to a packet."""
    return [packet.payload for packet in packets if packet.payload_type == payload_type and packet.payload]


def vp8_frames(packets: Iterable[RtpPacket], payload_type: int) -> list[bytes]:
    """Whole frames, in the order of their numbers; one with a hole is left out."""
    frames: dict[tuple[int, int], dict[int, RtpPacket]] = defaultdict(dict)
    for packet in packets:
        if packet.payload_type == payload_type and packet.payload:  # one without is padding
            frames[packet.ssrc, packet.timestamp][packet.sequence_number] = packet
    found = []
    for parts in frames.values():
        ordered = [parts[number] for number in sorted(parts)]
        pieces = [VpxPayloadDescriptor.parse(packet.payload) for packet in ordered]
        is_whole = len(parts) == max(parts) - min(parts) + 1
        if is_whole and ordered[-1].marker and pieces[0][0].partition_start:
            found.append(b"".join(data for _, data in pieces))
    return found
