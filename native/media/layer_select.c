#include "media/layer_select.h"

static void begin_frame(layer_activity *activity, uint8_t layer, uint64_t now_us) {
    for (uint8_t other = 0; other < ENGINE_MAX_LAYERS; other++) {
        if (other == layer || !(activity->live >> other & 1)) continue;
        uint64_t silent_us = now_us - activity->layers[other].heard_us;
        if (++activity->layers[other].missed >= LAYER_MISSED_FRAMES && silent_us >= LAYER_SILENT_US)
            activity->live &= (uint8_t)~(1u << other);
    }
}

bool layer_activity_on_packet(layer_activity *activity, uint8_t layer, uint32_t timestamp, uint64_t now_us) {
    uint8_t before = activity->live;
    bool new_frame = !(before >> layer & 1) || (int32_t)(timestamp - activity->layers[layer].timestamp) > 0;
    activity->live |= (uint8_t)(1u << layer);
    activity->layers[layer].heard_us = now_us;
    activity->layers[layer].missed = 0;
    if (!new_frame) return activity->live != before;
    activity->layers[layer].timestamp = timestamp;
    begin_frame(activity, layer, now_us);
    return activity->live != before;
}

uint8_t layer_select(uint8_t live, uint8_t wanted, uint8_t current) {
    for (uint8_t layer = wanted; layer < ENGINE_MAX_LAYERS; layer--)
        if (live >> layer & 1) return layer;
    return current == LAYER_NONE ? 0 : current;
}
