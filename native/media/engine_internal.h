// What the engine's own files share. Nothing outside media/ includes this.
#ifndef SFU_MEDIA_ENGINE_INTERNAL_H
#define SFU_MEDIA_ENGINE_INTERNAL_H

#include "media/address_table.h"
#include "media/departure.h"
#include "media/engine.h"
#include "media/handoff.h"
#include "media/packet.h"
#include "media/source.h"
#include "media/transport.h"

enum {
    ENGINE_ARENA_BYTES = 512 * 1024, // a turn's ciphertext: ENGINE_TURN_PACKETS full packets and the RTCP beside them
    ENGINE_OUTBOX_MESSAGES = 256,
    ENGINE_OUTBOX_BYTES = 128 * 1024,
    ENGINE_DTLS_QUEUE = 128,
    ENGINE_RETRY_US = 1000,   // between tries to put into a full ring what must not be lost
    ENGINE_MAX_EARLY = 256,   // subscriptions kept that came before their source
    ENGINE_SWEEP_US = 250000, // between looks at the age of history
    ENGINE_PRESS_US = 10000,  // at least so long between two cuts of history for want of buffers
};

// Datagrams that are ready as they are: STUN answers and DTLS. Two of them take turns, because messages handed out stay
// valid until the next poll.
typedef struct outbox {
    transmit messages[ENGINE_OUTBOX_MESSAGES];
    size_t count;
    uint8_t bytes[ENGINE_OUTBOX_BYTES];
    size_t used;
} outbox;

typedef struct dtls_record {
    uint32_t transport;
    uint16_t length;
    uint8_t bytes[ENGINE_MAX_DATAGRAM];
} dtls_record;

// What one engine wants of another and could not say yet because the ring was full; bounded by what there is to say.
typedef struct control_backlog {
    handoff_control *entries;
    size_t count;
    size_t capacity;
} control_backlog;

// A receiver's engine asked for a source before the command that publishes it came: commands to two engines keep no
// order among each other.
typedef struct early_subscription {
    uint32_t source;
    uint8_t engine;
    uint8_t layer;
} early_subscription;

typedef struct transport_list {
    transport *first;
    transport *last;
} transport_list;

struct engine {
    engine_config config;
    handoff *links;
    packet_pool packets;
    departure_pool departures;
    address_table *addresses;
    source_table sources;
    transport *transports;
    deadline_heap deadlines;
    uint64_t sweep_us;
    uint64_t retry_us;   // when rings that were full are tried again, UINT64_MAX: nothing waits
    uint64_t pressed_us; // last time that history was cut short for want of buffers
    uint64_t random;     // state of the generator
    uint64_t nonces;     // given out

    transport_list ready;   // transports with something to send, in turn
    transport_list stalled; // those whose socket is blocked
    uint64_t blocked;       // sockets, as bits
    transport *event_first; // transports with events
    transport *event_last;
    dtls_record *records; // ring of DTLS datagrams that came
    size_t record_first;
    size_t record_count;

    outbox *boxes[2];
    size_t box; // the one that fills
    uint8_t *arena;
    size_t arena_used;

    control_backlog *backlog; // by engine
    uint32_t newest_source;   // highest id that was ever published here: an unknown one below it is gone
    early_subscription early[ENGINE_MAX_EARLY];
    size_t early_count;
    uint32_t traced[ENGINE_MAX_TRACES]; // transports, in turn
    size_t traced_count;
    uint64_t wakeups;
    engine_stats stats;
};

// ---- engine.c ----
uint64_t engine_random(engine *self);
// The transport has something to send, or its deadline may have come nearer.
void engine_mark_ready(engine *self, transport *which);
// What waits for a socket may have another one now, or none.
void engine_resume(engine *self);
void engine_touch(engine *self, transport *which, uint64_t at_us);
void engine_raise(engine *self, transport *which, event_type type);
// A ready-made datagram; dropped when the outbox is full.
void engine_send_plain(engine *self, uint32_t transport, const ice_path *path, const uint8_t *bytes, size_t length);
// Room in the turn's arena, or NULL.
uint8_t *engine_arena_room(engine *self, size_t bytes);

// ---- exchange.c: wishes and packets between engines ----
void exchange_say(engine *self, uint8_t to, handoff_control_type type, uint32_t source, uint8_t layer);
void exchange_publish(engine *self, source *from, packet_body *body, uint64_t now_us);
void exchange_drain(engine *self, uint64_t now_us);
// Tries again what did not fit a ring. True where something still waits.
bool exchange_retry(engine *self);
source *exchange_mirror(engine *self, uint32_t id, uint8_t home, media_kind kind);
// A sink here receives the layer from now on, wherever its home is. 0 or -ENOMEM.
int exchange_join(engine *self, source *from, uint8_t layer, sink *receiver);
void exchange_leave(engine *self, source *from, uint8_t layer, const sink *receiver);
void exchange_source_gone(engine *self, source *gone, uint64_t now_us);
// Published here: whoever has asked for it already, gets it.
void exchange_source_published(engine *self, source *published, uint64_t now_us);
// The layers that the publisher of a source of this engine sends are others now.
void exchange_live_changed(engine *self, source *from, uint64_t now_us);
// A receiver here needs a key frame of that layer.
void exchange_want_key_frame(engine *self, source *from, uint8_t layer, uint64_t now_us);

// ---- history.c: how long packets are kept for retransmission ----
// Drops what is too old, and sources that are gone; moves `sweep_us` on.
void history_sweep(engine *self, uint64_t now_us);
// Buffers are short here: cuts the history, and tells the engines that hold some of this one's.
void history_make_room(engine *self, uint64_t now_us);
// Buffers are short elsewhere.
void history_press(engine *self, uint64_t now_us, bool all);

// ---- receive.c: SRTP in ----
void receive_rtp(engine *self, transport *from, const datagram *in, uint64_t now_us);

// ---- fan_out.c: from a source to its sinks on this engine, see sink.h ----
void fan_out_packet(engine *self, source *from, packet *held, uint64_t now_us);
void fan_out_gap(const source *from, uint8_t layer);
void fan_out_layers(engine *self, source *from, uint64_t now_us);
void fan_out_gone(engine *self, source *from, uint64_t now_us);

// ---- feedback.c: RTCP in ----
void feedback_receive(engine *self, transport *from, const datagram *in, uint64_t now_us);

// ---- report.c: RTCP out, in the depart stage ----
// Reports flow from now on, until nothing is received from and sent to the transport.
void report_start(engine *self, transport *to, uint64_t now_us);
size_t report_flush(engine *self, transport *to, uint64_t now_us, transmit *messages, size_t capacity);
uint64_t report_next_deadline_us(const transport *self);

// ---- transport.c ----
void transport_close(engine *self, transport *closed, uint64_t now_us);
void transport_remove_track(engine *self, transport *from, source *removed, uint64_t now_us);
// Follows what a check or the clock changed of a transport's paths.
void transport_apply(engine *self, transport *which, const ice_change *change, uint64_t now_us);
// When the transport has to be looked at next, whatever happens.
uint64_t transport_next_deadline_us(const transport *self);
// Begins, changes or (TRACE_OFF) ends a trace. 0, -ENOSPC or -ENOMEM.
int transport_trace(engine *self, transport *which, trace_mode mode, uint64_t now_us);
// Drops everything that waits; video goes on at a key frame.
void transport_flush(engine *self, transport *which, uint64_t now_us);

#endif
