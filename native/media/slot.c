#include "media/slot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/engine_internal.h"

static const sink_calls slot_calls;

slot *slot_create(transport *owner, uint16_t id, media_kind kind, uint32_t ssrc, uint32_t rtx_ssrc, uint64_t random) {
    slot *self = calloc(1, sizeof *self);
    if (!self) return NULL;
    self->in.calls = &slot_calls;
    self->owner = owner;
    self->id = id;
    self->kind = kind;
    self->ssrc = ssrc;
    self->rtx_ssrc = rtx_ssrc;
    // Below 2^15, so that a receiver never takes a first packet for one before a wrap (RFC 3711 section 3.3.1).
    self->next = (seq64)(random & 0x7FFF);
    self->next_rtx = (seq64)(random >> 16 & 0x7FFF);
    self->time.base = (uint32_t)(random >> 32);
    self->target = LAYER_NONE;
    self->highest_sent = self->next - 1;
    return self;
}

void slot_destroy(slot *self) {
    if (!self) return;
    sequence_map_destroy(self->map);
    free(self->guard);
    free(self);
}

static slot *slot_of(sink *in) {
    return (slot *)in; // its first member
}

static void drop_queued(engine *self, slot *to) {
    uint32_t dropped = departure_drop(self, &to->owner->queues[DEPARTURE_VIDEO], to);
    dropped += departure_drop(self, &to->owner->queues[DEPARTURE_URGENT], to);
    dropped += departure_drop(self, &to->owner->queues[DEPARTURE_AUDIO], to);
    if (!dropped) return;
    // Numbers above the highest sent were never seen by anybody: they are taken back and given again.
    to->next = to->highest_sent + 1;
    sequence_map_truncate(to->map, to->next);
}

static void ask(engine *self, slot *to, uint64_t now_us) {
    to->asked_us = now_us;
    exchange_want_key_frame(self, to->filled, to->target == LAYER_NONE ? to->layer : to->target, now_us);
}

// The key frame that was asked for may have passed where the slot could not take it (no keys yet, no buffer).
static void ask_again(engine *self, slot *to, uint64_t now_us) {
    if (now_us - to->asked_us >= KEY_FRAME_INTERVAL_US) ask(self, to, now_us);
}

static void trace_slot(const slot *to, trace_what what, uint8_t layer, uint32_t number, uint64_t now_us) {
    trace_event(to->owner->tracing, (trace_record){.at_us = now_us,
                                                   .what = (uint8_t)what,
                                                   .slot = to->id,
                                                   .id = to->filled ? to->filled->id : ENGINE_NO_SOURCE,
                                                   .layer = layer,
                                                   .number = number});
}

// ---- source and layer ----

static int join(engine *self, slot *to, uint8_t layer) {
    return exchange_join(self, to->filled, layer, &to->in);
}

static void leave(engine *self, slot *to, uint8_t layer) {
    exchange_leave(self, to->filled, layer, &to->in);
}

static void forget_target(engine *self, slot *to) {
    if (to->target != LAYER_NONE) leave(self, to, to->target);
    to->target = LAYER_NONE;
}

static void leave_source(engine *self, slot *to) {
    if (!to->filled) return;
    drop_queued(self, to);
    forget_target(self, to);
    leave(self, to, to->layer);
    to->filled = NULL;
}

static void announce(engine *self, slot *to, uint32_t source_id, uint8_t layer) {
    if (to->showing == source_id && to->showing_layer == layer) return;
    to->showing = source_id;
    to->showing_layer = layer;
    to->announce = true;
    engine_raise(self, to->owner, EVENT_SLOT_FILLED);
}

static int empty(engine *self, slot *to, uint64_t now_us) {
    leave_source(self, to);
    to->waiting = true;
    trace_slot(to, TRACE_SLOT_EMPTIED, 0, 0, now_us);
    to->showing = ENGINE_NO_SOURCE;
    to->showing_layer = 0;
    to->announce = true;
    engine_raise(self, to->owner, EVENT_SLOT_FILLED);
    return 0;
}

// Another layer may be due: what is shown goes on until a key frame of that one comes. 0 or -ENOMEM (then it stays as
// it was).
static int choose_layer(engine *self, slot *to, uint64_t now_us) {
    if (to->kind != MEDIA_VIDEO) return 0;
    uint8_t best = layer_select(to->filled->live, to->wanted, to->layer);
    if (best == to->layer) {
        forget_target(self, to);
        if (to->waiting && to->asked_us == 0 && to->filled->live_known) ask(self, to, now_us);
        return 0;
    }
    if (best == to->target) return 0;
    int status = join(self, to, best);
    if (status < 0) return status;
    forget_target(self, to);
    if (to->waiting) { // nothing is shown that could go on meanwhile
        leave(self, to, to->layer);
        to->layer = best;
    } else {
        to->target = best;
    }
    trace_slot(to, TRACE_SLOT_WANTED, best, 0, now_us);
    if (to->filled->live_known) ask(self, to, now_us);
    return 0;
}

int slot_fill(engine *self, slot *to, source *from, uint8_t wanted, uint64_t now_us) {
    if (!from) return empty(self, to, now_us);
    to->wanted = wanted;
    if (to->filled == from) return choose_layer(self, to, now_us);
    leave_source(self, to);
    to->waiting = true;
    to->asked_us = 0;
    to->filled = from;
    to->layer = layer_select(from->live, wanted, LAYER_NONE);
    int status = join(self, to, to->layer);
    if (status < 0) {
        to->filled = NULL;
        return status;
    }
    trace_slot(to, TRACE_SLOT_WANTED, to->layer, 0, now_us);
    // Until its home has told which layers there are it is not known of which to ask for a key frame.
    if (from->kind == MEDIA_VIDEO && from->live_known) ask(self, to, now_us);
    return 0;
}

// ---- packets ----

static bool begin_run(slot *to, sequence_run run, const packet_body *body, uint32_t clock_rate) {
    run.out_first = to->next;
    run.in_first = body->sequence;
    run.time = timeline_begin(&to->time, clock_rate, body->capture);
    return sequence_map_begin(to->map, &run) == 0;
}

static bool splice(engine *self, slot *to, const packet_body *body, uint32_t clock_rate, uint64_t now_us) {
    if (!to->map && !(to->map = sequence_map_create())) return false;
    sequence_run run = {.source = body->source, .layer = body->layer, .in_timestamp = body->timestamp, .entry = true};
    if (!begin_run(to, run, body, clock_rate)) return false;
    to->waiting = false;
    report_start(self, to->owner, now_us);
    trace_slot(to, TRACE_SLOT_FILLED, to->layer, 0, now_us);
    announce(self, to, body->source, body->layer);
    return true;
}

// Whether a packet belongs to what was shown before the slot left the stream and came back: recovered late, its number
// is that of then, and what followed it has been sent.
static bool was_shown(const slot *to, const packet_body *body) {
    return to->map && sequence_map_holds(to->map, body->source, body->layer, body->sequence, to->next);
}

// Whether the packet is where the slot's present content may begin. One of the layer that is waited for ends the one
// that was shown.
static bool enters(engine *self, slot *to, const packet_body *body, uint64_t now_us) {
    if (to->kind == MEDIA_VIDEO && !(body->key_frame && body->frame_start)) {
        ask_again(self, to, now_us);
        return false;
    }
    if (was_shown(to, body)) {
        if (to->kind == MEDIA_VIDEO) ask_again(self, to, now_us);
        return false;
    }
    if (body->layer == to->layer) return true;
    leave(self, to, to->layer);
    to->layer = to->target;
    to->target = LAYER_NONE;
    to->waiting = true;
    return true;
}

// A run from the slot's next number on that takes the place of one with the same content. Where nothing was sent under
// that one, it is as if it had never been.
static sequence_run continuation(const slot *to, const sequence_run *run) {
    sequence_run anew = *run;
    anew.continues = run->out_first < to->next || run->continues;
    anew.out_first = to->next;
    return anew;
}

// The publisher's padding is not handed on: its number, if it is the next, is given to what follows. Where it is not,
// the number has been promised already and is filled.
static bool close_up(slot *to, const sequence_run *run, const packet_body *body) {
    if (body->payload_length > 0 || sequence_run_out(run, body->sequence) != to->next) return false;
    sequence_run closed = continuation(to, run);
    closed.in_first = body->sequence + 1;
    closed.entry = run->entry && (to->kind == MEDIA_VIDEO || run->out_first == to->next);
    return sequence_map_begin(to->map, &closed) == 0;
}

// A source whose clock was set back: the slot's time does not follow it.
static const sequence_run *rebase(slot *to, const sequence_run *run, const packet_body *body, uint32_t clock_rate) {
    sequence_run anew = continuation(to, run);
    anew.entry = false;
    return begin_run(to, anew, body, clock_rate) ? sequence_map_current(to->map) : run;
}

// The last packet of the picture with which a source or layer enters says how it is turned: receivers know it only from
// the source before (3GPP TS 26.114 section 7.4.5 has it in the last packet of key frames).
static bool is_upright(const sequence_run *run, const packet_body *body) {
    return run->entry && body->kind == MEDIA_VIDEO && body->marker && body->timestamp == run->in_timestamp &&
           !rtp_ext_has(&body->extensions, RTP_EXT_ORIENTATION);
}

static departure_class class_of(const slot *to, bool late) {
    if (to->kind == MEDIA_AUDIO) return DEPARTURE_AUDIO;
    return late ? DEPARTURE_URGENT : DEPARTURE_VIDEO;
}

// Whether one more would be too much for the receiver's queue. Departures are shared by all receivers of the engine:
// those whose socket is blocked leave half of them to the others.
static bool is_full(const engine *self, const transport *owner, media_kind kind, uint16_t bytes) {
    if (owner->stalled && self->departures.queued >= self->departures.total / 2) return true;
    return kind == MEDIA_VIDEO &&
           transport_queued_bytes(owner) + bytes > owner->pacing.rate_bps / 8 * TRANSPORT_QUEUE_US / 1000000;
}

// True where the packet is the one at which a video slot has entered.
static bool take_packet(engine *self, slot *to, packet *held, uint64_t now_us) {
    transport *owner = to->owner;
    const packet_body *body = held->body;
    uint8_t mapping = owner->mapping_of_codec[body->codec];
    if (!transport_is_sendable(owner) || mapping == TRANSPORT_NO_MAPPING) return false;
    const payload_mapping *payload = &owner->mappings[mapping];
    bool entering = to->waiting || body->layer != to->layer;
    if (entering && !(enters(self, to, body, now_us) && splice(self, to, body, payload->clock_rate, now_us)))
        return false;
    const sequence_run *run = sequence_map_current(to->map);
    if (body->sequence < run->in_first) run = sequence_map_find_in(to->map, body->sequence);
    if (!run || close_up(to, run, body)) return false; // from before the splice: overtaken by it
    departure what = {
        .held = held,
        .to = to,
        .sequence = sequence_run_out(run, body->sequence),
        .timestamp = timeline_at(&run->time, body->capture),
        .payload_type = payload->payload_type,
        .marker = body->marker,
    };
    bool late = what.sequence < to->next;
    if (!late && !entering && !timeline_goes_on(&to->time, what.timestamp)) {
        run = rebase(to, run, body, payload->clock_rate);
        what.timestamp = timeline_at(&run->time, body->capture);
    }
    if (__builtin_expect(body->timestamp == run->in_timestamp, 0)) {
        what.marker = body->marker || (run->entry && to->kind == MEDIA_AUDIO && body->sequence == run->in_first);
        what.upright = is_upright(run, body);
    }
    what.bytes = departure_size(owner, &what);
    if (what.bytes > self->config.max_payload_bytes) {
        self->stats.oversize_dropped++;
        return false;
    }
    if (is_full(self, owner, to->kind, what.bytes) ||
        !departure_append(&self->departures, &owner->queues[class_of(to, late)], &what)) {
        if (to->kind == MEDIA_VIDEO) slot_flush(self, to, now_us);
        return false;
    }
    if (!late) {
        to->next = what.sequence + 1;
        timeline_note(&to->time, what.timestamp, body->capture.capture_us);
    }
    engine_mark_ready(self, owner);
    return entering && to->kind == MEDIA_VIDEO;
}

// Packets that overtook the first one of their key frame, or came while that one was recovered, wait in the ring. Among
// them may be another key frame, at which the slot enters again if its queue was flushed on the way.
static void catch_up(engine *self, slot *to, seq64 first, uint64_t now_us) {
    const source *from = to->filled;
    for (seq64 s = first + 1; s <= from->layers[to->layer].highest; s++) {
        packet *held = source_find(from, to->layer, s);
        if (held) (void)take_packet(self, to, held, now_us);
    }
}

// A packet of the layer that is shown, or of the one that is waited for.
static void on_packet(engine *self, sink *in, packet *held, uint64_t now_us) {
    slot *to = slot_of(in);
    if (take_packet(self, to, held, now_us)) catch_up(self, to, held->body->sequence, now_us);
}

static void on_gap(sink *in, uint8_t layer) {
    slot *to = slot_of(in);
    if (to->layer == layer) to->waiting = true;
}

static void on_layers(engine *self, sink *in, uint64_t now_us) {
    (void)choose_layer(self, slot_of(in), now_us); // without memory what is shown stays
}

static void on_gone(engine *self, sink *in, uint64_t now_us) {
    (void)slot_fill(self, slot_of(in), NULL, 0, now_us);
}

static const sink_calls slot_calls = {
    .on_packet = on_packet,
    .on_gap = on_gap,
    .on_layers = on_layers,
    .on_gone = on_gone,
};

uint32_t slot_timestamp_at(const slot *self, uint64_t now_us) {
    const sequence_run *run = self->map ? sequence_map_current(self->map) : NULL;
    return timeline_now(&self->time, run ? &run->time : &(timeline_run){.offset = self->time.base}, now_us);
}

void slot_flush(engine *self, slot *to, uint64_t now_us) {
    trace_slot(to, TRACE_SLOT_FLUSHED, to->layer, transport_queued_bytes(to->owner), now_us);
    drop_queued(self, to);
    self->stats.queue_flushed++;
    to->waiting = true;
    if (to->filled && to->kind == MEDIA_VIDEO) ask(self, to, now_us);
}

// A number that another one of the last round trip has taken the place of counts as sent: asking for both in turn must
// not get either twice.
static bool sent_lately(slot *to, seq64 sequence, uint64_t now_us) {
    if (!to->guard && !(to->guard = calloc(1, sizeof *to->guard))) return true;
    size_t place = (size_t)sequence % SLOT_GUARD_ENTRIES;
    if (to->guard->sent_us[place] && now_us - to->guard->sent_us[place] < transport_rtt_us(to->owner)) return true;
    to->guard->sent_us[place] = now_us;
    return false;
}

void slot_on_nack(engine *self, slot *to, seq16 sequence, uint64_t now_us) {
    transport *owner = to->owner;
    const sequence_run *run = NULL;
    const source *from = NULL;
    packet *held = NULL;
    seq64 out = seq64_extend(to->highest_sent, sequence);
    // What is not sent yet is on its way, or will be under this very number once it comes.
    if (to->map && to->rtx_ssrc && out <= to->highest_sent) run = sequence_map_find_out(to->map, out);
    if (run) from = source_table_find(&self->sources, run->source);
    if (from) held = source_find(from, run->layer, sequence_run_in(run, out));
    uint8_t mapping = held ? owner->mapping_of_codec[held->body->codec] : TRANSPORT_NO_MAPPING;
    if (mapping == TRANSPORT_NO_MAPPING || owner->mappings[mapping].rtx_payload_type == 0 ||
        sent_lately(to, out, now_us)) {
        self->stats.nacks_ignored++;
        return;
    }
    departure what = {
        .held = held,
        .to = to,
        .sequence = out,
        .timestamp = timeline_at(&run->time, held->body->capture),
        .payload_type = owner->mappings[mapping].rtx_payload_type,
        .marker = held->body->marker,
        .upright = is_upright(run, held->body),
        .retransmission = true,
    };
    what.bytes = departure_size(owner, &what);
    if (departure_append(&self->departures, &owner->queues[DEPARTURE_URGENT], &what)) engine_mark_ready(self, owner);
}
