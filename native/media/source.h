// A published track as one engine sees it: its layers, each with a ring of recent packets and the sinks that receive
// it. The publisher's engine (the *home*) has the original; an engine with receivers for it has a mirror, fed by
// hand-off.
#ifndef SFU_MEDIA_SOURCE_H
#define SFU_MEDIA_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/audio_level.h"
#include "media/clock_map.h"
#include "media/key_frame_request.h"
#include "media/layer_select.h"
#include "media/nack_request.h"
#include "media/packet.h"
#include "media/receive_stream.h"
#include "media/sink.h"

enum {
    SOURCE_HISTORY_US = 1000000,        // packets are kept so long for retransmission
    SOURCE_HISTORY_PRESSED_US = 200000, // and so long while buffers are short
    SOURCE_LINGER_US = 500000,          // a source that is gone still answers NACKs for about a round trip
    SOURCE_RING_MIN = 64,
    SOURCE_RING_MAX = 2048,
};

typedef struct source_layer {
    // Recent packets, by sequence number modulo the ring's size (a power of two that grows with the rate).
    packet **ring;
    packet passed; // only its address: stands in the ring for one that made room, which is no hole to be filled
    uint32_t ring_size;
    bool started;
    seq64 oldest; // no packet below is kept
    seq64 highest;

    sink **sinks; // who receives it here
    uint16_t sink_count;
    uint16_t sink_capacity;

    uint64_t engines; // home: engines that asked for it, as bits
    uint64_t blocked; // home: those whose ring was full; they get nothing more until a key frame

    // Home only.
    receive_stream reception;
    clock_stream clock;
    nack_request *nacks; // video
    key_frame_request key_frames;
} source_layer;

typedef struct source {
    uint32_t id;
    uint8_t home; // engine
    media_kind kind;
    uint8_t layer_count; // mirror: ENGINE_MAX_LAYERS
    bool gone;           // nothing more will come
    uint64_t gone_us;    // since when, or since when a mirror has no receivers
    uint32_t transport;  // home: of the publisher
    char mid[17];
    char rids[ENGINE_MAX_LAYERS][17];
    source_layer layers[ENGINE_MAX_LAYERS];
    layer_activity activity; // home: of video in several layers
    audio_level level;       // home: of audio
    bool level_news;         // home: it has changed since the control plane was told
    uint8_t live;            // layers that the publisher sends now, as bits; 0: nothing has come yet
    bool live_known;         // mirror: its home has told
    struct source *next;     // in the table's bucket
} source;

// NULL: no memory.
source *source_create(uint32_t id, uint8_t home, media_kind kind, uint8_t layer_count);
// Gives up its packets. No sink may be attached.
void source_destroy(source *self, packet_pool *pool);

// Puts a packet into its layer's ring, which takes a reference, and drops what is too old. False, and no reference
// taken, for a packet that is there already or is older than all that is kept.
bool source_store(source *self, packet_pool *pool, packet *held);

// The packet of that number, or NULL.
packet *source_find(const source *self, uint8_t layer, seq64 sequence);

// Drops packets that arrived before `before_us`; returns how many.
size_t source_evict(source *self, packet_pool *pool, uint64_t before_us);

// 0, or -ENOMEM.
int source_attach(source *self, uint8_t layer, sink *receiver);
void source_detach(source *self, uint8_t layer, const sink *receiver);
bool source_has_receivers(const source *self);

// ---- the sources that an engine knows, by id ----

enum { SOURCE_TABLE_BUCKETS = 1024 };

typedef struct source_table {
    source *buckets[SOURCE_TABLE_BUCKETS];
    size_t count;
} source_table;

source *source_table_find(const source_table *table, uint32_t id);
void source_table_add(source_table *table, source *added);
void source_table_remove(source_table *table, const source *removed);

#endif
