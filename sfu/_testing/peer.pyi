"""The client role: one simulated participant, driven by datagrams and time. Times are µs on the caller's clock."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias, TypedDict

Address: TypeAlias = tuple[str, int]

EXTENSIONS: dict[str, int]
"""Names that `send_extensions` and `receive_extensions` take."""

class Layer(NamedTuple):
    """One simulcast layer, or the only stream of a video source. `stream` names it in payloads; 0: the SSRC."""

    ssrc: int
    rtx_ssrc: int = 0
    stream: int = 0
    rid: str = ""
    bitrate_bps: int = 500_000
    first_sequence: int = 0
    first_timestamp: int = 0

class Observation(NamedTuple):
    """One authenticated packet of an expected stream; from `stream` on it is what the payload says of itself:
    packet `packet` of the `packets` of its frame.
    """

    arrival_us: int
    ssrc: int
    sequence: int
    timestamp: int
    marker: bool
    payload_type: int
    payload_bytes: int
    transport_sequence: int | None
    recovered: bool
    fresh: bool
    intact: bool
    stream: int
    source_sequence: int
    frame: int
    packet: int
    packets: int
    key: bool
    capture_us: int

class SourceStats(TypedDict):
    packets: int
    frames: int
    key_frames: int
    captures_skipped: int

class SenderStats(TypedDict):
    packets: int
    bytes: int
    retransmissions: int
    nacks_received: int
    nacks_unknown: int
    key_frame_requests: int
    reports_received: int
    highest_reported: int
    cumulative_lost: int
    fraction_lost: int

class StreamStats(TypedDict):
    """Counters of one incoming stream: what a network may do, what only a faulty server does, latest values."""

    packets: int
    bytes: int
    padding: int
    recovered: int
    duplicates: int
    late: int
    too_late: int
    missing: int
    frames: int
    frames_complete: int
    frames_lost: int
    frames_decoded: int
    key_frames: int
    splices: int

    corrupt: int
    inconsistent: int
    wrong_payload_type: int
    marker_errors: int
    timestamp_errors: int
    numbering_errors: int
    repeated_frames: int
    chain_breaks: int

    first_us: int
    last_us: int
    decoded_us: int
    longest_gap_us: int
    delay_us: int
    longest_delay_us: int
    stream: int
    frame: int
    highest_sequence: int

class ReceiverStats(StreamStats):
    nacks_sent: int
    nacks_abandoned: int
    key_frames_requested: int
    sender_reports: int
    sr_arrival_us: int
    sr_ntp: int
    sr_rtp_timestamp: int
    jitter: int

class PeerStats(TypedDict):
    datagrams_received: int
    bytes_received: int
    datagrams_sent: int
    bytes_sent: int
    foreign: int
    unexpected: int
    unkeyed: int
    malformed: int
    unauthentic: int
    replayed: int
    rtp_received: int
    rtcp_received: int
    unknown_ssrc: int
    rtx_padding: int
    rtx_malformed: int
    transport_feedback_sent: int
    transport_feedback_received: int
    transport_received: int
    transport_lost: int
    transport_unknown: int
    reports_sent: int
    retransmissions_dropped: int
    send_errors: int
    rtt_us: int
    remb_bps: int
    byes_received: int
    connected: bool
    ready: bool

class Peer:
    def __init__(
        self,
        *,
        seed: int = 0,
        connected: bool = False,
        local_ufrag: str = "",
        local_password: str = "",
        remote_ufrag: str = "",
        remote_password: str = "",
        server: Address = ("10.0.0.1", 5000),
        socket: int = 0,
        start_us: int = 0,
        cname: str = "peer",
        feedback_ssrc: int = 1,
        send_extensions: Mapping[str, int] | None = None,
        receive_extensions: Mapping[str, int] | None = None,
        clock_offset_us: int = 0,
        clock_skew_ppm: int = 0,
        report_interval_us: int = 1_000_000,
        answer_nacks: bool = True,
        send_nacks: bool = True,
        send_key_frame_requests: bool = True,
        respond_to_key_frame_requests: bool = True,
        observations: int = 0,
    ) -> None:
        """`connected`: without ICE, the path may be used at once. `socket` is the index of the client's socket."""
    def set_keys(
        self, profile: int, local_key: bytes, local_salt: bytes, remote_key: bytes, remote_salt: bytes
    ) -> None:
        """SRTP keys: `local` is what this peer protects with."""
    def set_path(self, now_us: int, local: int, server: Address) -> None: ...
    def add_audio(
        self,
        ssrc: int,
        *,
        stream: int = 0,
        mid: str = "",
        payload_type: int = 111,
        frames_per_second: int = 50,
        payload_bytes: int = 80,
        level: int = 30,
        voice: bool = True,
        first_sequence: int = 0,
        first_timestamp: int = 0,
        phase_us: int = 0,
    ) -> int:
        """The source's index."""
    def add_video(
        self,
        layers: Sequence[Layer],
        *,
        mid: str = "",
        payload_type: int = 96,
        rtx_payload_type: int = 97,
        frames_per_second: int = 30,
        max_packet_bytes: int = 1100,
        key_size_percent: int = 500,
        key_interval: int = 0,
        size_spread_percent: int = 0,
        phase_us: int = 0,
        orientation: int = 0,
        playout_delay: bytes = b"",
        color_space: bytes = b"",
    ) -> int:
        """The source's index."""
    def set_muted(self, index: int, muted: bool) -> None: ...
    def set_layer_active(self, index: int, layer: int, active: bool) -> None: ...
    def set_audio_level(self, index: int, level: int, voice: bool = True) -> None: ...
    def make_key_frame(self, index: int) -> None:
        """As if the application had asked its encoder."""
    def source_stats(self, index: int) -> SourceStats: ...
    def expect_stream(
        self,
        ssrc: int,
        *,
        video: bool,
        payload_type: int,
        rtx_ssrc: int = 0,
        rtx_payload_type: int = 0,
        clock_rate: int = 0,
    ) -> None:
        """`clock_rate` 0: 90000 for video, 48000 for audio."""
    def request_key_frame(self, now_us: int, ssrc: int) -> None:
        """Asks the server for a key frame of an expected stream."""
    def on_datagram(self, now_us: int, local: int, address: Address, data: bytes) -> None: ...
    def poll(self, now_us: int) -> list[tuple[int, Address, bytes]]:
        """All that is due: the client's socket, the destination, the bytes."""
    def next_deadline_us(self) -> int:
        """When to poll even if nothing comes in; 2^64 - 1: never; not above now: at once."""
    def stats(self) -> PeerStats: ...
    def sender_stats(self, ssrc: int) -> SenderStats: ...
    def receiver_stats(self, ssrc: int) -> ReceiverStats: ...
    def observations(self) -> list[Observation]:
        """Those not yet taken, oldest first."""

class Lite:
    """The server's side of ICE and nothing else, to answer a Peer."""

    def __init__(self, ufrag: str, password: str, remote_ufrag: str, remote_password: str) -> None: ...
    def on_stun(self, now_us: int, local: int, address: Address, data: bytes) -> bytes:
        """The response, or nothing."""
    def selected(self) -> tuple[int, Address] | None: ...
