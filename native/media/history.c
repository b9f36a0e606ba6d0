// The age of what is kept for retransmission, and what goes when buffers run short: history first, then video
// (packet_pool_take refuses it), never audio.
#include "media/engine_internal.h"

static uint64_t before(uint64_t now_us, uint64_t age_us) {
    return now_us > age_us ? now_us - age_us : 0;
}

static void cut(engine *self, uint64_t before_us, bool count) {
    for (size_t i = 0; i < SOURCE_TABLE_BUCKETS && self->sources.count; i++) {
        for (source *s = self->sources.buckets[i]; s; s = s->next) {
            size_t evicted = source_evict(s, &self->packets, before_us);
            if (count) self->stats.history_evicted += evicted;
        }
    }
}

static void forget(engine *self, uint64_t now_us) {
    for (size_t i = 0; i < SOURCE_TABLE_BUCKETS; i++) {
        for (source *s = self->sources.buckets[i], *next; s; s = next) {
            next = s->next;
            bool idle_mirror = s->home != self->config.index && !source_has_receivers(s);
            if (idle_mirror && !s->gone && s->gone_us == 0) s->gone_us = now_us;
            if (!(s->gone || idle_mirror) || now_us - s->gone_us < SOURCE_LINGER_US) continue;
            source_table_remove(&self->sources, s);
            source_destroy(s, &self->packets);
        }
    }
}

void history_sweep(engine *self, uint64_t now_us) {
    if (now_us < self->sweep_us) return;
    cut(self, before(now_us, SOURCE_HISTORY_US), false);
    forget(self, now_us);
    self->sweep_us = self->sources.count ? now_us + ENGINE_SWEEP_US : UINT64_MAX;
}

void history_press(engine *self, uint64_t now_us, bool all) {
    if (self->pressed_us && now_us - self->pressed_us < ENGINE_PRESS_US) return;
    self->pressed_us = now_us;
    cut(self, before(now_us, SOURCE_HISTORY_PRESSED_US), true);
    if (all || packet_pool_is_low(&self->packets) || !self->packets.free_packets) cut(self, now_us, true);
}

void history_make_room(engine *self, uint64_t now_us) {
    if (self->pressed_us && now_us - self->pressed_us < ENGINE_PRESS_US) return;
    history_press(self, now_us, false);
    // What others keep of ours goes as far as our own has gone.
    uint8_t all = packet_pool_is_low(&self->packets);
    for (uint8_t to = 0; self->links && to < handoff_engines(self->links); to++)
        if (to != self->config.index) exchange_say(self, to, HANDOFF_PRESSED, ENGINE_NO_SOURCE, all);
}
