from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

class Event(NamedTuple):
    """What happened to a transport."""

    type: str  # connected, disconnected, path, secured, closed, dtls, slot_filled, audio_level, trace
    transport: int
    slot: int  # of slot_filled
    source: int  # of slot_filled, 0: the slot is empty; of audio_level
    path: tuple[int, tuple[str, int]]  # local index, (ip, port): of connected and path
    data: bytes  # of dtls: one datagram; of trace: records (native/media/trace.h)
    layer: int  # of slot_filled
    level: int  # of audio_level: -dBov (RFC 6464), smoothed; 127: silent

class Refusal(NamedTuple):
    """A command that the engine refused; it changed nothing."""

    command: str
    transport: int
    errno: int

EXTENSIONS: tuple[str, ...]
ENVELOPES: tuple[str, ...]

def backend() -> str: ...

class Workers:
    count: int
    address_count: int
    tcp: bool
    def __init__(
        self,
        *,
        count: int,
        addresses: Sequence[tuple[str, int]],
        tcp: bool,
        socket_buffer_bytes: int,
        max_transports: int,
        packets: int,
        pacing_bps: int,
        seed: bytes,
    ) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def fileno(self) -> int: ...
    def local_address(self, worker: int, address: int, tcp: bool = False) -> tuple[str, int]: ...
    def buffer_bytes(self) -> tuple[int, int]: ...
    def transport_open(
        self,
        worker: int,
        transport: int,
        local_ufrag: str,
        local_password: str,
        remote_ufrag: str,
        remote_password: str,
    ) -> None: ...
    def transport_restart(
        self,
        worker: int,
        transport: int,
        local_ufrag: str,
        local_password: str,
        remote_ufrag: str,
        remote_password: str,
    ) -> None: ...
    def transport_keys(
        self,
        worker: int,
        transport: int,
        profile: int,
        local_key: bytes,
        local_salt: bytes,
        remote_key: bytes,
        remote_salt: bytes,
    ) -> None: ...
    def transport_dtls(self, worker: int, transport: int, data: bytes) -> None: ...
    def transport_payloads(
        self,
        worker: int,
        transport: int,
        mappings: Sequence[tuple[int, int, int, str | int, int]],
        extension_ids: Mapping[str, int],
        send_extensions: Collection[str],
    ) -> None: ...
    def transport_pacing(self, worker: int, transport: int, bps: int) -> None: ...
    def transport_trace(self, worker: int, transport: int, mode: str) -> None: ...
    def transport_close(self, worker: int, transport: int) -> None: ...
    def track_add(
        self,
        worker: int,
        transport: int,
        source: int,
        kind: int,
        mid: str,
        rids: Sequence[str] = (),
        ssrcs: Sequence[int] = (),
        rtx_ssrcs: Sequence[int] = (),
    ) -> None: ...
    def track_remove(self, worker: int, transport: int, source: int) -> None: ...
    def slot_add(
        self, worker: int, transport: int, slot: int, kind: int, ssrc: int, rtx_ssrc: int, cname: str
    ) -> None: ...
    def slot_source(
        self, worker: int, transport: int, slot: int, source: int, home: int, max_layer: int
    ) -> None: ...
    def drain(self) -> list[tuple[int, Event | Refusal]]: ...
    def stats(self, worker: int) -> dict[str, int | tuple[int, ...]]: ...
