"""RTP, RTX and RTCP as a strict receiver reads them, written from the RFCs alone. It imports nothing of the server, so that no
mistake of the server's own parsers can hide here.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_ONE_BYTE_PROFILE = 0xBEDE  # RFC 8285 section 4.2
_TWO_BYTE_PROFILE = 0x1000  # section 4.3: the low four bits are "appbits"
_SR, _RR, _SDES, _BYE, _RTPFB, _PSFB = 200, 201, 202, 203, 205, 206
_NACK, _PLI = 1, 1
_CNAME = 1


class WireError(ValueError):
    """Bytes that no RFC allows."""


class Rtp(NamedTuple):
    """An RTP packet (RFC 3550 section 5.1). `payload` is without padding."""

    ssrc: int
    sequence: int
    timestamp: int
    payload_type: int
    marker: bool
    extensions: dict[int, bytes]
    payload: bytes
    padding: int


class SenderReport(NamedTuple):
    """The sender's part of an SR (RFC 3550 section 6.4.1). `ntp_us`: its NTP time stamp in microseconds."""

    ssrc: int
    ntp_us: float
    timestamp: int
    packets: int
    octets: int


class Cname(NamedTuple):
    ssrc: int
    text: bytes


class Nack(NamedTuple):
    """Generic NACK (RFC 4585 section 6.2.1)."""

    media: int
    numbers: list[int]


class Goodbye(NamedTuple):
    ssrcs: list[int]


class Other(NamedTuple):
    """A packet that is well formed and says nothing that matters here."""

    type: int
    format: int  # RC, SC or FMT


Rtcp = SenderReport | Cname | Nack | Goodbye | Other


def _need(condition: bool, what: str) -> None:
    if not condition:
        raise WireError(what)


def is_rtcp(data: bytes) -> bool:
    """RFC 5761 section 4."""
    return len(data) >= 2 and 192 <= data[1] <= 223


def parse_rtp(data: bytes) -> Rtp:
    _need(len(data) >= 12, "shorter than an RTP header")
    first, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
    _need(first >> 6 == 2, "RTP version is not 2")
    start = 12 + 4 * (first & 0x0F)
    _need(start <= len(data), "CSRCs beyond the end")
    extensions: dict[int, bytes] = {}
    if first & 0x10:
        _need(start + 4 <= len(data), "extension header beyond the end")
        profile, words = struct.unpack_from("!HH", data, start)
        end = start + 4 + 4 * words
        _need(end <= len(data), "extensions beyond the end")
        extensions = _parse_extensions(profile, data[start + 4 : end])
        start = end
    padding = 0
    if first & 0x20:
        _need(start < len(data), "padding announced, none there")
        padding = data[-1]
        _need(1 <= padding <= len(data) - start, "more padding than packet")
    payload = data[start : len(data) - padding]
    return Rtp(ssrc, sequence, timestamp, second & 0x7F, second >= 128, extensions, payload, padding)


def _parse_extensions(profile: int, block: bytes) -> dict[int, bytes]:
    one_byte = profile == _ONE_BYTE_PROFILE
    _need(one_byte or profile & 0xFFF0 == _TWO_BYTE_PROFILE, "unknown extension profile")
    found: dict[int, bytes] = {}
    at = 0
    while at < len(block):
        if block[at] == 0:
            at += 1
            continue
        if one_byte:
            identifier, length, at = block[at] >> 4, (block[at] & 0x0F) + 1, at + 1
            _need(identifier not in (0, 15), "reserved extension id")
        else:
            _need(at + 2 <= len(block), "extension element beyond the end")
            identifier, length, at = block[at], block[at + 1], at + 2
        _need(at + length <= len(block), "extension element beyond the end")
        _need(identifier not in found, "extension twice")
        found[identifier] = block[at : at + length]
        at += length
    return found


def parse_rtcp(data: bytes) -> list[Rtcp]:
    """A compound or reduced-size RTCP datagram (RFC 3550 section 6.1, RFC 5506)."""
    found: list[Rtcp] = []
    at = 0
    while at < len(data):
        _need(at + 4 <= len(data), "shorter than an RTCP header")
        first, kind, words = struct.unpack_from("!BBH", data, at)
        end = at + 4 + 4 * words
        _need(first >> 6 == 2, "RTCP version is not 2")
        _need(end <= len(data), "RTCP packet beyond the end")
        body = data[at + 4 : end]
        if first & 0x20:
            _need(end == len(data), "padding on an RTCP packet that is not the last")
            _need(bool(body) and 0 < body[-1] <= len(body) and body[-1] % 4 == 0, "bad RTCP padding")
            body = body[: -body[-1]]
        found += _parse_body(kind, first & 0x1F, body)
        at = end
    _need(bool(found), "empty RTCP datagram")
    return found


def _parse_body(kind: int, count: int, body: bytes) -> list[Rtcp]:
    if kind == _SR:
        _need(len(body) >= 24 + 24 * count, "SR too short")
        ssrc, seconds, fraction, timestamp, packets, octets = struct.unpack_from("!IIIIII", body)
        return [
            SenderReport(ssrc, seconds * 1e6 + fraction * 1e6 / (1 << 32), timestamp, packets, octets),
            Other(kind, count),
        ]
    if kind == _RR:
        _need(len(body) >= 4 + 24 * count, "RR too short")
    if kind == _SDES:
        return _parse_sdes(count, body)
    if kind == _BYE:
        _need(len(body) >= 4 * count, "BYE too short")
        return [Goodbye(list(struct.unpack_from(f"!{count}I", body)))]
    if kind in (_RTPFB, _PSFB):
        _need(len(body) >= 8, "feedback without SSRCs")
    if kind == _RTPFB and count == _NACK:
        return [_parse_nack(body)]
    return [Other(kind, count)]


def _parse_sdes(count: int, body: bytes) -> list[Rtcp]:
    found: list[Rtcp] = []
    at = 0
    for _ in range(count):
        _need(at + 4 <= len(body), "SDES chunk beyond the end")
        (ssrc,) = struct.unpack_from("!I", body, at)
        at += 4
        while True:
            _need(at < len(body), "SDES chunk does not end")
            if body[at] == 0:
                break
            _need(at + 2 <= len(body) and at + 2 + body[at + 1] <= len(body), "SDES item beyond the end")
            if body[at] == _CNAME:
                found.append(Cname(ssrc, body[at + 2 : at + 2 + body[at + 1]]))
            at += 2 + body[at + 1]
        at = (at // 4 + 1) * 4  # a chunk ends with one to four zero bytes
    return found


def _parse_nack(body: bytes) -> Nack:
    _need(len(body) > 8 and len(body) % 4 == 0, "NACK without numbers")
    (media,) = struct.unpack_from("!I", body, 4)
    numbers = []
    for first, mask in struct.iter_unpack("!HH", body[8:]):
        numbers.append(first)
        numbers += [(first + 1 + bit) & 0xFFFF for bit in range(16) if mask >> bit & 1]
    return Nack(media, numbers)


def extend(reference: int, wire: int, bits: int = 16) -> int:
    """The number nearest to `reference` that has these low bits."""
    half = 1 << (bits - 1)
    return reference + ((wire - reference + half) & (2 * half - 1)) - half


def difference(a: int, b: int, bits: int = 32) -> int:
    """a − b, the shorter way round."""
    half = 1 << (bits - 1)
    return ((a - b + half) & (2 * half - 1)) - half
