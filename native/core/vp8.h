// The VP8 payload descriptor (RFC 7741 section 4.2), and what the byte behind it tells. With end-to-end encryption that
// byte is all that is left of the frame in clear; it keeps the bit that tells key frames (section 4.3).
//
// A descriptor that has to be changed is written again, and goes before the shared body as the cipher's prefix.
#ifndef SFU_CORE_VP8_H
#define SFU_CORE_VP8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/cursor.h"
#include "core/picture_id.h"

enum { VP8_MAX_DESCRIPTOR_BYTES = 6 };

typedef struct vp8_descriptor {
    uint8_t length;    // bytes of the payload that it takes
    bool frame_start;  // S, of partition 0: first packet of a frame
    bool key_frame;    // first packet of a key frame
    bool not_referred; // N: no frame refers to this one
    bool partition_start;
    uint8_t partition; // 3 bits
    bool has_tl0_pic_idx;
    bool has_temporal_id; // and layer_sync
    bool has_key_idx;
    picture_id picture;
    uint8_t tl0_pic_idx; // counts frames of temporal layer 0
    uint8_t temporal_id; // 2 bits
    bool layer_sync;     // Y: refers to temporal layer 0 only
    uint8_t key_idx;     // 5 bits
} vp8_descriptor;

// Reads a payload from its start. 0, or -EBADMSG: the descriptor is cut off. Where nothing stands behind it, no frame
// begins.
int vp8_parse(vp8_descriptor *found, const uint8_t *payload, size_t length);

// Writes the descriptor, at most VP8_MAX_DESCRIPTOR_BYTES.
void vp8_write(writer *w, const vp8_descriptor *descriptor);

#endif
