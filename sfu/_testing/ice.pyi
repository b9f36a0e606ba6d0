"""ICE agents and the address table. Times in microseconds. What C reports as -EXXX is raised as OSError."""

from typing import Final, NamedTuple

MAX_ADDRESSES: Final[int]
MAX_UFRAG: Final[int]
MAX_PASSWORD: Final[int]
CONSENT_US: Final[int]
LITE_BYTES: Final[int]
CONTROLLING_BYTES: Final[int]
NEVER: Final[int]

class Path(NamedTuple):
    """Remote address and index of the local socket."""

    host: str
    port: int
    local: int = 0

class Credentials(NamedTuple):
    ufrag: str
    password: str

class Change(NamedTuple):
    """`struct ice_change`: the names of the flags that are set, and the paths where the flags give them a meaning."""

    what: frozenset[str] = ...
    path: Path | None = None
    evicted: Path | None = None

def check_ufrag(ufrag: str) -> None: ...
def check_credentials(credentials: Credentials) -> None: ...

class Lite:
    def __init__(self, local: Credentials, remote_ufrag: str) -> None: ...
    def restart(self, local: Credentials, remote_ufrag: str) -> None: ...
    def on_stun(self, now_us: int, path: Path, data: bytes, capacity: int = ...) -> tuple[bytes, Change]:
        """stun_parse, then ice_lite_on_stun: the response, empty for silence, and the change."""

    def on_timeout(self, now_us: int) -> Change: ...
    def next_deadline_us(self) -> int: ...
    def selected(self) -> Path | None: ...
    def remove_path(self, path: Path) -> Change: ...
    @property
    def addresses(self) -> dict[Path, bool]:
        """The validated paths, and whether each was nominated."""

class Controlling:
    nominating: bool

    def __init__(
        self, local: Credentials, remote: Credentials, path: Path, seed: int, now_us: int
    ) -> None: ...
    def set_path(self, path: Path, now_us: int) -> None: ...
    def on_stun(self, now_us: int, path: Path, data: bytes) -> Change:
        """stun_parse, then ice_controlling_on_stun."""

    def poll(self, now_us: int, capacity: int = ...) -> tuple[bytes, Change]: ...
    def next_deadline_us(self) -> int: ...
    @property
    def tie_breaker(self) -> int: ...
    @property
    def connected(self) -> bool: ...

class Table:
    """None where C answers UINT32_MAX."""

    def __init__(self, capacity: int, seed: tuple[int, int] = ...) -> None: ...
    def add_path(self, path: Path, transport: int) -> None: ...
    def remove_path(self, path: Path) -> None: ...
    def find_path(self, path: Path) -> int | None: ...
    def add_ufrag(self, ufrag: str, transport: int) -> None: ...
    def remove_ufrag(self, ufrag: str) -> None: ...
    def find_username(self, username: bytes) -> int | None: ...
