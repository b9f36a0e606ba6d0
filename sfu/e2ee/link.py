"""The link to a room (PROTOCOL.md, "Link"): made, parsed, and turned into the room id that the server knows.

For clients and for the operator's commands alike. The secret appears in no error and no representation.
"""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sfu.errors import LocalError
from sfu.redact import SecretBytes

VERSION = 0
SUITE = 1
APART = 0x80  # flag: the secret's place holds a share of it, and the other is the key
SECRET_BYTES = 32
OWNER_BYTES = 16
CHECK_BYTES = 4
ROOM_ID_BYTES = 16
ROOM_ID_INFO = b"sfu/0 room"

_BODY_BYTES = 3 + SECRET_BYTES + OWNER_BYTES
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(?::[0-9]{1,5})?")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
_ROOM = re.compile(r"[A-Za-z0-9_-]{1,128}")


class LinkCode(StrEnum):
    """Why a link is refused; the browser client has the same names."""

    VERSION = "link_version"
    SUITE = "link_suite"
    FLAGS = "link_flags"
    CUT = "link_cut"
    APART = "link_apart"
    KEY = "key_wrong"


class LinkError(LocalError):
    """A link that a client of this version must not follow. `code` is stable; the text is for people."""

    def __init__(self, code: LinkCode, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Link:
    """`page` is what stands before the `#`; `host` is the server's if the page comes from elsewhere. `owner`: first half
    of SHA-256 of the owner's key, zeros for nobody.
    """

    secret: SecretBytes
    page: str = ""
    host: str | None = None
    owner: bytes = bytes(OWNER_BYTES)

    @classmethod
    def make(cls, page: str = "", host: str | None = None) -> "Link":
        """A new room's. `page` is the URL that people open."""
        return cls(SecretBytes(secrets.token_bytes(SECRET_BYTES)), page, host)

    @classmethod
    def parse(cls, text: str) -> "Link":
        """Raises LinkError. White space around the link is a habit of messengers and forgiven."""
        found = _Parts.read(text)
        if found.is_apart:
            raise LinkError(LinkCode.APART, "the link comes without its key, which is to be sent another way")
        return cls(SecretBytes(found.secret), found.page, found.host, found.owner)

    @classmethod
    def join(cls, text: str, key: str) -> "Link":
        """Of a link without key and its key. Raises LinkError."""
        found = _Parts.read(text)
        data = _decode(key.strip())
        if not found.is_apart or data is None or len(data) != SECRET_BYTES + CHECK_BYTES:
            raise _wrong_key()
        secret = _xor(found.secret, data[:SECRET_BYTES])
        if not secrets.compare_digest(_check(_body(0, secret, found.owner)), data[SECRET_BYTES:]):
            raise _wrong_key()
        return cls(SecretBytes(secret), found.page, found.host, found.owner)

    def split(self) -> tuple[str, str]:
        """A link without key, and the key: neither gives anything of the room away. Others each time."""
        secret, share = self.secret.reveal(), secrets.token_bytes(SECRET_BYTES)
        key = _xor(secret, share) + _check(_body(0, secret, self.owner))
        return self._text(_body(APART, share, self.owner)), _encode(key)

    @property
    def room_id(self) -> str:
        """What the server knows the room by."""
        return room_id(self.secret.reveal())

    @property
    def server(self) -> str | None:
        """The server's origin, such as https://sfu.example.org; None if the link names none.

        A page from elsewhere names a host alone: that is reached by HTTPS, on loopback by HTTP.
        """
        if self.host:
            return f"{'http' if is_loopback(self.host) else 'https'}://{self.host}"
        try:
            parts = urlsplit(self.page)
        except ValueError:
            return None
        return (
            f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} and parts.netloc else None
        )

    def reveal(self) -> str:
        """The whole link, secret and all: for the people who shall meet, and for nobody else."""
        return self._text(_body(0, self.secret.reveal(), self.owner))

    def _text(self, body: bytes) -> str:
        return f"{self.page}#{_encode(body + _check(body))}{f'@{self.host}' if self.host else ''}"


def needs_key(text: str) -> bool:
    """Whether a link comes without its key. Raises LinkError."""
    return _Parts.read(text).is_apart


def room_of(room_or_link: str) -> str:
    """The room id that a link stands for; a room id stands for itself. Raises LocalError for anything else."""
    if "#" in room_or_link:
        return Link.parse(room_or_link).room_id
    if not _ROOM.fullmatch(room_or_link):
        raise LocalError(
            "a room id has 1 to 128 letters, digits, - and _; a link has a # before its secret part"
        )
    return room_or_link


def room_id(secret: bytes) -> str:
    derived = HKDF(algorithm=SHA256(), length=ROOM_ID_BYTES, salt=None, info=ROOM_ID_INFO).derive(secret)
    return _encode(derived)


@dataclass(frozen=True)
class _Parts:
    """Of a link, whole or without its key: then `secret` is a share of it."""

    page: str
    host: str | None
    secret: bytes = field(repr=False)
    owner: bytes
    is_apart: bool

    @classmethod
    def read(cls, text: str) -> "_Parts":
        """Raises LinkError."""
        page, mark, rest = text.strip().partition("#")
        fragment, at, host = rest.partition("@")
        if not mark or (at and not _HOST.fullmatch(host)):
            raise _cut()
        body = _read_body(fragment)
        secret, owner = body[3 : 3 + SECRET_BYTES], body[3 + SECRET_BYTES :]
        return cls(page, host or None, secret, owner, is_apart=body[2] == APART)


def _body(flags: int, secret: bytes, owner: bytes) -> bytes:
    return bytes((VERSION, SUITE, flags)) + secret + owner


def _read_body(fragment: str) -> bytes:
    """The version goes first, as it says how to read the rest; then the check, so that a slip of the keyboard is not
    taken for another suite or a flag.
    """
    data = _decode(fragment)
    if data is None:
        raise LinkError(LinkCode.CUT, "the part of the link after # is not base64url: was all of it copied?")
    if data and data[0] != VERSION:
        raise LinkError(LinkCode.VERSION, f"the link is of version {data[0]}, which this sfu does not know")
    body, check = data[:_BODY_BYTES], data[_BODY_BYTES:]
    if len(body) != _BODY_BYTES or _encode(data) != fragment or _check(body) != check:
        raise _cut()
    if body[1] != SUITE:
        raise LinkError(
            LinkCode.SUITE, f"the link asks for cipher suite {body[1]}, which this sfu does not have"
        )
    if body[2] not in {0, APART}:
        raise LinkError(LinkCode.FLAGS, "the link asks for a guard that this sfu does not have: update it")
    return body


def _check(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()[:CHECK_BYTES]


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _wrong_key() -> LinkError:
    return LinkError(
        LinkCode.KEY, "the key does not fit the link: one character may be wrong, or it is another's"
    )


def _cut() -> LinkError:
    return LinkError(LinkCode.CUT, "the link is incomplete or mistyped: its check does not fit")


def is_loopback(host: str) -> bool:
    """Of a host, with or without port."""
    name = re.sub(r":[0-9]+$", "", host).strip("[]")
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def _decode(text: str) -> bytes | None:
    """None if it is no base64url. Whether it is in its canonical form the caller sees by encoding again."""
    # A length of 4n + 1 is no number of bytes.
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        return None
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
