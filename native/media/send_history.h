// What went out under each transport-wide sequence number, for the bandwidth estimate: written at departure, read when
// feedback comes.
#ifndef SFU_MEDIA_SEND_HISTORY_H
#define SFU_MEDIA_SEND_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/seq.h"

enum { SEND_HISTORY_MAX = 4096 }; // packets: over 2 s at 20 Mbit/s; grows on demand to this from nothing

typedef struct sent_packet {
    seq64 sequence; // transport-wide
    uint64_t sent_us;
    uint16_t bytes;    // UDP payload
    bool acknowledged; // it had already been reported as received before this feedback
} sent_packet;

typedef struct send_history send_history;

send_history *send_history_create(void);
void send_history_destroy(send_history *history);

// The number that the next packet gets, from 1.
seq64 send_history_next(const send_history *history);

// Records a packet under the next number and returns that number. Never fails: without memory the oldest is
// overwritten.
seq64 send_history_add(send_history *history, uint64_t sent_us, uint16_t bytes);

// A packet of which feedback spoke. False if it is unknown or forgotten. The number meant is the one nearest below the
// last sent.
bool send_history_acknowledge(send_history *history, seq16 sequence, bool received, sent_packet *packet);

#endif
