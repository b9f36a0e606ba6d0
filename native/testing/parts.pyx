"""Small parts of an engine as pytest sees them: deadlines, ring, packet pool, key-frame marks, SSRC latch."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

include "exact.pxi"

cdef extern from "<stdlib.h>":
    void *aligned_alloc(size_t alignment, size_t size)

import os


cdef _raise(int status):
    if status < 0:
        raise OSError(-status, os.strerror(-status))


cdef extern from "media/deadline.h":
    ctypedef struct deadline:
        uint64_t at_us
        uint32_t place
        uint32_t owner
    ctypedef struct deadline_heap:
        size_t count
    int deadline_heap_init(deadline_heap *heap, size_t capacity)
    void deadline_heap_free(deadline_heap *heap)
    void deadline_init(deadline *node, uint32_t owner)
    void deadline_set(deadline_heap *heap, deadline *node, uint64_t at_us)
    const deadline *deadline_heap_first(const deadline_heap *heap)

NEVER = 2**64 - 1


cdef class Deadlines:
    cdef deadline_heap heap
    cdef deadline *nodes
    cdef uint32_t total

    def __cinit__(self, total):
        self.total = total
        self.nodes = <deadline *>calloc(total, sizeof(deadline))
        if self.nodes == NULL or deadline_heap_init(&self.heap, total) < 0:
            raise MemoryError
        for owner in range(total):
            deadline_init(&self.nodes[<uint32_t>owner], owner)

    def __dealloc__(self):
        deadline_heap_free(&self.heap)
        free(self.nodes)

    def set(self, owner, at_us):
        if not 0 <= owner < self.total:
            raise IndexError(owner)
        deadline_set(&self.heap, &self.nodes[<uint32_t>owner], at_us)

    def first(self):
        cdef const deadline *first = deadline_heap_first(&self.heap)
        return None if first == NULL else (first.at_us, first.owner)

    def __len__(self):
        return self.heap.count


cdef extern from "media/ring.h":
    enum:
        RING_CACHE_LINE
    ctypedef struct ring:
        size_t mask
    int ring_init(ring *r, size_t capacity, size_t element_bytes)
    void ring_free(ring *r)
    bint ring_push(ring *r, const void *element)
    bint ring_pop(ring *r, void *element)


cdef class Ring:
    """A ring of 64-bit numbers."""

    cdef ring *r

    def __cinit__(self, capacity):
        cdef size_t line = RING_CACHE_LINE
        self.r = <ring *>aligned_alloc(line, (sizeof(ring) + line - 1) // line * line)
        if self.r == NULL:
            raise MemoryError
        memset(self.r, 0, sizeof(ring))
        _raise(ring_init(self.r, capacity, sizeof(uint64_t)))

    def __dealloc__(self):
        if self.r != NULL:
            ring_free(self.r)
        free(self.r)

    def push(self, value):
        cdef uint64_t number = value
        return ring_push(self.r, &number)

    def pop(self):
        cdef uint64_t number = 0
        return number if ring_pop(self.r, &number) else None


cdef extern from "media/handoff.h":
    ctypedef struct handoff:
        pass
    handoff *handoff_create(uint8_t engines, size_t packets, size_t returns, size_t controls)
    void handoff_destroy(handoff *links)
    ctypedef struct packet_body
    ctypedef struct handoff_packet:
        packet_body *body
        bint splice
    bint handoff_pop_packet(handoff *links, uint8_t sender, uint8_t receiver, handoff_packet *packet)

cdef extern from "media/packet.h":
    ctypedef struct packet_body:
        int64_t sequence
        uint32_t holders
        uint8_t home
        uint8_t kind
    ctypedef struct packet:
        packet_body *body
        uint32_t references
    ctypedef struct packet_pool:
        uint32_t total
        uint32_t free
        uint32_t reserve
        packet *unreturned
    int packet_pool_init(packet_pool *pool, uint32_t bodies, uint8_t index, handoff *links)
    void packet_pool_free(packet_pool *pool)
    packet_body *packet_pool_take(packet_pool *pool, int kind)
    void packet_pool_give_back(packet_pool *pool, packet_body *body)
    packet *packet_pool_hold(packet_pool *pool, packet_body *body)
    packet *packet_ref(packet *held)
    void packet_unref(packet_pool *pool, packet *held)
    bint packet_pool_lend(packet_pool *pool, packet_body *body, uint8_t to, bint splice)
    void packet_pool_collect(packet_pool *pool)
    bint packet_pool_is_low(const packet_pool *pool)


cdef class Pools:
    """The pools of several engines joined by rings. Packets are named by numbers of the test's own."""

    cdef handoff *links
    cdef packet_pool pools[4]
    cdef int count
    cdef dict held  # (engine, name) → address of the handle

    def __cinit__(self, engines, bodies, packets=64, returns=64):
        cdef int i
        self.held = {}
        self.links = handoff_create(engines, packets, returns, 16)
        if self.links == NULL:
            raise MemoryError
        for i in range(engines):
            _raise(packet_pool_init(&self.pools[i], bodies, i, self.links))
            self.count += 1

    def __dealloc__(self):
        cdef int i
        for i in range(self.count):
            packet_pool_free(&self.pools[i])
        if self.links != NULL:
            handoff_destroy(self.links)

    def take(self, int engine, name, kind):
        """Takes a body and holds it once. False: refused."""
        cdef packet_body *body = packet_pool_take(&self.pools[engine], kind)
        if body == NULL:
            return False
        body.sequence = name
        body.kind = kind
        cdef packet *held = packet_pool_hold(&self.pools[engine], body)
        if held == NULL:
            packet_pool_give_back(&self.pools[engine], body)
            return False
        self.held[engine, name] = <size_t>held
        return True

    def ref(self, engine, name):
        packet_ref(<packet *><size_t>self.held[engine, name])

    def unref(self, int engine, name):
        packet_unref(&self.pools[engine], <packet *><size_t>self.held[engine, name])

    def lend(self, int engine, name, to):
        cdef packet *held = <packet *><size_t>self.held[engine, name]
        return packet_pool_lend(&self.pools[engine], held.body, to, False)

    def receive(self, int engine, int sender):
        """Takes one packet that was lent and holds it; its name, or None."""
        cdef handoff_packet handed
        if not handoff_pop_packet(self.links, sender, engine, &handed):
            return None
        cdef packet *held = packet_pool_hold(&self.pools[engine], handed.body)
        if held == NULL:
            raise MemoryError
        self.held[engine, handed.body.sequence] = <size_t>held
        return handed.body.sequence

    def collect(self, int engine):
        packet_pool_collect(&self.pools[engine])

    def free(self, int engine):
        return self.pools[engine].free

    def is_low(self, int engine):
        return packet_pool_is_low(&self.pools[engine])

    def waits(self, int engine):
        """Whether handles wait for room in a return ring."""
        return self.pools[engine].unreturned != NULL


cdef extern from "media/key_frame.h":
    ctypedef struct frame_mark:
        bint start
        bint key
    frame_mark key_frame_detect(int envelope, const uint8_t *payload, size_t length)

ENVELOPES = ("opaque", "vp8", "vp9", "h264", "av1")


def key_frame_mark(envelope, payload):
    """(starts a frame, of a key frame)"""
    cdef Exact exact = Exact(payload)
    cdef frame_mark mark = key_frame_detect(ENVELOPES.index(envelope), exact.data, exact.length)
    return mark.start, mark.key


cdef extern from "core/rtp.h":
    ctypedef struct rtp_header:
        uint8_t payload_type
    int rtp_parse_header(rtp_header *header, const uint8_t *bytes, size_t length)

cdef extern from "core/rtp_ext.h":
    ctypedef struct rtp_ext_map:
        pass
    ctypedef struct rtp_extensions:
        pass
    int RTP_EXT_MID
    int RTP_EXT_RID
    int RTP_EXT_REPAIRED_RID
    int rtp_ext_map_set(rtp_ext_map *map, unsigned id, int kind)
    int rtp_ext_parse(rtp_extensions *extensions, const rtp_ext_map *map, const rtp_header *header, const uint8_t *packet)

cdef extern from "media/source.h":
    ctypedef struct source:
        char mid[17]
        char rids[3][17]
    source *source_create(uint32_t id, uint8_t home, int kind, uint8_t layer_count)
    void source_destroy(source *self, packet_pool *pool)

cdef extern from "media/ssrc_latch.h":
    ctypedef struct ssrc_binding:
        uint32_t ssrc
        uint8_t layer
        bint is_rtx
        source *track
    ctypedef struct ssrc_latch:
        uint8_t count
    void ssrc_latch_free(ssrc_latch *latch)
    int ssrc_latch_bind(ssrc_latch *latch, const ssrc_binding *binding)
    void ssrc_latch_unbind(ssrc_latch *latch, const source *track)
    const ssrc_binding *ssrc_latch_find(const ssrc_latch *latch, uint32_t ssrc)
    uint32_t ssrc_latch_media_ssrc(const ssrc_latch *latch, const source *track, uint8_t layer)
    bint ssrc_latch_match(ssrc_binding *binding, source **tracks, uint8_t track_count, const rtp_extensions *extensions, const uint8_t *bytes, bint payload_is_rtx)


cdef class Latch:
    """A latch with tracks given as (mid, [rids]); extension ids are 1 MID, 2 RID, 3 REPAIRED_RID."""

    cdef ssrc_latch latch
    cdef source *tracks[16]
    cdef uint8_t count
    cdef rtp_ext_map ids

    def __cinit__(self, tracks):
        cdef bytes text
        memset(&self.latch, 0, sizeof(self.latch))
        memset(&self.ids, 0, sizeof(self.ids))
        _raise(rtp_ext_map_set(&self.ids, 1, RTP_EXT_MID))
        _raise(rtp_ext_map_set(&self.ids, 2, RTP_EXT_RID))
        _raise(rtp_ext_map_set(&self.ids, 3, RTP_EXT_REPAIRED_RID))
        for i, (mid, rids) in enumerate(tracks):
            self.tracks[<size_t>i] = source_create(i + 1, 0, 1, max(1, len(rids)))
            if self.tracks[<size_t>i] == NULL:
                raise MemoryError
            self.count += 1
            text = mid.encode()
            memcpy(self.tracks[<size_t>i].mid, <const char *>text, len(text))
            for layer, rid in enumerate(rids):
                text = rid.encode()
                memcpy(self.tracks[<size_t>i].rids[<size_t>layer], <const char *>text, len(text))

    def __dealloc__(self):
        cdef packet_pool none
        memset(&none, 0, sizeof(none))
        ssrc_latch_free(&self.latch)
        for i in range(self.count):
            source_destroy(self.tracks[<size_t>i], &none)

    def bind(self, ssrc, track, layer=0, is_rtx=False):
        cdef ssrc_binding binding
        binding.ssrc = ssrc
        binding.layer = layer
        binding.is_rtx = is_rtx
        binding.track = self.tracks[<size_t>track]
        _raise(ssrc_latch_bind(&self.latch, &binding))

    def unbind(self, track):
        ssrc_latch_unbind(&self.latch, self.tracks[<size_t>track])

    cdef _tell(self, const ssrc_binding *binding):
        for i in range(self.count):
            if self.tracks[<size_t>i] == binding.track:
                return i, binding.layer, binding.is_rtx
        raise AssertionError("a binding to no track")

    def find(self, ssrc):
        """(track, layer, is RTX) or None."""
        cdef const ssrc_binding *binding = ssrc_latch_find(&self.latch, ssrc)
        return None if binding == NULL else self._tell(binding)

    def media_ssrc(self, track, layer):
        return ssrc_latch_media_ssrc(&self.latch, self.tracks[<size_t>track], layer)

    def match(self, packet, is_rtx=False):
        """Where a packet says that it belongs: (track, layer, is RTX) or None."""
        cdef Exact exact = Exact(packet)
        cdef rtp_header header
        cdef rtp_extensions extensions
        cdef ssrc_binding binding
        memset(&binding, 0, sizeof(binding))
        _raise(rtp_parse_header(&header, exact.data, exact.length))
        _raise(rtp_ext_parse(&extensions, &self.ids, &header, exact.data))
        if not ssrc_latch_match(&binding, self.tracks, self.count, &extensions, exact.data, is_rtx):
            return None
        return self._tell(&binding)


cdef extern from "media/audio_level.h":
    ctypedef struct audio_level:
        uint8_t told
    void audio_level_init(audio_level *level)
    bint audio_level_on_packet(audio_level *level, uint8_t dbov, uint64_t now_us)


cdef class AudioLevel:
    cdef audio_level level

    def __cinit__(self):
        audio_level_init(&self.level)

    def on_packet(self, dbov, now_us):
        """What is told, or None."""
        return self.level.told if audio_level_on_packet(&self.level, dbov, now_us) else None
