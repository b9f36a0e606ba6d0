// What a strict receiver of one synthetic stream sees: every packet is checked to be the one that was sent, every frame
// to be whole, numbered without gaps or repetitions, marked and in order. It is told of packets that have been
// authenticated and, where they came over RTX, unwrapped.
//
// A counter of the second group of stream_stats above 0 means that the server has done something wrong: no network
// can cause it. (Loss shows in the first group only.)
#ifndef SFU_LOAD_VERIFY_H
#define SFU_LOAD_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/rtp.h"
#include "core/seq.h"
#include "load/payload.h"

enum {
    VERIFY_FRAMES = 64,   // frames open at a time; one that is pushed out incomplete counts as lost
    VERIFY_WINDOW = 2048, // sequence numbers below the highest for which a duplicate is recognised
};

typedef struct stream_stats {
    // What a network may do.
    uint64_t packets;    // media, without duplicates, also recovered ones
    uint64_t bytes;      // their payload
    uint64_t padding;    // packets without payload, which hold a number
    uint64_t recovered;  // of `packets`: came over RTX
    uint64_t duplicates; // numbers that had been received already, over RTX or not
    uint64_t late;       // below the highest number, not over RTX
    uint64_t too_late;   // below the window: ignored
    uint64_t missing;    // numbers between first and highest that have not come (so far)
    uint64_t frames;     // of which at least one packet came
    uint64_t frames_complete;
    uint64_t frames_lost;    // pushed out incomplete
    uint64_t frames_decoded; // complete, and either key frames or next after a decoded frame of the same stream
    uint64_t key_frames;     // complete ones
    uint64_t splices;        // two complete frames that follow one another come from different streams

    // What only a faulty server does.
    uint64_t corrupt;            // payload is not what was sent, or none of ours
    uint64_t inconsistent;       // packet does not fit the others of its frame: number, time stamp, stream or size
    uint64_t wrong_payload_type; // neither of the expected two
    uint64_t marker_errors;      // video: missing on the last packet of a frame, or present on another
    uint64_t timestamp_errors;   // frames' order by number is not their order by time stamp
    uint64_t numbering_errors;   // numbers missing or shared between two frames that followed one another at the source
    uint64_t repeated_frames;    // a frame came under two time stamps
    uint64_t
        chain_breaks; // a delta frame follows, without a hole in the numbers, on a frame that is not the one before

    // Latest values.
    uint64_t first_us;       // arrival of the first packet
    uint64_t last_us;        // arrival of the newest packet
    uint64_t decoded_us;     // when the last frame was decoded
    uint64_t longest_gap_us; // between two decoded frames
    uint64_t delay_us;       // from capture to complete, last decoded frame; 0 where the clocks differ by more
    uint64_t longest_delay_us;
    uint32_t stream;          // of the last decoded frame
    uint32_t frame;           // number of the last decoded frame
    int64_t highest_sequence; // extended, -1 before the first
} stream_stats;

typedef struct verify_config {
    bool video;
    uint8_t payload_type;
} verify_config;

typedef struct verify_packet {
    const uint8_t *bytes;     // plain packet
    const rtp_header *header; // unwrapped, if it came over RTX
    seq64 sequence;           // extended
    uint64_t arrival_us;
    bool recovered; // came over RTX
} verify_packet;

typedef struct verify_result {
    bool fresh;           // not a duplicate and not too late
    bool marked;          // `mark` was read
    bool intact;          // and all bytes are right
    bool key_frame_start; // first packet of a key frame
    payload_mark mark;
} verify_result;

typedef struct verify verify;

verify *verify_create(const verify_config *config); // NULL: no memory
void verify_destroy(verify *self);

verify_result verify_on_packet(verify *self, const verify_packet *packet);

// The extended number that an RTX packet's original sequence number means.
seq64 verify_extend(const verify *self, seq16 original);

const stream_stats *verify_get_stats(const verify *self);

#endif
