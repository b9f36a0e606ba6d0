"""Sequence maps, pacers and send histories, as pytest sees them: the stub says what each takes."""

import os

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "media/sequence_map.h":
    enum:
        SEQUENCE_MAP_RUNS
    ctypedef struct sequence_run:
        int64_t out_first
        int64_t in_first
        uint32_t timestamp_offset
        uint32_t source
        uint8_t layer
    ctypedef struct sequence_map:
        pass
    sequence_map *sequence_map_create()
    void sequence_map_destroy(sequence_map *map)
    int sequence_map_begin(sequence_map *map, const sequence_run *run)
    const sequence_run *sequence_map_find_out(const sequence_map *map, int64_t out)
    const sequence_run *sequence_map_current(const sequence_map *map)
    int64_t sequence_run_out(const sequence_run *run, int64_t seq_in)
    int64_t sequence_run_in(const sequence_run *run, int64_t out)
    void sequence_map_truncate(sequence_map *map, int64_t out)


cdef extern from "media/pacer.h":
    enum:
        PACER_BURST_US
        PACER_MIN_BURST_BYTES
    ctypedef struct pacer:
        uint64_t rate_bps
        int64_t level_bytes
    void pacer_init(pacer *bucket, uint64_t rate_bps, uint64_t now_us)
    void pacer_set_rate(pacer *bucket, uint64_t rate_bps, uint64_t now_us)
    size_t pacer_grant(pacer *bucket, uint64_t now_us)
    void pacer_spend(pacer *bucket, size_t bytes)
    uint64_t pacer_next_us(const pacer *bucket)
    size_t pacer_burst_bytes(const pacer *bucket)


cdef extern from "media/send_history.h":
    enum:
        SEND_HISTORY_MAX
    ctypedef struct sent_packet:
        int64_t sequence
        uint64_t sent_us
        uint16_t bytes
        bint acknowledged
    ctypedef struct send_history:
        pass
    send_history *send_history_create()
    void send_history_destroy(send_history *history)
    int64_t send_history_next(const send_history *history)
    int64_t send_history_add(send_history *history, uint64_t sent_us, uint16_t bytes)
    bint send_history_acknowledge(send_history *history, uint16_t sequence, bint received, sent_packet *packet)
    uint64_t send_history_in_flight_bytes(const send_history *history, uint64_t now_us, uint64_t age_us)


MAP_RUNS = SEQUENCE_MAP_RUNS
BURST_US = PACER_BURST_US
MIN_BURST_BYTES = PACER_MIN_BURST_BYTES
HISTORY_MAX = SEND_HISTORY_MAX


cdef object run_of(const sequence_run *run):
    if run == NULL:
        return None
    return (run.out_first, run.in_first, run.timestamp_offset, run.source, run.layer)


cdef class SequenceMap:
    cdef sequence_map *map

    def __cinit__(self):
        self.map = sequence_map_create()
        if self.map == NULL:
            raise MemoryError

    def __dealloc__(self):
        sequence_map_destroy(self.map)

    def begin(self, int64_t out_first, int64_t in_first, uint32_t timestamp_offset=0, uint32_t source=0,
              uint8_t layer=0):
        cdef sequence_run run = sequence_run(out_first, in_first, timestamp_offset, source, layer)
        cdef int status = sequence_map_begin(self.map, &run)
        if status < 0:
            raise OSError(-status, os.strerror(-status))

    def begin_current_again(self):
        cdef int status = sequence_map_begin(self.map, sequence_map_current(self.map))
        if status < 0:
            raise OSError(-status, os.strerror(-status))

    def find_out(self, int64_t out):
        return run_of(sequence_map_find_out(self.map, out))

    def to_in(self, int64_t out):
        cdef const sequence_run *run = sequence_map_find_out(self.map, out)
        return None if run == NULL else sequence_run_in(run, out)

    def to_out(self, int64_t seq_in):
        cdef const sequence_run *run = sequence_map_current(self.map)
        return None if run == NULL else sequence_run_out(run, seq_in)

    @property
    def current(self):
        return run_of(sequence_map_current(self.map))

    def truncate(self, int64_t out):
        sequence_map_truncate(self.map, out)


cdef class Pacer:
    cdef pacer bucket

    def __init__(self, uint64_t rate_bps, uint64_t now_us):
        pacer_init(&self.bucket, rate_bps, now_us)

    def set_rate(self, uint64_t rate_bps, uint64_t now_us):
        pacer_set_rate(&self.bucket, rate_bps, now_us)

    def grant(self, uint64_t now_us):
        return pacer_grant(&self.bucket, now_us)

    def spend(self, size_t size):
        pacer_spend(&self.bucket, size)

    @property
    def next_us(self):
        return pacer_next_us(&self.bucket)

    @property
    def burst_bytes(self):
        return pacer_burst_bytes(&self.bucket)

    @property
    def rate_bps(self):
        return self.bucket.rate_bps

    @property
    def level_bytes(self):
        return self.bucket.level_bytes


cdef class SendHistory:
    cdef send_history *history

    def __cinit__(self):
        self.history = send_history_create()
        if self.history == NULL:
            raise MemoryError

    def __dealloc__(self):
        send_history_destroy(self.history)

    @property
    def next(self):
        return send_history_next(self.history)

    def add(self, uint64_t sent_us, uint16_t size):
        return send_history_add(self.history, sent_us, size)

    def acknowledge(self, uint16_t sequence, bint received):
        cdef sent_packet packet
        if not send_history_acknowledge(self.history, sequence, received, &packet):
            return None
        return (packet.sequence, packet.sent_us, packet.bytes, bool(packet.acknowledged))

    def in_flight_bytes(self, uint64_t now_us, uint64_t age_us):
        return send_history_in_flight_bytes(self.history, now_us, age_us)
