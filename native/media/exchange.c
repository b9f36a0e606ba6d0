// Packets and wishes that cross from one engine to another.
#include <stdlib.h>

#include "media/engine_internal.h"

// A key frame that is wished for already is not wished for twice: receivers may ask as often as they like.
static bool is_waiting(const control_backlog *backlog, const handoff_control *wish) {
    for (size_t i = 0; i < backlog->count; i++) {
        const handoff_control *e = &backlog->entries[i];
        if (e->type == wish->type && e->source == wish->source && e->layer == wish->layer) return true;
    }
    return false;
}

void exchange_say(engine *self, uint8_t to, handoff_control_type type, uint32_t source_id, uint8_t layer) {
    handoff_control control = {.type = type, .source = source_id, .layer = layer};
    control_backlog *backlog = &self->backlog[to];
    self->wakeups |= UINT64_C(1) << to;
    if (backlog->count == 0 && handoff_push_control(self->links, self->config.index, to, &control)) return;
    if (type == HANDOFF_KEY_FRAME && is_waiting(backlog, &control)) return;
    if (backlog->count == backlog->capacity) {
        size_t capacity = backlog->capacity ? backlog->capacity * 2 : 16;
        handoff_control *entries = realloc(backlog->entries, capacity * sizeof *entries);
        // Without memory the wish is lost: receivers ask again for key frames, and a subscription shows as an empty
        // slot.
        if (!entries) return;
        backlog->entries = entries;
        backlog->capacity = capacity;
    }
    backlog->entries[backlog->count++] = control;
}

static void retry_backlog(engine *self, uint8_t to) {
    control_backlog *backlog = &self->backlog[to];
    size_t sent = 0;
    while (sent < backlog->count && handoff_push_control(self->links, self->config.index, to, &backlog->entries[sent]))
        sent++;
    if (sent == 0) return;
    backlog->count -= sent;
    for (size_t i = 0; i < backlog->count; i++)
        backlog->entries[i] = backlog->entries[i + sent];
    self->wakeups |= UINT64_C(1) << to;
}

static void block(engine *self, source *from, uint8_t layer_id, uint8_t to, uint64_t now_us) {
    source_layer *layer = &from->layers[layer_id];
    layer->blocked |= UINT64_C(1) << to;
    key_frame_request_ask(&layer->key_frames, now_us);
    engine_touch(self, &self->transports[from->transport], key_frame_request_next_deadline_us(&layer->key_frames));
}

// What has overtaken the first packet of a key frame came before an engine subscribed, or while it was blocked: a slot
// that enters there would miss it for good. An engine that has it already ignores it.
static bool lend_overtaking(engine *self, const source *from, const packet_body *first, uint8_t to) {
    for (seq64 s = first->sequence + 1; s <= from->layers[first->layer].highest; s++) {
        packet *held = source_find(from, first->layer, s);
        if (held && !packet_pool_lend(&self->packets, held->body, to, false)) return false;
    }
    return true;
}

// An engine whose ring is full gets nothing more of the layer until a key frame: half of a group of pictures is worth
// nothing, and re-entry is a splice. Audio is small and just tried again.
void exchange_publish(engine *self, source *from, packet_body *body, uint64_t now_us) {
    source_layer *layer = &from->layers[body->layer];
    bool is_key = body->kind == MEDIA_VIDEO && body->key_frame && body->frame_start;
    bool is_entry = body->kind == MEDIA_AUDIO || is_key;
    for (uint64_t left = layer->engines; left != 0; left &= left - 1) {
        uint8_t to = (uint8_t)__builtin_ctzll(left);
        uint64_t bit = UINT64_C(1) << to;
        bool blocked = (layer->blocked & bit) != 0;
        if (blocked && !is_entry) {
            self->stats.handoff_dropped++;
            continue;
        }
        bool lent = packet_pool_lend(&self->packets, body, to, blocked);
        if (lent) layer->blocked &= ~bit;
        if (lent && (!is_key || lend_overtaking(self, from, body, to))) continue;
        self->stats.handoff_dropped++;
        if (body->kind == MEDIA_VIDEO) block(self, from, body->layer, to, now_us);
    }
}

source *exchange_mirror(engine *self, uint32_t id, uint8_t home, media_kind kind) {
    source *mirror = source_create(id, home, kind, ENGINE_MAX_LAYERS);
    if (mirror) source_table_add(&self->sources, mirror);
    return mirror;
}

int exchange_join(engine *self, source *from, uint8_t layer, sink *receiver) {
    int status = source_attach(from, layer, receiver);
    if (status < 0) return status;
    if (from->home != self->config.index && from->layers[layer].sink_count == 1)
        exchange_say(self, from->home, HANDOFF_SUBSCRIBE, from->id, layer);
    return 0;
}

static void forget_wishes(source_layer *layer) {
    if (layer->sink_count == 0 && layer->engines == 0) key_frame_request_forget(&layer->key_frames);
}

void exchange_leave(engine *self, source *from, uint8_t layer, const sink *receiver) {
    source_detach(from, layer, receiver);
    if (from->home == self->config.index)
        forget_wishes(&from->layers[layer]);
    else if (from->layers[layer].sink_count == 0 && !from->gone)
        exchange_say(self, from->home, HANDOFF_UNSUBSCRIBE, from->id, layer);
}

void exchange_source_gone(engine *self, source *gone, uint64_t now_us) {
    gone->gone = true;
    gone->gone_us = now_us;
    fan_out_gone(self, gone, now_us);
}

void exchange_want_key_frame(engine *self, source *from, uint8_t layer, uint64_t now_us) {
    if (from->gone) return;
    if (from->home != self->config.index) {
        exchange_say(self, from->home, HANDOFF_KEY_FRAME, from->id, layer);
        return;
    }
    key_frame_request_ask(&from->layers[layer].key_frames, now_us);
    engine_touch(self, &self->transports[from->transport],
                 key_frame_request_next_deadline_us(&from->layers[layer].key_frames));
}

static void subscribe(engine *self, source *to, uint8_t layer, uint8_t engine_index) {
    to->layers[layer].engines |= UINT64_C(1) << engine_index;
    exchange_say(self, engine_index, HANDOFF_LIVE, to->id, to->live);
}

void exchange_live_changed(engine *self, source *from, uint64_t now_us) {
    uint64_t told = 0;
    for (uint8_t layer = 0; layer < from->layer_count; layer++)
        told |= from->layers[layer].engines;
    for (; told != 0; told &= told - 1)
        exchange_say(self, (uint8_t)__builtin_ctzll(told), HANDOFF_LIVE, from->id, from->live);
    fan_out_layers(self, from, now_us);
}

static void subscribe_unknown(engine *self, const early_subscription *asked) {
    if (asked->source <= self->newest_source || self->early_count == ENGINE_MAX_EARLY) {
        exchange_say(self, asked->engine, HANDOFF_SOURCE_GONE, asked->source, 0);
        return;
    }
    self->early[self->early_count++] = *asked;
}

static void unsubscribe_unknown(engine *self, const early_subscription *asked) {
    for (size_t i = 0; i < self->early_count; i++) {
        const early_subscription *e = &self->early[i];
        if (e->source != asked->source || e->engine != asked->engine || e->layer != asked->layer) continue;
        self->early[i] = self->early[--self->early_count];
        return;
    }
}

void exchange_source_published(engine *self, source *published, uint64_t now_us) {
    if (published->id > self->newest_source) self->newest_source = published->id;
    size_t kept = 0;
    for (size_t i = 0; i < self->early_count; i++) {
        const early_subscription *e = &self->early[i];
        if (e->source > published->id) {
            self->early[kept++] = *e;
        } else if (e->source == published->id && e->layer < published->layer_count) {
            subscribe(self, published, e->layer, e->engine);
            if (published->kind == MEDIA_VIDEO) exchange_want_key_frame(self, published, e->layer, now_us);
        } else {
            exchange_say(self, e->engine, HANDOFF_SOURCE_GONE, e->source, 0);
        }
    }
    self->early_count = kept;
}

static void on_control(engine *self, uint8_t sender, const handoff_control *control, uint64_t now_us) {
    source *meant = source_table_find(&self->sources, control->source);
    if (control->type == HANDOFF_SOURCE_GONE) {
        if (meant && meant->home == sender) exchange_source_gone(self, meant, now_us);
        return;
    }
    if (control->type == HANDOFF_LIVE) {
        if (!meant || meant->home != sender || meant->gone) return;
        meant->live = control->layer;
        meant->live_known = true;
        fan_out_layers(self, meant, now_us);
        return;
    }
    if (control->type == HANDOFF_PRESSED) {
        history_press(self, now_us, control->layer != 0);
        return;
    }
    bool published_here =
        meant && meant->home == self->config.index && !meant->gone && control->layer < meant->layer_count;
    if (!published_here) {
        const early_subscription asked = {.source = control->source, .engine = sender, .layer = control->layer};
        if (control->type == HANDOFF_SUBSCRIBE && meant)
            exchange_say(self, sender, HANDOFF_SOURCE_GONE, control->source, 0);
        else if (control->type == HANDOFF_SUBSCRIBE)
            subscribe_unknown(self, &asked);
        else if (control->type == HANDOFF_UNSUBSCRIBE)
            unsubscribe_unknown(self, &asked);
        return;
    }
    uint64_t bit = UINT64_C(1) << sender;
    source_layer *layer = &meant->layers[control->layer];
    switch (control->type) {
    case HANDOFF_SUBSCRIBE:
        subscribe(self, meant, control->layer, sender);
        break;
    case HANDOFF_UNSUBSCRIBE:
        layer->engines &= ~bit;
        layer->blocked &= ~bit;
        forget_wishes(layer);
        break;
    case HANDOFF_KEY_FRAME:
        exchange_want_key_frame(self, meant, control->layer, now_us);
        break;
    case HANDOFF_SOURCE_GONE:
    case HANDOFF_PRESSED:
    case HANDOFF_LIVE:
        break;
    }
}

static void on_packet(engine *self, const handoff_packet *handed, uint64_t now_us) {
    packet_body *body = handed->body;
    source *mirror = source_table_find(&self->sources, body->source);
    packet *held = packet_pool_hold(&self->packets, body); // exchange_drain has seen that there is one
    if (mirror && mirror->home == body->home && source_store(mirror, &self->packets, held)) {
        // What was dropped on the way here leaves no hole: nobody could ever fill it.
        if (handed->splice) fan_out_gap(mirror, body->layer);
        fan_out_packet(self, mirror, held, now_us);
    }
    packet_unref(&self->packets, held);
}

bool exchange_retry(engine *self) {
    if (!self->links) return false;
    bool waiting = false;
    packet_pool_collect(&self->packets);
    for (uint8_t to = 0; to < handoff_engines(self->links); to++) {
        retry_backlog(self, to);
        waiting = waiting || self->backlog[to].count > 0;
    }
    return waiting || self->packets.unreturned;
}

void exchange_drain(engine *self, uint64_t now_us) {
    if (!self->links) return;
    uint8_t own = self->config.index;
    packet_pool_collect(&self->packets);
    for (uint8_t from = 0; from < handoff_engines(self->links); from++) {
        if (from == own) continue;
        handoff_control control;
        while (handoff_pop_control(self->links, from, own, &control))
            on_control(self, from, &control, now_us);
        retry_backlog(self, from);
        handoff_packet handed;
        while (self->packets.free_packets && handoff_pop_packet(self->links, from, own, &handed))
            on_packet(self, &handed, now_us);
    }
    // Without handles packets wait in their ring, which then blocks their senders; history makes room at the next turn.
    if (!self->packets.free_packets) history_press(self, now_us, false);
}
