"""The client role for pytest: one simulated participant, driven by datagrams and time."""
import ipaddress
import os
from typing import NamedTuple

from libc.stdint cimport int32_t
from libc.string cimport memcpy, memset

include "load.pxi"

cdef extern from "core/address.h" nogil:
    ctypedef struct net_address:
        uint8_t ip[16]
        uint16_t port
        uint16_t is_ipv6
    net_address net_address_ipv4(const uint8_t *, uint16_t)
    net_address net_address_ipv6(const uint8_t *, uint16_t)

cdef extern from "core/rtp_ext.h" nogil:
    int RTP_EXT_AUDIO_LEVEL, RTP_EXT_ABS_SEND_TIME, RTP_EXT_TRANSPORT_CC, RTP_EXT_MID, RTP_EXT_RID
    int RTP_EXT_REPAIRED_RID, RTP_EXT_ORIENTATION, RTP_EXT_ABS_CAPTURE_TIME
    int RTP_EXT_PLAYOUT_DELAY, RTP_EXT_COLOR_SPACE

cdef extern from "core/srtp.h" nogil:
    ctypedef int srtp_profile
    size_t srtp_key_length(srtp_profile)
    size_t srtp_salt_length(srtp_profile)

cdef extern from "core/stun.h" nogil:
    ctypedef struct stun_message:
        pass
    int stun_parse(stun_message *, const uint8_t *, size_t)

cdef extern from "media/ice.h" nogil:
    ctypedef struct ice_path:
        net_address remote
        uint32_t local
    ctypedef struct ice_credentials:
        char ufrag[33]
        char password[65]
    ctypedef struct ice_change:
        pass
    ctypedef struct ice_lite:
        pass
    int ICE_MAX_UFRAG
    int ice_lite_init(ice_lite *, const ice_credentials *, const ice_credentials *)
    size_t ice_lite_on_stun(ice_lite *, uint64_t, const ice_path *, const stun_message *, uint8_t *, size_t,
                            ice_change *)
    const ice_path *ice_lite_selected(const ice_lite *)

cdef extern from "load/send_stream.h" nogil:
    ctypedef struct send_stream_stats:
        uint64_t packets
        uint64_t bytes
        uint64_t retransmissions
        uint64_t nacks_received
        uint64_t nacks_unknown
        uint64_t key_frame_requests
        uint64_t reports_received
        uint32_t highest_reported
        int32_t cumulative_lost
        uint8_t fraction_lost

cdef extern from "load/observation.h" nogil:
    ctypedef struct observation:
        uint64_t arrival_us
        uint32_t ssrc
        uint32_t timestamp
        int64_t sequence
        int32_t transport_sequence
        uint16_t payload_bytes
        uint8_t payload_type
        bint marker
        bint recovered
        bint fresh
        bint intact
        payload_mark mark

cdef extern from "load/peer.h" nogil:
    ctypedef struct peer_config:
        bint connected
        ice_credentials local
        ice_credentials remote
        ice_path path
        uint64_t start_us
        char cname[32]
        uint32_t feedback_ssrc
        uint8_t send_extensions[16]
        uint8_t receive_extensions[16]
        int64_t clock_offset_us
        int32_t clock_skew_ppm
        uint64_t report_interval_us
        bint answer_nacks
        bint send_nacks
        bint send_key_frame_requests
        bint respond_to_key_frame_requests
        size_t observations
    ctypedef struct peer_stats:
        uint64_t datagrams_received
        uint64_t bytes_received
        uint64_t datagrams_sent
        uint64_t bytes_sent
        uint64_t foreign
        uint64_t unexpected
        uint64_t unkeyed
        uint64_t malformed
        uint64_t unauthentic
        uint64_t replayed
        uint64_t rtp_received
        uint64_t rtcp_received
        uint64_t unknown_ssrc
        uint64_t rtx_padding
        uint64_t rtx_malformed
        uint64_t transport_feedback_sent
        uint64_t transport_feedback_received
        uint64_t transport_received
        uint64_t transport_lost
        uint64_t transport_unknown
        uint64_t reports_sent
        uint64_t retransmissions_dropped
        uint64_t send_errors
        uint64_t rtt_us
        uint64_t remb_bps
        uint64_t byes_received
        bint connected
        bint ready
    ctypedef struct peer_receiver_stats:
        stream_stats stream
        uint64_t nacks_sent
        uint64_t nacks_abandoned
        uint64_t key_frames_requested
        uint64_t sender_reports
        uint64_t sr_arrival_us
        uint64_t sr_ntp
        uint32_t sr_rtp_timestamp
        uint32_t jitter
    ctypedef struct peer_stream:
        bint video
        uint32_t ssrc
        uint32_t rtx_ssrc
        uint8_t payload_type
        uint8_t rtx_payload_type
        uint32_t clock_rate
    ctypedef struct peer_datagram:
        const uint8_t *bytes
        size_t length
        uint32_t local
        net_address to
    ctypedef struct peer:
        pass
    peer *peer_create(const peer_config *, uint64_t)
    void peer_destroy(peer *)
    int peer_set_keys(peer *, srtp_profile, const uint8_t *, const uint8_t *, const uint8_t *, const uint8_t *)
    void peer_set_path(peer *, const ice_path *, uint64_t)
    int peer_add_source(peer *, const source_config *)
    source_model *peer_get_source(peer *, int)
    const send_stream_stats *peer_get_sender_stats(const peer *, uint32_t)
    int peer_expect_stream(peer *, const peer_stream *)
    int peer_get_receiver_stats(const peer *, uint32_t, peer_receiver_stats *)
    int peer_request_key_frame(peer *, uint32_t, uint64_t)
    void peer_on_datagram(peer *, uint64_t, uint32_t, const net_address *, const uint8_t *, size_t)
    bint peer_poll(peer *, uint64_t, peer_datagram *)
    uint64_t peer_next_deadline_us(const peer *)
    peer_stats peer_get_stats(const peer *)
    bint peer_take_observation(peer *, observation *)

EXTENSIONS = {
    "audio-level": RTP_EXT_AUDIO_LEVEL,
    "abs-send-time": RTP_EXT_ABS_SEND_TIME,
    "transport-cc": RTP_EXT_TRANSPORT_CC,
    "mid": RTP_EXT_MID,
    "rid": RTP_EXT_RID,
    "repaired-rid": RTP_EXT_REPAIRED_RID,
    "orientation": RTP_EXT_ORIENTATION,
    "abs-capture-time": RTP_EXT_ABS_CAPTURE_TIME,
    "playout-delay": RTP_EXT_PLAYOUT_DELAY,
    "color-space": RTP_EXT_COLOR_SPACE,
}

Address = tuple
# TypedDicts to those who read the stub.
SourceStats = SenderStats = StreamStats = ReceiverStats = PeerStats = dict


class Layer(NamedTuple):
    ssrc: int
    rtx_ssrc: int = 0
    stream: int = 0
    rid: str = ""
    bitrate_bps: int = 500_000
    first_sequence: int = 0
    first_timestamp: int = 0


class Observation(NamedTuple):
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


cdef int check(int result) except -1:
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return 0


# ipaddress costs more than a packet does; a test has few hosts.
cdef dict packed_of_host = {}
cdef dict host_of_packed = {}


cdef net_address parse_address(address) except *:
    host, port = address
    cdef bytes packed = packed_of_host.get(host)
    if packed is None:
        packed = packed_of_host[host] = ipaddress.ip_address(host).packed
    if len(packed) == 4:
        return net_address_ipv4(packed, port)
    return net_address_ipv6(packed, port)


cdef object format_address(const net_address *address):
    cdef bytes packed = (<const uint8_t *> address.ip)[:16] if address.is_ipv6 else address.ip[12:16]
    host = host_of_packed.get(packed)
    if host is None:
        host = host_of_packed[packed] = str(ipaddress.ip_address(packed))
    return host, address.port


cdef int put_text(char *target, size_t capacity, str text) except -1:
    cdef bytes encoded = text.encode("ascii")
    if len(encoded) >= capacity:
        raise ValueError(f"{text!r} is longer than {capacity - 1} characters")
    for i, byte in enumerate(encoded):
        target[i] = <char> byte
    return 0


cdef int put_extension(source_extension *target, bytes data) except -1:
    if len(data) > sizeof(target.bytes):
        raise ValueError(f"at most {sizeof(target.bytes)} bytes")
    target.length = <uint8_t> len(data)
    memcpy(target.bytes, <const char *> data, len(data))
    return 0


cdef int put_extensions(uint8_t *ids, extensions) except -1:
    for name, number in (extensions or {}).items():
        ids[<int> EXTENSIONS[name]] = number
    return 0


cdef class Peer:
    cdef peer *self_

    def __cinit__(self, *, uint64_t seed=0, bint connected=False, str local_ufrag="", str local_password="",
                  str remote_ufrag="", str remote_password="", server=("10.0.0.1", 5000), uint32_t socket=0,
                  uint64_t start_us=0, str cname="peer", uint32_t feedback_ssrc=1, send_extensions=None,
                  receive_extensions=None, int64_t clock_offset_us=0, int32_t clock_skew_ppm=0,
                  uint64_t report_interval_us=1_000_000, bint answer_nacks=True, bint send_nacks=True,
                  bint send_key_frame_requests=True, bint respond_to_key_frame_requests=True,
                  size_t observations=0):
        cdef peer_config config
        memset(&config, 0, sizeof(config))
        config.connected = connected
        put_text(config.local.ufrag, sizeof(config.local.ufrag), local_ufrag)
        put_text(config.local.password, sizeof(config.local.password), local_password)
        put_text(config.remote.ufrag, sizeof(config.remote.ufrag), remote_ufrag)
        put_text(config.remote.password, sizeof(config.remote.password), remote_password)
        config.path.remote = parse_address(server)
        config.path.local = socket
        config.start_us = start_us
        put_text(config.cname, sizeof(config.cname), cname)
        config.feedback_ssrc = feedback_ssrc
        put_extensions(config.send_extensions, send_extensions)
        put_extensions(config.receive_extensions, receive_extensions)
        config.clock_offset_us = clock_offset_us
        config.clock_skew_ppm = clock_skew_ppm
        config.report_interval_us = report_interval_us
        config.answer_nacks = answer_nacks
        config.send_nacks = send_nacks
        config.send_key_frame_requests = send_key_frame_requests
        config.respond_to_key_frame_requests = respond_to_key_frame_requests
        config.observations = observations
        self.self_ = peer_create(&config, seed)
        if self.self_ == NULL:
            raise ValueError("peer_create refused the configuration")

    def __dealloc__(self):
        peer_destroy(self.self_)

    def set_keys(self, int profile, bytes local_key, bytes local_salt, bytes remote_key, bytes remote_salt):
        for key in (local_key, remote_key):
            if len(key) < srtp_key_length(profile):
                raise ValueError("the key is too short for the profile")
        for salt in (local_salt, remote_salt):
            if len(salt) < srtp_salt_length(profile):
                raise ValueError("the salt is too short for the profile")
        check(peer_set_keys(self.self_, profile, local_key, local_salt, remote_key, remote_salt))

    def set_path(self, uint64_t now_us, uint32_t local, server):
        cdef ice_path path
        memset(&path, 0, sizeof(path))
        path.remote = parse_address(server)
        path.local = local
        peer_set_path(self.self_, &path, now_us)

    def add_audio(self, uint32_t ssrc, *, uint32_t stream=0, str mid="", uint8_t payload_type=111,
                  uint32_t frames_per_second=50, uint16_t payload_bytes=80, uint8_t level=30, bint voice=True,
                  uint16_t first_sequence=0, uint32_t first_timestamp=0, uint32_t phase_us=0):
        cdef source_config config
        memset(&config, 0, sizeof(config))
        put_text(config.mid, sizeof(config.mid), mid)
        config.payload_type = payload_type
        config.clock_rate = 48000
        config.frames_per_second = frames_per_second
        config.audio_bytes = payload_bytes
        config.audio_level = level
        config.voice = voice
        config.phase_us = phase_us
        config.layer_count = 1
        config.layers[0].ssrc = ssrc
        config.layers[0].stream = stream or ssrc
        config.layers[0].first_sequence = first_sequence
        config.layers[0].first_timestamp = first_timestamp
        cdef int index = peer_add_source(self.self_, &config)
        check(index)
        return index

    def add_video(self, layers, *, str mid="", uint8_t payload_type=96, uint8_t rtx_payload_type=97,
                  uint32_t frames_per_second=30, uint16_t max_packet_bytes=1100, uint32_t key_size_percent=500,
                  uint32_t key_interval=0, uint32_t size_spread_percent=0, uint32_t phase_us=0,
                  uint8_t orientation=0, bytes playout_delay=b"", bytes color_space=b""):
        cdef source_config config
        memset(&config, 0, sizeof(config))
        if not 1 <= len(layers) <= 3:
            raise ValueError("one to three layers")
        config.video = True
        put_text(config.mid, sizeof(config.mid), mid)
        config.payload_type = payload_type
        config.rtx_payload_type = rtx_payload_type
        config.clock_rate = 90000
        config.frames_per_second = frames_per_second
        config.max_packet_bytes = max_packet_bytes
        config.key_size_percent = key_size_percent
        config.key_interval = key_interval
        config.size_spread_percent = size_spread_percent
        config.phase_us = phase_us
        config.orientation = orientation
        put_extension(&config.playout_delay, playout_delay)
        put_extension(&config.color_space, color_space)
        config.layer_count = len(layers)
        for i, layer in enumerate(layers):
            config.layers[i].ssrc = layer.ssrc
            config.layers[i].rtx_ssrc = layer.rtx_ssrc
            config.layers[i].stream = layer.stream or layer.ssrc
            put_text(config.layers[i].rid, sizeof(config.layers[i].rid), layer.rid)
            config.layers[i].bitrate_bps = layer.bitrate_bps
            config.layers[i].first_sequence = layer.first_sequence
            config.layers[i].first_timestamp = layer.first_timestamp
        cdef int index = peer_add_source(self.self_, &config)
        check(index)
        return index

    cdef source_model *source(self, int index) except NULL:
        cdef source_model *found = peer_get_source(self.self_, index)
        if found == NULL:
            raise IndexError("no such source")
        return found

    def set_muted(self, int index, bint muted):
        source_model_set_muted(self.source(index), muted)

    def set_layer_active(self, int index, uint8_t layer, bint active):
        source_model_set_layer_active(self.source(index), layer, active)

    def set_audio_level(self, int index, uint8_t level, bint voice=True):
        source_model_set_audio_level(self.source(index), level, voice)

    def make_key_frame(self, int index):
        source_model_request_key_frame(self.source(index))

    def source_stats(self, int index):
        return source_model_get_stats(self.source(index))

    def expect_stream(self, uint32_t ssrc, *, bint video, uint8_t payload_type, uint32_t rtx_ssrc=0,
                      uint8_t rtx_payload_type=0, uint32_t clock_rate=0):
        cdef peer_stream stream
        stream.video = video
        stream.ssrc = ssrc
        stream.rtx_ssrc = rtx_ssrc
        stream.payload_type = payload_type
        stream.rtx_payload_type = rtx_payload_type
        stream.clock_rate = clock_rate or (90000 if video else 48000)
        check(peer_expect_stream(self.self_, &stream))

    def request_key_frame(self, uint64_t now_us, uint32_t ssrc):
        check(peer_request_key_frame(self.self_, ssrc, now_us))

    def on_datagram(self, uint64_t now_us, uint32_t local, address, const uint8_t[::1] data):
        cdef net_address remote = parse_address(address)
        # An empty view has no first element.
        peer_on_datagram(self.self_, now_us, local, &remote, &data[0] if data.shape[0] else NULL, data.shape[0])

    def poll(self, uint64_t now_us):
        cdef peer_datagram datagram
        result = []
        while peer_poll(self.self_, now_us, &datagram):
            result.append((datagram.local, format_address(&datagram.to), datagram.bytes[:datagram.length]))
        return result

    def next_deadline_us(self):
        return peer_next_deadline_us(self.self_)

    def stats(self):
        return peer_get_stats(self.self_)

    def sender_stats(self, uint32_t ssrc):
        cdef const send_stream_stats *found = peer_get_sender_stats(self.self_, ssrc)
        if found == NULL:
            raise KeyError(ssrc)
        return found[0]

    def receiver_stats(self, uint32_t ssrc):
        cdef peer_receiver_stats found
        if peer_get_receiver_stats(self.self_, ssrc, &found) < 0:
            raise KeyError(ssrc)
        result = dict(found)
        result.update(result.pop("stream"))
        return result

    def observations(self):
        cdef observation o
        result = []
        while peer_take_observation(self.self_, &o):
            result.append(Observation(
                o.arrival_us, o.ssrc, o.sequence, o.timestamp, bool(o.marker), o.payload_type, o.payload_bytes,
                None if o.transport_sequence < 0 else o.transport_sequence, bool(o.recovered), bool(o.fresh),
                bool(o.intact), o.mark.stream, o.mark.sequence, o.mark.frame, o.mark.index, o.mark.count,
                bool(o.mark.key), o.mark.capture_us,
            ))
        return result


cdef class Lite:
    """The server's side of ICE and nothing else, to answer a Peer."""
    cdef ice_lite self_

    def __cinit__(self, str ufrag, str password, str remote_ufrag, str remote_password):
        cdef ice_credentials local, remote
        memset(&local, 0, sizeof(local))
        put_text(local.ufrag, sizeof(local.ufrag), ufrag)
        put_text(local.password, sizeof(local.password), password)
        memset(&remote, 0, sizeof(remote))
        put_text(remote.ufrag, sizeof(remote.ufrag), remote_ufrag)
        put_text(remote.password, sizeof(remote.password), remote_password)
        check(ice_lite_init(&self.self_, &local, &remote))

    def on_stun(self, uint64_t now_us, uint32_t local, address, bytes data):
        cdef stun_message message
        cdef ice_change change
        cdef uint8_t response[548]
        cdef ice_path path
        memset(&path, 0, sizeof(path))
        path.remote = parse_address(address)
        path.local = local
        if stun_parse(&message, data, len(data)) < 0:
            raise ValueError("not STUN")
        length = ice_lite_on_stun(&self.self_, now_us, &path, &message, response, sizeof(response), &change)
        return response[:length]

    def selected(self):
        cdef const ice_path *path = ice_lite_selected(&self.self_)
        if path == NULL:
            return None
        return path.local, format_address(&path.remote)
