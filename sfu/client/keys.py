"""What follows from the link's secret (PROTOCOL.md, "Keys"), and whose frames a KID's are.

`FrameKeys` is what sealing and opening ask for; the link's secret stands behind it now, MLS later.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sfu.client.sframe import AES_128_GCM_SHA256_128, Key, derive
from sfu.e2ee.link import ROOM_ID_BYTES, ROOM_ID_INFO
from sfu.redact import SecretBytes

KEY_BYTES = 32


class Source(StrEnum):
    """What a KID's frames come from."""

    MICROPHONE = "microphone"
    CAMERA = "camera"
    SCREEN = "screen"
    SCREEN_AUDIO = "screen_audio"

    @property
    def media(self) -> str:
        """The kind of m-line that carries it: "audio" or "video"."""
        return "audio" if self in {Source.MICROPHONE, Source.SCREEN_AUDIO} else "video"


@dataclass(frozen=True)
class Opening:
    """The one key to try for a KID, and who the frame is from if it opens."""

    key: Key
    sender: bytes
    source: Source


class FrameKeys(Protocol):
    def sending(self, kid: int) -> Key:
        """The key that this client seals a source's frames with."""
        ...

    def opening(self, kid: int) -> Opening | None:
        """None as long as nobody has claimed the KID."""
        ...


def hkdf(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA256 (RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=length, salt=salt or None, info=info).derive(secret)


class RoomKeys:
    """All keys of version 0. A room id that the link does not give cannot be had from the server."""

    def __init__(self, secret: SecretBytes) -> None:
        known = secret.reveal()
        self.room_id = hkdf(known, b"", ROOM_ID_INFO, ROOM_ID_BYTES)
        self.frames = SecretBytes(hkdf(known, b"", b"sfu/0 sframe", KEY_BYTES))
        self.profile = SecretBytes(hkdf(known, b"", b"sfu/0 profile", KEY_BYTES))
        self.chat = SecretBytes(hkdf(known, b"", b"sfu/0 chat", KEY_BYTES))

    def of_kid(self, kid: int) -> Key:
        return derive(AES_128_GCM_SHA256_128, kid, self.frames)


CLAIMS = 64  # KIDs of one sender


@dataclass(frozen=True)
class _Claim:
    sender: bytes
    source: Source


class LinkKeys:
    """`FrameKeys` of version 0: all keys follow from the link, and a KID belongs to the sender who named it first."""

    def __init__(self, keys: RoomKeys) -> None:
        self._keys = keys
        self._claims: dict[int, _Claim] = {}
        self._made: dict[int, Key] = {}
        self._own: set[int] = set()

    def sending(self, kid: int) -> Key:
        """From then on nobody else can claim the KID."""
        self._own.add(kid)
        return self._keys.of_kid(kid)

    def opening(self, kid: int) -> Opening | None:
        claim = self._claims.get(kid)
        if claim is None:
            return None
        key = self._made.get(kid)
        if key is None:
            key = self._made[kid] = self._keys.of_kid(kid)
        return Opening(key, claim.sender, claim.source)

    def claim(self, sender: bytes, kid: int, source: Source) -> bool:
        """Whether the KID is new, and this sender's now. It stays what it was named first."""
        if kid in self._own or kid in self._claims:
            return False
        if sum(claim.sender == sender for claim in self._claims.values()) >= CLAIMS:
            return False
        self._claims[kid] = _Claim(sender, source)
        return True

    def owner(self, kid: int) -> bytes | None:
        claim = self._claims.get(kid)
        return claim.sender if claim else None

    def release(self, sender: bytes) -> None:
        """The sender has left: another may claim their KIDs."""
        for kid in [kid for kid, claim in self._claims.items() if claim.sender == sender]:
            del self._claims[kid]
            self._made.pop(kid, None)
