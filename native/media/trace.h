// What one transport does, for whoever has to find out why: a bounded ring of records, and of packets without hop SRTP.
// There is none until a command makes it: while it is off, a trace point costs a test of a pointer.
#ifndef SFU_MEDIA_TRACE_H
#define SFU_MEDIA_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum trace_mode { TRACE_OFF = 0, TRACE_EVENTS, TRACE_PACKETS } trace_mode;

// What the other fields of the record hold is said by each.
typedef enum trace_what {
    TRACE_LOST = 0,            // number: records that found the ring full since the one before
    TRACE_CONNECTED,           // the first valid ICE check, or the first since consent expired
    TRACE_PATH,                // bytes: the ice_path that is sent to from now on
    TRACE_EXPIRED,             // consent
    TRACE_RESTARTED,           // ICE, with new credentials
    TRACE_KEYS,                // number: srtp_profile. The keys themselves are never recorded
    TRACE_SECURED,             // something authenticated has come
    TRACE_PAYLOADS,            // number: mappings
    TRACE_PACING,              // number: kbit/s
    TRACE_LATCHED,             // id: source, layer; number: SSRC
    TRACE_LATCHED_RTX,         // the same for retransmissions
    TRACE_KEY_FRAME_REQUESTED, // of the publisher, with a PLI. id: source, layer
    TRACE_KEY_FRAME_ARRIVED,   // id: source, layer; number: RTP time stamp
    TRACE_KEY_FRAME_WANTED,    // by this receiver, with a PLI or FIR. slot, id: source
    TRACE_SLOT_WANTED,         // the slot is to show that source. slot, id: source, layer
    TRACE_SLOT_FILLED,         // and now does. slot, id: source, layer
    TRACE_SLOT_EMPTIED,        // slot
    TRACE_SLOT_FLUSHED,        // slot; number: bytes that the transport's queues held
    TRACE_NACK_SENT,           // id: source, layer; number: packets asked for
    TRACE_NACK_RECEIVED,       // slot; number: packets asked for
    TRACE_SEND_REFUSED,        // id: errno; number: datagrams that the kernel did not take
    TRACE_PACKET_IN,  // bytes: RTP or RTCP, opened; number: its length, of which the bytes may be the beginning
    TRACE_PACKET_OUT, // the same before it is sealed
} trace_what;

enum {
    TRACE_EVENT_RING_BYTES = 16 * 1024,
    TRACE_PACKET_RING_BYTES = 512 * 1024,
    TRACE_BATCH_BYTES = 1500, // of one trace_read: what an event has room for
    TRACE_MAX_PIECES = 4,
};

// As it is read, in the machine's byte order, with `length` bytes behind it.
typedef struct trace_record {
    uint64_t at_us;
    uint32_t number;
    uint32_t id;
    uint16_t slot;
    uint16_t length;
    uint8_t what; // trace_what
    uint8_t layer;
    uint16_t zero;
} trace_record;

enum { TRACE_SNAP_BYTES = TRACE_BATCH_BYTES - (int)sizeof(trace_record) };

typedef struct trace_piece {
    const uint8_t *bytes;
    size_t length;
} trace_piece;

typedef struct trace trace;

// NULL: no memory, or TRACE_OFF.
trace *trace_create(trace_mode mode);
void trace_destroy(trace *self);

// Puts a record with the bytes of all pieces behind it, cut at TRACE_SNAP_BYTES. What does not fit the ring is counted.
void trace_put(trace *self, trace_record what, const trace_piece *pieces, size_t count);
// Takes whole records, as many as fit `capacity` (at least TRACE_BATCH_BYTES). Returns their bytes, 0: there are none.
size_t trace_read(trace *self, uint8_t *bytes, size_t capacity);
bool trace_takes_packets(const trace *self);

// ---- trace points: `self` is NULL where nothing is traced ----

static inline void trace_event(trace *self, trace_record what) {
    if (__builtin_expect(self != NULL, 0)) trace_put(self, what, NULL, 0);
}

static inline void trace_packet(trace *self, uint64_t now_us, trace_what direction, const uint8_t *bytes,
                                size_t length) {
    if (__builtin_expect(self == NULL, 1) || !trace_takes_packets(self)) return;
    trace_piece piece = {.bytes = bytes, .length = length};
    trace_put(self, (trace_record){.at_us = now_us, .what = (uint8_t)direction}, &piece, 1);
}

#endif
