"""NACK, transport-cc, key-frame requests, reception statistics, as pytest sees them: the stub says what each takes."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc


cdef extern from "core/cursor.h":
    ctypedef struct writer:
        pass
    writer writer_over(uint8_t *bytes, size_t capacity)
    size_t writer_length(const writer *w)


cdef extern from "core/rtcp_report.h":
    ctypedef struct rtcp_report_block:
        uint32_t ssrc
        uint8_t fraction_lost
        int32_t cumulative_lost
        uint32_t highest_sequence
        uint32_t jitter
        uint32_t last_sr
        uint32_t delay_since_sr
    ctypedef struct rtcp_sender_info:
        uint64_t ntp
        uint32_t rtp_timestamp
        uint32_t packet_count
        uint32_t octet_count


cdef extern from "media/nack_request.h":
    enum:
        NACK_REORDER_US
        NACK_MIN_INTERVAL_US
        NACK_MAX_TRIES
        NACK_MAX_AGE_US
        NACK_MAX_MISSING
    ctypedef struct nack_request:
        pass
    nack_request *nack_request_create()
    void nack_request_destroy(nack_request *requests)
    bint nack_request_on_packet(nack_request *requests, uint64_t now_us, int64_t sequence)
    size_t nack_request_poll(nack_request *requests, uint64_t now_us, uint64_t rtt_us, int64_t *lost, size_t capacity)
    uint64_t nack_request_next_deadline_us(const nack_request *requests)
    size_t nack_request_take_abandoned(nack_request *requests)


cdef extern from "media/arrival_feedback.h":
    enum:
        ARRIVAL_INTERVAL_US
        ARRIVAL_MAX_PENDING
        ARRIVAL_REORDER
    ctypedef struct arrival_feedback:
        pass
    arrival_feedback *arrival_feedback_create()
    void arrival_feedback_destroy(arrival_feedback *feedback)
    void arrival_feedback_on_packet(arrival_feedback *feedback, uint64_t arrival_us, uint16_t sequence)
    bint arrival_feedback_poll(arrival_feedback *feedback, uint64_t now_us, uint32_t sender_ssrc,
                               uint32_t media_ssrc, writer *w)
    uint64_t arrival_feedback_next_deadline_us(const arrival_feedback *feedback)


cdef extern from "media/key_frame_request.h":
    enum:
        KEY_FRAME_INTERVAL_US
    ctypedef struct key_frame_request:
        pass
    void key_frame_request_init(key_frame_request *request)
    void key_frame_request_ask(key_frame_request *request, uint64_t now_us)
    void key_frame_request_on_key_frame(key_frame_request *request, uint64_t now_us)
    bint key_frame_request_poll(key_frame_request *request, uint64_t now_us)
    uint64_t key_frame_request_next_deadline_us(const key_frame_request *request)


cdef extern from "media/receive_stream.h":
    enum:
        RECEIVE_STREAM_WINDOW
    ctypedef struct receive_stream:
        uint64_t received
        uint32_t jitter_16
    void receive_stream_init(receive_stream *stream, uint32_t ssrc, uint32_t clock_rate)
    void receive_stream_on_packet(receive_stream *stream, uint64_t arrival_us, int64_t sequence, uint32_t timestamp,
                                  bint recovered)
    void receive_stream_on_sender_report(receive_stream *stream, uint64_t arrival_us, const rtcp_sender_info *sender)
    bint receive_stream_report(receive_stream *stream, uint64_t now_us, rtcp_report_block *block)


REORDER_US = NACK_REORDER_US
MIN_INTERVAL_US = NACK_MIN_INTERVAL_US
MAX_TRIES = NACK_MAX_TRIES
MAX_AGE_US = NACK_MAX_AGE_US
MAX_MISSING = NACK_MAX_MISSING
FEEDBACK_INTERVAL_US = ARRIVAL_INTERVAL_US
MAX_PENDING = ARRIVAL_MAX_PENDING
MAX_REORDER = ARRIVAL_REORDER
PLI_INTERVAL_US = KEY_FRAME_INTERVAL_US
WINDOW = RECEIVE_STREAM_WINDOW


cdef class NackRequest:
    cdef nack_request *requests

    def __cinit__(self):
        self.requests = nack_request_create()
        if self.requests == NULL:
            raise MemoryError

    def __dealloc__(self):
        nack_request_destroy(self.requests)

    def on_packet(self, uint64_t now_us, int64_t sequence):
        return bool(nack_request_on_packet(self.requests, now_us, sequence))

    def poll(self, uint64_t now_us, uint64_t rtt_us, size_t capacity=512):
        # A heap block of just this size, so that AddressSanitizer sees one written too many.
        cdef int64_t *lost = <int64_t *>malloc(capacity * sizeof(int64_t))
        cdef size_t count
        if lost == NULL and capacity:
            raise MemoryError
        try:
            count = nack_request_poll(self.requests, now_us, rtt_us, lost, capacity)
            return [lost[i] for i in range(count)]
        finally:
            free(lost)

    @property
    def next_deadline_us(self):
        return nack_request_next_deadline_us(self.requests)

    def take_abandoned(self):
        return nack_request_take_abandoned(self.requests)


cdef class ArrivalFeedback:
    cdef arrival_feedback *feedback

    def __cinit__(self):
        self.feedback = arrival_feedback_create()
        if self.feedback == NULL:
            raise MemoryError

    def __dealloc__(self):
        arrival_feedback_destroy(self.feedback)

    def on_packet(self, uint64_t arrival_us, uint16_t sequence):
        arrival_feedback_on_packet(self.feedback, arrival_us, sequence)

    def poll(self, uint64_t now_us, uint32_t sender_ssrc=1, uint32_t media_ssrc=2, size_t capacity=1200):
        cdef uint8_t *data = <uint8_t *>malloc(capacity)
        cdef writer w
        if data == NULL and capacity:
            raise MemoryError
        try:
            w = writer_over(data, capacity)
            if not arrival_feedback_poll(self.feedback, now_us, sender_ssrc, media_ssrc, &w):
                return None
            return data[: writer_length(&w)]
        finally:
            free(data)

    @property
    def next_deadline_us(self):
        return arrival_feedback_next_deadline_us(self.feedback)


cdef class KeyFrameRequest:
    cdef key_frame_request request

    def __cinit__(self):
        key_frame_request_init(&self.request)

    def ask(self, uint64_t now_us):
        key_frame_request_ask(&self.request, now_us)

    def on_key_frame(self, uint64_t now_us):
        key_frame_request_on_key_frame(&self.request, now_us)

    def poll(self, uint64_t now_us):
        return bool(key_frame_request_poll(&self.request, now_us))

    @property
    def next_deadline_us(self):
        return key_frame_request_next_deadline_us(&self.request)


cdef class ReceiveStream:
    cdef receive_stream stream

    def __init__(self, uint32_t ssrc, uint32_t clock_rate):
        receive_stream_init(&self.stream, ssrc, clock_rate)

    def on_packet(self, uint64_t arrival_us, int64_t sequence, uint32_t timestamp=0, bint recovered=False):
        receive_stream_on_packet(&self.stream, arrival_us, sequence, timestamp, recovered)

    def on_sender_report(self, uint64_t arrival_us, uint64_t ntp, uint32_t rtp_timestamp=0):
        cdef rtcp_sender_info sender = rtcp_sender_info(ntp, rtp_timestamp, 0, 0)
        receive_stream_on_sender_report(&self.stream, arrival_us, &sender)

    def report(self, uint64_t now_us):
        cdef rtcp_report_block block
        return block if receive_stream_report(&self.stream, now_us, &block) else None

    @property
    def received(self):
        return self.stream.received

    @property
    def jitter_16(self):
        return self.stream.jitter_16
