// What a source says to its sinks on this engine.
#include "media/engine_internal.h"

void fan_out_packet(engine *self, source *from, packet *held, uint64_t now_us) {
    source_layer *layer = &from->layers[held->body->layer];
    if (layer->sink_count == 0) return;
    // Who is first in the turn is who gets the first packet of a burst: another one each time, scattered (Knuth's hash)
    // because bursts of as many packets as there are receivers would favour the same one for good.
    uint32_t first = ((uint32_t)held->body->sequence * UINT32_C(2654435761) >> 8) % layer->sink_count;
    for (uint32_t i = 0; i < layer->sink_count; i++) {
        sink *to = layer->sinks[(first + i) % layer->sink_count];
        to->calls->on_packet(self, to, held, now_us);
    }
}

void fan_out_gap(const source *from, uint8_t layer_id) {
    const source_layer *layer = &from->layers[layer_id];
    for (uint16_t i = 0; i < layer->sink_count; i++)
        layer->sinks[i]->calls->on_gap(layer->sinks[i], layer_id);
}

// Sinks move from one layer's list to another's meanwhile: from the last on, so that none is passed over.
void fan_out_layers(engine *self, source *from, uint64_t now_us) {
    for (uint8_t id = 0; id < from->layer_count; id++) {
        source_layer *layer = &from->layers[id];
        for (uint16_t i = layer->sink_count; i-- > 0;)
            layer->sinks[i]->calls->on_layers(self, layer->sinks[i], now_us);
    }
}

void fan_out_gone(engine *self, source *from, uint64_t now_us) {
    for (uint8_t id = 0; id < from->layer_count; id++) {
        source_layer *layer = &from->layers[id];
        while (layer->sink_count > 0)
            layer->sinks[0]->calls->on_gone(self, layer->sinks[0], now_us);
    }
}
