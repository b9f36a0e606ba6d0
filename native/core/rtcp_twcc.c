// Packet statuses travel as two-bit symbols in 16-bit chunks, the arrival times as deltas after the last chunk:
//
//   0 SS rrrrrrrrrrrrr   run length: symbol SS, r times
//   1 0 ssssssssssssss   vector of 14 one-bit symbols: not received, small delta
//   1 1 SSSSSSSSSSSSSS   vector of 7 two-bit symbols
#include "core/rtcp_twcc.h"

#include <errno.h>

#include "core/rtcp_feedback.h"

enum {
    NOT_RECEIVED = 0,
    SMALL_DELTA = 1, // one byte, unsigned
    LARGE_DELTA = 2, // two bytes, signed
    RESERVED = 3,

    ONE_BIT_SYMBOLS = 14,
    TWO_BIT_SYMBOLS = 7,
    MAX_RUN = 0x1FFF,

    FIXED_BYTES = RTCP_HEADER_BYTES + 16, // up to the first chunk
    REFERENCE_DELTAS = TWCC_REFERENCE_US / TWCC_DELTA_US,
    MAX_CHUNKS = TWCC_MAX_STATUSES / TWO_BIT_SYMBOLS + 1,
};

static size_t chunk_symbols(uint16_t chunk) {
    if (!(chunk & 0x8000)) return chunk & MAX_RUN;
    return chunk & 0x4000 ? TWO_BIT_SYMBOLS : ONE_BIT_SYMBOLS;
}

// Symbol `index` (< chunk_symbols).
static uint8_t chunk_symbol(uint16_t chunk, size_t index) {
    if (!(chunk & 0x8000)) return chunk >> 13 & 3;
    if (chunk & 0x4000) return (uint8_t)(chunk >> (12 - 2 * index) & 3);
    return (uint8_t)(chunk >> (13 - index) & 1);
}

// How many symbols of `chunk` count when `left` statuses are to come: the last chunk may hold more than are needed.
static size_t chunk_used(uint16_t chunk, size_t left) {
    size_t symbols = chunk_symbols(chunk);
    return symbols < left ? symbols : left;
}

// Reads over the chunks of `status_count` statuses and adds up the bytes of their deltas. False for a reserved symbol.
static bool skip_chunks(cursor *c, size_t status_count, size_t *delta_bytes) {
    *delta_bytes = 0;
    while (status_count > 0 && cursor_ok(c)) {
        uint16_t chunk = cursor_u16(c);
        size_t used = chunk_used(chunk, status_count);
        for (size_t i = 0; i < used; i++) {
            uint8_t symbol = chunk_symbol(chunk, i);
            if (symbol == RESERVED) return false;
            *delta_bytes += symbol; // a symbol's value is its delta's length
        }
        status_count -= used;
    }
    return cursor_ok(c);
}

int twcc_parse(twcc_feedback *feedback, const rtcp_packet *packet) {
    if (packet->type != RTCP_RTPFB || packet->count != RTCP_FMT_TRANSPORT_CC) return -EBADMSG;
    cursor c = cursor_over(packet->body, packet->length);
    twcc_feedback f;
    f.sender_ssrc = cursor_u32(&c);
    f.media_ssrc = cursor_u32(&c);
    f.base_sequence = cursor_u16(&c);
    f.status_count = cursor_u16(&c);
    uint32_t reference = cursor_u24(&c);
    f.reference_time = (int32_t)reference - (reference & 0x800000 ? 0x1000000 : 0);
    f.feedback_count = cursor_u8(&c);
    f.chunks = c.at;
    f.length = cursor_left(&c);
    if (!cursor_ok(&c) || f.status_count == 0 || f.status_count > TWCC_MAX_STATUSES) return -EBADMSG;

    size_t delta_bytes;
    if (!skip_chunks(&c, f.status_count, &delta_bytes) || cursor_left(&c) < delta_bytes) return -EBADMSG;
    *feedback = f;
    return 0;
}

size_t twcc_statuses(const twcc_feedback *feedback, twcc_status *statuses, size_t capacity) {
    cursor chunks = cursor_over(feedback->chunks, feedback->length);
    cursor deltas = chunks;
    size_t delta_bytes;
    if (!skip_chunks(&deltas, feedback->status_count, &delta_bytes)) return 0;

    int64_t arrival_us = (int64_t)feedback->reference_time * TWCC_REFERENCE_US;
    size_t count = capacity < feedback->status_count ? capacity : feedback->status_count;
    size_t written = 0;
    while (written < count) {
        uint16_t chunk = cursor_u16(&chunks);
        size_t used = chunk_used(chunk, count - written);
        for (size_t i = 0; i < used; i++, written++) {
            uint8_t symbol = chunk_symbol(chunk, i);
            if (symbol == SMALL_DELTA) arrival_us += cursor_u8(&deltas) * TWCC_DELTA_US;
            if (symbol == LARGE_DELTA) arrival_us += (int16_t)cursor_u16(&deltas) * TWCC_DELTA_US;
            bool received = symbol != NOT_RECEIVED;
            statuses[written] = (twcc_status){
                .sequence = (seq16)(feedback->base_sequence + written),
                .received = received,
                .arrival_us = received ? arrival_us : 0,
            };
        }
    }
    return written;
}

// The symbols that no chunk was made for yet. At any time they fit one chunk: few enough for two bits each, or no large
// delta among them and few enough for one bit each, or all the same.
typedef struct pending {
    size_t count;
    bool all_same;
    bool has_large;
    uint8_t symbols[ONE_BIT_SYMBOLS]; // the first of them: beyond these all are the same
} pending;

static bool pending_takes(const pending *p, uint8_t symbol) {
    if (p->count < TWO_BIT_SYMBOLS) return true;
    if (p->count < ONE_BIT_SYMBOLS && !p->has_large && symbol != LARGE_DELTA) return true;
    return p->all_same && p->symbols[0] == symbol && p->count < MAX_RUN;
}

static void pending_add(pending *p, uint8_t symbol) {
    p->all_same = p->count == 0 || (p->all_same && p->symbols[0] == symbol);
    p->has_large = p->has_large || symbol == LARGE_DELTA;
    if (p->count < ONE_BIT_SYMBOLS) p->symbols[p->count] = symbol;
    p->count++;
}

static uint16_t run_chunk(const pending *p) {
    return (uint16_t)((unsigned)p->symbols[0] << 13 | p->count);
}

static uint16_t one_bit_chunk(const pending *p) {
    unsigned chunk = 0x8000;
    for (size_t i = 0; i < p->count; i++)
        chunk |= (unsigned)p->symbols[i] << (13 - i);
    return (uint16_t)chunk;
}

static uint16_t two_bit_chunk(const pending *p) {
    unsigned chunk = 0xC000;
    for (size_t i = 0; i < p->count && i < TWO_BIT_SYMBOLS; i++)
        chunk |= (unsigned)p->symbols[i] << (12 - 2 * i);
    return (uint16_t)chunk;
}

// A full chunk of the first pending symbols, when they do not take the next one. Fewer than seven may stay behind.
static uint16_t pending_take_chunk(pending *p) {
    pending before = *p;
    *p = (pending){0};
    if (before.all_same) return run_chunk(&before);
    if (before.count == ONE_BIT_SYMBOLS) return one_bit_chunk(&before);
    for (size_t i = TWO_BIT_SYMBOLS; i < before.count; i++)
        pending_add(p, before.symbols[i]);
    return two_bit_chunk(&before);
}

static uint16_t pending_last_chunk(const pending *p) {
    if (p->all_same) return run_chunk(p);
    return p->count <= TWO_BIT_SYMBOLS ? two_bit_chunk(p) : one_bit_chunk(p);
}

// What a message under construction holds. Small, so that an arrival that does not fit is undone by assignment.
typedef struct draft {
    size_t statuses;
    size_t chunks; // made so far, without the pending one
    size_t delta_bytes;
    int64_t last_tick; // arrival time of the last packet, in units of a delta
    pending pending;
} draft;

static void draft_add_symbol(draft *d, uint16_t *chunks, uint8_t symbol) {
    if (!pending_takes(&d->pending, symbol)) chunks[d->chunks++] = pending_take_chunk(&d->pending);
    pending_add(&d->pending, symbol);
    d->statuses++;
}

// Length of the whole message: with the pending chunk, padded to whole words.
static size_t draft_bytes(const draft *d) {
    size_t length = FIXED_BYTES + 2 * (d->chunks + 1) + d->delta_bytes;
    return (length + 3) / 4 * 4;
}

static int64_t tick_of(const twcc_arrival *arrival) {
    return (int64_t)(arrival->arrival_us / TWCC_DELTA_US);
}

static uint8_t symbol_for(int64_t delta) {
    return delta >= 0 && delta <= UINT8_MAX ? SMALL_DELTA : LARGE_DELTA;
}

// Adds the arrival and the losses before it, or returns false and leaves the draft as it was.
static bool draft_add_arrival(draft *d, uint16_t *chunks, seq64 base, const twcc_arrival *arrival, size_t capacity) {
    uint64_t offset = (uint64_t)arrival->sequence - (uint64_t)base; // huge for one before the base
    if (offset < d->statuses || offset >= TWCC_MAX_STATUSES) return false;
    int64_t delta = tick_of(arrival) - d->last_tick;
    if (delta < INT16_MIN || delta > INT16_MAX) return false;

    draft before = *d;
    while (d->statuses < offset)
        draft_add_symbol(d, chunks, NOT_RECEIVED);
    uint8_t symbol = symbol_for(delta);
    draft_add_symbol(d, chunks, symbol);
    d->delta_bytes += symbol;
    d->last_tick += delta;
    if (draft_bytes(d) <= capacity) return true;
    *d = before;
    return false;
}

static void write_deltas(writer *w, int64_t tick, const twcc_arrival *arrivals, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int64_t delta = tick_of(&arrivals[i]) - tick;
        tick += delta;
        if (symbol_for(delta) == SMALL_DELTA) {
            writer_u8(w, (uint8_t)delta);
        } else {
            writer_u16(w, (uint16_t)delta);
        }
    }
}

size_t twcc_write(writer *w, uint32_t sender_ssrc, uint32_t media_ssrc, uint8_t feedback_count, seq64 base,
                  const twcc_arrival *arrivals, size_t count) {
    if (!writer_ok(w) || count == 0) return 0;
    size_t capacity = (size_t)(w->end - w->at);
    uint64_t reference = arrivals[0].arrival_us / TWCC_REFERENCE_US;
    int64_t first_tick = (int64_t)(reference * REFERENCE_DELTAS);

    uint16_t chunks[MAX_CHUNKS];
    draft d = {.last_tick = first_tick};
    size_t taken = 0;
    while (taken < count && draft_add_arrival(&d, chunks, base, &arrivals[taken], capacity))
        taken++;
    if (taken == 0) return 0;

    size_t length = draft_bytes(&d);
    chunks[d.chunks++] = pending_last_chunk(&d.pending);
    const uint8_t *start = w->at;
    uint8_t *begun = rtcp_begin(w, RTCP_RTPFB, RTCP_FMT_TRANSPORT_CC);
    writer_u32(w, sender_ssrc);
    writer_u32(w, media_ssrc);
    writer_u16(w, seq64_wire(base));
    writer_u16(w, (uint16_t)d.statuses);
    writer_u24(w, (uint32_t)(reference & 0xFFFFFF));
    writer_u8(w, feedback_count);
    for (size_t i = 0; i < d.chunks; i++)
        writer_u16(w, chunks[i]);
    write_deltas(w, first_tick, arrivals, taken);
    // Zeros without the padding bit, which only the last packet of a compound may have.
    writer_zeros(w, length - (size_t)(w->at - start));
    rtcp_end(w, begun);
    return taken;
}
