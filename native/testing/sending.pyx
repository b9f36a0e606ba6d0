"""Sequence maps, pacers and send histories, as pytest sees them: the stub says what each takes."""

import os

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset


cdef extern from "media/clock_map.h":
    enum:
        CLOCK_SLEW_US
        CLOCK_SLEW_BEGIN_US
        CLOCK_DRIFT_PPM
        CLOCK_SEGMENTS
    ctypedef struct clock_stream:
        pass
    ctypedef struct clock_map:
        pass
    ctypedef struct clock_reading:
        uint64_t capture_us
        uint32_t ticks
    void clock_stream_init(clock_stream *stream, uint32_t rate_hz)
    clock_reading clock_map_on_packet(clock_map *map, clock_stream *stream, uint64_t arrival_us, uint32_t timestamp, bint recovered)
    void clock_map_on_report(clock_map *map, clock_stream *stream, uint64_t arrival_us, uint64_t ntp, uint32_t timestamp)
    bint clock_map_shift(const clock_map *map, uint64_t *ntp)
    uint32_t clock_ticks(uint64_t us, uint32_t rate_hz)

cdef extern from "media/timeline.h":
    enum:
        TIMELINE_SLEW_US
    ctypedef struct timeline:
        uint32_t base
    ctypedef struct timeline_run:
        uint32_t offset
        uint32_t shift
    timeline_run timeline_begin(timeline *self, uint32_t rate, clock_reading capture)
    uint32_t timeline_at(const timeline_run *run, clock_reading capture)
    bint timeline_goes_on(const timeline *self, uint32_t timestamp)
    void timeline_note(timeline *self, uint32_t timestamp, uint64_t capture_us)
    uint32_t timeline_now(const timeline *self, const timeline_run *run, uint64_t now_us)

cdef extern from "media/layer_select.h":
    enum:
        LAYER_SILENT_US
        LAYER_MISSED_FRAMES
        LAYER_NONE
    ctypedef struct layer_activity:
        uint8_t live
    bint layer_activity_on_packet(layer_activity *activity, uint8_t layer, uint32_t timestamp, uint64_t now_us)
    uint8_t layer_select(uint8_t live, uint8_t wanted, uint8_t current)

cdef extern from "media/sequence_map.h":
    enum:
        SEQUENCE_MAP_RUNS
    ctypedef struct sequence_run:
        int64_t out_first
        int64_t in_first
        timeline_run time
        uint32_t source
        uint32_t in_timestamp
        uint8_t layer
        bint entry
        bint continues
    ctypedef struct sequence_map:
        pass
    sequence_map *sequence_map_create()
    void sequence_map_destroy(sequence_map *map)
    int sequence_map_begin(sequence_map *map, const sequence_run *run)
    const sequence_run *sequence_map_find_out(const sequence_map *map, int64_t out)
    const sequence_run *sequence_map_find_in(const sequence_map *map, int64_t seq_in)
    bint sequence_map_holds(const sequence_map *map, uint32_t source, uint8_t layer, int64_t seq_in, int64_t next)
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


MAP_RUNS = SEQUENCE_MAP_RUNS
BURST_US = PACER_BURST_US
MIN_BURST_BYTES = PACER_MIN_BURST_BYTES
HISTORY_MAX = SEND_HISTORY_MAX


cdef object run_of(const sequence_run *run):
    if run == NULL:
        return None
    return (run.out_first, run.in_first, run.time.offset, run.source, run.layer)


cdef class SequenceMap:
    cdef sequence_map *map

    def __cinit__(self):
        self.map = sequence_map_create()
        if self.map == NULL:
            raise MemoryError

    def __dealloc__(self):
        sequence_map_destroy(self.map)

    def begin(self, int64_t out_first, int64_t in_first, uint32_t timestamp_offset=0, uint32_t source=0,
              uint8_t layer=0, bint continues=False):
        cdef sequence_run run
        memset(&run, 0, sizeof(run))
        run.out_first = out_first
        run.in_first = in_first
        run.time.offset = timestamp_offset
        run.source = source
        run.layer = layer
        run.continues = continues
        cdef int status = sequence_map_begin(self.map, &run)
        if status < 0:
            raise OSError(-status, os.strerror(-status))

    def begin_current_again(self):
        cdef int status = sequence_map_begin(self.map, sequence_map_current(self.map))
        if status < 0:
            raise OSError(-status, os.strerror(-status))

    def find_out(self, int64_t out):
        return run_of(sequence_map_find_out(self.map, out))

    def find_in(self, int64_t seq_in):
        return run_of(sequence_map_find_in(self.map, seq_in))

    def holds(self, uint32_t source, uint8_t layer, int64_t seq_in, int64_t next):
        return sequence_map_holds(self.map, source, layer, seq_in, next)

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


# ---- clocks and layers ----

SLEW_US = CLOCK_SLEW_US
SLEW_BEGIN_US = CLOCK_SLEW_BEGIN_US
DRIFT_PPM = CLOCK_DRIFT_PPM
SEGMENTS = CLOCK_SEGMENTS
SHIFT_US = TIMELINE_SLEW_US
SILENT_US = LAYER_SILENT_US
MISSED_FRAMES = LAYER_MISSED_FRAMES
NO_LAYER = LAYER_NONE


def ticks_of(us, rate_hz):
    return clock_ticks(us, rate_hz)


cdef class ClockMap:
    """A publisher's clocks: one for each rate given, by index."""

    cdef clock_map map
    cdef clock_stream streams[8]

    def __cinit__(self, rates):
        memset(&self.map, 0, sizeof(self.map))
        if len(rates) > 8:
            raise ValueError("at most 8 clocks")
        for i, rate in enumerate(rates):
            clock_stream_init(&self.streams[<size_t>i], rate)

    def on_packet(self, size_t stream, arrival_us, timestamp, recovered=False):
        """(capture time in µs, ticks)"""
        cdef clock_reading reading = clock_map_on_packet(
            &self.map, &self.streams[stream], arrival_us, timestamp, recovered
        )
        return reading.capture_us, reading.ticks

    def on_report(self, size_t stream, arrival_us, ntp, timestamp):
        clock_map_on_report(&self.map, &self.streams[stream], arrival_us, ntp, timestamp)

    def shift(self, ntp):
        """The NTP time on the server's clock, or None."""
        cdef uint64_t shifted = ntp
        return shifted if clock_map_shift(&self.map, &shifted) else None


cdef class Timeline:
    """A slot's time stamps. Captures are (µs, ticks)."""

    cdef timeline time
    cdef timeline_run run

    def __cinit__(self, base):
        memset(&self.time, 0, sizeof(self.time))
        memset(&self.run, 0, sizeof(self.run))
        self.time.base = base

    def begin(self, rate, capture):
        """Begins a run with that packet; its time stamp."""
        self.run = timeline_begin(&self.time, rate, clock_reading(capture[0], capture[1]))
        return self.stamp(capture)

    def stamp(self, capture, late=False):
        cdef uint32_t timestamp = timeline_at(&self.run, clock_reading(capture[0], capture[1]))
        if not late:
            timeline_note(&self.time, timestamp, capture[0])
        return timestamp

    def goes_on(self, capture):
        return timeline_goes_on(&self.time, timeline_at(&self.run, clock_reading(capture[0], capture[1])))

    def now(self, now_us):
        return timeline_now(&self.time, &self.run, now_us)

    @property
    def shift(self):
        """Ticks by which the run began ahead of its captures."""
        return self.run.shift


cdef class LayerActivity:
    cdef layer_activity activity

    def __cinit__(self):
        memset(&self.activity, 0, sizeof(self.activity))

    def on_packet(self, uint8_t layer, timestamp, now_us):
        if layer > 2:
            raise IndexError(layer)
        return layer_activity_on_packet(&self.activity, layer, timestamp, now_us)

    @property
    def live(self):
        return [layer for layer in range(3) if self.activity.live >> layer & 1]


def choose_layer(live, wanted, current=LAYER_NONE):
    return layer_select(sum(1 << layer for layer in live), wanted, current)
