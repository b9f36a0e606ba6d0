// Who receives a source on one engine. A slot is a sink; a relay to another node, and a recorder, are others: a source,
// its fan-out and the hand-off know of a receiver only what stands here.
//
// A sink joins layers of a source (`exchange_join`), leaves them (`exchange_leave`) and asks for key frames
// (`exchange_want_key_frame`); the source calls it from the accept stage. So a sink settles what becomes of a packet
// and queues it: it neither encrypts nor blocks.
#ifndef SFU_MEDIA_SINK_H
#define SFU_MEDIA_SINK_H

#include <stdint.h>

#include "media/engine.h"
#include "media/packet.h"

typedef struct sink sink;

typedef struct sink_calls {
    // A packet of a joined layer, in the order in which they came to this engine. A sink that keeps it takes a
    // reference. Number and time stamp in the body are the source's own; `capture` is the same moment on the server's
    // clock.
    void (*on_packet)(engine *self, sink *to, packet *held, uint64_t now_us);
    // Before a packet: others of that layer were dropped on the way to this engine and never come, so it is the
    // beginning of something new.
    void (*on_gap)(sink *to, uint8_t layer);
    // Other layers are live now (source.live), or it has become known which are. The sink may join and leave layers.
    void (*on_layers)(engine *self, sink *to, uint64_t now_us);
    // Nothing more will come: a publisher that comes back does so with a new source. The sink leaves all its layers
    // before it returns.
    void (*on_gone)(engine *self, sink *to, uint64_t now_us);
} sink_calls;

// The first member of every kind of sink.
struct sink {
    const sink_calls *calls;
};

#endif
