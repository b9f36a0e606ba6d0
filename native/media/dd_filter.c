#include "media/dd_filter.h"

enum { NO_TARGET = 0xFF };

void dd_filter_start(dd_filter *self, uint8_t wanted_spatial, uint8_t wanted_temporal) {
    *self = (dd_filter){.wanted_spatial = wanted_spatial, .wanted_temporal = wanted_temporal};
}

void dd_filter_want(dd_filter *self, uint8_t spatial, uint8_t temporal) {
    self->wanted_spatial = spatial;
    self->wanted_temporal = temporal;
}

// ---- what was sent ----

static bool has(const uint64_t *frames, seq64 number) {
    size_t place = (size_t)number % DD_FILTER_FRAMES;
    return (frames[place / 64] >> place % 64 & 1) != 0;
}

static void put(uint64_t *frames, seq64 number, bool value) {
    size_t place = (size_t)number % DD_FILTER_FRAMES;
    frames[place / 64] = (frames[place / 64] & ~(UINT64_C(1) << place % 64)) | (uint64_t)value << place % 64;
}

static bool is_remembered(const dd_filter *self, seq64 number) {
    return number >= self->first_frame && number <= self->highest_frame &&
           self->highest_frame - number < DD_FILTER_FRAMES;
}

static bool was_sent(const dd_filter *self, seq64 number) {
    return is_remembered(self, number) && has(self->sent, number);
}

// What was never seen may still come; what is too long ago, or was before the first frame, will not.
static bool was_left_out(const dd_filter *self, seq64 number) {
    if (!is_remembered(self, number)) return number <= self->highest_frame;
    return has(self->seen, number) && !has(self->sent, number);
}

static void advance(dd_filter *self, seq64 number) {
    seq64 skipped = self->highest_frame + 1;
    if (number - skipped >= DD_FILTER_FRAMES) skipped = number - DD_FILTER_FRAMES + 1;
    for (; skipped <= number; skipped++) {
        put(self->seen, skipped, false);
        put(self->sent, skipped, false);
    }
    self->highest_frame = number;
}

// ---- decode targets ----

static bool is_higher(const dd_structure *structure, uint8_t a, uint8_t b) {
    if (structure->targets[a].spatial_id != structure->targets[b].spatial_id)
        return structure->targets[a].spatial_id > structure->targets[b].spatial_id;
    return structure->targets[a].temporal_id > structure->targets[b].temporal_id;
}

// The highest of some decode targets that is within these layers; NO_TARGET if there is none.
static uint8_t best_target(const dd_structure *structure, uint32_t targets, unsigned lowest_spatial, unsigned spatial,
                           unsigned temporal) {
    uint8_t best = NO_TARGET;
    for (uint8_t i = 0; i < structure->decode_target_count; i++) {
        unsigned s = structure->targets[i].spatial_id, t = structure->targets[i].temporal_id;
        if (!(targets >> i & 1) || s < lowest_spatial || s > spatial || t > temporal) continue;
        if (best == NO_TARGET || is_higher(structure, i, best)) best = i;
    }
    return best;
}

// Of those that are active; the lowest where all are above the wanted layers. Any where none is active, which lasts
// until some are.
static uint8_t wanted_target(const dd_filter *self, const dd_frame *frame, const dd_structure *structure) {
    uint32_t targets = frame->active ? frame->active : dd_all_decode_targets(structure->decode_target_count);
    uint8_t best = best_target(structure, targets, 0, self->wanted_spatial, self->wanted_temporal);
    if (best != NO_TARGET) return best;
    uint8_t lowest = 0;
    for (uint8_t i = 0; i < structure->decode_target_count; i++)
        if (targets >> i & 1 && (!(targets >> lowest & 1) || is_higher(structure, lowest, i))) lowest = i;
    return lowest;
}

// All whose frames are frames of this one too.
static uint32_t targets_within(const dd_structure *structure, uint8_t target) {
    uint32_t within = dd_all_decode_targets(structure->decode_target_count);
    for (unsigned i = 0; i < structure->template_count; i++) {
        uint64_t dtis = structure->templates[i].dtis;
        if (dd_indication_of(dtis, target) != DD_NOT_PRESENT) continue;
        for (unsigned other = 0; other < structure->decode_target_count; other++)
            if (dd_indication_of(dtis, other) != DD_NOT_PRESENT) within &= ~(UINT32_C(1) << other);
    }
    return within;
}

static bool refers_to_left_out(const dd_filter *self, const dd_frame *frame) {
    for (unsigned i = 0; i < frame->descriptor.fdiff_count; i++)
        if (was_left_out(self, frame->number - frame->descriptor.fdiffs[i])) return true;
    return false;
}

// Section A.7. A frame that refers to what was left out switches nothing.
static bool may_switch(const dd_filter *self, const dd_frame *frame, const dd_structure *structure, uint8_t target) {
    if (frame->descriptor.has_structure) return true;
    bool unprotected = structure->chain_count == 0;
    uint8_t since = frame->descriptor.chain_fdiffs[structure->targets[target].protected_by];
    if (!unprotected && (since == 0 || was_sent(self, frame->number - since))) return true;
    return dd_indication_of(frame->descriptor.dtis, target) == DD_SWITCH && !refers_to_left_out(self, frame);
}

static bool is_present(const dd_filter *self, const dd_frame *frame) {
    return dd_indication_of(frame->descriptor.dtis, self->target) != DD_NOT_PRESENT;
}

static bool take(dd_filter *self, const dd_frame *frame, const dd_structure *structure, uint8_t target) {
    if (target == self->target && frame->generation == self->generation) return true;
    if (!may_switch(self, frame, structure, target)) return false;
    self->target = target;
    self->targets = targets_within(structure, target);
    self->generation = frame->generation;
    return true;
}

// Where the wanted spatial layer cannot be had yet, at least the wanted temporal one of what is sent.
static void choose(dd_filter *self, const dd_frame *frame, const dd_structure *structure) {
    uint8_t wanted = wanted_target(self, frame, structure);
    if (!take(self, frame, structure, wanted)) {
        unsigned spatial = structure->targets[self->target].spatial_id;
        uint8_t same = best_target(structure, frame->active, spatial, spatial, self->wanted_temporal);
        if (same != NO_TARGET) (void)take(self, frame, structure, same);
    }
    self->wants_key_frame = structure->targets[wanted].spatial_id != structure->targets[self->target].spatial_id;
}

// ---- packets ----

static void begin(dd_filter *self, const dd_frame *frame, uint32_t timestamp) {
    self->started = true;
    self->first_frame = frame->number;
    self->highest_frame = frame->number - 1;
    self->timestamp = timestamp - 1; // any other
}

// A packet of a frame above all before it: maybe the first of a picture. One with a structure may have been overtaken
// by the rest of its frame.
static void begin_frame(dd_filter *self, const dd_frame *frame, const dd_structure *structure, uint32_t timestamp) {
    advance(self, frame->number);
    bool same_structure = frame->generation == self->generation;
    if (frame->descriptor.has_structure || (same_structure && timestamp != self->timestamp))
        choose(self, frame, structure);
    self->timestamp = timestamp;
}

// The frame with the structure is sent also where the target has no use for it, as with independent spatial layers:
// without that structure nothing can be read.
static bool decide(dd_filter *self, const dd_frame *frame) {
    bool send = frame->descriptor.has_structure || (is_present(self, frame) && !refers_to_left_out(self, frame));
    put(self->seen, frame->number, true);
    put(self->sent, frame->number, send);
    return send;
}

dd_verdict dd_filter_on_packet(dd_filter *self, const dd_frame *frame, const dd_structure *structure,
                               uint32_t timestamp) {
    if (!self->started && !frame->descriptor.has_structure) return (dd_verdict){.wants_key_frame = true};
    if (!self->started) begin(self, frame, timestamp);
    uint32_t before = self->targets;
    bool is_newest = frame->number > self->highest_frame;
    if (is_newest || (frame->descriptor.has_structure && frame->number == self->highest_frame))
        begin_frame(self, frame, structure, timestamp);
    dd_verdict verdict = {.changed = self->targets != before, .wants_key_frame = self->wants_key_frame};
    // Too long ago, from before the first, or of another structure than the target.
    if (!is_remembered(self, frame->number) || frame->generation != self->generation) return verdict;
    bool known = has(self->seen, frame->number) && !frame->descriptor.has_structure;
    verdict.forward = known ? has(self->sent, frame->number) : decide(self, frame);
    verdict.last = verdict.forward && frame->descriptor.end_of_frame &&
                   frame->descriptor.spatial_id == structure->targets[self->target].spatial_id;
    return verdict;
}
