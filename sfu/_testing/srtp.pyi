from typing import TypedDict

REPLAY_WINDOW: int
MAX_RECEIVE_STREAMS: int

def backend() -> str: ...
def aes_block(key: bytes, block: bytes) -> bytes: ...
def kdf_derive(key: bytes, salt: bytes, label: int, length: int) -> bytes: ...
def key_length(profile: int) -> int: ...
def salt_length(profile: int) -> int: ...

class Gcm:
    def __init__(self, key: bytes) -> None: ...
    def seal(
        self,
        nonce: bytes,
        aad: bytes,
        body: bytes,
        *,
        prefix: bytes = b"",
        suffix: bytes = b"",
        in_place: bool = False,
    ) -> bytes: ...
    def open(
        self, nonce: bytes, aad: bytes, sealed: bytes, *, in_place: bool = False
    ) -> tuple[int, bytes]: ...

class Cm:
    def __init__(self, key: bytes, auth_key: bytes) -> None: ...
    def crypt(
        self, iv: bytes, body: bytes, *, prefix: bytes = b"", suffix: bytes = b"", in_place: bool = False
    ) -> bytes: ...
    def authenticate(self, first: bytes, second: bytes = b"") -> bytes: ...

class Replay:
    def check(self, index: int) -> bool: ...
    def mark(self, index: int) -> None: ...
    @property
    def highest(self) -> int: ...

class Sender:
    def __init__(self, profile: int, key: bytes, salt: bytes) -> None: ...
    @property
    def overhead(self) -> int: ...
    def stream_address(self, ssrc: int) -> int: ...
    def protect(
        self,
        batch: list[tuple[int, bytes, bytes]] | list[tuple[int, bytes, bytes, bytes, bytes]],
        *,
        in_place: bool = False,
    ) -> list[tuple[int, bytes]]: ...
    def protect_rtcp(self, packet: bytes, capacity: int | None = None) -> tuple[int, bytes]: ...

class Header(TypedDict):
    marker: bool
    padding: bool
    has_extension: bool
    payload_type: int
    csrc_count: int
    sequence: int
    timestamp: int
    ssrc: int
    payload_offset: int
    payload_length: int
    padding_length: int

class Opened:
    status: int
    index: int
    packet: bytes
    output: bytes
    header: Header

class Receiver:
    def __init__(self, profile: int, key: bytes, salt: bytes) -> None: ...
    def unprotect(self, batch: list[bytes], *, in_place: bool = False) -> list[Opened]: ...
    def unprotect_rtcp(self, packet: bytes) -> tuple[int, bytes]: ...
