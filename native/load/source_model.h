// A synthetic camera, screen or microphone: which packets it makes and when. No RTP bytes are made here: a packet is a
// small value, from which its bytes can be made again for a retransmission.
//
// Captures fall on a steady grid: capture n is taken n / frames_per_second after the start, whenever it is polled, and
// its RTP time stamp is n / frames_per_second in the stream's clock.
#ifndef SFU_LOAD_SOURCE_MODEL_H
#define SFU_LOAD_SOURCE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/seq.h"
#include "load/payload.h"

enum {
    SOURCE_MAX_LAYERS = 3,
    SOURCE_MAX_NAME = 16,              // of a mid or rid
    SOURCE_MAX_EXTENSION = 28,         // a colour space with HDR metadata
    SOURCE_MAX_FRAME_PACKETS = 512,    // a bigger frame is cut to this
    SOURCE_MAX_BEHIND_US = 500 * 1000, // captures further in the past than this are skipped, as a camera drops them
};

typedef struct source_layer_config {
    uint32_t ssrc;
    uint32_t rtx_ssrc;             // 0: no retransmission
    uint32_t stream;               // id in payloads, unique in a test or a load run
    char rid[SOURCE_MAX_NAME + 1]; // terminated; empty without simulcast
    uint64_t bitrate_bps;          // of RTP payload, without the surplus of key frames (video)
    seq16 first_sequence;
    uint32_t first_timestamp; // time stamp of the first capture
} source_layer_config;

typedef struct source_extension {
    uint8_t length;
    uint8_t bytes[SOURCE_MAX_EXTENSION];
} source_extension;

typedef struct source_config {
    bool video;
    char mid[SOURCE_MAX_NAME + 1]; // terminated; may be empty
    uint8_t payload_type;
    uint8_t rtx_payload_type;
    uint32_t clock_rate;          // Hz: 48000 or 90000
    uint32_t frames_per_second;   // audio: 50 for packets of 20 ms
    uint16_t audio_bytes;         // payload of each audio packet, at least PAYLOAD_MIN_BYTES
    uint8_t audio_level;          // -dBov, 0 (loud) to 127 (silence)
    bool voice;                   // the V bit of the audio level
    uint16_t max_packet_bytes;    // of a video packet's payload, at least 2 * PAYLOAD_MIN_BYTES
    uint32_t key_size_percent;    // key frame's size relative to a delta frame's: 500 is five times
    uint32_t key_interval;        // frames from key frame to key frame; 0: only at start and on request
    uint32_t size_spread_percent; // frame sizes vary evenly by this much to both sides, at most 90
    uint8_t orientation;          // of the picture, as header extension (3GPP TS 26.114 section 7.4.5); 0: upright
    // Header extensions of a picture, as they go out; of length 0: none.
    source_extension playout_delay;
    source_extension color_space;
    uint32_t phase_us;   // the first capture is this long after the source may start
    uint8_t layer_count; // 1 to SOURCE_MAX_LAYERS; audio: 1
    source_layer_config layers[SOURCE_MAX_LAYERS];
} source_config;

// One packet to send.
typedef struct source_packet {
    payload_mark mark;
    seq64 sequence; // extended
    uint32_t timestamp;
    bool marker;   // video: last packet of a frame; audio: first packet after silence
    uint8_t layer; // index
} source_packet;

typedef struct source_stats {
    uint64_t packets;
    uint64_t frames; // of all layers
    uint64_t key_frames;
    uint64_t captures_skipped; // see SOURCE_MAX_BEHIND_US
} source_stats;

typedef struct source_model source_model;

// NULL: no memory, or a value out of range.
source_model *source_model_create(const source_config *config);
void source_model_destroy(source_model *self);
const source_config *source_model_get_config(const source_model *self);

// The first capture is at `start_us`. A source that has not been started makes nothing.
void source_model_start(source_model *self, uint64_t start_us);
bool source_model_is_started(const source_model *self);

// The next packet due. False when there is none.
bool source_model_poll(source_model *self, uint64_t now_us, source_packet *packet);
uint64_t source_model_next_deadline_us(const source_model *self); // UINT64_MAX: none

// The next frame of every active layer is a key frame: in libwebrtc too a request for one layer keys all of them.
void source_model_request_key_frame(source_model *self);
// Muted: no packets, while captures and so time stamps go on. Video resumes with a key frame, audio with a marker.
void source_model_set_muted(source_model *self, bool muted);
// A layer switched off, as a sender does whose bandwidth has gone. It resumes with a key frame.
void source_model_set_layer_active(source_model *self, uint8_t layer, bool active);
void source_model_set_audio_level(source_model *self, uint8_t level, bool voice);

// What a capture at `at_us` would have as time stamp: for sender reports.
uint32_t source_model_timestamp_at(const source_model *self, uint8_t layer, uint64_t at_us);
source_stats source_model_get_stats(const source_model *self);

#endif
