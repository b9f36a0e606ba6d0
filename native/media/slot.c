#include "media/slot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/engine_internal.h"

slot *slot_create(transport *owner, uint16_t id, media_kind kind, uint32_t ssrc, uint32_t rtx_ssrc, uint64_t random) {
    slot *self = calloc(1, sizeof *self);
    if (!self) return NULL;
    self->owner = owner;
    self->id = id;
    self->kind = kind;
    self->ssrc = ssrc;
    self->rtx_ssrc = rtx_ssrc;
    // Below 2^15, so that a receiver never takes a first packet for one before a wrap (RFC 3711 section 3.3.1).
    self->next = (seq64)(random & 0x7FFF);
    self->next_rtx = (seq64)(random >> 16 & 0x7FFF);
    self->last_timestamp = (uint32_t)(random >> 32);
    self->highest_sent = self->next - 1;
    return self;
}

void slot_destroy(slot *self) {
    if (!self) return;
    sequence_map_destroy(self->map);
    free(self->guard);
    free(self);
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
    exchange_want_key_frame(self, to->filled, to->layer, now_us);
}

// The key frame that was asked for may have passed where the slot could not take it (no keys yet, no buffer).
static void ask_again(engine *self, slot *to, uint64_t now_us) {
    if (now_us - to->asked_us >= KEY_FRAME_INTERVAL_US) ask(self, to, now_us);
}

static void trace_slot(const slot *to, trace_what what, uint32_t number, uint64_t now_us) {
    trace_event(to->owner->tracing, (trace_record){.at_us = now_us,
                                                   .what = (uint8_t)what,
                                                   .slot = to->id,
                                                   .id = to->filled ? to->filled->id : ENGINE_NO_SOURCE,
                                                   .layer = to->layer,
                                                   .number = number});
}

int slot_fill(engine *self, slot *to, source *from, uint8_t layer, uint64_t now_us) {
    if (from && to->filled == from && to->layer == layer) return 0;
    if (to->filled) {
        drop_queued(self, to);
        source *before = to->filled;
        source_detach(before, to->layer, to);
        to->filled = NULL;
        exchange_unsubscribe(self, before, to->layer);
    }
    to->waiting = true;
    if (!from) {
        to->showing = ENGINE_NO_SOURCE;
        trace_slot(to, TRACE_SLOT_EMPTIED, 0, now_us);
        to->announce = true;
        engine_raise(self, to->owner, EVENT_SLOT_FILLED);
        return 0;
    }
    int status = source_attach(from, layer, to);
    if (status < 0) return status;
    to->filled = from;
    to->layer = layer;
    trace_slot(to, TRACE_SLOT_WANTED, 0, now_us);
    exchange_subscribe(self, from, layer);
    if (from->kind == MEDIA_VIDEO) ask(self, to, now_us);
    return 0;
}

// The slot's time goes on during the splice as the clock did: what passed since its last time stamp, at its clock rate.
static uint32_t spliced_timestamp(const slot *to, uint32_t clock_rate, uint64_t now_us) {
    if (to->last_timestamp_us == 0) return to->last_timestamp;
    uint64_t ticks = (now_us - to->last_timestamp_us) * clock_rate / 1000000;
    return to->last_timestamp + (uint32_t)(ticks ? ticks : 1);
}

// Packets that overtook the first one of their key frame, or came while that one was recovered, wait in the ring.
static void catch_up(engine *self, slot *to, seq64 first, uint64_t now_us) {
    const source *from = to->filled;
    for (seq64 s = first + 1; s <= from->layers[to->layer].highest; s++) {
        packet *held = source_find(from, to->layer, s);
        if (held) slot_on_packet(self, to, held, now_us);
    }
}

static bool splice(engine *self, slot *to, const packet_body *body, uint32_t clock_rate, uint64_t now_us) {
    if (!to->map && !(to->map = sequence_map_create())) return false;
    sequence_run run = {
        .out_first = to->next,
        .in_first = body->sequence,
        .timestamp_offset = spliced_timestamp(to, clock_rate, now_us) - body->timestamp,
        .source = body->source,
        .layer = body->layer,
    };
    if (sequence_map_begin(to->map, &run) < 0) return false;
    to->waiting = false;
    to->clock_rate = clock_rate;
    report_start(self, to->owner, now_us);
    trace_slot(to, TRACE_SLOT_FILLED, 0, now_us);
    if (to->showing != body->source) {
        to->showing = body->source;
        to->announce = true;
        engine_raise(self, to->owner, EVENT_SLOT_FILLED);
    }
    return true;
}

static departure_class class_of(const slot *to, bool late) {
    if (to->kind == MEDIA_AUDIO) return DEPARTURE_AUDIO;
    return late ? DEPARTURE_URGENT : DEPARTURE_VIDEO;
}

static uint64_t queue_limit_bytes(const transport *owner) {
    return owner->pacing.rate_bps / 8 * TRANSPORT_QUEUE_US / 1000000;
}

void slot_on_packet(engine *self, slot *to, packet *held, uint64_t now_us) {
    transport *owner = to->owner;
    const packet_body *body = held->body;
    uint8_t mapping = owner->mapping_of_codec[body->codec];
    if (!transport_is_sendable(owner) || mapping == TRANSPORT_NO_MAPPING) return;
    const payload_mapping *payload = &owner->mappings[mapping];
    bool entering = to->waiting;
    if (entering) {
        if (to->kind == MEDIA_VIDEO && !(body->key_frame && body->frame_start)) {
            ask_again(self, to, now_us);
            return;
        }
        if (!splice(self, to, body, payload->clock_rate, now_us)) return;
    }
    const sequence_run *run = sequence_map_current(to->map);
    if (body->sequence < run->in_first) return; // from before the splice: overtaken by it
    departure what = {
        .held = held,
        .to = to,
        .sequence = sequence_run_out(run, body->sequence),
        .timestamp = body->timestamp + run->timestamp_offset,
        .payload_type = payload->payload_type,
        .marker = body->marker,
    };
    what.bytes = departure_size(owner, &what);
    if (what.bytes > self->config.max_payload_bytes) {
        self->stats.oversize_dropped++;
        return;
    }
    bool late = what.sequence < to->next;
    if (to->kind == MEDIA_VIDEO && transport_queued_bytes(owner) + what.bytes > queue_limit_bytes(owner)) {
        slot_flush(self, to, now_us);
        return;
    }
    if (!departure_append(&self->departures, &owner->queues[class_of(to, late)], &what)) {
        if (to->kind == MEDIA_VIDEO) slot_flush(self, to, now_us);
        return;
    }
    if (!late) {
        to->next = what.sequence + 1;
        to->last_timestamp = what.timestamp;
        to->last_timestamp_us = now_us;
    }
    engine_mark_ready(self, owner);
    if (entering && to->kind == MEDIA_VIDEO) catch_up(self, to, body->sequence, now_us);
}

void slot_flush(engine *self, slot *to, uint64_t now_us) {
    trace_slot(to, TRACE_SLOT_FLUSHED, transport_queued_bytes(to->owner), now_us);
    drop_queued(self, to);
    self->stats.queue_flushed++;
    to->waiting = true;
    if (to->filled && to->kind == MEDIA_VIDEO) ask(self, to, now_us);
}

static bool sent_lately(slot *to, seq64 sequence, uint64_t now_us) {
    if (!to->guard && !(to->guard = calloc(1, sizeof *to->guard))) return false;
    size_t place = (size_t)sequence % SLOT_GUARD_ENTRIES;
    uint64_t rtt_us = to->owner->rtt_us ? to->owner->rtt_us : TRANSPORT_DEFAULT_RTT_US;
    if (to->guard->sent_us[place] && to->guard->sequence[place] == sequence &&
        now_us - to->guard->sent_us[place] < rtt_us)
        return true;
    to->guard->sequence[place] = sequence;
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
        .timestamp = held->body->timestamp + run->timestamp_offset,
        .payload_type = owner->mappings[mapping].rtx_payload_type,
        .marker = held->body->marker,
        .retransmission = true,
    };
    what.bytes = departure_size(owner, &what);
    if (departure_append(&self->departures, &owner->queues[DEPARTURE_URGENT], &what)) engine_mark_ready(self, owner);
}
