#include "load/verify.h"

#include <stdlib.h>
#include <string.h>

typedef struct frame {
    bool used;
    bool complete;
    bool decoded;
    seq64 first; // number of its packet 0
    uint32_t timestamp;
    uint16_t received;
    payload_mark mark; // of the packet that came first
} frame;

struct verify {
    verify_config config;
    bool started;
    seq64 base;
    uint64_t numbers; // received, of base to highest, padding too
    uint64_t seen[VERIFY_WINDOW / 64];
    frame frames[VERIFY_FRAMES];
    uint64_t frame_count; // ever opened: the ring's position
    bool decoding;
    seq64 decoded_first; // of the last decoded frame
    stream_stats stats;
};

verify *verify_create(const verify_config *config) {
    verify *self = calloc(1, sizeof *self);
    if (!self) return NULL;
    self->config = *config;
    self->stats.highest_sequence = -1;
    return self;
}

void verify_destroy(verify *self) {
    free(self);
}

const stream_stats *verify_get_stats(const verify *self) {
    return &self->stats;
}

seq64 verify_extend(const verify *self, seq16 original) {
    return self->started ? seq64_extend(self->stats.highest_sequence, original) : original;
}

// ---- numbers ----

static uint64_t *seen_word(verify *self, seq64 sequence) {
    return &self->seen[(uint64_t)sequence / 64 % (VERIFY_WINDOW / 64)];
}

static void advance_highest(verify *self, seq64 sequence) {
    seq64 *highest = &self->stats.highest_sequence;
    if (sequence - *highest >= VERIFY_WINDOW) memset(self->seen, 0, sizeof self->seen);
    seq64 from = sequence - *highest >= VERIFY_WINDOW ? sequence : *highest + 1;
    for (seq64 s = from; s <= sequence; s++) {
        *seen_word(self, s) &= ~(1ULL << ((uint64_t)s % 64));
    }
    *highest = sequence;
}

// Whether the number is new; marks it.
static bool accept_number(verify *self, const verify_packet *packet) {
    seq64 sequence = packet->sequence;
    stream_stats *stats = &self->stats;
    if (!self->started) {
        self->started = true;
        self->base = sequence;
        stats->highest_sequence = sequence - 1;
        stats->first_us = packet->arrival_us;
    }
    if (sequence <= stats->highest_sequence - VERIFY_WINDOW) {
        stats->too_late++;
        return false;
    }
    bool behind = sequence <= stats->highest_sequence;
    uint64_t bit = 1ULL << ((uint64_t)sequence % 64);
    if (!behind) {
        advance_highest(self, sequence);
    } else if (*seen_word(self, sequence) & bit) {
        stats->duplicates++;
        return false;
    }
    *seen_word(self, sequence) |= bit;
    if (sequence < self->base) self->base = sequence;
    self->numbers++;
    stats->late += behind && !packet->recovered;
    stats->missing = (uint64_t)(stats->highest_sequence - self->base + 1) - self->numbers;
    stats->last_us = packet->arrival_us;
    return true;
}

// ---- frames ----

static frame *find_timestamp(verify *self, uint32_t timestamp) {
    // From the newest back: it is nearly always that one.
    for (uint64_t i = 1; i <= VERIFY_FRAMES; i++) {
        frame *f = &self->frames[(self->frame_count - i) % VERIFY_FRAMES];
        if (!f->used) return NULL;
        if (f->timestamp == timestamp) return f;
    }
    return NULL;
}

static frame *find_number(verify *self, uint32_t stream, uint32_t number) {
    for (uint64_t i = 1; i <= VERIFY_FRAMES; i++) {
        frame *f = &self->frames[(self->frame_count - i) % VERIFY_FRAMES];
        if (!f->used) return NULL;
        if (f->mark.stream == stream && f->mark.frame == number) return f;
    }
    return NULL;
}

static frame *open_frame(verify *self, const verify_packet *packet, const payload_mark *mark) {
    uint32_t timestamp = packet->header->timestamp;
    seq64 first = packet->sequence - mark->index;
    if (find_number(self, mark->stream, mark->frame)) self->stats.repeated_frames++;
    bool disordered = false;
    for (size_t i = 0; i < VERIFY_FRAMES; i++) {
        const frame *other = &self->frames[i];
        if (!other->used) continue;
        bool newer = (int32_t)(timestamp - other->timestamp) > 0;
        if (newer != (first > other->first)) disordered = true;
    }
    self->stats.timestamp_errors += disordered;
    frame *f = &self->frames[self->frame_count++ % VERIFY_FRAMES];
    if (f->used && !f->complete) self->stats.frames_lost++;
    *f = (frame){.used = true, .first = first, .timestamp = timestamp, .mark = *mark};
    self->stats.frames++;
    return f;
}

static bool fits_frame(const frame *f, const verify_packet *packet, const payload_mark *mark) {
    const payload_mark *other = &f->mark;
    return packet->sequence - mark->index == f->first && mark->stream == other->stream && mark->frame == other->frame &&
           mark->count == other->count && mark->key == other->key && mark->capture_us == other->capture_us &&
           mark->sequence - mark->index == other->sequence - other->index;
}

static void decode_frame(verify *self, frame *f, uint64_t now_us) {
    stream_stats *stats = &self->stats;
    f->decoded = true;
    if (self->decoding && now_us - stats->decoded_us > stats->longest_gap_us) {
        stats->longest_gap_us = now_us - stats->decoded_us;
    }
    self->decoding = true;
    self->decoded_first = f->first;
    stats->decoded_us = now_us;
    stats->frames_decoded++;
    stats->stream = f->mark.stream;
    stats->frame = f->mark.frame;
    stats->delay_us = now_us > f->mark.capture_us ? now_us - f->mark.capture_us : 0;
    if (stats->delay_us > stats->longest_delay_us) stats->longest_delay_us = stats->delay_us;
}

// Decodes this frame if it can be, and then those that had waited for it.
static void decode_from(verify *self, frame *f, uint64_t now_us) {
    while (f && f->complete && !f->decoded) {
        const stream_stats *stats = &self->stats;
        bool newer = !self->decoding || f->first > self->decoded_first;
        bool next = self->decoding && f->mark.stream == stats->stream && f->mark.frame == stats->frame + 1;
        // Audio needs nothing that came before.
        if (!newer || !(next || f->mark.key || !self->config.video)) return;
        decode_frame(self, f, now_us);
        f = find_number(self, f->mark.stream, f->mark.frame + 1);
    }
}

// Two complete frames with no number between them.
static void check_adjacent(verify *self, const frame *before, const frame *after) {
    bool successor = before->mark.stream == after->mark.stream && before->mark.frame + 1 == after->mark.frame;
    if (before->mark.stream != after->mark.stream) self->stats.splices++;
    if (self->config.video && !successor && !after->mark.key) self->stats.chain_breaks++;
}

// Whether something else was shown between two frames: a layer that falls silent gives way to another one, and goes on
// with the very next frame when it comes back.
static bool is_parted(const verify *self, const frame *before, const frame *after) {
    for (size_t i = 0; i < VERIFY_FRAMES; i++) {
        const frame *f = &self->frames[i];
        if (f->used && f->mark.stream != after->mark.stream && f->first > before->first && f->first < after->first)
            return true;
    }
    return false;
}

// Two complete frames that followed one another at the source.
static void check_successive(verify *self, const frame *before, const frame *after) {
    if (after->mark.key && is_parted(self, before, after)) return;
    if (before->first + before->mark.count != after->first) self->stats.numbering_errors++;
}

// Each pair is looked at once: when the second of the two becomes complete.
static void check_neighbours(verify *self, const frame *f) {
    for (size_t i = 0; i < VERIFY_FRAMES; i++) {
        const frame *other = &self->frames[i];
        if (!other->used || !other->complete || other == f) continue;
        if (other->first + other->mark.count == f->first) check_adjacent(self, other, f);
        if (f->first + f->mark.count == other->first) check_adjacent(self, f, other);
        if (other->mark.stream != f->mark.stream) continue;
        if (other->mark.frame + 1 == f->mark.frame) check_successive(self, other, f);
        if (f->mark.frame + 1 == other->mark.frame) check_successive(self, f, other);
    }
}

static void check_frame(verify *self, const verify_packet *packet, const payload_mark *mark) {
    bool last = mark->index + 1 == mark->count;
    if (self->config.video && packet->header->marker != last) self->stats.marker_errors++;
    frame *f = find_timestamp(self, packet->header->timestamp);
    if (!f) {
        f = open_frame(self, packet, mark);
    } else if (!fits_frame(f, packet, mark)) {
        self->stats.inconsistent++;
        return;
    }
    f->received++;
    if (f->received != f->mark.count) return;
    f->complete = true;
    self->stats.frames_complete++;
    self->stats.key_frames += f->mark.key;
    check_neighbours(self, f);
    decode_from(self, f, packet->arrival_us);
}

verify_result verify_on_packet(verify *self, const verify_packet *packet) {
    verify_result result = {.fresh = accept_number(self, packet)};
    const rtp_header *header = packet->header;
    stream_stats *stats = &self->stats;
    if (header->payload_type != self->config.payload_type) stats->wrong_payload_type++;
    if (header->payload_length == 0) {
        stats->padding += result.fresh;
        return result;
    }
    // A duplicate's bytes are checked too: it may be what a receiver would have got.
    int error =
        payload_read(&result.mark, packet->bytes + header->payload_offset, header->payload_length, self->config.video);
    result.intact = !error;
    if (error) stats->corrupt++;
    if (!result.fresh) return result;
    stats->packets++;
    stats->bytes += header->payload_length;
    stats->recovered += packet->recovered;
    if (!result.intact) return result;
    result.key_frame_start = result.mark.key && result.mark.index == 0;
    check_frame(self, packet, &result.mark);
    return result;
}
