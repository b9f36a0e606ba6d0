// Whether a packet begins a frame, and whether that is a key frame, from the bytes that each codec's envelope leaves in
// clear.
#ifndef SFU_MEDIA_KEY_FRAME_H
#define SFU_MEDIA_KEY_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/engine.h"

typedef struct frame_mark {
    bool start; // first packet of a frame, as far as the codec tells
    bool key;   // and of a key frame
} frame_mark;

// A payload that is too short to tell marks nothing.
frame_mark key_frame_detect(codec_envelope envelope, const uint8_t *payload, size_t length);

#endif
