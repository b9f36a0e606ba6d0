"""RTP, its extensions, RTX and the header-only parts of core, as pytest sees them: the stub says what each takes."""

import os

include "testing/exact.pxi"


cdef extern from "core/cursor.h":
    ctypedef struct cursor:
        pass
    cursor cursor_over(const uint8_t *bytes, size_t length)
    size_t cursor_left(const cursor *c)
    bint cursor_ok(const cursor *c)
    const uint8_t *cursor_bytes(cursor *c, size_t length)
    void cursor_skip(cursor *c, size_t length)
    uint8_t cursor_u8(cursor *c)
    uint16_t cursor_u16(cursor *c)
    uint32_t cursor_u24(cursor *c)
    uint32_t cursor_u32(cursor *c)
    uint64_t cursor_u64(cursor *c)
    ctypedef struct writer:
        bint failed
    writer writer_over(uint8_t *bytes, size_t capacity)
    size_t writer_length(const writer *w)
    bint writer_ok(const writer *w)
    uint8_t *writer_reserve(writer *w, size_t length)
    void writer_u8(writer *w, uint8_t value)
    void writer_u16(writer *w, uint16_t value)
    void writer_u24(writer *w, uint32_t value)
    void writer_u32(writer *w, uint32_t value)
    void writer_u64(writer *w, uint64_t value)
    void writer_bytes(writer *w, const uint8_t *bytes, size_t length)
    void writer_zeros(writer *w, size_t length)


cdef extern from "core/seq.h":
    int64_t c_seq64_extend "seq64_extend"(int64_t reference, uint16_t wire)
    uint16_t c_seq64_wire "seq64_wire"(int64_t sequence)


cdef extern from "core/ntp.h":
    uint64_t c_ntp_from_us "ntp_from_us"(uint64_t us)
    uint64_t c_ntp_to_us "ntp_to_us"(uint64_t ntp)
    uint32_t c_ntp_compact "ntp_compact"(uint64_t ntp)
    uint32_t c_ntp_compact_from_us "ntp_compact_from_us"(uint64_t us)
    uint64_t c_ntp_compact_to_us "ntp_compact_to_us"(uint32_t compact)


cdef extern from "core/demux.h":
    int c_demux_classify "demux_classify"(const uint8_t *bytes, size_t length)
    enum:
        DATAGRAM_UNKNOWN
        DATAGRAM_STUN
        DATAGRAM_DTLS
        DATAGRAM_RTP
        DATAGRAM_RTCP


cdef extern from "core/rtp.h":
    ctypedef struct rtp_header:
        bint marker
        bint padding
        bint has_extension
        uint8_t payload_type
        uint8_t csrc_count
        uint16_t sequence
        uint32_t timestamp
        uint32_t ssrc
        uint16_t extension_profile
        uint16_t extension_offset
        uint16_t extension_length
        uint16_t payload_offset
        uint16_t payload_length
        uint8_t padding_length
    int c_rtp_parse_header "rtp_parse_header"(rtp_header *header, const uint8_t *bytes, size_t length)
    int c_rtp_parse "rtp_parse"(rtp_header *header, const uint8_t *bytes, size_t length)
    void c_rtp_write_header "rtp_write_header"(writer *w, const rtp_header *header)


cdef extern from "core/rtp_ext.h":
    ctypedef enum rtp_ext_kind:
        RTP_EXT_NONE
        RTP_EXT_AUDIO_LEVEL
        RTP_EXT_ABS_SEND_TIME
        RTP_EXT_TRANSPORT_CC
        RTP_EXT_MID
        RTP_EXT_RID
        RTP_EXT_REPAIRED_RID
        RTP_EXT_ORIENTATION
        RTP_EXT_PLAYOUT_DELAY
        RTP_EXT_COLOR_SPACE
        RTP_EXT_ABS_CAPTURE_TIME
        RTP_EXT_KINDS
    ctypedef struct rtp_ext_map:
        uint8_t kind_of_id[256]
        uint8_t id_of_kind[1]  # RTP_EXT_KINDS of them
    ctypedef struct rtp_ext_place:
        uint16_t offset
        uint8_t length
    ctypedef struct rtp_extensions:
        uint32_t present
        rtp_ext_place at[1]  # RTP_EXT_KINDS of them
    ctypedef struct rtp_ext_element:
        uint8_t id
        uint8_t length
        const uint8_t *data
    int rtp_ext_map_set(rtp_ext_map *map, unsigned id, rtp_ext_kind kind)
    bint rtp_ext_has(const rtp_extensions *extensions, rtp_ext_kind kind)
    int c_rtp_ext_parse "rtp_ext_parse"(rtp_extensions *extensions, const rtp_ext_map *map, const rtp_header *header,
                                        const uint8_t *packet)
    bint rtp_ext_transport_cc(const rtp_extensions *extensions, const uint8_t *packet, uint16_t *sequence)
    bint rtp_ext_abs_send_time(const rtp_extensions *extensions, const uint8_t *packet, uint32_t *time_6_18)
    bint rtp_ext_text(const rtp_extensions *extensions, const uint8_t *packet, rtp_ext_kind kind, const uint8_t **text,
                      uint8_t *length)
    int c_rtp_ext_write "rtp_ext_write"(writer *w, const rtp_ext_element *elements, size_t count, uint16_t *offsets)


# Cython has no type for a pointer to bool.
cdef extern from *:
    """
    static bool wire_audio_level(const rtp_extensions *e, const uint8_t *packet, uint8_t *level, int *voice) {
        bool v = false;
        bool found = rtp_ext_audio_level(e, packet, level, &v);
        *voice = v;
        return found;
    }
    """
    bint wire_audio_level(const rtp_extensions *extensions, const uint8_t *packet, uint8_t *level, int *voice)


cdef extern from "core/rtx.h":
    enum:
        RTX_OSN_BYTES
    int c_rtx_unwrap "rtx_unwrap"(rtp_header *header, const uint8_t *packet, uint32_t original_ssrc,
                                  uint8_t original_payload_type)
    void c_rtx_write_osn "rtx_write_osn"(uint8_t *prefix, uint16_t original)


UNKNOWN = <int>DATAGRAM_UNKNOWN
STUN = <int>DATAGRAM_STUN
DTLS = <int>DATAGRAM_DTLS
RTP = <int>DATAGRAM_RTP
RTCP = <int>DATAGRAM_RTCP

EXT_AUDIO_LEVEL = <int>RTP_EXT_AUDIO_LEVEL
EXT_ABS_SEND_TIME = <int>RTP_EXT_ABS_SEND_TIME
EXT_TRANSPORT_CC = <int>RTP_EXT_TRANSPORT_CC
EXT_MID = <int>RTP_EXT_MID
EXT_RID = <int>RTP_EXT_RID
EXT_REPAIRED_RID = <int>RTP_EXT_REPAIRED_RID
EXT_ORIENTATION = <int>RTP_EXT_ORIENTATION
EXT_PLAYOUT_DELAY = <int>RTP_EXT_PLAYOUT_DELAY
EXT_COLOR_SPACE = <int>RTP_EXT_COLOR_SPACE
EXT_ABS_CAPTURE_TIME = <int>RTP_EXT_ABS_CAPTURE_TIME
EXT_KINDS = <int>RTP_EXT_KINDS


cdef class Cursor:
    cdef Exact exact
    cdef cursor c

    def __cinit__(self, bytes data):
        self.exact = Exact(data)
        self.c = cursor_over(self.exact.data, self.exact.length)

    @property
    def left(self):
        return cursor_left(&self.c)

    def ok(self):
        return cursor_ok(&self.c)

    def read(self, size_t length):
        cdef const uint8_t *found = cursor_bytes(&self.c, length)
        return None if found == NULL else found[:length]

    def skip(self, size_t length):
        cursor_skip(&self.c, length)

    def u8(self):
        return cursor_u8(&self.c)

    def u16(self):
        return cursor_u16(&self.c)

    def u24(self):
        return cursor_u24(&self.c)

    def u32(self):
        return cursor_u32(&self.c)

    def u64(self):
        return cursor_u64(&self.c)


cdef class Writer:
    cdef Exact exact
    cdef writer w

    def __cinit__(self, size_t capacity):
        self.exact = Exact(capacity)
        self.w = writer_over(self.exact.data, capacity)

    def ok(self):
        return writer_ok(&self.w)

    @property
    def output(self):
        return self.exact.head(writer_length(&self.w))

    def reserve(self, size_t length):
        return writer_reserve(&self.w, length) != NULL

    def u8(self, uint8_t value):
        writer_u8(&self.w, value)

    def u16(self, uint16_t value):
        writer_u16(&self.w, value)

    def u24(self, uint32_t value):
        writer_u24(&self.w, value)

    def u32(self, uint32_t value):
        writer_u32(&self.w, value)

    def u64(self, uint64_t value):
        writer_u64(&self.w, value)

    def write(self, bytes data):
        exact = Exact(data)
        writer_bytes(&self.w, exact.data, exact.length)

    def zeros(self, size_t length):
        writer_zeros(&self.w, length)

    def rtp_header(self, uint8_t payload_type, uint16_t sequence, uint32_t timestamp, uint32_t ssrc,
                   bint marker=False, bint padding=False, bint has_extension=False):
        cdef rtp_header h
        h.payload_type, h.sequence, h.timestamp, h.ssrc = payload_type, sequence, timestamp, ssrc
        h.marker, h.padding, h.has_extension = marker, padding, has_extension
        c_rtp_write_header(&self.w, &h)

    def rtp_extensions(self, list elements):
        cdef rtp_ext_element element[64]
        cdef uint16_t offset[64]
        if len(elements) > 64:
            raise ValueError("at most 64 elements")
        kept = []
        for i, (identifier, content) in enumerate(elements):
            element[i].id = identifier
            if isinstance(content, int):
                element[i].length = content
                element[i].data = NULL
            else:
                exact = Exact(content)
                kept.append(exact)
                element[i].length = exact.length
                element[i].data = exact.data
        checked(c_rtp_ext_write(&self.w, element, len(elements), offset))
        return [offset[i] for i in range(len(elements))]


def seq64_extend(int64_t reference, uint16_t wire):
    return c_seq64_extend(reference, wire)


def seq64_wire(int64_t sequence):
    return c_seq64_wire(sequence)


def ntp_from_us(uint64_t us):
    return c_ntp_from_us(us)


def ntp_to_us(uint64_t ntp):
    return c_ntp_to_us(ntp)


def ntp_compact(uint64_t ntp):
    return c_ntp_compact(ntp)


def ntp_compact_from_us(uint64_t us):
    return c_ntp_compact_from_us(us)


def ntp_compact_to_us(uint32_t compact):
    return c_ntp_compact_to_us(compact)


def demux_classify(bytes data):
    exact = Exact(data)
    return c_demux_classify(exact.data, exact.length)


def rtp_parse_header(bytes data):
    cdef rtp_header h
    exact = Exact(data)
    checked(c_rtp_parse_header(&h, exact.data, exact.length))
    return h


def rtp_parse(bytes data):
    cdef rtp_header h
    exact = Exact(data)
    checked(c_rtp_parse(&h, exact.data, exact.length))
    return h


def rtx_unwrap(bytes data, uint32_t ssrc, uint8_t payload_type):
    cdef rtp_header h
    exact = Exact(data)
    checked(c_rtp_parse(&h, exact.data, exact.length))
    checked(c_rtx_unwrap(&h, exact.data, ssrc, payload_type))
    return h


def rtx_write_osn(uint16_t sequence):
    exact = Exact(<int>RTX_OSN_BYTES)
    c_rtx_write_osn(exact.data, sequence)
    return exact.head(exact.length)


cdef class ExtensionMap:
    cdef rtp_ext_map map

    def __cinit__(self):
        memset(&self.map, 0, sizeof(self.map))

    def set(self, unsigned identifier, int kind):
        checked(rtp_ext_map_set(&self.map, identifier, <rtp_ext_kind>kind))

    def id_of(self, int kind):
        return self.map.id_of_kind[kind]

    def kind_of(self, uint8_t identifier):
        return self.map.kind_of_id[identifier]


cdef class Extensions:
    cdef Exact exact
    cdef rtp_extensions found
    cdef readonly int status

    def __cinit__(self, ExtensionMap extension_map, bytes packet):
        cdef rtp_header h
        self.exact = Exact(packet)
        memset(&self.found, 0xFF, sizeof(self.found))
        checked(c_rtp_parse_header(&h, self.exact.data, self.exact.length))
        self.status = -c_rtp_ext_parse(&self.found, &extension_map.map, &h, self.exact.data)

    @property
    def elements(self):
        found = {}
        for kind in range(32):
            if rtp_ext_has(&self.found, <rtp_ext_kind>kind):
                at = self.found.at[kind].offset
                found[kind] = self.exact.head(self.exact.length)[at:at + self.found.at[kind].length]
        return found

    def audio_level(self):
        cdef uint8_t level = 0
        cdef int voice = 0
        if not wire_audio_level(&self.found, self.exact.data, &level, &voice):
            return None
        return level, voice != 0

    def transport_cc(self):
        cdef uint16_t sequence = 0
        return sequence if rtp_ext_transport_cc(&self.found, self.exact.data, &sequence) else None

    def abs_send_time(self):
        cdef uint32_t time = 0
        return time if rtp_ext_abs_send_time(&self.found, self.exact.data, &time) else None

    def text(self, int kind):
        cdef const uint8_t *text = NULL
        cdef uint8_t length = 0
        if not rtp_ext_text(&self.found, self.exact.data, <rtp_ext_kind>kind, &text, &length):
            return None
        return text[:length]


cdef extern from "core/tcp_framing.h":
    enum:
        TCP_FRAME_MAX_BYTES
    ctypedef struct tcp_framing:
        pass
    uint8_t *tcp_framing_room(tcp_framing *incoming, size_t *capacity)
    void tcp_framing_received(tcp_framing *incoming, size_t length)
    int tcp_framing_next(tcp_framing *incoming, const uint8_t **frame, size_t *length)
    void tcp_framing_write_header(uint8_t *header, size_t length)

FRAME_MAX_BYTES = TCP_FRAME_MAX_BYTES


cdef class TcpFraming:
    cdef tcp_framing incoming

    def receive(self, bytes data):
        """The frames that are whole by now."""
        cdef size_t capacity, length = 0
        cdef const uint8_t *frame = NULL
        cdef uint8_t *room
        cdef int status
        found = []
        while data:
            room = tcp_framing_room(&self.incoming, &capacity)
            if capacity == 0:
                raise AssertionError("no room")
            piece, data = data[:capacity], data[capacity:]
            memcpy(room, <const uint8_t *>piece, len(piece))
            tcp_framing_received(&self.incoming, len(piece))
            while True:
                status = checked(tcp_framing_next(&self.incoming, &frame, &length))
                if status == 0:
                    break
                found.append(frame[:length])
        return found


def tcp_frame(bytes data):
    cdef uint8_t header[2]
    tcp_framing_write_header(header, len(data))
    return header[:2] + data
