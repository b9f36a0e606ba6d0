// Bounds-checked reading and writing of wire bytes. Every byte that came from, or goes to, the network passes
// through one of these two. Failure is sticky: a read past the end yields zero and marks the cursor, so a parser
// reads straight through and asks once, at the end, whether all of it was there.
#ifndef SFU_CORE_CURSOR_H
#define SFU_CORE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct cursor {
    const uint8_t *at;  // next byte to read
    const uint8_t *end; // one past the last readable byte
    bool failed;        // a read went past the end
} cursor;

static inline cursor cursor_over(const uint8_t *bytes, size_t length) {
    return (cursor){.at = bytes, .end = bytes + length, .failed = false};
}

static inline size_t cursor_left(const cursor *c) {
    return (size_t)(c->end - c->at);
}

static inline bool cursor_ok(const cursor *c) {
    return !c->failed;
}

// The next `length` bytes, or NULL (and a failed cursor) if fewer are left. Zero bytes of a live cursor are not NULL.
static inline const uint8_t *cursor_bytes(cursor *c, size_t length) {
    if (c->failed || cursor_left(c) < length) {
        c->failed = true;
        return NULL;
    }
    const uint8_t *bytes = c->at;
    c->at += length;
    return bytes;
}

static inline void cursor_skip(cursor *c, size_t length) {
    (void)cursor_bytes(c, length);
}

static inline uint8_t cursor_u8(cursor *c) {
    const uint8_t *b = cursor_bytes(c, 1);
    return b ? b[0] : 0;
}

static inline uint16_t cursor_u16(cursor *c) {
    const uint8_t *b = cursor_bytes(c, 2);
    if (!b) return 0; // not `?:`, in which gcc 12 with -fsanitize=undefined sees a -Wconversion
    return (uint16_t)(b[0] << 8 | b[1]);
}

static inline uint32_t cursor_u24(cursor *c) {
    const uint8_t *b = cursor_bytes(c, 3);
    return b ? (uint32_t)b[0] << 16 | (uint32_t)b[1] << 8 | b[2] : 0;
}

static inline uint32_t cursor_u32(cursor *c) {
    const uint8_t *b = cursor_bytes(c, 4);
    return b ? (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3] : 0;
}

static inline uint64_t cursor_u64(cursor *c) {
    uint64_t high = cursor_u32(c);
    return high << 32 | cursor_u32(c);
}

typedef struct writer {
    uint8_t *start; // first byte of the output
    uint8_t *at;    // next byte to write
    uint8_t *end;   // one past the last writable byte
    bool failed;    // a write did not fit; nothing was written past `end`
} writer;

static inline writer writer_over(uint8_t *bytes, size_t capacity) {
    return (writer){.start = bytes, .at = bytes, .end = bytes + capacity, .failed = false};
}

static inline size_t writer_length(const writer *w) {
    return (size_t)(w->at - w->start);
}

static inline bool writer_ok(const writer *w) {
    return !w->failed;
}

// Room for `length` bytes that the caller fills in, or NULL (and a failed writer) if they do not fit.
static inline uint8_t *writer_reserve(writer *w, size_t length) {
    if (w->failed || (size_t)(w->end - w->at) < length) {
        w->failed = true;
        return NULL;
    }
    uint8_t *room = w->at;
    w->at += length;
    return room;
}

static inline void writer_u8(writer *w, uint8_t value) {
    uint8_t *b = writer_reserve(w, 1);
    if (b) b[0] = value;
}

static inline void writer_u16(writer *w, uint16_t value) {
    uint8_t *b = writer_reserve(w, 2);
    if (b) {
        b[0] = (uint8_t)(value >> 8);
        b[1] = (uint8_t)value;
    }
}

static inline void writer_u24(writer *w, uint32_t value) {
    writer_u8(w, (uint8_t)(value >> 16));
    writer_u16(w, (uint16_t)value);
}

static inline void writer_u32(writer *w, uint32_t value) {
    writer_u16(w, (uint16_t)(value >> 16));
    writer_u16(w, (uint16_t)value);
}

static inline void writer_u64(writer *w, uint64_t value) {
    writer_u32(w, (uint32_t)(value >> 32));
    writer_u32(w, (uint32_t)value);
}

static inline void writer_bytes(writer *w, const uint8_t *bytes, size_t length) {
    uint8_t *b = writer_reserve(w, length);
    if (b && length) memcpy(b, bytes, length);
}

static inline void writer_zeros(writer *w, size_t length) {
    uint8_t *b = writer_reserve(w, length);
    if (b && length) memset(b, 0, length);
}

#endif
