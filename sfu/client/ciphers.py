"""The AEADs of SFrame (RFC 9605 section 4.5). The project seals with AES_128_GCM_SHA256_128 alone; the others are here
to be checked against the RFC's vectors, and for a suite to come.
"""

import hmac
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class Aead(Protocol):
    def seal(self, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        """Ciphertext and tag."""
        ...

    def open(self, nonce: bytes, aad: bytes, sealed: bytes) -> bytes:
        """Raises InvalidTag."""
        ...


class Gcm:
    def __init__(self, key: bytes) -> None:
        self._gcm = AESGCM(key)

    def seal(self, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        return self._gcm.encrypt(nonce, plaintext, aad)

    def open(self, nonce: bytes, aad: bytes, sealed: bytes) -> bytes:
        return self._gcm.decrypt(nonce, sealed, aad)


class CtrHmac:
    """AES-CTR under a truncated HMAC (section 4.5.1): the key is that of the cipher, then that of the hash."""

    def __init__(self, key: bytes, cipher_bytes: int, hash_name: str, tag_bytes: int) -> None:
        self._cipher_key, self._hash_key = key[:cipher_bytes], key[cipher_bytes:]
        self._hash_name = hash_name
        self._tag_bytes = tag_bytes

    def seal(self, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        ciphertext = self._crypt(nonce, plaintext)
        return ciphertext + self._tag(nonce, aad, ciphertext)

    def open(self, nonce: bytes, aad: bytes, sealed: bytes) -> bytes:
        if len(sealed) < self._tag_bytes:
            raise InvalidTag
        ciphertext, tag = sealed[: -self._tag_bytes], sealed[-self._tag_bytes :]
        if not hmac.compare_digest(self._tag(nonce, aad, ciphertext), tag):
            raise InvalidTag
        return self._crypt(nonce, ciphertext)

    def _crypt(self, nonce: bytes, data: bytes) -> bytes:
        context = Cipher(algorithms.AES(self._cipher_key), modes.CTR(nonce + bytes(4))).encryptor()
        return context.update(data) + context.finalize()

    def _tag(self, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
        lengths = b"".join(
            length.to_bytes(8, "big") for length in (len(aad), len(ciphertext), self._tag_bytes)
        )
        whole = hmac.digest(self._hash_key, lengths + nonce + aad + ciphertext, self._hash_name)
        return whole[: self._tag_bytes]
