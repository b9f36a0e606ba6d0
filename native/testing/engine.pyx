"""One worker of the media plane without its I/O, and the rings that join several: media/engine.h, media/handoff.h."""

cimport cython
from libc.stdlib cimport calloc, free, malloc

import os

include "binding/commands.pxi"


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
    ctypedef struct transport_stats:
        uint64_t packets_received
        uint64_t bytes_received
        uint64_t packets_sent
        uint64_t bytes_sent
        uint64_t nacks_sent
        uint64_t nacks_received
        uint64_t retransmissions_sent
        uint64_t send_refused
        uint64_t rtt_us
        uint64_t remb_bps
        uint32_t queue_packets
        uint32_t queue_bytes

cdef extern from "media/engine.h":
    ctypedef struct engine:
        pass
    enum:
        ENGINE_MAX_RUN
        ENGINE_MAX_RUN_BYTES
        ENGINE_TURN_PACKETS
        ENGINE_MAX_SLOTS
        ENGINE_MAX_TRACKS
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
    ctypedef struct transmit:
        const uint8_t *bytes
        uint32_t length
        uint16_t segment_bytes
        uint16_t segments
        uint32_t transport
        ice_path path
    engine *engine_create(const engine_config *config, handoff *links)
    void engine_shut_down(engine *self, uint64_t now_us)
    void engine_destroy(engine *self)
    void engine_on_datagrams(engine *self, uint64_t now_us, const datagram *batch, size_t count)
    void engine_on_handoff(engine *self, uint64_t now_us)
    void engine_on_blocked(engine *self, uint32_t local)
    void engine_on_writable(engine *self, uint32_t local)
    void engine_on_refused(engine *self, uint64_t now_us, uint32_t transport, uint32_t datagrams, int error)
    int engine_on_command(engine *self, uint64_t now_us, const command *order)
    size_t engine_poll(engine *self, uint64_t now_us, transmit *messages, size_t capacity)
    uint64_t engine_next_deadline_us(const engine *self)
    uint64_t engine_take_wakeups(engine *self)
    bint engine_next_event(engine *self, event *out)
    bint engine_next_trace(engine *self, event *out)
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

Datagram = namedtuple("Datagram", "local remote data transport message segment segments segment_bytes")


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

    def on_blocked(self, local):
        """The socket `local` takes no more; on_writable ends it."""
        engine_on_blocked(self.self_, local)

    def on_writable(self, local):
        engine_on_writable(self.self_, local)

    def on_refused(self, now_us, transport, datagrams, error):
        engine_on_refused(self.self_, now_us, transport, datagrams, error)

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
        _begin(&order, type, transport)
        self._order(now_us, &order)

    def transport_open(self, now_us, transport, local_ufrag, local_password, remote_ufrag, remote_password):
        cdef command order
        _fill_ice(&order, COMMAND_TRANSPORT_OPEN, transport, local_ufrag, local_password, remote_ufrag, remote_password)
        self._order(now_us, &order)

    def transport_restart(self, now_us, transport, local_ufrag, local_password, remote_ufrag, remote_password):
        cdef command order
        _fill_ice(&order, COMMAND_TRANSPORT_RESTART, transport, local_ufrag, local_password, remote_ufrag, remote_password)
        self._order(now_us, &order)

    def transport_keys(self, now_us, transport, profile, local_key, local_salt, remote_key, remote_salt):
        cdef command order
        _fill_keys(&order, transport, profile, local_key, local_salt, remote_key, remote_salt)
        self._order(now_us, &order)

    def transport_dtls(self, now_us, transport, data, length=None):
        cdef command order
        _fill_dtls(&order, transport, data, len(data) if length is None else length)
        self._order(now_us, &order)

    def transport_payloads(self, now_us, transport, mappings, extension_ids, send_extensions, count=None):
        """`mappings`: (payload type, RTX payload type, codec, envelope, clock rate); extensions by name."""
        cdef command order
        count = len(mappings) if count is None else count
        _fill_payloads(&order, transport, mappings, extension_ids, send_extensions, count)
        self._order(now_us, &order)

    def transport_pacing(self, now_us, transport, bps):
        cdef command order
        _fill_pacing(&order, transport, bps)
        self._order(now_us, &order)

    def transport_trace(self, now_us, transport, mode):
        """`mode`: off, events or packets."""
        cdef command order
        _fill_trace(&order, transport, mode)
        self._order(now_us, &order)

    def transport_close(self, now_us, transport):
        self.command(now_us, COMMAND_TRANSPORT_CLOSE, transport)

    def track_add(self, now_us, transport, source, kind, mid="", rids=(), ssrcs=(), rtx_ssrcs=(), layers=None):
        cdef command order
        _fill_track(&order, transport, source, kind, mid, rids, ssrcs, rtx_ssrcs, layers)
        self._order(now_us, &order)

    def track_remove(self, now_us, transport, source):
        cdef command order
        _fill_untrack(&order, transport, source)
        self._order(now_us, &order)

    def slot_add(self, now_us, transport, slot, kind, ssrc, rtx_ssrc=0, cname=""):
        cdef command order
        _fill_slot(&order, transport, slot, kind, ssrc, rtx_ssrc, cname)
        self._order(now_us, &order)

    def slot_source(self, now_us, transport, slot, source, home=0, layer=0):
        cdef command order
        _fill_source(&order, transport, slot, source, home, layer)
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
            result.append(_event(&native))
            memset(&native, 0, sizeof(native))
        return result

    def next_trace(self):
        """(transport, records) of one batch, or None."""
        cdef event native
        memset(&native, 0, sizeof(native))
        if not engine_next_trace(self.self_, &native):
            return None
        return native.transport, (<const char *>native.bytes)[: native.length]

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
