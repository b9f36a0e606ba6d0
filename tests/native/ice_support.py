"""STUN messages made without any of our code, as a browser would send them or as nobody should."""

import hmac
import zlib
from struct import pack

from sfu._testing import stun
from sfu._testing.ice import Credentials, Path

USERNAME, INTEGRITY, ERROR_CODE, XOR_MAPPED_ADDRESS = 0x0006, 0x0008, 0x0009, 0x0020
PRIORITY, USE_CANDIDATE, FINGERPRINT = 0x0024, 0x0025, 0x8028
ICE_CONTROLLED, ICE_CONTROLLING = 0x8029, 0x802A
REQUEST, INDICATION, SUCCESS, ERROR = 0x0001, 0x0011, 0x0101, 0x0111

SERVER = Credentials("srv0", "serverpasswordserverpw")
CLIENT = Credentials("client00", "clientpasswordclientpass")
TRANSACTION = bytes(range(12))

MS = 1000
SECOND = 1_000_000


def home(number: int = 0, local: int = 0) -> Path:
    """Different remote paths, one for every number."""
    return Path("198.51.100.7", 40_000 + number, local)


def attribute(kind: int, value: bytes = b"") -> bytes:
    return pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def seal(
    kind: int,
    attributes: list[bytes],
    password: str | None,
    *,
    fingerprint: bool = True,
    transaction: bytes = TRANSACTION,
) -> bytes:
    """A message with MESSAGE-INTEGRITY, if there is a password, and FINGERPRINT."""

    def framed(body: bytes, more: int) -> bytes:
        return pack("!HHI", kind, len(body) + more, 0x2112A442) + transaction + body

    body = b"".join(attributes)
    if password is not None:
        body += attribute(INTEGRITY, hmac.new(password.encode(), framed(body, 24), "sha1").digest())
    if fingerprint:
        body += attribute(FINGERPRINT, pack("!I", zlib.crc32(framed(body, 8)) ^ 0x5354554E))
    return framed(body, 0)


def request(
    *,
    username: bytes | None = b"srv0:client00",
    password: str | None = SERVER.password,
    nominates: bool = False,
    priority: bool = True,
    role: int | None = ICE_CONTROLLING,
    kind: int = REQUEST,
    more: tuple[bytes, ...] = (),
    fingerprint: bool = True,
    transaction: bytes = TRANSACTION,
) -> bytes:
    """A valid check of the client, but for what is asked to be otherwise."""
    attributes = []
    if username is not None:
        attributes.append(attribute(USERNAME, username))
    if priority:
        attributes.append(attribute(PRIORITY, pack("!I", 0x6E7F00FF)))
    if role is not None:
        attributes.append(attribute(role, bytes(8)))
    if nominates:
        attributes.append(attribute(USE_CANDIDATE))
    return seal(kind, [*attributes, *more], password, fingerprint=fingerprint, transaction=transaction)


def success(
    transaction: bytes, password: str = SERVER.password, *, mapped: bool = True, fingerprint: bool = True
) -> bytes:
    address = attribute(XOR_MAPPED_ADDRESS, bytes.fromhex("0001b9525e12e7c6"))
    return seal(
        SUCCESS, [address] if mapped else [], password, fingerprint=fingerprint, transaction=transaction
    )


def refusal(transaction: bytes, code: int, password: str = SERVER.password) -> bytes:
    value = pack("!HBB", 0, code // 100, code % 100)
    return seal(ERROR, [attribute(ERROR_CODE, value)], password, transaction=transaction)


def code_of(response: bytes) -> int:
    """0 for a success. The response must be authentic and carry FINGERPRINT."""
    message = stun.parse(response)
    assert stun.check_integrity(response, SERVER.password.encode())
    assert message["has_fingerprint"]
    assert message["type"] == (ERROR if message["error_code"] else SUCCESS)
    return message["error_code"]
