"""STUN as strangers send it: built and read here byte by byte (RFC 8489), with nothing of ours."""

from __future__ import annotations

import hashlib
import hmac
import struct
import zlib

MAGIC = 0x2112A442
BINDING_REQUEST, BINDING_INDICATION, BINDING_SUCCESS, BINDING_ERROR = 0x0001, 0x0011, 0x0101, 0x0111
USERNAME, INTEGRITY, ERROR_CODE, UNKNOWN_ATTRIBUTES = 0x0006, 0x0008, 0x0009, 0x000A
XOR_MAPPED_ADDRESS, PRIORITY, USE_CANDIDATE, FINGERPRINT = 0x0020, 0x0024, 0x0025, 0x8028
CONTROLLED, CONTROLLING = 0x8029, 0x802A


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def message(
    kind: int,
    transaction: bytes,
    attributes: list[tuple[int, bytes]],
    password: str | None,
    *,
    fingerprint: bool = True,
) -> bytes:
    """A message with integrity under `password` (None: without) and a fingerprint."""
    body = b"".join(attribute(k, v) for k, v in attributes)
    if password is not None:
        head = struct.pack("!HHI", kind, len(body) + 24, MAGIC) + transaction
        body += attribute(INTEGRITY, hmac.new(password.encode(), head + body, hashlib.sha1).digest())
    if fingerprint:
        head = struct.pack("!HHI", kind, len(body) + 8, MAGIC) + transaction
        body += attribute(FINGERPRINT, struct.pack("!I", zlib.crc32(head + body) ^ 0x5354554E))
    return struct.pack("!HHI", kind, len(body), MAGIC) + transaction + body


def check(
    local_ufrag: str,
    remote_ufrag: str,
    password: str | None,
    *,
    transaction: bytes = b"transaction!",
    nominate: bool = False,
    role: int = CONTROLLING,
    extra: tuple[tuple[int, bytes], ...] = (),
    kind: int = BINDING_REQUEST,
    priority: bool = True,
) -> bytes:
    """A connectivity check to the end that has `local_ufrag` and `password`."""
    attributes = [(USERNAME, f"{local_ufrag}:{remote_ufrag}".encode()), (role, b"\1\2\3\4\5\6\7\x08")]
    if priority:
        attributes.append((PRIORITY, struct.pack("!I", 0x6E7F1EFF)))
    if nominate:
        attributes.append((USE_CANDIDATE, b""))
    return message(kind, transaction, [*attributes, *extra], password)


def parse(data: bytes) -> tuple[int, bytes, dict[int, bytes]]:
    """Type, transaction id and attributes."""
    kind, length, magic = struct.unpack_from("!HHI", data)
    assert magic == MAGIC
    assert length == len(data) - 20
    attributes = {}
    at = 20
    while at < len(data):
        name, size = struct.unpack_from("!HH", data, at)
        attributes[name] = data[at + 4 : at + 4 + size]
        at += 4 + size + -size % 4
    return kind, data[8:20], attributes


def error_code(attributes: dict[int, bytes]) -> int:
    value = attributes[ERROR_CODE]
    return (value[2] & 7) * 100 + value[3]


def is_stun(data: bytes) -> bool:
    return len(data) >= 20 and data[0] <= 3
