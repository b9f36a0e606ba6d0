# The engine's commands and events in Python's terms: what `sfu._native` sends to a worker and what the tests give to an engine.
# Included, not imported: it is compiled into each of the two modules.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

import functools
import socket
from collections import namedtuple


cdef extern from "core/address.h":
    ctypedef struct net_address:
        uint8_t ip[16]
        uint16_t port
        uint16_t is_ipv6

cdef extern from "media/ice.h":
    ctypedef struct ice_path:
        net_address remote
        uint32_t local
    ctypedef struct ice_credentials:
        char ufrag[33]
        char password[65]

cdef extern from "core/rtp_ext.h":
    enum:
        RTP_EXT_KINDS

cdef extern from "media/stats.h":
    ctypedef struct engine_stats:
        uint64_t datagrams_received
        uint64_t datagrams_unknown
        uint64_t stun_refused
        uint64_t dtls_dropped
        uint64_t srtp_refused
        uint64_t rtp_received
        uint64_t rtp_unlatched
        uint64_t rtp_duplicate
        uint64_t rtp_recovered
        uint64_t rtp_padding
        uint64_t rtcp_received
        uint64_t rtcp_malformed
        uint64_t packets_sent
        uint64_t bytes_sent
        uint64_t messages_sent
        uint64_t retransmissions_sent
        uint64_t nacks_ignored
        uint64_t pool_exhausted
        uint64_t history_evicted
        uint64_t handoff_dropped
        uint64_t queue_flushed
        uint64_t oversize_dropped
        uint64_t key_frames_requested
        uint64_t run_lengths[7]
        uint32_t packets_free
        uint32_t packets_total
        uint32_t transports
        uint32_t departures_queued

cdef extern from "media/engine.h":
    enum:
        ENGINE_MAX_CODECS
        ENGINE_MAX_LAYERS
        ENGINE_MAX_DATAGRAM
    enum:
        COMMAND_TRANSPORT_OPEN
        COMMAND_TRANSPORT_RESTART
        COMMAND_TRANSPORT_KEYS
        COMMAND_TRANSPORT_DTLS
        COMMAND_TRANSPORT_PAYLOADS
        COMMAND_TRANSPORT_PACING
        COMMAND_TRANSPORT_CLOSE
        COMMAND_TRACK_ADD
        COMMAND_TRACK_REMOVE
        COMMAND_SLOT_ADD
        COMMAND_SLOT_SOURCE
        COMMAND_TRANSPORT_TRACE
    ctypedef struct payload_mapping:
        uint8_t payload_type
        uint8_t rtx_payload_type
        uint8_t codec
        uint8_t envelope
        uint32_t clock_rate
    # Members of command's union: the names of these structs never reach C.
    ctypedef struct command_ice:
        ice_credentials local
        ice_credentials remote
    ctypedef struct command_keys:
        int profile
        uint8_t local_key[32]
        uint8_t local_salt[14]
        uint8_t remote_key[32]
        uint8_t remote_salt[14]
    ctypedef struct command_dtls:
        uint16_t length
        uint8_t bytes[1500]
    ctypedef struct command_payloads:
        uint8_t count
        payload_mapping mappings[8]
        uint8_t extension_ids[64]
        uint32_t send_extensions
    ctypedef struct command_pacing:
        uint64_t bps
    ctypedef struct command_trace:
        int mode
    ctypedef struct command_track:
        uint32_t source
        int kind
        char mid[17]
        uint8_t layer_count
        char rids[3][17]
        uint32_t ssrcs[3]
        uint32_t rtx_ssrcs[3]
    ctypedef struct command_untrack:
        uint32_t source
    ctypedef struct command_slot:
        uint16_t slot
        int kind
        uint32_t ssrc
        uint32_t rtx_ssrc
        char cname[32]
    ctypedef struct command_fill:
        uint16_t slot
        uint32_t source
        uint8_t home
        uint8_t layer
    ctypedef struct command:
        int type
        uint32_t transport
        command_ice ice
        command_keys keys
        command_dtls dtls
        command_payloads payloads
        command_pacing pacing
        command_trace trace
        command_track track
        command_untrack untrack
        command_slot slot
        command_fill fill
    ctypedef struct event:
        int type
        uint32_t transport
        uint16_t slot
        uint32_t source
        uint8_t layer
        uint8_t level
        ice_path path
        uint16_t length
        uint8_t bytes[1500]

# Positions are the values of rtp_ext_kind, codec_envelope and event_type.
EXTENSIONS = (
    "none", "audio-level", "csrc-level", "abs-send-time", "transport-cc", "mid", "rid", "repaired-rid", "toffset",
    "orientation", "playout-delay", "content-type", "timing", "color-space", "dependency-descriptor",
    "abs-capture-time",
)  # fmt: skip
ENVELOPES = ("opaque", "vp8", "vp9", "h264", "av1")
EVENTS = (
    "none", "connected", "disconnected", "path", "secured", "closed", "dtls", "slot_filled", "audio_level", "trace",
)  # fmt: skip
TRACE_MODES = ("off", "events", "packets")  # of media/trace.h
assert len(EXTENSIONS) == RTP_EXT_KINDS

Event = namedtuple("Event", "type transport slot source path data layer level")


@functools.lru_cache(maxsize=4096)
def _pack_ip(text):
    if ":" in text:
        return socket.inet_pton(socket.AF_INET6, text), 1
    return bytes(10) + b"\xff\xff" + socket.inet_pton(socket.AF_INET, text), 0


@functools.lru_cache(maxsize=4096)
def _unpack_ip(data, is_ipv6):
    if is_ipv6:
        return socket.inet_ntop(socket.AF_INET6, data)
    return socket.inet_ntop(socket.AF_INET, data[12:])


cdef int _set_path(ice_path *path, uint32_t local, remote) except -1:
    memset(path, 0, sizeof(ice_path))
    packed, is_ipv6 = _pack_ip(remote[0])
    memcpy(path.remote.ip, <const char *><bytes>packed, 16)
    path.remote.port = remote[1]
    path.remote.is_ipv6 = is_ipv6
    path.local = local
    return 0


cdef tuple _remote(const ice_path *path):
    return _unpack_ip((<const char *>path.remote.ip)[:16], path.remote.is_ipv6), path.remote.port


# A text that fills its field is not terminated: the engine must see that for itself.
cdef int _set_text(char *field, size_t capacity, text) except -1:
    data = text.encode() if isinstance(text, str) else bytes(text)
    if <size_t>len(data) > capacity:
        raise ValueError(f"text of {len(data)} bytes for a field of {capacity}")
    memcpy(field, <const char *><bytes>data, len(data))
    return 0


cdef int _set_bytes(uint8_t *field, size_t capacity, data) except -1:
    if <size_t>len(data) > capacity:
        raise ValueError(f"{len(data)} bytes for a field of {capacity}")
    data = bytes(data)
    memcpy(field, <const char *><bytes>data, len(data))
    return 0



# ---- commands ----


cdef int _begin(command *order, int type, transport) except -1:
    memset(order, 0, sizeof(command))
    order.type = type
    order.transport = transport
    return 0


cdef int _fill_ice(command *order, int type, transport, ufrag, password, remote_ufrag, remote_password) except -1:
    _begin(order, type, transport)
    _set_text(order.ice.local.ufrag, 33, ufrag)
    _set_text(order.ice.local.password, 65, password)
    _set_text(order.ice.remote.ufrag, 33, remote_ufrag)
    _set_text(order.ice.remote.password, 65, remote_password)
    return 0


cdef int _fill_keys(command *order, transport, profile, local_key, local_salt, remote_key, remote_salt) except -1:
    _begin(order, COMMAND_TRANSPORT_KEYS, transport)
    order.keys.profile = profile
    _set_bytes(order.keys.local_key, 32, local_key)
    _set_bytes(order.keys.local_salt, 14, local_salt)
    _set_bytes(order.keys.remote_key, 32, remote_key)
    _set_bytes(order.keys.remote_salt, 14, remote_salt)
    return 0


cdef int _fill_dtls(command *order, transport, data, length) except -1:
    _begin(order, COMMAND_TRANSPORT_DTLS, transport)
    order.dtls.length = length
    _set_bytes(order.dtls.bytes, ENGINE_MAX_DATAGRAM, data)
    return 0


cdef int _fill_payloads(command *order, transport, mappings, extension_ids, send_extensions, count) except -1:
    cdef size_t i
    _begin(order, COMMAND_TRANSPORT_PAYLOADS, transport)
    if len(mappings) > ENGINE_MAX_CODECS:
        raise ValueError(f"{len(mappings)} payload mappings where {ENGINE_MAX_CODECS} are the most")
    order.payloads.count = count
    for i, (payload_type, rtx_payload_type, codec, envelope, clock_rate) in enumerate(mappings):
        order.payloads.mappings[i].payload_type = payload_type
        order.payloads.mappings[i].rtx_payload_type = rtx_payload_type
        order.payloads.mappings[i].codec = codec
        order.payloads.mappings[i].envelope = envelope if isinstance(envelope, int) else ENVELOPES.index(envelope)
        order.payloads.mappings[i].clock_rate = clock_rate
    for name, identifier in extension_ids.items():
        order.payloads.extension_ids[<size_t>EXTENSIONS.index(name)] = identifier
    for name in send_extensions:
        order.payloads.send_extensions |= 1 << EXTENSIONS.index(name)
    return 0


cdef int _fill_pacing(command *order, transport, bps) except -1:
    _begin(order, COMMAND_TRANSPORT_PACING, transport)
    order.pacing.bps = bps
    return 0


cdef int _fill_trace(command *order, transport, mode) except -1:
    _begin(order, COMMAND_TRANSPORT_TRACE, transport)
    order.trace.mode = TRACE_MODES.index(mode)
    return 0


cdef int _fill_track(command *order, transport, source, kind, mid, rids, ssrcs, rtx_ssrcs, layers) except -1:
    cdef size_t i
    _begin(order, COMMAND_TRACK_ADD, transport)
    if max(len(rids), len(ssrcs), len(rtx_ssrcs)) > ENGINE_MAX_LAYERS:
        raise ValueError(f"more than {ENGINE_MAX_LAYERS} layers")
    order.track.source = source
    order.track.kind = kind
    order.track.layer_count = max(1, len(rids)) if layers is None else layers
    _set_text(order.track.mid, 17, mid)
    for i, rid in enumerate(rids):
        _set_text(order.track.rids[i], 17, rid)
    for i, ssrc in enumerate(ssrcs):
        order.track.ssrcs[i] = ssrc
    for i, ssrc in enumerate(rtx_ssrcs):
        order.track.rtx_ssrcs[i] = ssrc
    return 0


cdef int _fill_untrack(command *order, transport, source) except -1:
    _begin(order, COMMAND_TRACK_REMOVE, transport)
    order.untrack.source = source
    return 0


cdef int _fill_slot(command *order, transport, slot, kind, ssrc, rtx_ssrc, cname) except -1:
    _begin(order, COMMAND_SLOT_ADD, transport)
    order.slot.slot = slot
    order.slot.kind = kind
    order.slot.ssrc = ssrc
    order.slot.rtx_ssrc = rtx_ssrc
    _set_text(order.slot.cname, 32, cname)
    return 0


cdef int _fill_source(command *order, transport, slot, source, home, layer) except -1:
    _begin(order, COMMAND_SLOT_SOURCE, transport)
    order.fill.slot = slot
    order.fill.source = source
    order.fill.home = home
    order.fill.layer = layer
    return 0


cdef _event(event *happened):
    path = (happened.path.local, _remote(&happened.path))
    data = (<const char *>happened.bytes)[: happened.length]
    return Event(
        EVENTS[happened.type], happened.transport, happened.slot, happened.source, path, data, happened.layer,
        happened.level,
    )
