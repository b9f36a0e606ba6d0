#include "media/dd_stream.h"

#include <errno.h>

enum { KEPT = 3, KNOWN = 2 };

static dd_structure *place_of(dd_stream *self, uint32_t generation) {
    return &self->kept[generation % KEPT];
}

const dd_structure *dd_stream_structure(const dd_stream *self, uint32_t generation) {
    bool known = generation > 0 && generation <= self->generation && self->generation - generation < KNOWN;
    return known ? &self->kept[generation % KEPT] : NULL;
}

// A structure that is sent again is still the same one, also where the key frame that it came with first is the later
// one to arrive. One from before the structure of now is not what later packets mean, and is found only if it is kept.
static int adopt(dd_stream *self, dd_frame *frame, const dd_structure *attached) {
    const dd_structure *current = dd_stream_structure(self, self->generation);
    const dd_structure *previous = dd_stream_structure(self, self->generation - 1);
    frame->generation = self->generation;
    if (current && dd_structure_equal(current, attached)) {
        if (frame->number < self->first_frame) self->first_frame = frame->number;
    } else if (!current || frame->number >= self->first_frame) {
        frame->generation = ++self->generation;
        self->first_frame = frame->number;
    } else if (previous && dd_structure_equal(previous, attached)) {
        frame->generation--;
    } else {
        return -ENOENT;
    }
    return 0;
}

int dd_stream_on_packet(dd_stream *self, dd_frame *frame, const uint8_t *bytes, size_t length) {
    // What has the number of an earlier frame means the structure of then, whatever its template ids are.
    dd_structure *attached = place_of(self, self->generation + 1);
    const dd_structure *known = dd_stream_structure(self, self->generation);
    int status = dd_parse(&frame->descriptor, attached, known, bytes, length);
    if (status == -EBADMSG) return status;
    bool first = self->generation == 0;
    frame->number =
        first ? frame->descriptor.frame_number : seq64_extend(self->highest_frame, frame->descriptor.frame_number);
    frame->generation = self->generation;
    if (status == 0 && frame->descriptor.has_structure) {
        status = adopt(self, frame, attached);
    } else if (!first && frame->number < self->first_frame) {
        frame->generation = self->generation - 1;
        known = dd_stream_structure(self, frame->generation);
        status = dd_parse(&frame->descriptor, attached, known, bytes, length);
    }
    if (status < 0) return status;
    if (first || frame->number > self->highest_frame) self->highest_frame = frame->number;
    bool told = frame->descriptor.has_structure || frame->descriptor.has_active_decode_targets;
    if (told && (first || frame->number >= self->active_frame)) {
        self->active = frame->descriptor.active_decode_targets;
        self->active_frame = frame->number;
    }
    frame->active = self->active & dd_all_decode_targets(frame->descriptor.decode_target_count);
    return 0;
}
