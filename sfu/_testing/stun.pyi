"""STUN with its CRC and MAC. What C reports as -EXXX is raised as OSError."""

from typing import Final, TypedDict

MAX_BYTES: Final[int]
MAX_UNKNOWN_ATTRIBUTES: Final[int]
ROLE_NONE: Final[int]
ROLE_CONTROLLING: Final[int]
ROLE_CONTROLLED: Final[int]

class Message(TypedDict):
    """`struct stun_message`, with None for what is absent."""

    type: int
    transaction_id: bytes
    username: bytes | None
    priority: int | None
    use_candidate: bool
    role: int
    tie_breaker: int
    mapped_address: tuple[str, int] | None
    error_code: int
    integrity_offset: int
    has_fingerprint: bool
    unknown: list[int]

def crc32_of(data: bytes) -> int: ...
def hmac_sha1(key: bytes, head: bytes, tail: bytes = b"") -> bytes: ...
def parse(data: bytes) -> Message: ...
def check_integrity(data: bytes, key: bytes) -> bool:
    """stun_parse, then stun_check_integrity."""

def build_success(transaction_id: bytes, mapped: tuple[str, int], key: bytes, capacity: int = ...) -> bytes:
    """Each of these returns no bytes where `capacity` is too small."""

def build_error(
    transaction_id: bytes, code: int, unknown: list[int], key: bytes, capacity: int = ...
) -> bytes: ...
def build_request(
    transaction_id: bytes,
    username: bytes,
    priority: int,
    key: bytes,
    use_candidate: bool = False,
    role: int = ...,
    tie_breaker: int = 0,
    capacity: int = ...,
) -> bytes: ...
