// What a client received, packet by packet, for tests to look at afterwards: a bounded ring that forgets the oldest.
#ifndef SFU_LOAD_OBSERVATION_H
#define SFU_LOAD_OBSERVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/seq.h"
#include "load/payload.h"

// One authenticated packet of an expected stream. Where it came over RTX, ssrc, sequence, time stamp and payload type
// are those of the packet that was repeated.
typedef struct observation {
    uint64_t arrival_us;
    uint32_t ssrc;
    uint32_t timestamp;
    seq64 sequence;             // extended
    int32_t transport_sequence; // transport-wide number, -1 without
    uint16_t payload_bytes;     // 0: padding only
    uint8_t payload_type;
    bool marker;
    bool recovered; // came over RTX
    bool fresh;     // not a duplicate
    bool intact;    // the payload is what was sent: `mark` holds
    payload_mark mark;
} observation;

typedef struct observation_log {
    observation *ring; // NULL: nothing is kept
    size_t capacity;
    uint64_t written; // ever
    uint64_t taken;   // ever taken, or forgotten
} observation_log;

int observation_log_init(observation_log *log, size_t capacity); // 0 or -ENOMEM
void observation_log_free(observation_log *log);
void observation_log_add(observation_log *log, const observation *record);
// The oldest not yet taken. False when there is none.
bool observation_log_take(observation_log *log, observation *record);

#endif
