#include "media/transport.h"

#include <errno.h>
#include <stdlib.h>

#include "media/engine_internal.h"

slot *transport_slot_by_ssrc(const transport *self, uint32_t ssrc) {
    for (uint16_t i = 0; i < self->slot_limit; i++)
        if (self->slots[i] && self->slots[i]->ssrc == ssrc) return self->slots[i];
    return NULL;
}

uint32_t transport_queued_bytes(const transport *self) {
    uint32_t bytes = 0;
    for (int class = 0; class < DEPARTURE_CLASSES; class++)
        bytes += self->queues[class].bytes;
    return bytes;
}

void transport_flush(engine *self, transport *which, uint64_t now_us) {
    for (uint16_t i = 0; i < which->slot_limit; i++) {
        slot *s = which->slots[i];
        if (s && s->filled && !s->waiting) slot_flush(self, s, now_us);
    }
    for (int class = 0; class < DEPARTURE_CLASSES; class++)
        (void)departure_drop(self, &which->queues[class], NULL);
}

// When a transport last proved to be at that path; 0: never.
static uint64_t checked_us(const transport *which, const ice_path *path) {
    for (uint8_t i = 0; i < which->ice.address_count; i++)
        if (ice_path_equal(&which->ice.addresses[i].path, path)) return which->ice.addresses[i].checked_us;
    return 0;
}

// The path leads to this transport, unless another one is there: a participant who forges another's source address must
// not take it over. One that has not been heard of for a few checks has left it (a page that was loaded again).
static void claim_path(engine *self, transport *which, const ice_path *path, uint64_t now_us) {
    if (address_table_add_path(self->addresses, path, which->id) != -EEXIST) return;
    uint32_t other = address_table_find_path(self->addresses, path);
    if (other >= self->config.max_transports) return;
    transport *holder = &self->transports[other];
    if (now_us - checked_us(holder, path) < TRANSPORT_PATH_HELD_US) return;
    ice_change change = {0};
    ice_lite_remove_path(&holder->ice, path, &change);
    transport_apply(self, holder, &change, now_us);
    (void)address_table_add_path(self->addresses, path, which->id);
}

static void release_path(engine *self, const transport *which, const ice_path *path) {
    if (address_table_find_path(self->addresses, path) == which->id) address_table_remove_path(self->addresses, path);
}

// ---- tracing ----

static void trace_path(const transport *which, uint64_t now_us) {
    const ice_path *path = ice_lite_selected(&which->ice);
    if (!which->tracing || !path) return;
    trace_piece piece = {.bytes = (const uint8_t *)path, .length = sizeof *path};
    trace_put(which->tracing, (trace_record){.at_us = now_us, .what = TRACE_PATH}, &piece, 1);
}

// Where things stand, so that what follows can be understood.
static void trace_state(const transport *which, uint64_t now_us) {
    trace_path(which, now_us);
    if (which->secured) trace_event(which->tracing, (trace_record){.at_us = now_us, .what = TRACE_SECURED});
    for (uint16_t i = 0; i < which->slot_limit; i++) {
        const slot *s = which->slots[i];
        if (!s || !s->filled) continue;
        uint8_t what = s->waiting ? TRACE_SLOT_WANTED : TRACE_SLOT_FILLED;
        trace_event(which->tracing,
                    (trace_record){.at_us = now_us, .what = what, .slot = i, .id = s->filled->id, .layer = s->layer});
    }
}

static void stop_tracing(engine *self, transport *which) {
    if (!which->tracing) return;
    trace_destroy(which->tracing);
    which->tracing = NULL;
    size_t kept = 0;
    for (size_t i = 0; i < self->traced_count; i++)
        if (self->traced[i] != which->id) self->traced[kept++] = self->traced[i];
    self->traced_count = kept;
}

int transport_trace(engine *self, transport *which, trace_mode mode, uint64_t now_us) {
    if (mode == TRACE_OFF) {
        stop_tracing(self, which);
        return 0;
    }
    if (!which->tracing && self->traced_count == ENGINE_MAX_TRACES) return -ENOSPC;
    trace *made = trace_create(mode);
    if (!made) return -ENOMEM;
    stop_tracing(self, which);
    which->tracing = made;
    self->traced[self->traced_count++] = which->id;
    trace_state(which, now_us);
    return 0;
}

void transport_apply(engine *self, transport *which, const ice_change *change, uint64_t now_us) {
    if (change->removed) release_path(self, which, &change->evicted);
    if (change->checked) claim_path(self, which, &change->path, now_us);
    if (change->connected) {
        engine_raise(self, which, EVENT_TRANSPORT_CONNECTED);
        trace_event(which->tracing, (trace_record){.at_us = now_us, .what = TRACE_CONNECTED});
    }
    if (change->selected) {
        engine_raise(self, which, EVENT_TRANSPORT_PATH);
        trace_path(which, now_us);
    }
    if (change->expired) {
        engine_raise(self, which, EVENT_TRANSPORT_DISCONNECTED);
        trace_event(which->tracing, (trace_record){.at_us = now_us, .what = TRACE_EXPIRED});
        transport_flush(self, which, now_us);
    }
    if (which->stalled && (change->selected || change->expired)) engine_resume(self);
    if (change->proven) {
        // Slots that waited while nothing could be sent need a picture to begin with.
        for (uint16_t i = 0; i < which->slot_limit; i++) {
            const slot *s = which->slots[i];
            if (s && s->filled && s->waiting && s->kind == MEDIA_VIDEO)
                exchange_want_key_frame(self, s->filled, s->layer, now_us);
        }
        engine_mark_ready(self, which);
    }
    engine_touch(self, which, transport_next_deadline_us(which));
}

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

uint64_t transport_next_deadline_us(const transport *self) {
    uint64_t at = ice_lite_next_deadline_us(&self->ice);
    if (!transport_is_sendable(self) || self->stalled) return at;
    at = earlier(at, report_next_deadline_us(self));
    if (self->queues[DEPARTURE_AUDIO].first) return 0;
    if (transport_queued_bytes(self) > 0) at = earlier(at, pacer_next_us(&self->pacing));
    return at;
}

void transport_remove_track(engine *self, transport *from, source *removed, uint64_t now_us) {
    ssrc_latch_unbind(&from->latch, removed);
    uint8_t kept = 0;
    for (uint8_t i = 0; i < from->track_count; i++)
        if (from->tracks[i] != removed) from->tracks[kept++] = from->tracks[i];
    from->track_count = kept;
    uint64_t told = 0;
    for (uint8_t layer = 0; layer < removed->layer_count; layer++)
        told |= removed->layers[layer].engines;
    for (; told != 0; told &= told - 1)
        exchange_say(self, (uint8_t)__builtin_ctzll(told), HANDOFF_SOURCE_GONE, removed->id, 0);
    exchange_source_gone(self, removed, now_us);
    for (uint8_t layer = 0; layer < removed->layer_count; layer++)
        removed->layers[layer].engines = 0;
}

void transport_close(engine *self, transport *closed, uint64_t now_us) {
    while (closed->track_count > 0)
        transport_remove_track(self, closed, closed->tracks[0], now_us);
    for (uint16_t i = 0; i < closed->slot_limit; i++) {
        if (!closed->slots[i]) continue;
        (void)slot_fill(self, closed->slots[i], NULL, 0, now_us);
    }
    for (int class = 0; class < DEPARTURE_CLASSES; class++)
        (void)departure_drop(self, &closed->queues[class], NULL);
    for (uint16_t i = 0; i < closed->slot_limit; i++)
        slot_destroy(closed->slots[i]);
    free(closed->slots);
    closed->slots = NULL;
    closed->slot_limit = 0;
    for (uint8_t i = 0; i < closed->ice.address_count; i++)
        release_path(self, closed, &closed->ice.addresses[i].path);
    address_table_remove_ufrag(self->addresses, closed->ice.local.ufrag);
    srtp_sender_destroy(closed->sender);
    srtp_receiver_destroy(closed->receiver);
    closed->sender = NULL;
    closed->receiver = NULL;
    arrival_feedback_destroy(closed->arrivals);
    closed->arrivals = NULL;
    send_history_destroy(closed->history);
    closed->history = NULL;
    ssrc_latch_free(&closed->latch);
    deadline_set(&self->deadlines, &closed->timer, UINT64_MAX);
    stop_tracing(self, closed);
    closed->open = false;
    self->stats.transports--;
    closed->event_bits = 0;
    engine_raise(self, closed, EVENT_TRANSPORT_CLOSED);
}
