from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypedDict

NEVER: int
MAX_RUN: int
MAX_RUN_BYTES: int
TURN_PACKETS: int
MAX_SLOTS: int
MAX_TRACKS: int
AUDIO: int
VIDEO: int
EXTENSIONS: tuple[str, ...]
ENVELOPES: tuple[str, ...]
EVENTS: tuple[str, ...]

class Datagram(NamedTuple):
    """One datagram of a message: number `segment` of `segments`, in the `message`-th message of its poll."""

    local: int
    remote: tuple[str, int]
    data: bytes
    transport: int
    message: int
    segment: int
    segments: int
    segment_bytes: int

class Event(NamedTuple):
    """`type` is one of EVENTS; what the type does not use is left as it was."""

    type: str
    transport: int
    slot: int
    source: int
    path: tuple[int, tuple[str, int]]
    data: bytes
    layer: int
    level: int

class Stats(TypedDict):
    datagrams_received: int
    datagrams_unknown: int
    stun_refused: int
    dtls_dropped: int
    srtp_refused: int
    rtp_received: int
    rtp_unlatched: int
    rtp_duplicate: int
    rtp_recovered: int
    rtp_padding: int
    rtcp_received: int
    rtcp_malformed: int
    packets_sent: int
    bytes_sent: int
    messages_sent: int
    retransmissions_sent: int
    nacks_ignored: int
    pool_exhausted: int
    history_evicted: int
    handoff_dropped: int
    queue_flushed: int
    oversize_dropped: int
    key_frames_requested: int
    run_lengths: list[int]
    packets_free: int
    packets_total: int
    transports: int
    departures_queued: int

class TransportStats(TypedDict):
    packets_received: int
    bytes_received: int
    packets_sent: int
    bytes_sent: int
    nacks_sent: int
    nacks_received: int
    retransmissions_sent: int
    send_refused: int
    rtt_us: int
    remb_bps: int
    queue_packets: int
    queue_bytes: int

class Handoff:
    """The rings between `engines` engines; sizes are powers of two."""

    def __init__(
        self, engines: int, packets: int = 1024, returns: int = 1024, controls: int = 256
    ) -> None: ...
    @property
    def engines(self) -> int: ...

class Engine:
    """An engine. Every method that does something takes the time; a refused command raises OSError."""

    def __init__(
        self,
        links: Handoff | None = None,
        *,
        index: int = 0,
        max_transports: int = 64,
        packets: int = 4096,
        max_payload_bytes: int = 1232,
        pacing_bps: int = 10_000_000,
        seed: tuple[int, int] = (1, 2),
    ) -> None: ...
    def shut_down(self, now_us: int) -> None: ...
    def on_datagrams(self, now_us: int, batch: Sequence[tuple[bytes, int, tuple[str, int], int]]) -> None:
        """Each of `batch` is (bytes, local, (ip, port), arrival_us)."""

    def on_handoff(self, now_us: int) -> None: ...
    def on_blocked(self, local: int) -> None:
        """The socket `local` takes no more; on_writable ends it."""

    def on_writable(self, local: int) -> None: ...
    def on_refused(self, now_us: int, transport: int, datagrams: int, error: int) -> None: ...
    def command(self, now_us: int, type: int, transport: int) -> None:
        """A command with its number given and all else zero, for what is refused."""

    def transport_open(
        self,
        now_us: int,
        transport: int,
        local_ufrag: str,
        local_password: str,
        remote_ufrag: str,
        remote_password: str,
    ) -> None: ...
    def transport_restart(
        self,
        now_us: int,
        transport: int,
        local_ufrag: str,
        local_password: str,
        remote_ufrag: str,
        remote_password: str,
    ) -> None: ...
    def transport_keys(
        self,
        now_us: int,
        transport: int,
        profile: int,
        local_key: bytes,
        local_salt: bytes,
        remote_key: bytes,
        remote_salt: bytes,
    ) -> None: ...
    def transport_dtls(self, now_us: int, transport: int, data: bytes, length: int | None = None) -> None: ...
    def transport_payloads(
        self,
        now_us: int,
        transport: int,
        mappings: Sequence[tuple[int, int, int, str | int, int]],
        extension_ids: Mapping[str, int],
        send_extensions: Iterable[str],
        count: int | None = None,
    ) -> None:
        """`mappings`: (payload type, RTX payload type, codec, envelope, clock rate); extensions by name."""

    def transport_pacing(self, now_us: int, transport: int, bps: int) -> None: ...
    def transport_trace(self, now_us: int, transport: int, mode: str) -> None: ...
    def transport_close(self, now_us: int, transport: int) -> None: ...
    def track_add(
        self,
        now_us: int,
        transport: int,
        source: int,
        kind: int,
        mid: str = "",
        rids: Sequence[str] = (),
        ssrcs: Sequence[int] = (),
        rtx_ssrcs: Sequence[int] = (),
        layers: int | None = None,
    ) -> None: ...
    def track_remove(self, now_us: int, transport: int, source: int) -> None: ...
    def slot_add(
        self, now_us: int, transport: int, slot: int, kind: int, ssrc: int, rtx_ssrc: int = 0, cname: str = ""
    ) -> None: ...
    def slot_source(
        self, now_us: int, transport: int, slot: int, source: int, home: int = 0, layer: int = 0
    ) -> None: ...
    def poll(self, now_us: int, capacity: int = 64) -> list[Datagram]:
        """What one engine_poll gives, cut into datagrams as the kernel would."""

    def next_deadline_us(self) -> int: ...
    def take_wakeups(self) -> list[int]:
        """Indices of the engines to be woken."""

    def next_events(self) -> list[Event]: ...
    def next_trace(self) -> tuple[int, bytes] | None: ...
    def stats(self) -> Stats: ...
    def transport_stats(self, transport: int) -> TransportStats: ...
