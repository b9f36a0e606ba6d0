// Proves, for any descriptors of three publishers that a slot shows in turn, as an engine would have it: dd_stream,
// dd_filter and rewrite_dd stay within their memory (AddressSanitizer) whatever structures follow each other; nothing
// is forwarded before a key frame; no frame is forwarded that refers to one that was left out; all packets of a frame
// are treated alike while it is remembered; and what goes out reads, for a receiver that knows the last structure sent,
// as the frame that came in, under numbers that rise and decode targets that are those of the run; sent again later, it
// reads as that still or not at all, as long as its ids are said to be its own.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cursor.h"
#include "core/dd.h"
#include "media/dd_filter.h"
#include "media/dd_stream.h"
#include "media/rewrite_dd.h"

enum { PUBLISHERS = 3, ENTER = 0x80, WANT = 0x40, PUBLISHER_BITS = 0x03, MAX_FRAMES = 1024, KEPT = 8 };

typedef struct receiver {
    dd_structure structures[2];
    int in_force; // -1: none
} receiver;

typedef struct outgoing {
    dd_run run;
    dd_descriptor meaning;
    uint8_t bytes[DD_MAX_BYTES];
    size_t length; // 0: none
} outgoing;

typedef struct world {
    dd_stream streams[PUBLISHERS];
    dd_filter filter;
    rewrite_dd rewrite;
    receiver to;
    unsigned shown; // publisher
    bool running;   // has entered
    dd_run run;
    seq64 entered_at;
    struct {
        seq64 number;
        bool sent;
    } decided[MAX_FRAMES];
    size_t decided_count;
    outgoing kept[KEPT]; // some of what went out
    size_t sent;
} world;

static void demand(bool holds) {
    if (!holds) abort();
}

static int find_decided(const world *w, seq64 number) {
    for (size_t i = 0; i < w->decided_count; i++)
        if (w->decided[i].number == number) return (int)i;
    return -1;
}

static void check_verdict(world *w, const dd_frame *frame, bool forward) {
    bool remembered = w->filter.highest_frame - frame->number < DD_FILTER_FRAMES && frame->number >= w->entered_at;
    demand(remembered || !forward);
    if (frame->generation != w->filter.generation || !remembered) return;
    int known = find_decided(w, frame->number);
    if (known >= 0) {
        demand(w->decided[known].sent == forward || (forward && frame->descriptor.has_structure));
        w->decided[known].sent = forward;
        return;
    }
    for (unsigned i = 0; forward && !frame->descriptor.has_structure && i < frame->descriptor.fdiff_count; i++) {
        int reference = find_decided(w, frame->number - frame->descriptor.fdiffs[i]);
        demand(reference < 0 || w->decided[reference].sent);
    }
    if (w->decided_count == MAX_FRAMES) return;
    w->decided[w->decided_count].number = frame->number;
    w->decided[w->decided_count++].sent = forward;
}

// The run that the packet belongs to, anew where something changes with it.
static void begin_run(world *w, const dd_frame *frame, const dd_structure *structure, dd_verdict verdict) {
    bool carries = frame->descriptor.has_structure && frame->number == w->filter.highest_frame;
    if (!w->running)
        w->run = rewrite_dd_enter(&w->rewrite, frame, structure, w->filter.targets);
    else if (carries)
        w->run = rewrite_dd_restructure(&w->rewrite, &w->run, frame, structure, w->filter.targets);
    else if (verdict.changed)
        w->run = rewrite_dd_retarget(&w->rewrite, &w->run, structure, w->filter.targets);
    w->running = true;
}

// What would be read where a packet went out again now. A structure that is sent again is a receiver's to refuse.
static void check_again(const world *w, const outgoing *o) {
    if (!o->length || o->meaning.has_structure || w->to.in_force < 0 || !rewrite_dd_holds(&w->rewrite, &o->run)) return;
    dd_structure attached;
    dd_descriptor read;
    int status = dd_parse(&read, &attached, &w->to.structures[w->to.in_force], o->bytes, o->length);
    demand(status == -ENOENT || (status == 0 && memcmp(&read, &o->meaning, sizeof read) == 0));
}

static void keep(world *w, const dd_descriptor *meaning, const writer *out) {
    // One in five, so that they are of some time ago.
    outgoing *o = &w->kept[w->sent / 5 % KEPT];
    if (w->sent++ % 5 == 0) {
        *o = (outgoing){.run = w->run, .meaning = *meaning, .length = writer_length(out)};
        memcpy(o->bytes, out->start, o->length);
    }
    for (size_t i = 0; i < KEPT; i++)
        check_again(w, &w->kept[i]);
}

static void check_output(world *w, const dd_frame *frame, const uint8_t *bytes) {
    dd_change change = rewrite_dd_change(&w->run, frame);
    uint8_t output[DD_MAX_BYTES];
    writer out = writer_over(output, sizeof output);
    size_t length = dd_changed_length(&frame->descriptor, &change);
    int status = dd_write_changed(&out, &frame->descriptor, bytes, &change);
    demand(status == (length <= DD_MAX_BYTES ? 0 : -ENOSPC));
    if (status) {
        change.set_active = false; // the descriptor goes on without
        demand(dd_write_changed(&out, &frame->descriptor, bytes, &change) == 0);
    }
    const dd_structure *known = w->to.in_force < 0 ? NULL : &w->to.structures[w->to.in_force];
    dd_structure *attached = &w->to.structures[w->to.in_force == 0];
    dd_descriptor read;
    demand(dd_parse(&read, attached, known, output, writer_length(&out)) == 0);
    if (read.has_structure) w->to.in_force = w->to.in_force == 0;
    demand(read.spatial_id == frame->descriptor.spatial_id && read.temporal_id == frame->descriptor.temporal_id);
    demand(read.dtis == frame->descriptor.dtis && read.fdiff_count == frame->descriptor.fdiff_count);
    demand(memcmp(read.fdiffs, frame->descriptor.fdiffs, sizeof read.fdiffs) == 0);
    demand(memcmp(read.chain_fdiffs, frame->descriptor.chain_fdiffs, sizeof read.chain_fdiffs) == 0);
    demand(read.frame_number == (seq16)(seq64_wire(frame->number) + w->run.frame_shift));
    if (change.set_active) demand(read.active_decode_targets == (w->run.targets & frame->active));
    keep(w, &read, &out);
    seq64 next = w->rewrite.next_frame;
    rewrite_dd_note(&w->rewrite, &w->run, frame);
    demand(w->rewrite.next_frame >= next && w->rewrite.next_frame - next <= 0x8000);
}

static void on_packet(world *w, unsigned publisher, const uint8_t *bytes, size_t length, uint32_t timestamp) {
    dd_stream *stream = &w->streams[publisher];
    dd_frame frame;
    int status = dd_stream_on_packet(stream, &frame, bytes, length);
    demand(status == 0 || status == -EBADMSG || status == -ENOENT);
    if (status < 0) return;
    const dd_structure *structure = dd_stream_structure(stream, frame.generation);
    demand(structure && structure->decode_target_count == frame.descriptor.decode_target_count);
    demand((frame.active & ~dd_all_decode_targets(structure->decode_target_count)) == 0);
    if (publisher != w->shown) return;
    bool begins = !w->filter.started && frame.descriptor.has_structure;
    if (begins) w->entered_at = frame.number;
    dd_verdict verdict = dd_filter_on_packet(&w->filter, &frame, structure, timestamp);
    demand(w->filter.started || !verdict.forward);
    demand(!verdict.last || (verdict.forward && frame.descriptor.end_of_frame));
    if (!w->filter.started) return;
    check_verdict(w, &frame, verdict.forward);
    bool newest = frame.number == w->filter.highest_frame;
    if (newest && frame.descriptor.has_structure) demand(verdict.forward && w->filter.generation == frame.generation);
    if (frame.generation != w->filter.generation) return;
    demand(w->filter.target < structure->decode_target_count);
    demand(w->filter.targets >> w->filter.target & 1);
    begin_run(w, &frame, structure, verdict);
    demand(rewrite_dd_holds(&w->rewrite, &w->run));
    if (verdict.forward && frame.generation == w->run.generation) check_output(w, &frame, bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cursor c = cursor_over(data, size);
    world *w = calloc(1, sizeof *w);
    demand(w);
    w->to.in_force = -1;
    uint32_t timestamp = 0;
    while (cursor_left(&c) && cursor_ok(&c)) {
        uint8_t what = cursor_u8(&c);
        uint8_t layers = cursor_u8(&c);
        timestamp += cursor_u8(&c);
        unsigned publisher = (what & PUBLISHER_BITS) % PUBLISHERS;
        if (what & ENTER) {
            w->shown = publisher;
            w->running = false;
            w->decided_count = 0;
            dd_filter_start(&w->filter, layers & 7, layers >> 3 & 7);
        } else if (what & WANT) {
            dd_filter_want(&w->filter, layers & 7, layers >> 3 & 7);
        }
        size_t length = cursor_u8(&c);
        if (length > cursor_left(&c)) length = cursor_left(&c);
        const uint8_t *from = cursor_bytes(&c, length);
        uint8_t *bytes = malloc(length ? length : 1); // of its own, so that a byte too many is seen
        demand(bytes);
        if (from && length) memcpy(bytes, from, length);
        on_packet(w, publisher, bytes, length, timestamp);
        free(bytes);
    }
    free(w);
    return 0;
}
