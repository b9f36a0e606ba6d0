"""Sealed messages (PROTOCOL.md): what the server carries in binary frames and cannot read."""

import struct
from enum import IntEnum, StrEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sfu.client.keys import hkdf
from sfu.errors import LocalError
from sfu.redact import SecretBytes

VERSION = 0
SALT_BYTES = 24
TAG_BYTES = 16
BLOCK_BYTES = 256

_KEY_BYTES = 32
_NONCE_BYTES = 12
_LENGTH = struct.Struct(">H")


class Kind(IntEnum):
    """That of the binary frame (sfu/signaling/PROTOCOL.md)."""

    PROFILE = 1
    CHAT = 3

    @property
    def plaintext_bytes(self) -> int:
        """At most, with length and zeros."""
        return 3840 if self is Kind.PROFILE else 8192


class MessageCount(StrEnum):
    """Why a message was dropped."""

    FORGED = "message_forged"
    MALFORMED = "message_malformed"
    REPLAYED = "message_replayed"


class MessageError(ValueError):
    """A message that is dropped. `count` is the name it is counted under."""

    def __init__(self, count: MessageCount) -> None:
        super().__init__(count)
        self.count = count


def seal(kind: Kind, key: SecretBytes, room_id: bytes, json: bytes, salt: bytes) -> bytes:
    """`salt`: 24 bytes, random for each message. Raises LocalError if `json` is too long."""
    plaintext = _LENGTH.pack(min(len(json), 0xFFFF)) + json
    plaintext += bytes(-len(plaintext) % BLOCK_BYTES)
    if len(plaintext) > kind.plaintext_bytes:
        raise LocalError(f"a {kind.name.lower()} of {len(json)} bytes is too long to be sent")
    aead, nonce = _aead(key, salt)
    return bytes((VERSION,)) + salt + aead.encrypt(nonce, plaintext, _aad(kind, room_id))


def open_sealed(kind: Kind, key: SecretBytes, room_id: bytes, data: bytes) -> bytes:
    """The JSON within. Raises MessageError."""
    begin = 1 + SALT_BYTES
    if len(data) < begin + TAG_BYTES or data[0] != VERSION:
        raise MessageError(MessageCount.FORGED)
    if len(data) > begin + kind.plaintext_bytes + TAG_BYTES:
        raise MessageError(MessageCount.MALFORMED)
    aead, nonce = _aead(key, data[1:begin])
    try:
        plaintext = aead.decrypt(nonce, data[begin:], _aad(kind, room_id))
    except InvalidTag:
        raise MessageError(MessageCount.FORGED) from None
    if len(plaintext) < _LENGTH.size:
        raise MessageError(MessageCount.MALFORMED)
    (length,) = _LENGTH.unpack_from(plaintext)
    if _LENGTH.size + length > len(plaintext):
        raise MessageError(MessageCount.MALFORMED)
    return plaintext[_LENGTH.size : _LENGTH.size + length]


def _aead(key: SecretBytes, salt: bytes) -> tuple[AESGCM, bytes]:
    derived = hkdf(key.reveal(), salt, b"sfu/0 seal", _KEY_BYTES + _NONCE_BYTES)
    return AESGCM(derived[:_KEY_BYTES]), derived[_KEY_BYTES:]


def _aad(kind: Kind, room_id: bytes) -> bytes:
    return b"sfu/0" + bytes((kind,)) + room_id
