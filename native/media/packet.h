// Packets inside an engine: a bounded pool of bodies, and the references that its queues and rings hold.
//
// A *body* is a decrypted packet and what was learnt of it, written once by the publisher's engine and immutable from
// the moment it is handed on. It knows how many engines hold it, a count that only its home touches: a borrower sends
// the body back through the return ring (handoff.h). A *packet* is one engine's own handle on a body with that engine's
// plain reference count. So no count is ever shared between threads.
#ifndef SFU_MEDIA_PACKET_H
#define SFU_MEDIA_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/rtp_ext.h"
#include "core/seq.h"
#include "media/clock_map.h"
#include "media/engine.h"

typedef struct packet_body packet_body;
struct packet_body {
    seq64 sequence;          // extended, in its source's numbering
    uint64_t arrival_us;     // at its home
    clock_reading capture;   // of its frame, on the server's clock
    uint32_t source;         // id
    uint32_t timestamp;      // RTP, the source's
    uint16_t payload_offset; // in `bytes`
    uint16_t payload_length; // without padding; 0 for a packet of padding
    uint8_t layer;           // simulcast layer
    uint8_t kind;            // media_kind
    uint8_t codec;           // the room's number for it
    bool marker;
    bool frame_start;          // first packet of a frame, where the codec tells
    bool key_frame;            // of a key frame
    bool recovered;            // came over RTX
    rtp_extensions extensions; // offsets into `bytes`

    uint8_t home;      // engine whose pool it is
    uint32_t holders;  // engines that hold it; home only
    packet_body *next; // in the home's list of free bodies

    uint8_t bytes[ENGINE_MAX_DATAGRAM + 4];
};

typedef struct packet {
    packet_body *body;
    uint32_t references;
    struct packet *next; // in the list of free handles, or of those whose return ring was full
} packet;

typedef struct packet_pool {
    packet_body *bodies;
    packet_body *free_bodies;
    packet *packets;
    packet *free_packets;
    packet *unreturned; // handles whose body could not be sent home yet
    handoff *links;     // NULL for an engine on its own
    uint64_t wakeups;   // engines that were sent something, as bits
    uint32_t total;
    uint32_t free;    // bodies
    uint32_t reserve; // bodies kept for audio
    uint8_t index;    // of the own engine
} packet_pool;

// 0 or -ENOMEM. Handles are twice the bodies: a worker holds its own and what others lend.
int packet_pool_init(packet_pool *pool, uint32_t bodies, uint8_t index, handoff *links);
// Every body must be home.
void packet_pool_free(packet_pool *pool);

// A body to fill in, held by the home, or NULL: none is left, or only the reserve and `kind` is video.
packet_body *packet_pool_take(packet_pool *pool, media_kind kind);
// Gives back a body of the own pool that no handle refers to: its datagram was refused.
void packet_pool_give_back(packet_pool *pool, packet_body *body);

// A handle with one reference on a body that was taken or that another engine handed over. NULL: none is left.
packet *packet_pool_hold(packet_pool *pool, packet_body *body);

static inline packet *packet_ref(packet *held) {
    held->references++;
    return held;
}

void packet_unref(packet_pool *pool, packet *held);

// Lends the body to another engine. False where its ring is full, for video also where only audio's share is left.
bool packet_pool_lend(packet_pool *pool, packet_body *body, uint8_t to, bool splice);

// Takes home what was lent, and tries again to return what could not be returned.
void packet_pool_collect(packet_pool *pool);

// Whether so few bodies are left that history must make room.
static inline bool packet_pool_is_low(const packet_pool *pool) {
    return pool->free < 2 * pool->reserve;
}

#endif
