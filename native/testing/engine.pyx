"""One worker of the media plane without its I/O, and the rings that join several: media/engine.h, media/handoff.h."""

cimport cython
from libc.stdint cimport int8_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

import functools
import os
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

cdef extern from "media/handoff.h":
    ctypedef struct handoff:
        pass
    enum:
        HANDOFF_PACKETS
        HANDOFF_RETURNS
        HANDOFF_CONTROLS
    handoff *handoff_create(uint8_t engines, size_t packets, size_t returns, size_t controls)
    void handoff_destroy(handoff *links)
    uint8_t handoff_engines(const handoff *links)

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
    ctypedef struct transport_stats:
        uint64_t packets_received
        uint64_t bytes_received
        uint64_t packets_sent
        uint64_t bytes_sent
        uint64_t nacks_sent
        uint64_t nacks_received
        uint64_t retransmissions_sent
        uint64_t rtt_us
        uint64_t remb_bps
        uint32_t queue_packets
        uint32_t queue_bytes

cdef extern from "media/engine.h":
    ctypedef struct engine:
        pass
    enum:
        ENGINE_MAX_CODECS
        ENGINE_MAX_LAYERS
        ENGINE_MAX_DATAGRAM
        ENGINE_MAX_RUN
        ENGINE_MAX_RUN_BYTES
        ENGINE_TURN_PACKETS
        ENGINE_MAX_SLOTS
        ENGINE_MAX_TRACKS
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
    ctypedef struct engine_config:
        uint8_t index
        uint32_t max_transports
        uint32_t packets
        uint32_t max_payload_bytes
        uint64_t pacing_bps
        uint64_t seed[2]
    ctypedef struct datagram:
        const uint8_t *bytes
        uint32_t length
        ice_path path
        uint64_t arrival_us
    ctypedef struct payload_mapping:
        uint8_t payload_type
        uint8_t rtx_payload_type
        uint8_t codec
        uint8_t envelope
        uint32_t clock_rate
    # Members of command's union: the names of these structs never reach C.
    ctypedef struct command_ice:
        ice_credentials local
        char remote_ufrag[33]
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
        command_track track
        command_untrack untrack
        command_slot slot
        command_fill fill
    ctypedef struct transmit:
        const uint8_t *bytes
        uint32_t length
        uint16_t segment_bytes
        uint16_t segments
        uint32_t transport
        ice_path path
    ctypedef struct event:
        int type
        uint32_t transport
        uint16_t slot
        uint32_t source
        ice_path path
        uint16_t length
        uint8_t bytes[1500]
    engine *engine_create(const engine_config *config, handoff *links)
    void engine_shut_down(engine *self, uint64_t now_us)
    void engine_destroy(engine *self)
    void engine_on_datagrams(engine *self, uint64_t now_us, const datagram *batch, size_t count)
    void engine_on_handoff(engine *self, uint64_t now_us)
    int engine_on_command(engine *self, uint64_t now_us, const command *order)
    size_t engine_poll(engine *self, uint64_t now_us, transmit *messages, size_t capacity)
    uint64_t engine_next_deadline_us(const engine *self)
    uint64_t engine_take_wakeups(engine *self)
    bint engine_next_event(engine *self, event *out)
    const engine_stats *engine_get_stats(const engine *self)
    int engine_get_transport_stats(const engine *self, uint32_t transport, transport_stats *stats)


NEVER = 0xFFFFFFFFFFFFFFFF
MAX_RUN = ENGINE_MAX_RUN
MAX_RUN_BYTES = ENGINE_MAX_RUN_BYTES
TURN_PACKETS = ENGINE_TURN_PACKETS
MAX_SLOTS = ENGINE_MAX_SLOTS
MAX_TRACKS = ENGINE_MAX_TRACKS

AUDIO = 0
VIDEO = 1

# Positions are the values of rtp_ext_kind, codec_envelope and event_type.
EXTENSIONS = (
    "none", "audio-level", "csrc-level", "abs-send-time", "transport-cc", "mid", "rid", "repaired-rid", "toffset",
    "orientation", "playout-delay", "content-type", "timing", "color-space", "dependency-descriptor",
    "abs-capture-time",
)  # fmt: skip
ENVELOPES = ("opaque", "vp8", "vp9", "h264", "av1")
EVENTS = (
    "none", "connected", "disconnected", "path", "secured", "closed", "dtls", "slot_filled",
)  # fmt: skip
assert len(EXTENSIONS) == RTP_EXT_KINDS

Datagram = namedtuple("Datagram", "local remote data transport message segment segments segment_bytes")
Event = namedtuple("Event", "type transport slot source path data")


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


@cython.no_gc
cdef class Handoff:
    """The rings between `engines` engines; sizes are powers of two."""

    cdef handoff *links
    # Engines that Python has let go of. They hold packets of one another, so all are destroyed together, with the rings.
    cdef engine *parked[64]
    cdef size_t parked_count
    cdef uint64_t last_us

    def __cinit__(self, engines, packets=HANDOFF_PACKETS, returns=HANDOFF_RETURNS, controls=HANDOFF_CONTROLS):
        self.links = handoff_create(engines, packets, returns, controls)
        if self.links == NULL:
            raise ValueError("handoff_create refused its arguments")

    def __dealloc__(self):
        cdef size_t i, turn
        for i in range(self.parked_count):
            engine_shut_down(self.parked[i], self.last_us)
        for turn in range(64):
            for i in range(self.parked_count):
                engine_on_handoff(self.parked[i], self.last_us)
        for i in range(self.parked_count):
            engine_destroy(self.parked[i])
        if self.links != NULL:
            handoff_destroy(self.links)

    @property
    def engines(self):
        return handoff_engines(self.links)


# Without the cycle collector's tp_clear, which would let go of the rings before the engine is destroyed.
@cython.no_gc
cdef class Engine:
    """An engine. Every method that does something takes the time; a refused command raises OSError."""

    cdef engine *self_
    cdef Handoff links
    cdef uint64_t last_us

    def __cinit__(self, Handoff links=None, *, index=0, max_transports=64, packets=4096, max_payload_bytes=1232,
                  pacing_bps=10_000_000, seed=(1, 2)):
        cdef engine_config config
        memset(&config, 0, sizeof(config))
        config.index = index
        config.max_transports = max_transports
        config.packets = packets
        config.max_payload_bytes = max_payload_bytes
        config.pacing_bps = pacing_bps
        config.seed[0], config.seed[1] = seed
        self.links = links
        if links is not None and links.parked_count:
            raise ValueError("engines of this hand-off have gone already")
        self.self_ = engine_create(&config, links.links if links is not None else NULL)
        if self.self_ == NULL:
            raise ValueError("engine_create refused its arguments")

    def __dealloc__(self):
        if self.self_ == NULL:
            return
        if self.links is None:
            engine_destroy(self.self_)
            return
        self.links.last_us = max(self.links.last_us, self.last_us)
        self.links.parked[self.links.parked_count] = self.self_
        self.links.parked_count += 1

    def shut_down(self, now_us):
        engine_shut_down(self.self_, now_us)

    # ---- in ----

    def on_datagrams(self, now_us, batch):
        """Each of `batch` is (bytes, local, (ip, port), arrival_us)."""
        cdef size_t count = len(batch)
        cdef size_t i
        cdef datagram *native = <datagram *>calloc(count + 1, sizeof(datagram))
        cdef uint8_t *copy
        if native == NULL:
            raise MemoryError
        try:
            for i in range(count):
                data, local, remote, arrival_us = batch[i]
                # A block of its own, so that the address sanitizer sees a read past the datagram's end.
                copy = <uint8_t *>malloc(len(data) or 1)
                if copy == NULL:
                    raise MemoryError
                memcpy(copy, <const char *><bytes>data, len(data))
                native[i].bytes = copy
                native[i].length = len(data)
                native[i].arrival_us = arrival_us
                _set_path(&native[i].path, local, remote)
            self.last_us = now_us
            engine_on_datagrams(self.self_, now_us, native, count)
        finally:
            for i in range(count):
                free(<void *>native[i].bytes)
            free(native)

    def on_handoff(self, now_us):
        self.last_us = now_us
        engine_on_handoff(self.self_, now_us)

    # ---- commands ----

    cdef int _order(self, uint64_t now_us, command *order) except -1:
        self.last_us = now_us
        cdef int result = engine_on_command(self.self_, now_us, order)
        if result < 0:
            raise OSError(-result, os.strerror(-result))
        if result > 0:
            raise AssertionError(f"engine_on_command returned {result}")
        return 0

    def command(self, now_us, type, transport):
        """A command with its number given and all else zero, for what is refused."""
        cdef command order
        memset(&order, 0, sizeof(order))
        order.type = type
        order.transport = transport
        self._order(now_us, &order)

    cdef int _ice(self, uint64_t now_us, int type, transport, ufrag, password, remote_ufrag) except -1:
        cdef command order
        memset(&order, 0, sizeof(order))
        order.type = type
        order.transport = transport
        _set_text(order.ice.local.ufrag, 33, ufrag)
        _set_text(order.ice.local.password, 65, password)
        _set_text(order.ice.remote_ufrag, 33, remote_ufrag)
        return self._order(now_us, &order)

    def transport_open(self, now_us, transport, local_ufrag, local_password, remote_ufrag):
        self._ice(now_us, COMMAND_TRANSPORT_OPEN, transport, local_ufrag, local_password, remote_ufrag)

    def transport_restart(self, now_us, transport, local_ufrag, local_password, remote_ufrag):
        self._ice(now_us, COMMAND_TRANSPORT_RESTART, transport, local_ufrag, local_password, remote_ufrag)

    def transport_keys(self, now_us, transport, profile, local_key, local_salt, remote_key, remote_salt):
        cdef command order
        memset(&order, 0, sizeof(order))
        order.type = COMMAND_TRANSPORT_KEYS
        order.transport = transport
        order.keys.profile = profile
        _set_bytes(order.keys.local_key, 32, local_key)
        _set_bytes(order.keys.local_salt, 14, local_salt)
        _set_bytes(order.keys.remote_key, 32, remote_key)
        _set_bytes(order.keys.remote_salt, 14, remote_salt)
        self._order(now_us, &order)

    def transport_dtls(self, now_us, transport, data, length=None):
        cdef command order
        memset(&order, 0, sizeof(order))
        order.type = COMMAND_TRANSPORT_DTLS
        order.transport = transport
        order.dtls.length = len(data) if length is None else length
        _set_bytes(order.dtls.bytes, ENGINE_MAX_DATAGRAM, data)
        self._order(now_us, &order)

    def transport_payloads(self, now_us, transport, mappings, extension_ids, send_extensions, count=None):
        """`mappings`: (payload type, RTX payload type, codec, envelope, clock rate); extensions by name."""
        cdef command order
        cdef size_t i
        memset(&order, 0, sizeof(order))
        order.type = COMMAND_TRANSPORT_PAYLOADS
        order.transport = transport
        if len(mappings) > ENGINE_MAX_CODECS:
            raise ValueError("too many mappings")
        order.payloads.count = len(mappings) if count is None else count
        for i, (payload_type, rtx_payload_type, codec, envelope, clock_rate) in enumerate(mappings):
            order.payloads.mappings[i].payload_type = payload_type
            order.payloads.mappings[i].rtx_payload_type = rtx_payload_type
            order.payloads.mappings[i].codec = codec
            order.payloads.mappings[i].envelope = (
                envelope if isinstance(envelope, int) else ENVELOPES.index(envelope)
            )
            order.payloads.mappings[i].clock_rate = clock_rate
        for name, identifier in extension_ids.items():
            order.payloads.extension_ids[<size_t>EXTENSIONS.index(name)] = identifier
        for name in send_extensions:
            order.payloads.send_extensions |= 1 << EXTENSIONS.index(name)
        self._order(now_us, &order)

    def transport_pacing(self, now_us, transport, bps):
        cdef command order
        memset(&order, 0, sizeof(order))
        order.type = COMMAND_TRANSPORT_PACING
        order.transport = transport
        order.pacing.bps = bps
        self._order(now_us, &order)

    def transport_close(self, now_us, transport):
        self.command(now_us, COMMAND_TRANSPORT_CLOSE, transport)

    def track_add(self, now_us, transport, source, kind, mid="", rids=(), ssrcs=(), rtx_ssrcs=(), layers=None):
        cdef command order
        cdef size_t i
        memset(&order, 0, sizeof(order))
        order.type = COMMAND_TRACK_ADD
        order.transport = transport
        order.track.source = source
        order.track.kind = kind
        _set_text(order.track.mid, 17, mid)
        if max(len(rids), len(ssrcs), len(rtx_ssrcs)) > ENGINE_MAX_LAYERS:
            raise ValueError("too many layers")
        order.track.layer_count = max(1, len(rids)) if layers is None else layers
        for i, rid in enumerate(rids):
            _set_text(order.track.rids[i], 17, rid)
        for i, ssrc in enumerate(ssrcs):
            order.track.ssrcs[i] = ssrc
        for i, ssrc in enumerate(rtx_ssrcs):
            order.track.rtx_ssrcs[i] = ssrc
        self._order(now_us, &order)

    def track_remove(self, now_us, transport, source):
        cdef command order
        memset(&order, 0, sizeof(order))
        order.type = COMMAND_TRACK_REMOVE
        order.transport = transport
        order.untrack.source = source
        self._order(now_us, &order)

    def slot_add(self, now_us, transport, slot, kind, ssrc, rtx_ssrc=0, cname=""):
        cdef command order
        memset(&order, 0, sizeof(order))
        order.type = COMMAND_SLOT_ADD
        order.transport = transport
        order.slot.slot = slot
        order.slot.kind = kind
        order.slot.ssrc = ssrc
        order.slot.rtx_ssrc = rtx_ssrc
        _set_text(order.slot.cname, 32, cname)
        self._order(now_us, &order)

    def slot_source(self, now_us, transport, slot, source, home=0, layer=0):
        cdef command order
        memset(&order, 0, sizeof(order))
        order.type = COMMAND_SLOT_SOURCE
        order.transport = transport
        order.fill.slot = slot
        order.fill.source = source
        order.fill.home = home
        order.fill.layer = layer
        self._order(now_us, &order)

    # ---- out ----

    def poll(self, now_us, capacity=64):
        """What one engine_poll gives, cut into datagrams as the kernel would."""
        cdef transmit *messages = <transmit *>calloc(capacity, sizeof(transmit))
        cdef size_t made, i
        cdef uint32_t offset, length
        if messages == NULL:
            raise MemoryError
        result = []
        try:
            self.last_us = now_us
            made = engine_poll(self.self_, now_us, messages, capacity)
            if made > <size_t>capacity:
                raise AssertionError(f"{made} messages for room of {capacity}")
            for i in range(made):
                remote = _remote(&messages[i].path)
                offset = 0
                index = 0
                if not messages[i].length or not messages[i].segment_bytes:
                    raise AssertionError("a message without bytes")
                while offset < messages[i].length:
                    length = min(<uint32_t>messages[i].segment_bytes, messages[i].length - offset)
                    data = (<const char *>messages[i].bytes)[offset:offset + length]
                    result.append(
                        Datagram(
                            messages[i].path.local, remote, data, messages[i].transport, i, index,
                            messages[i].segments, messages[i].segment_bytes,
                        )
                    )
                    offset += length
                    index += 1
                if index != messages[i].segments:
                    raise AssertionError(f"{messages[i].segments} segments said, {index} cut")
        finally:
            free(messages)
        return result

    def next_deadline_us(self):
        return engine_next_deadline_us(self.self_)

    def take_wakeups(self):
        """Indices of the engines to be woken."""
        cdef uint64_t bits = engine_take_wakeups(self.self_)
        return [i for i in range(64) if bits >> i & 1]

    def next_events(self):
        cdef event native
        result = []
        memset(&native, 0, sizeof(native))
        while engine_next_event(self.self_, &native):
            result.append(
                Event(
                    EVENTS[native.type], native.transport, native.slot, native.source,
                    (native.path.local, _remote(&native.path)), (<const char *>native.bytes)[:native.length],
                )
            )
            memset(&native, 0, sizeof(native))
        return result

    def stats(self):
        result = dict(engine_get_stats(self.self_)[0])
        result["run_lengths"] = list(result["run_lengths"])
        return result

    def transport_stats(self, transport):
        cdef transport_stats native
        cdef int result = engine_get_transport_stats(self.self_, transport, &native)
        if result < 0:
            raise OSError(-result, os.strerror(-result))
        return dict(native)
