// A place in a receiver's session with an SSRC of its own, filled with whatever source should be there: the sink with
// which the accept stage ends. A packet of the source gets the slot's number and becomes a departure.
#ifndef SFU_MEDIA_SLOT_H
#define SFU_MEDIA_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/srtp.h"
#include "media/departure.h"
#include "media/engine.h"
#include "media/sequence_map.h"
#include "media/sink.h"
#include "media/source.h"
#include "media/timeline.h"

enum { SLOT_GUARD_ENTRIES = 1024 }; // numbers so far apart share a place: what 10 Mbit/s send in a second

// When numbers were last sent again, so that one asked for twice within a round trip is sent once.
typedef struct retransmit_guard {
    uint64_t sent_us[SLOT_GUARD_ENTRIES];
} retransmit_guard;

struct slot {
    sink in;
    transport *owner;
    uint16_t id;
    media_kind kind;
    uint32_t ssrc;
    uint32_t rtx_ssrc; // 0: none
    char cname[32];

    source *filled;        // NULL: empty
    uint8_t wanted;        // highest layer that is to be shown
    uint8_t layer;         // what is shown, or while it waits is to be shown first
    uint8_t target;        // layer that takes its place at a key frame, LAYER_NONE: none
    uint64_t asked_us;     // when a key frame was last asked for, while one is needed; 0: not yet
    bool waiting;          // for a key frame (video) or a first packet (audio) of `filled`
    bool announce;         // its contents changed since the control plane was told
    uint32_t showing;      // id of the source whose packets go out, ENGINE_NO_SOURCE: none
    uint8_t showing_layer; // and their layer

    sequence_map *map; // made at the first packet
    seq64 next;        // number for the next packet that is spliced in
    seq64 highest_sent;
    timeline time;

    srtp_stream *stream; // made with the first packet
    srtp_stream *rtx_stream;
    seq64 next_rtx;
    retransmit_guard *guard;

    uint32_t packets; // for sender reports; wrap as the RTCP fields do
    uint32_t octets;
};

// NULL: no memory. `random` gives the first sequence numbers and time stamp (RFC 3550 section 5.1).
slot *slot_create(transport *owner, uint16_t id, media_kind kind, uint32_t ssrc, uint32_t rtx_ssrc, uint64_t random);
void slot_destroy(slot *self);

// Fills the slot with a source, or empties it (NULL). What waits of the old source is dropped; the new one enters at
// its next key frame, which is asked for. It is shown in the highest layer up to `wanted` that its publisher sends; for
// the source that is there already only that is changed. 0 or -ENOMEM (then the slot is empty, or stays as it was).
int slot_fill(engine *self, slot *to, source *from, uint8_t wanted, uint64_t now_us);

// What a packet captured now would be stamped.
uint32_t slot_timestamp_at(const slot *self, uint64_t now_us);

// Drops what waits for the slot and starts again at the next key frame.
void slot_flush(engine *self, slot *to, uint64_t now_us);

// A receiver asks for a number again.
void slot_on_nack(engine *self, slot *to, seq16 sequence, uint64_t now_us);

#endif
