// The VP9 payload descriptor (RFC 9628 section 4.2). It is made outside of the encrypted frame, so that all of it can
// be read, also with end-to-end encryption.
//
// Of a descriptor that has to be changed the head is written again, and goes before the shared body as the cipher's
// prefix; reference indices are relative and stay, and so does the scalability structure.
#ifndef SFU_CORE_VP9_H
#define SFU_CORE_VP9_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/cursor.h"
#include "core/picture_id.h"

enum {
    VP9_MAX_HEAD_BYTES = 5,
    VP9_MAX_REFERENCES = 3,
    VP9_MAX_SPATIAL_LAYERS = 8,
};

// Section 4.2.1. The pictures of the group are walked over: each packet says of its own picture what they say.
typedef struct vp9_structure {
    uint8_t spatial_layer_count; // 1 to VP9_MAX_SPATIAL_LAYERS
    bool has_resolutions;
    struct {
        uint16_t width; // pixels
        uint16_t height;
    } resolutions[VP9_MAX_SPATIAL_LAYERS];
    uint8_t picture_count; // N_G; 0: no group is described
} vp9_structure;

typedef struct vp9_descriptor {
    uint16_t length;         // bytes of the payload that it takes
    uint8_t head_length;     // of them those before reference indices and scalability structure
    bool predicted;          // P: from pictures before
    bool flexible;           // F: carries its reference indices
    bool frame_start;        // B, of a layer's frame
    bool frame_end;          // E
    bool not_referred_above; // Z: no spatial layer above refers to this frame
    bool has_layers;
    bool has_tl0_pic_idx; // where has_layers and not flexible
    bool has_structure;
    picture_id picture;
    uint8_t temporal_id;        // 3 bits
    bool switching_up;          // U: what follows in higher temporal layers refers to nothing of them before this one
    uint8_t spatial_id;         // 3 bits
    bool inter_layer_predicted; // D: from the spatial layer below
    uint8_t tl0_pic_idx;        // counts pictures of temporal layer 0
    uint8_t reference_count;    // where predicted and flexible
    uint8_t references[VP9_MAX_REFERENCES]; // picture id less that of each picture referred to
    vp9_structure structure;
} vp9_descriptor;

// Reads a payload from its start. 0, or -EBADMSG: cut off, or with more references than there may be.
int vp9_parse(vp9_descriptor *found, const uint8_t *payload, size_t length);

// The first packet of a picture: of its lowest layer's frame.
static inline bool vp9_picture_start(const vp9_descriptor *descriptor) {
    return descriptor->frame_start && descriptor->spatial_id == 0;
}

// And of a key picture, which is predicted from none before.
static inline bool vp9_key_picture_start(const vp9_descriptor *descriptor) {
    return vp9_picture_start(descriptor) && !descriptor->predicted;
}

// Writes the head, at most VP9_MAX_HEAD_BYTES: what is to stand before the bytes of the payload from head_length on.
void vp9_write_head(writer *w, const vp9_descriptor *descriptor);

#endif
