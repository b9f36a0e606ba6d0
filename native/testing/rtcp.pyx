"""RTCP as pytest sees it: the stub says what each function takes and gives."""

import os
from collections import namedtuple

from libc.stdint cimport int32_t

include "testing/exact.pxi"


cdef extern from "core/cursor.h":
    ctypedef struct cursor:
        pass
    cursor cursor_over(const uint8_t *bytes, size_t length)
    ctypedef struct writer:
        pass
    writer writer_over(uint8_t *bytes, size_t capacity)
    size_t writer_length(const writer *w)
    bint writer_ok(const writer *w)
    void writer_bytes(writer *w, const uint8_t *bytes, size_t length)


cdef extern from "core/rtcp.h":
    ctypedef struct rtcp_packet:
        uint8_t type
        uint8_t count
        const uint8_t *body
        size_t length
    int rtcp_next(cursor *datagram, rtcp_packet *packet)
    int rtcp_check(const uint8_t *bytes, size_t length)
    uint8_t *rtcp_begin(writer *w, uint8_t type, uint8_t count)
    void rtcp_end(writer *w, uint8_t *begun)


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
    ctypedef struct rtcp_report:
        uint32_t ssrc
        bint has_sender_info
        rtcp_sender_info sender
        uint8_t block_count
    int rtcp_report_parse(rtcp_report *report, const rtcp_packet *packet)
    rtcp_report_block rtcp_report_block_at(const rtcp_report *report, uint8_t index)
    void rtcp_write_report(writer *w, uint32_t ssrc, const rtcp_sender_info *sender, const rtcp_report_block *blocks,
                           uint8_t block_count)
    void rtcp_write_sdes_cname(writer *w, uint32_t ssrc, const char *cname)
    int rtcp_sdes_cname(const rtcp_packet *packet, uint32_t *ssrc, const uint8_t **cname, uint8_t *length)
    void rtcp_write_bye(writer *w, const uint32_t *ssrcs, uint8_t count)
    int rtcp_bye_ssrc(const rtcp_packet *packet, uint8_t index, uint32_t *ssrc)


cdef extern from "core/rtcp_feedback.h":
    int rtcp_feedback_ssrcs(const rtcp_packet *packet, uint32_t *sender_ssrc, uint32_t *media_ssrc)
    int rtcp_nack_parse(const rtcp_packet *packet, uint16_t *lost, size_t capacity)
    void rtcp_write_nack(writer *w, uint32_t sender_ssrc, uint32_t media_ssrc, const uint16_t *lost, size_t count)
    void rtcp_write_pli(writer *w, uint32_t sender_ssrc, uint32_t media_ssrc)
    ctypedef struct rtcp_fir_entry:
        uint32_t ssrc
        uint8_t sequence
    int rtcp_fir_entry_at(const rtcp_packet *packet, size_t index, rtcp_fir_entry *entry)
    void rtcp_write_fir(writer *w, uint32_t sender_ssrc, const rtcp_fir_entry *entries, size_t count)
    ctypedef struct rtcp_remb:
        uint64_t bitrate_bps
        uint8_t ssrc_count
        const uint8_t *ssrcs
    int rtcp_remb_parse(rtcp_remb *remb, const rtcp_packet *packet)
    void rtcp_write_remb(writer *w, uint32_t sender_ssrc, uint64_t bitrate_bps, const uint32_t *ssrcs, uint8_t count)


cdef extern from "core/rtcp_twcc.h":
    ctypedef struct twcc_feedback:
        uint32_t sender_ssrc
        uint32_t media_ssrc
        uint16_t base_sequence
        uint16_t status_count
        int32_t reference_time
        uint8_t feedback_count
    ctypedef struct twcc_status:
        uint16_t sequence
        bint received
        int64_t arrival_us
    ctypedef struct twcc_arrival:
        int64_t sequence
        uint64_t arrival_us
    int c_twcc_parse "twcc_parse"(twcc_feedback *feedback, const rtcp_packet *packet)
    size_t c_twcc_statuses "twcc_statuses"(const twcc_feedback *feedback, twcc_status *statuses, size_t capacity)
    size_t c_twcc_write "twcc_write"(writer *w, uint32_t sender_ssrc, uint32_t media_ssrc, uint8_t feedback_count,
                                     int64_t base, const twcc_arrival *arrivals, size_t count)


SenderInfo = namedtuple("SenderInfo", "ntp rtp_timestamp packet_count octet_count")
ReportBlock = namedtuple(
    "ReportBlock",
    "ssrc fraction_lost cumulative_lost highest_sequence jitter last_sr delay_since_sr",
)
Report = namedtuple("Report", "ssrc sender blocks")
Remb = namedtuple("Remb", "bitrate_bps ssrcs")
Feedback = namedtuple("Feedback", "sender_ssrc media_ssrc base_sequence status_count reference_time feedback_count")
Status = namedtuple("Status", "sequence received arrival_us")


cdef class Packet:
    cdef Exact exact
    cdef rtcp_packet c

    def __cinit__(self, uint8_t type, uint8_t count, bytes body):
        self.exact = Exact(body)
        self.c.type = type
        self.c.count = count
        self.c.body = self.exact.data
        self.c.length = self.exact.length

    @property
    def type(self):
        return self.c.type

    @property
    def count(self):
        return self.c.count

    @property
    def body(self):
        return self.exact.head(self.exact.length)

    def __eq__(self, other):
        if not isinstance(other, Packet):
            return NotImplemented
        return (self.type, self.count, self.body) == (other.type, other.count, other.body)

    def __repr__(self):
        return f"Packet({self.type}, {self.count}, {self.body!r})"


def walk(bytes datagram):
    cdef Exact exact = Exact(datagram)
    cdef cursor c = cursor_over(exact.data, exact.length)
    cdef rtcp_packet packet
    cdef int more
    packets = []
    while (more := rtcp_next(&c, &packet)) == 1:
        packets.append(Packet(packet.type, packet.count, packet.body[:packet.length]))
    # What follows a failure is a failure, so that a caller cannot read on behind it.
    assert rtcp_next(&c, &packet) == more
    return packets, -more


def check(bytes datagram):
    cdef Exact exact = Exact(datagram)
    return -rtcp_check(exact.data, exact.length)


cdef enum:
    GUARD_BYTES = 64


cdef class Writer:
    cdef Exact exact
    cdef size_t capacity
    cdef writer w

    def __cinit__(self, size_t capacity):
        # Bytes behind the capacity show a write past it without AddressSanitizer too.
        self.exact = Exact(<object>(capacity + GUARD_BYTES))
        self.capacity = capacity
        self.w = writer_over(self.exact.data, capacity)

    @property
    def ok(self):
        return writer_ok(&self.w)

    @property
    def data(self):
        cdef size_t i
        for i in range(GUARD_BYTES):
            assert self.exact.data[self.capacity + i] == 0xA5, "written past the capacity"
        assert writer_length(&self.w) <= self.capacity
        return self.exact.head(writer_length(&self.w))

    def packet(self, uint8_t type, uint8_t count, bytes body):
        cdef Exact exact = Exact(body)
        cdef uint8_t *begun = rtcp_begin(&self.w, type, count)
        writer_bytes(&self.w, exact.data, exact.length)
        rtcp_end(&self.w, begun)

    def report(self, uint32_t ssrc, sender, blocks):
        cdef rtcp_sender_info info
        cdef rtcp_report_block *array = <rtcp_report_block *>malloc(len(blocks) * sizeof(rtcp_report_block))
        try:
            for i, block in enumerate(blocks):
                (array[i].ssrc, array[i].fraction_lost, array[i].cumulative_lost, array[i].highest_sequence,
                 array[i].jitter, array[i].last_sr, array[i].delay_since_sr) = block
            if sender is not None:
                info.ntp, info.rtp_timestamp, info.packet_count, info.octet_count = sender
            rtcp_write_report(&self.w, ssrc, NULL if sender is None else &info, array, len(blocks))
        finally:
            free(array)

    def sdes_cname(self, uint32_t ssrc, bytes cname):
        rtcp_write_sdes_cname(&self.w, ssrc, cname)

    def bye(self, ssrcs):
        cdef uint32_t *array = words(ssrcs)
        try:
            rtcp_write_bye(&self.w, array, len(ssrcs))
        finally:
            free(array)

    def nack(self, uint32_t sender_ssrc, uint32_t media_ssrc, lost):
        cdef uint16_t *array = <uint16_t *>malloc(len(lost) * sizeof(uint16_t))
        try:
            for i, sequence in enumerate(lost):
                array[i] = sequence
            rtcp_write_nack(&self.w, sender_ssrc, media_ssrc, array, len(lost))
        finally:
            free(array)

    def pli(self, uint32_t sender_ssrc, uint32_t media_ssrc):
        rtcp_write_pli(&self.w, sender_ssrc, media_ssrc)

    def fir(self, uint32_t sender_ssrc, entries):
        cdef rtcp_fir_entry *array = <rtcp_fir_entry *>malloc(len(entries) * sizeof(rtcp_fir_entry))
        try:
            for i, (ssrc, sequence) in enumerate(entries):
                array[i].ssrc = ssrc
                array[i].sequence = sequence
            rtcp_write_fir(&self.w, sender_ssrc, array, len(entries))
        finally:
            free(array)

    def remb(self, uint32_t sender_ssrc, uint64_t bitrate_bps, ssrcs):
        cdef uint32_t *array = words(ssrcs)
        try:
            rtcp_write_remb(&self.w, sender_ssrc, bitrate_bps, array, len(ssrcs))
        finally:
            free(array)

    def twcc(self, uint32_t sender_ssrc, uint32_t media_ssrc, uint8_t feedback_count, int64_t base, arrivals):
        cdef twcc_arrival *array = <twcc_arrival *>malloc(len(arrivals) * sizeof(twcc_arrival))
        try:
            for i, (sequence, arrival_us) in enumerate(arrivals):
                array[i].sequence = sequence
                array[i].arrival_us = arrival_us
            return c_twcc_write(&self.w, sender_ssrc, media_ssrc, feedback_count, base, array, len(arrivals))
        finally:
            free(array)


cdef uint32_t *words(values) except? NULL:
    cdef uint32_t *array = <uint32_t *>malloc(len(values) * sizeof(uint32_t))
    for i, value in enumerate(values):
        array[i] = value
    return array


def report(Packet packet):
    cdef rtcp_report r
    cdef rtcp_report_block b
    checked(rtcp_report_parse(&r, &packet.c))
    sender = None
    if r.has_sender_info:
        sender = SenderInfo(r.sender.ntp, r.sender.rtp_timestamp, r.sender.packet_count, r.sender.octet_count)
    blocks = []
    for i in range(r.block_count):
        b = rtcp_report_block_at(&r, i)
        blocks.append(ReportBlock(b.ssrc, b.fraction_lost, b.cumulative_lost, b.highest_sequence, b.jitter, b.last_sr,
                                  b.delay_since_sr))
    return Report(r.ssrc, sender, blocks)


def sdes_cname(Packet packet):
    cdef uint32_t ssrc
    cdef const uint8_t *cname
    cdef uint8_t length
    checked(rtcp_sdes_cname(&packet.c, &ssrc, &cname, &length))
    return ssrc, cname[:length]


def bye_ssrc(Packet packet, uint8_t index):
    cdef uint32_t ssrc
    checked(rtcp_bye_ssrc(&packet.c, index, &ssrc))
    return ssrc


def feedback_ssrcs(Packet packet):
    cdef uint32_t sender_ssrc, media_ssrc
    checked(rtcp_feedback_ssrcs(&packet.c, &sender_ssrc, &media_ssrc))
    return sender_ssrc, media_ssrc


def nack(Packet packet, size_t capacity):
    cdef Exact lost = Exact(<object>(capacity * sizeof(uint16_t) + GUARD_BYTES))
    cdef int named = checked(rtcp_nack_parse(&packet.c, <uint16_t *>lost.data, capacity))
    assert lost.data[capacity * sizeof(uint16_t)] == 0xA5, "written past the capacity"
    return named, [(<uint16_t *>lost.data)[i] for i in range(min(<size_t>named, capacity))]


def fir_entry(Packet packet, size_t index):
    cdef rtcp_fir_entry entry
    return (entry.ssrc, entry.sequence) if checked(rtcp_fir_entry_at(&packet.c, index, &entry)) else None


def remb(Packet packet):
    cdef rtcp_remb r
    checked(rtcp_remb_parse(&r, &packet.c))
    ssrcs = r.ssrcs[:r.ssrc_count * 4]
    return Remb(r.bitrate_bps, [int.from_bytes(ssrcs[i:i + 4], "big") for i in range(0, len(ssrcs), 4)])


def twcc(Packet packet, capacity=None):
    cdef twcc_feedback f
    checked(c_twcc_parse(&f, &packet.c))
    cdef size_t room = f.status_count if capacity is None else capacity
    cdef Exact statuses = Exact(<object>(room * sizeof(twcc_status)))
    cdef twcc_status *s = <twcc_status *>statuses.data
    cdef size_t written = c_twcc_statuses(&f, s, room)
    assert written <= room
    return (
        Feedback(f.sender_ssrc, f.media_ssrc, f.base_sequence, f.status_count, f.reference_time, f.feedback_count),
        [Status(s[i].sequence, bool(s[i].received), s[i].arrival_us) for i in range(written)],
    )
