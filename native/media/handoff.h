// How engines pass packets and wishes to one another: for every ordered pair a ring of packets, a ring of buffers going
// home and a ring of control messages, each with one producer and one consumer. No lock, no wait: a full packet ring
// drops video, a full control ring makes its sender try again next turn.
//
// The rings are the only memory that two engines share besides the bodies of packets, and a push is the only place
// where one publishes memory to another (release), a pop the only place where it is taken (acquire).
#ifndef SFU_MEDIA_HANDOFF_H
#define SFU_MEDIA_HANDOFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct handoff handoff;
typedef struct packet_body packet_body;

enum {
    HANDOFF_PACKETS = 1024, // default entries of a packet ring
    HANDOFF_RETURNS = 1024,
    HANDOFF_CONTROLS = 256,
};

// Video leaves one part in so many of a packet ring to audio.
enum { HANDOFF_AUDIO_SHARE = 4 };

typedef struct handoff_packet {
    packet_body *body;
    bool splice; // video: packets of the layer were dropped before this one, which starts a key frame
} handoff_packet;

typedef enum handoff_control_type {
    HANDOFF_SUBSCRIBE = 1, // the sender has receivers for (source, layer): hand its packets on
    HANDOFF_UNSUBSCRIBE,
    HANDOFF_KEY_FRAME,   // a receiver of (source, layer) needs a key frame
    HANDOFF_SOURCE_GONE, // from the source's home: nothing more will come
    HANDOFF_PRESSED, // the sender is short of buffers: history of its packets is to make room, all of it where layer is
                     // 1
    HANDOFF_LIVE,    // from the source's home: the layers that its publisher sends now, as bits in `layer`
} handoff_control_type;

typedef struct handoff_control {
    handoff_control_type type;
    uint32_t source;
    uint8_t layer;
} handoff_control;

// For `engines` engines; ring sizes are powers of two. NULL: no memory or ill sizes.
handoff *handoff_create(uint8_t engines, size_t packets, size_t returns, size_t controls);
// Engines must have given up what they hold (engine_destroy) before.
void handoff_destroy(handoff *links);
uint8_t handoff_engines(const handoff *links);

// Whether video may be pushed without taking what is left to audio.
bool handoff_has_room_for_video(handoff *links, uint8_t from, uint8_t to);

// Each returns false when the ring from `from` to `to` is full (push) or empty (pop).
bool handoff_push_packet(handoff *links, uint8_t from, uint8_t to, const handoff_packet *packet);
bool handoff_pop_packet(handoff *links, uint8_t from, uint8_t to, handoff_packet *packet);
bool handoff_push_return(handoff *links, uint8_t from, uint8_t to, packet_body *body);
bool handoff_pop_return(handoff *links, uint8_t from, uint8_t to, packet_body **body);
bool handoff_push_control(handoff *links, uint8_t from, uint8_t to, const handoff_control *control);
bool handoff_pop_control(handoff *links, uint8_t from, uint8_t to, handoff_control *control);

#endif
