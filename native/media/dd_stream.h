// The Dependency Descriptors of one stream, in whatever order its packets come: which structure a packet means, which
// frame it belongs to, and which decode targets its publisher makes.
#ifndef SFU_MEDIA_DD_STREAM_H
#define SFU_MEDIA_DD_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "core/dd.h"
#include "core/seq.h"

// All zero to begin with.
typedef struct dd_stream {
    dd_structure kept[3]; // in turn: that of `generation`, the one before it, and room to read the next one
    uint32_t generation;  // counts structures that differ from the one before; 0: none has come
    seq64 first_frame;    // that the structure of `generation` came with
    seq64 highest_frame;
    seq64 active_frame; // that `active` was last told with
    uint32_t active;    // decode targets
} dd_stream;

// What a packet says of its frame.
typedef struct dd_frame {
    dd_descriptor descriptor;
    seq64 number;
    uint32_t generation; // of its structure
    uint32_t active;     // decode targets that there are by now, whether the packet tells them or not
} dd_frame;

// Reads a packet's descriptor. 0; -EBADMSG for one that is none; -ENOENT where the structure that it means has not come
// or is kept no longer: what then is found of the frame means nothing.
int dd_stream_on_packet(dd_stream *self, dd_frame *frame, const uint8_t *bytes, size_t length);

// The structure of a frame that was found; NULL when two more have come since.
const dd_structure *dd_stream_structure(const dd_stream *self, uint32_t generation);

#endif
