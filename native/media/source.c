#include "media/source.h"

#include <errno.h>
#include <stdlib.h>

source *source_create(uint32_t id, uint8_t home, media_kind kind, uint8_t layer_count) {
    source *self = calloc(1, sizeof *self);
    if (!self) return NULL;
    self->id = id;
    self->home = home;
    self->kind = kind;
    self->layer_count = layer_count;
    self->live = layer_count == 1 ? 1 : 0;
    audio_level_init(&self->level);
    for (uint8_t i = 0; i < layer_count; i++)
        key_frame_request_init(&self->layers[i].key_frames);
    return self;
}

void source_destroy(source *self, packet_pool *pool) {
    if (!self) return;
    source_evict(self, pool, UINT64_MAX);
    for (uint8_t i = 0; i < self->layer_count; i++) {
        free(self->layers[i].ring);
        free(self->layers[i].sinks);
        nack_request_destroy(self->layers[i].nacks);
    }
    free(self);
}

static packet **place_of(const source_layer *layer, seq64 sequence) {
    return &layer->ring[(uint64_t)sequence & (layer->ring_size - 1)];
}

static bool drop_oldest(source_layer *layer, packet_pool *pool) {
    packet **place = place_of(layer, layer->oldest++);
    packet *held = *place;
    *place = NULL;
    if (!held || held == &layer->passed) return false;
    packet_unref(pool, held);
    return true;
}

// Doubles the ring; without memory it stays as it is and forgets sooner.
static void grow(source_layer *layer) {
    uint32_t size = layer->ring_size ? layer->ring_size * 2 : SOURCE_RING_MIN;
    packet **ring = calloc(size, sizeof(packet *));
    if (!ring) return;
    for (seq64 s = layer->oldest; layer->ring_size && s <= layer->highest; s++)
        ring[(uint64_t)s & (size - 1)] = *place_of(layer, s);
    free(layer->ring);
    layer->ring = ring;
    layer->ring_size = size;
}

// Moves the window so that `sequence` becomes the highest number that fits.
static bool make_room(source_layer *layer, packet_pool *pool, seq64 sequence, uint64_t arrival_us) {
    while (layer->ring_size == 0 ||
           (sequence - layer->oldest >= layer->ring_size && layer->ring_size < SOURCE_RING_MAX &&
            sequence - layer->oldest < SOURCE_RING_MAX)) {
        uint32_t before = layer->ring_size;
        grow(layer);
        if (layer->ring_size == before) break;
    }
    if (layer->ring_size == 0) return false;
    if (sequence - layer->highest >= layer->ring_size) { // a jump past all that is kept
        while (layer->oldest <= layer->highest)
            drop_oldest(layer, pool);
        layer->oldest = sequence - SOURCE_RING_MIN / 2; // room for what it has overtaken
    }
    while (sequence - layer->oldest >= layer->ring_size)
        drop_oldest(layer, pool);
    while (layer->oldest <= layer->highest) {
        const packet *held = *place_of(layer, layer->oldest);
        if (held && held != &layer->passed && held->body->arrival_us + SOURCE_HISTORY_US > arrival_us) break;
        // A number that is missing may still come: it is passed over only with the packets around it.
        if (!held && layer->highest - layer->oldest < SOURCE_RING_MIN / 2) break;
        drop_oldest(layer, pool);
    }
    return true;
}

bool source_store(source *self, packet_pool *pool, packet *held) {
    source_layer *layer = &self->layers[held->body->layer];
    seq64 sequence = held->body->sequence;
    if (!layer->started) {
        layer->started = true;
        // Room below the first packet, for those that it has overtaken.
        layer->oldest = sequence - SOURCE_RING_MIN / 2;
        layer->highest = sequence;
    }
    if (sequence < layer->oldest) return false;
    if (!make_room(layer, pool, sequence > layer->highest ? sequence : layer->highest, held->body->arrival_us))
        return false;
    if (sequence < layer->oldest) return false;
    packet **place = place_of(layer, sequence);
    if (*place) return false;
    *place = packet_ref(held);
    if (sequence > layer->highest) layer->highest = sequence;
    return true;
}

packet *source_find(const source *self, uint8_t layer, seq64 sequence) {
    const source_layer *kept = &self->layers[layer];
    if (!kept->started || !kept->ring_size || sequence < kept->oldest || sequence > kept->highest) return NULL;
    packet *held = *place_of(kept, sequence);
    return held == &kept->passed ? NULL : held;
}

// Bodies go, but the newest numbers stay known: a packet that was overtaken, or is recovered, may still come for a
// hole.
static size_t evict_layer(source_layer *layer, packet_pool *pool, uint64_t before_us) {
    size_t evicted = 0;
    for (seq64 s = layer->oldest; s <= layer->highest; s++) {
        packet **place = place_of(layer, s);
        if (!*place || *place == &layer->passed) continue;
        if ((*place)->body->arrival_us >= before_us) break;
        packet_unref(pool, *place);
        *place = &layer->passed;
        evicted++;
    }
    while (layer->highest - layer->oldest >= SOURCE_RING_MIN / 2) {
        const packet *held = *place_of(layer, layer->oldest);
        if (held && held != &layer->passed) break;
        drop_oldest(layer, pool);
    }
    return evicted;
}

size_t source_evict(source *self, packet_pool *pool, uint64_t before_us) {
    size_t evicted = 0;
    for (uint8_t i = 0; i < self->layer_count; i++) {
        source_layer *layer = &self->layers[i];
        if (layer->ring_size) evicted += evict_layer(layer, pool, before_us);
    }
    return evicted;
}

int source_attach(source *self, uint8_t layer, sink *receiver) {
    source_layer *to = &self->layers[layer];
    if (to->sink_count == to->sink_capacity) {
        if (to->sink_capacity > UINT16_MAX / 2) return -ENOMEM;
        uint16_t capacity = (uint16_t)(to->sink_capacity ? to->sink_capacity * 2 : 4);
        sink **sinks = realloc(to->sinks, capacity * sizeof(sink *));
        if (!sinks) return -ENOMEM;
        to->sinks = sinks;
        to->sink_capacity = capacity;
    }
    to->sinks[to->sink_count++] = receiver;
    return 0;
}

void source_detach(source *self, uint8_t layer, const sink *receiver) {
    source_layer *from = &self->layers[layer];
    for (uint16_t i = 0; i < from->sink_count; i++) {
        if (from->sinks[i] != receiver) continue;
        from->sinks[i] = from->sinks[--from->sink_count];
        return;
    }
}

bool source_has_receivers(const source *self) {
    for (uint8_t i = 0; i < self->layer_count; i++)
        if (self->layers[i].sink_count || self->layers[i].engines) return true;
    return false;
}

static size_t bucket_of(uint32_t id) {
    return (size_t)(id * UINT32_C(2654435761) >> 22) %
           SOURCE_TABLE_BUCKETS; // Knuth's multiplicative hash: ids are consecutive
}

source *source_table_find(const source_table *table, uint32_t id) {
    source *found = table->buckets[bucket_of(id)];
    while (found && found->id != id)
        found = found->next;
    return found;
}

void source_table_add(source_table *table, source *added) {
    source **bucket = &table->buckets[bucket_of(added->id)];
    added->next = *bucket;
    *bucket = added;
    table->count++;
}

void source_table_remove(source_table *table, const source *removed) {
    source **link = &table->buckets[bucket_of(removed->id)];
    while (*link && *link != removed)
        link = &(*link)->next;
    if (!*link) return;
    *link = removed->next;
    table->count--;
}
