// Fields that are no whole bytes, high bit first, over a cursor and a writer. Failure is sticky, as it is there.
#ifndef SFU_CORE_BITS_H
#define SFU_CORE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/cursor.h"

typedef struct bit_reader {
    cursor bytes;   // what is still to be read, in whole bytes
    uint64_t held;  // bits taken from there; the lowest `count` are still to be read
    unsigned count; // at most 39
    size_t total;   // bits in all
} bit_reader;

static inline bit_reader bits_over(const uint8_t *bytes, size_t length) {
    return (bit_reader){.bytes = cursor_over(bytes, length), .total = length * 8};
}

static inline bool bits_ok(const bit_reader *r) {
    return cursor_ok(&r->bytes);
}

// How many have been read; of a reader that has not failed.
static inline size_t bits_position(const bit_reader *r) {
    return r->total - cursor_left(&r->bytes) * 8 - r->count;
}

// The next `width` bits, 0 to 32 of them: f(n) of the AV1 RTP specification.
static inline uint32_t bits_read(bit_reader *r, unsigned width) {
    while (r->count < width) {
        r->held = r->held << 8 | cursor_u8(&r->bytes);
        r->count += 8;
    }
    r->count -= width;
    return (uint32_t)(r->held >> r->count & ((UINT64_C(1) << width) - 1));
}

static inline bool bits_flag(bit_reader *r) {
    return bits_read(r, 1) != 0;
}

// A number below `values` (1 to 2^31 - 1) in a code that takes a bit less for the lower ones: ns(n) of that
// specification.
static inline uint32_t bits_read_ns(bit_reader *r, uint32_t values) {
    unsigned width = 0;
    while (values >> width)
        width++;
    uint32_t shorter = (uint32_t)((UINT64_C(1) << width) - values);
    uint32_t value = bits_read(r, width - 1);
    return value < shorter ? value : (value << 1) - shorter + bits_read(r, 1);
}

typedef struct bit_writer {
    writer *bytes;
    uint64_t held; // the lowest `count` bits are still to be written
    unsigned count;
} bit_writer;

static inline bit_writer bits_into(writer *bytes) {
    return (bit_writer){.bytes = bytes};
}

// Writes the lowest `width` bits of `value`, 0 to 32 of them.
static inline void bits_write(bit_writer *w, unsigned width, uint32_t value) {
    w->held = w->held << width | (value & ((UINT64_C(1) << width) - 1));
    w->count += width;
    while (w->count >= 8) {
        w->count -= 8;
        writer_u8(w->bytes, (uint8_t)(w->held >> w->count));
    }
}

// Zeros up to the next whole byte.
static inline void bits_finish(bit_writer *w) {
    if (w->count) bits_write(w, 8 - w->count, 0);
}

// The next `width` bits of a reader, any number of them.
static inline void bits_copy(bit_writer *w, bit_reader *r, size_t width) {
    for (; width > 32; width -= 32)
        bits_write(w, 32, bits_read(r, 32));
    bits_write(w, (unsigned)width, bits_read(r, (unsigned)width));
}

#endif
