"""The link to a room (E2EE.md, "The link"), as far as the server's operator needs it: link in, room id out.

After `#`: base64url(version ‖ suite ‖ flags ‖ 32-byte secret ‖ 16-byte hash of the owner's key ‖ 4-byte check), and
`@server` behind it where the page comes from elsewhere. The secret never leaves this function.
"""

import base64
import binascii
import hashlib
import re

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sfu.errors import LocalError

VERSION = 0
BODY_BYTES = 1 + 1 + 1 + 32 + 16
CHECK_BYTES = 4
ROOM_ID_BYTES = 16
ROOM_ID_INFO = b"sfu/0 room"

_ROOM = re.compile(r"[A-Za-z0-9_-]{1,128}")


def room_of(room_or_link: str) -> str:
    """The room id that a link stands for; a room id stands for itself. Raises LocalError for anything else."""
    if "#" in room_or_link:
        return room_id(_secret(room_or_link.partition("#")[2].partition("@")[0]))
    if not _ROOM.fullmatch(room_or_link):
        raise LocalError(
            "a room id has 1 to 128 letters, digits, - and _; a link has a # before its secret part"
        )
    return room_or_link


def room_id(secret: bytes) -> str:
    derived = HKDF(algorithm=SHA256(), length=ROOM_ID_BYTES, salt=None, info=ROOM_ID_INFO).derive(secret)
    return _encode(derived)


def _secret(fragment: str) -> bytes:
    try:
        data = base64.b64decode(fragment + "=" * (-len(fragment) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise LocalError("the part of the link after # is not base64url: was all of it copied?") from None
    if data and data[0] != VERSION:
        raise LocalError(f"the link is of version {data[0]}, which this sfu does not know")
    body, check = data[:BODY_BYTES], data[BODY_BYTES:]
    if (
        len(data) != BODY_BYTES + CHECK_BYTES
        or _encode(data) != fragment
        or hashlib.sha256(body).digest()[:CHECK_BYTES] != check
    ):
        raise LocalError("the link is incomplete or mistyped: its check does not fit")
    return body[3:35]


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
