#include "media/trace.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(trace_record) == 24, "the control plane reads records of 24 bytes");

struct trace {
    trace_mode mode;
    uint32_t lost;   // records since the last one that fitted
    size_t mask;     // size of the ring - 1
    size_t first;    // next to read; both only grow
    size_t end;      // next to write
    uint8_t bytes[]; // records one behind the other, split at the ring's end
};

trace *trace_create(trace_mode mode) {
    if (mode != TRACE_EVENTS && mode != TRACE_PACKETS) return NULL;
    size_t size = mode == TRACE_PACKETS ? TRACE_PACKET_RING_BYTES : TRACE_EVENT_RING_BYTES;
    trace *self = calloc(1, sizeof *self + size);
    if (!self) return NULL;
    self->mode = mode;
    self->mask = size - 1;
    return self;
}

void trace_destroy(trace *self) {
    free(self);
}

bool trace_takes_packets(const trace *self) {
    return self->mode == TRACE_PACKETS;
}

static void append(trace *self, const void *bytes, size_t length) {
    if (length == 0) return;
    size_t at = self->end & self->mask;
    size_t before_wrap = self->mask + 1 - at;
    size_t head = length < before_wrap ? length : before_wrap;
    memcpy(self->bytes + at, bytes, head);
    memcpy(self->bytes, (const uint8_t *)bytes + head, length - head);
    self->end += length;
}

static void copy_out(const trace *self, size_t from, void *bytes, size_t length) {
    size_t at = from & self->mask;
    size_t before_wrap = self->mask + 1 - at;
    size_t head = length < before_wrap ? length : before_wrap;
    memcpy(bytes, self->bytes + at, head);
    memcpy((uint8_t *)bytes + head, self->bytes, length - head);
}

void trace_put(trace *self, trace_record what, const trace_piece *pieces, size_t count) {
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += pieces[i].length;
    size_t left = total < TRACE_SNAP_BYTES ? total : TRACE_SNAP_BYTES;
    what.length = (uint16_t)left;
    if (what.what == TRACE_PACKET_IN || what.what == TRACE_PACKET_OUT) what.number = (uint32_t)total;
    size_t needed = sizeof what + left + (self->lost ? sizeof what : 0);
    if (self->mask + 1 - (self->end - self->first) < needed) {
        self->lost++;
        return;
    }
    if (self->lost) {
        trace_record gap = {.at_us = what.at_us, .what = TRACE_LOST, .number = self->lost};
        append(self, &gap, sizeof gap);
        self->lost = 0;
    }
    append(self, &what, sizeof what);
    for (size_t i = 0; i < count && left > 0; i++) {
        size_t taken = pieces[i].length < left ? pieces[i].length : left;
        append(self, pieces[i].bytes, taken);
        left -= taken;
    }
}

size_t trace_read(trace *self, uint8_t *bytes, size_t capacity) {
    size_t made = 0;
    while (self->first != self->end) {
        trace_record next;
        copy_out(self, self->first, &next, sizeof next);
        size_t length = sizeof next + next.length;
        if (capacity - made < length) break;
        copy_out(self, self->first, bytes + made, length);
        self->first += length;
        made += length;
    }
    return made;
}
