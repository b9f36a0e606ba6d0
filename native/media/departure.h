// The second stage. A departure is the decision that a receiver gets a packet under a number of its own; it waits in
// that receiver's queues until the pacer grants it bytes. Only then are the header, the transport-wide number, the
// history entry and the ciphertext made: `departure_flush` is the one place from which media is encrypted.
#ifndef SFU_MEDIA_DEPARTURE_H
#define SFU_MEDIA_DEPARTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/packet.h"
#include "media/source.h"

typedef struct slot slot;
typedef struct transport transport;

enum {
    // Packets whose sizes differ by so few bytes are evened out with RTP padding to make one run: libwebrtc cuts a
    // frame into packets
    // that differ by one byte at most, and header extensions add words of four.
    DEPARTURE_EVEN_OUT_BYTES = 4,
};

typedef enum departure_class { DEPARTURE_AUDIO, DEPARTURE_URGENT, DEPARTURE_VIDEO, DEPARTURE_CLASSES } departure_class;

typedef struct departure {
    struct departure *next;
    packet *held; // NULL: padding that closes a hole
    slot *to;
    seq64 sequence; // the slot's; of a retransmission the original one
    uint32_t timestamp;
    uint16_t bytes; // UDP payload that it will be
    uint8_t payload_type;
    bool marker;
    bool retransmission; // over the slot's RTX SSRC
    bool upright;        // says that the picture is not turned, where the source says nothing of it
} departure;

typedef struct departure_queue {
    departure *first;
    departure *last;
    uint32_t count;
    uint32_t bytes;
} departure_queue;

typedef struct departure_pool {
    departure *all;
    departure *free;
    uint32_t total;
    uint32_t queued;
} departure_pool;

// 0 or -ENOMEM.
int departure_pool_init(departure_pool *pool, uint32_t count);
void departure_pool_free(departure_pool *pool);

// Appends a copy of `what`, which takes a reference on its packet. False when the pool is empty.
bool departure_append(departure_pool *pool, departure_queue *queue, const departure *what);

// Drops what waits for one slot (NULL: everything). A number below the highest that the slot has sent cannot be taken
// back: its departure becomes padding and stays. Returns how many went or changed.
uint32_t departure_drop(engine *self, departure_queue *queue, const slot *to);

// UDP payload bytes that the departure will have when it goes to this transport.
uint16_t departure_size(const transport *to, const departure *what);

// Builds and encrypts what the transport may be sent now, audio first, at most `capacity` messages and `*packets`
// packets (which it counts down) as far as the engine's arena has room. Returns the number of messages.
size_t departure_flush(engine *self, transport *to, uint64_t now_us, transmit *messages, size_t capacity,
                       uint32_t *packets);

#endif
