#include "load/payload.h"

#include <errno.h>

enum { MAGIC = 0x73667531, FLAG_VIDEO = 1, FLAG_KEY = 2, HASHED_BYTES = PAYLOAD_HEADER_BYTES - 4 };

static inline uint64_t mix(uint64_t z) {
    z = (z ^ z >> 32) * 0xD6E8FEB86659FD93ULL;
    return z ^ z >> 29;
}

// The filling is a counter run through one multiplication: independent words, so that it costs little beside SRTP.
static inline uint64_t filling_word(uint64_t seed, size_t index) {
    return mix(seed + index * 0x9E3779B97F4A7C15ULL);
}

static uint64_t hash_header(const uint8_t *header) {
    uint64_t hash = HASHED_BYTES;
    for (size_t i = 0; i < HASHED_BYTES; i += 8) {
        uint64_t word;
        memcpy(&word, header + i, 8);
        hash = mix(mix(hash ^ word) + 0x9E3779B97F4A7C15ULL);
    }
    return hash;
}

static void fill(uint8_t *bytes, size_t length, uint64_t seed) {
    size_t i = 0;
    for (; (i + 1) * 8 <= length; i++) {
        uint64_t word = filling_word(seed, i);
        memcpy(bytes + i * 8, &word, 8);
    }
    uint64_t last = filling_word(seed, i);
    memcpy(bytes + i * 8, &last, length - i * 8);
}

static bool is_filling(const uint8_t *bytes, size_t length, uint64_t seed) {
    uint64_t difference = 0, word;
    size_t i = 0;
    for (; (i + 1) * 8 <= length; i++) {
        memcpy(&word, bytes + i * 8, 8);
        difference |= word ^ filling_word(seed, i);
    }
    uint64_t last = filling_word(seed, i);
    return difference == 0 && memcmp(bytes + i * 8, &last, length - i * 8) == 0;
}

static size_t shape_bytes(bool video, uint16_t index) {
    if (!video) return 0;
    return index == 0 ? 2 : 1;
}

void payload_write(writer *w, const payload_mark *mark) {
    if (mark->length < PAYLOAD_MIN_BYTES) w->failed = true;
    size_t shape = shape_bytes(mark->video, mark->index);
    if (mark->video) writer_u8(w, mark->index == 0 ? PAYLOAD_VP8_START : PAYLOAD_VP8_CONTINUE);
    if (shape == 2) writer_u8(w, mark->key ? PAYLOAD_CLEAR_KEY : PAYLOAD_CLEAR_DELTA);
    const uint8_t *header = w->at;
    writer_u32(w, MAGIC);
    writer_u32(w, mark->stream);
    writer_u32(w, mark->sequence);
    writer_u32(w, mark->frame);
    writer_u16(w, mark->index);
    writer_u16(w, mark->count);
    writer_u16(w, (uint16_t)((mark->video ? FLAG_VIDEO : 0) | (mark->key ? FLAG_KEY : 0)));
    writer_u16(w, mark->length);
    writer_u64(w, mark->capture_us);
    if (!writer_ok(w)) return;
    uint64_t hash = hash_header(header);
    writer_u32(w, (uint32_t)hash);
    size_t rest = mark->length - shape - PAYLOAD_HEADER_BYTES;
    uint8_t *filling = writer_reserve(w, rest);
    if (filling) fill(filling, rest, hash);
}

static bool is_shape(const payload_mark *mark, const uint8_t *bytes) {
    if (!mark->video) return true;
    if (mark->index > 0) return bytes[0] == PAYLOAD_VP8_CONTINUE;
    return bytes[0] == PAYLOAD_VP8_START && bytes[1] == (mark->key ? PAYLOAD_CLEAR_KEY : PAYLOAD_CLEAR_DELTA);
}

int payload_read(payload_mark *mark, const uint8_t *bytes, size_t length, bool video) {
    if (length < PAYLOAD_MIN_BYTES) return -ENOMSG;
    size_t shape = 0;
    if (video) shape = bytes[0] == PAYLOAD_VP8_START ? 2 : 1;
    cursor c = cursor_over(bytes + shape, length - shape);
    const uint8_t *header = c.at;
    if (cursor_u32(&c) != MAGIC) return -ENOMSG;
    mark->stream = cursor_u32(&c);
    mark->sequence = cursor_u32(&c);
    mark->frame = cursor_u32(&c);
    mark->index = cursor_u16(&c);
    mark->count = cursor_u16(&c);
    uint16_t flags = cursor_u16(&c);
    mark->length = cursor_u16(&c);
    mark->capture_us = cursor_u64(&c);
    uint32_t check = cursor_u32(&c);
    if (!cursor_ok(&c)) return -ENOMSG;
    mark->video = (flags & FLAG_VIDEO) != 0;
    mark->key = (flags & FLAG_KEY) != 0;
    uint64_t hash = hash_header(header);
    bool intact = check == (uint32_t)hash && mark->length == length && mark->video == video &&
                  mark->index < mark->count && shape == shape_bytes(video, mark->index) && is_shape(mark, bytes) &&
                  is_filling(c.at, cursor_left(&c), hash);
    return intact ? 0 : -EBADMSG;
}
