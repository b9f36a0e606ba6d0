"""SFrame (RFC 9605): header, keys of a KID, one ciphertext sealed and opened. Counters and windows are others' affair."""

from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hashes import SHA256, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from sfu.client.ciphers import Aead, CtrHmac, Gcm
from sfu.redact import SecretBytes

NONCE_BYTES = 12
U64_END = 1 << 64


class SframeError(ValueError):
    """A header that is none; never tells what is in it."""


@dataclass(frozen=True)
class Suite:
    """A row of RFC 9605 section 4.5."""

    id: int
    hash: Callable[[], HashAlgorithm]
    key_bytes: int
    aead: Callable[[bytes], Aead]


AES_128_GCM_SHA256_128 = Suite(4, SHA256, 16, Gcm)
AES_256_GCM_SHA512_128 = Suite(5, SHA512, 32, Gcm)
SUITES = {
    suite.id: suite
    for suite in (
        Suite(1, SHA256, 48, lambda key: CtrHmac(key, 16, "sha256", 10)),
        Suite(2, SHA256, 48, lambda key: CtrHmac(key, 16, "sha256", 8)),
        Suite(3, SHA256, 48, lambda key: CtrHmac(key, 16, "sha256", 4)),
        AES_128_GCM_SHA256_128,
        AES_256_GCM_SHA512_128,
    )
}


@dataclass(frozen=True)
class Header:
    kid: int
    counter: int


def encode_header(kid: int, counter: int) -> bytes:
    """Section 4.3: both numbers in their shortest form, those below 8 within the first byte."""
    kid_bits, kid_bytes = _encode_number(kid)
    counter_bits, counter_bytes = _encode_number(counter)
    return bytes((kid_bits << 4 | counter_bits,)) + kid_bytes + counter_bytes


def parse_header(data: bytes, begin: int = 0) -> tuple[Header, int]:
    """The header at `begin`, and where the ciphertext begins. Raises SframeError if cut short or not the shortest form."""
    if begin >= len(data):
        raise SframeError("no header")
    config = data[begin]
    kid, end = _parse_number(data, begin + 1, config >> 4)
    counter, end = _parse_number(data, end, config & 15)
    return Header(kid, counter), end


def _encode_number(value: int) -> tuple[int, bytes]:
    if not 0 <= value < U64_END:
        raise ValueError("a KID or counter has 64 bits")
    if value < 8:
        return value, b""
    length = (value.bit_length() + 7) // 8
    return 8 | length - 1, value.to_bytes(length, "big")


def _parse_number(data: bytes, begin: int, bits: int) -> tuple[int, int]:
    if not bits & 8:
        return bits, begin
    end = begin + (bits & 7) + 1
    value = int.from_bytes(data[begin:end], "big")
    if end > len(data) or data[begin] == 0 or value < 8:
        raise SframeError("a number that is cut short or longer than need be")
    return value, end


class Key:
    """Key and salt of one KID. Sealing twice with one counter is the caller's sin: see `frames.SendingSource`."""

    __slots__ = ("_aead", "_salt")

    def __init__(self, aead: Aead, salt: bytes) -> None:
        self._aead = aead
        self._salt = int.from_bytes(salt, "big")

    def seal(self, header: Header, metadata: bytes, plaintext: bytes) -> bytes:
        """Header, ciphertext and tag."""
        encoded = encode_header(header.kid, header.counter)
        return encoded + self._aead.seal(self._nonce(header), encoded + metadata, plaintext)

    def open(self, header: Header, metadata: bytes, ciphertext: bytes) -> bytes:
        """`ciphertext` with its tag. Raises InvalidTag."""
        if not ciphertext:
            raise InvalidTag
        encoded = encode_header(header.kid, header.counter)
        return self._aead.open(self._nonce(header), encoded + metadata, ciphertext)

    def _nonce(self, header: Header) -> bytes:
        return (self._salt ^ header.counter).to_bytes(NONCE_BYTES, "big")

    def __repr__(self) -> str:
        return "Key(secret)"


def derive(suite: Suite, kid: int, base_key: SecretBytes) -> Key:
    """Section 4.4.2."""
    key, salt = derive_bytes(suite, kid, base_key)
    return Key(suite.aead(key.reveal()), salt.reveal())


def derive_bytes(suite: Suite, kid: int, base_key: SecretBytes) -> tuple[SecretBytes, SecretBytes]:
    """Key and salt as such, for test vectors."""
    secret = HKDF.extract(suite.hash(), b"", base_key.reveal())
    tail = kid.to_bytes(8, "big") + suite.id.to_bytes(2, "big")

    def expand(label: bytes, length: int) -> SecretBytes:
        return SecretBytes(HKDFExpand(suite.hash(), length, label + tail).derive(secret))

    return (
        expand(b"SFrame 1.0 Secret key ", suite.key_bytes),
        expand(b"SFrame 1.0 Secret salt ", NONCE_BYTES),
    )
