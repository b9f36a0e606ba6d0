// Which simulcast layers of a source are being sent, and which of them a receiver gets.
//
// A publisher starts with its lowest layer and stops the higher ones when its network or processor does not suffice,
// without saying so: a layer that goes silent while others go on has been stopped. Where all of them are silent nothing
// is known, and nothing changes.
#ifndef SFU_MEDIA_LAYER_SELECT_H
#define SFU_MEDIA_LAYER_SELECT_H

#include <stdbool.h>
#include <stdint.h>

#include "media/engine.h"

enum {
    LAYER_SILENT_US = 500000, // a layer is taken for stopped after so long, and
    LAYER_MISSED_FRAMES = 4,  // so many frames of others: a shared screen may send one picture a second
    LAYER_NONE = 0xFF,
};

typedef struct layer_activity {
    uint8_t live; // bits
    struct {
        uint64_t heard_us;
        uint32_t timestamp; // newest
        uint32_t missed;    // frames that others began since this one was heard
    } layers[ENGINE_MAX_LAYERS];
} layer_activity;

// A packet that the publisher sent just now (none over RTX). True where `live` has changed.
bool layer_activity_on_packet(layer_activity *activity, uint8_t layer, uint32_t timestamp, uint64_t now_us);

// The highest live layer that is not above `wanted`; where there is none, `current`, or the lowest if that is
// LAYER_NONE.
uint8_t layer_select(uint8_t live, uint8_t wanted, uint8_t current);

#endif
