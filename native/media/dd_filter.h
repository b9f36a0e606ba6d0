// Which frames of a scalable stream a receiver gets, by its Dependency Descriptors (AV1 RTP specification, sections A.4
// to A.7): those of one decode target, never one that refers to a frame that was left out. Another target takes its
// place at the beginning of a picture: at a key frame any; else one that the picture's frame is a switching point to,
// or one whose chain is unbroken in what was sent.
#ifndef SFU_MEDIA_DD_FILTER_H
#define SFU_MEDIA_DD_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/dd.h"
#include "core/seq.h"
#include "media/dd_stream.h"

enum { DD_FILTER_FRAMES = 256 }; // that are remembered: chains reach no further (section A.8.3, frame_chain_fdiff)

typedef struct dd_filter {
    uint8_t wanted_spatial; // highest layers
    uint8_t wanted_temporal;
    bool started;         // a key frame has come, without which there is no target
    bool wants_key_frame; // as in dd_verdict
    uint8_t target;       // decode target that is sent on
    uint32_t generation;  // of the structure that it is of
    uint32_t targets;     // decode targets that the receiver can decode by it, as bits
    uint32_t timestamp;   // of the highest frame
    seq64 first_frame;
    seq64 highest_frame;
    uint64_t seen[DD_FILTER_FRAMES / 64]; // of the last frames up to the highest
    uint64_t sent[DD_FILTER_FRAMES / 64];
} dd_filter;

typedef struct dd_verdict {
    bool forward;
    bool last;            // of what is sent of its picture: the RTP marker belongs on it
    bool changed;         // `targets` are others from this packet on
    bool wants_key_frame; // without which the wanted layers are not reached
} dd_verdict;

// For a source or layer that has just been entered: nothing has been sent of it. The first packet has to be the first
// of a key frame; any before that is not forwarded.
void dd_filter_start(dd_filter *self, uint8_t wanted_spatial, uint8_t wanted_temporal);

// Other layers are the highest ones wanted; to be reached as the stream allows.
void dd_filter_want(dd_filter *self, uint8_t spatial, uint8_t temporal);

// A packet, with the structure of its frame. All packets of a frame are treated alike.
dd_verdict dd_filter_on_packet(dd_filter *self, const dd_frame *frame, const dd_structure *structure,
                               uint32_t timestamp);

#endif
