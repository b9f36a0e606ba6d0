#include "load/source_model.h"

#include <stdlib.h>

typedef struct source_layer {
    seq64 next_sequence;
    uint32_t next_frame;
    uint32_t frames_since_key;
    bool active;
    bool key_wanted;
    bool silent; // nothing went out for the capture before: the next audio packet has the marker
} source_layer;

struct source_model {
    source_config config;
    bool started;
    bool muted;
    uint64_t start_us;
    uint64_t capture;     // number of the capture being sent, or next
    uint8_t layer;        // next layer of this capture to begin a frame
    bool open;            // a frame is going out
    source_packet packet; // next packet of it
    uint16_t small_bytes; // size of its first packets
    uint16_t small_count; // how many of them; the others are one byte longer
    source_layer layers[SOURCE_MAX_LAYERS];
    source_stats stats;
};

static bool is_name(const char *name) {
    return memchr(name, 0, SOURCE_MAX_NAME + 1) != NULL;
}

static bool is_valid(const source_config *config) {
    if (config->layer_count < 1 || config->layer_count > SOURCE_MAX_LAYERS) return false;
    if (config->playout_delay.length > SOURCE_MAX_EXTENSION || config->color_space.length > SOURCE_MAX_EXTENSION)
        return false;
    if (config->clock_rate == 0 || config->frames_per_second == 0 || !is_name(config->mid)) return false;
    for (size_t i = 0; i < config->layer_count; i++) {
        if (!is_name(config->layers[i].rid)) return false;
    }
    if (!config->video) {
        return config->layer_count == 1 && config->audio_bytes >= PAYLOAD_MIN_BYTES &&
               config->audio_bytes <= PAYLOAD_MAX_BYTES && config->audio_level <= 127;
    }
    return config->max_packet_bytes >= 2 * PAYLOAD_MIN_BYTES && config->max_packet_bytes <= PAYLOAD_MAX_BYTES &&
           config->key_size_percent >= 1 && config->size_spread_percent <= 90;
}

source_model *source_model_create(const source_config *config) {
    if (!is_valid(config)) return NULL;
    source_model *self = calloc(1, sizeof *self);
    if (!self) return NULL;
    self->config = *config;
    for (size_t i = 0; i < config->layer_count; i++) {
        self->layers[i] = (source_layer){
            .next_sequence = config->layers[i].first_sequence,
            .active = true,
            .key_wanted = config->video,
            .silent = true,
        };
    }
    return self;
}

void source_model_destroy(source_model *self) {
    free(self);
}

const source_config *source_model_get_config(const source_model *self) {
    return &self->config;
}

void source_model_start(source_model *self, uint64_t start_us) {
    self->started = true;
    self->start_us = start_us;
}

bool source_model_is_started(const source_model *self) {
    return self->started;
}

static uint64_t capture_time_us(const source_model *self, uint64_t capture) {
    return self->start_us + capture * 1000000 / self->config.frames_per_second;
}

uint64_t source_model_next_deadline_us(const source_model *self) {
    return self->started ? capture_time_us(self, self->capture) : UINT64_MAX;
}

static uint64_t hash(uint64_t z) {
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ z >> 27) * 0x94D049BB133111EBULL;
    return z ^ z >> 31;
}

static uint64_t frame_bytes(const source_model *self, uint8_t layer, bool key) {
    const source_config *config = &self->config;
    if (!config->video) return config->audio_bytes;
    uint64_t bytes = config->layers[layer].bitrate_bps / 8 / config->frames_per_second;
    if (key) bytes = bytes * config->key_size_percent / 100;
    if (config->size_spread_percent) {
        uint64_t at = hash((uint64_t)config->layers[layer].stream << 32 | self->layers[layer].next_frame);
        bytes = bytes * (100 - config->size_spread_percent + at % (2 * config->size_spread_percent + 1)) / 100;
    }
    return bytes;
}

// Cuts a frame as libwebrtc's RtpPacketizer::SplitAboutEqually does: as few packets as possible, the longer ones last.
static void split_frame(source_model *self, uint64_t bytes) {
    uint64_t limit = self->config.video ? self->config.max_packet_bytes : self->config.audio_bytes;
    if (bytes > limit * SOURCE_MAX_FRAME_PACKETS) bytes = limit * SOURCE_MAX_FRAME_PACKETS;
    if (bytes < PAYLOAD_MIN_BYTES) bytes = PAYLOAD_MIN_BYTES;
    uint64_t count = (bytes + limit - 1) / limit;
    self->packet.mark.count = (uint16_t)count;
    self->small_bytes = (uint16_t)(bytes / count);
    self->small_count = (uint16_t)(count - bytes % count);
}

static void begin_frame(source_model *self, uint8_t index) {
    source_layer *layer = &self->layers[index];
    const source_config *config = &self->config;
    bool key = config->video &&
               (layer->key_wanted || (config->key_interval && layer->frames_since_key + 1 >= config->key_interval));
    self->packet = (source_packet){
        .mark =
            {
                .stream = config->layers[index].stream,
                .frame = layer->next_frame,
                .video = config->video,
                .key = key,
                .capture_us = capture_time_us(self, self->capture),
            },
        .timestamp = config->layers[index].first_timestamp +
                     (uint32_t)(self->capture * config->clock_rate / config->frames_per_second),
        .layer = index,
    };
    split_frame(self, frame_bytes(self, index, key));
    layer->next_frame++;
    layer->key_wanted = false;
    layer->frames_since_key = key ? 0 : layer->frames_since_key + 1;
    self->open = true;
    self->stats.frames++;
    self->stats.key_frames += key;
}

static void skip_stale_captures(source_model *self, uint64_t now_us) {
    uint64_t due_us = capture_time_us(self, self->capture);
    if (now_us < due_us + SOURCE_MAX_BEHIND_US) return;
    uint64_t latest = (now_us - self->start_us) * self->config.frames_per_second / 1000000;
    self->stats.captures_skipped += latest - self->capture;
    self->capture = latest;
}

// Opens the next frame due, if any.
static bool advance(source_model *self, uint64_t now_us) {
    for (;;) {
        if (self->layer == 0) skip_stale_captures(self, now_us);
        if (now_us < capture_time_us(self, self->capture)) return false;
        while (self->layer < self->config.layer_count) {
            uint8_t index = self->layer++;
            if (!self->muted && self->layers[index].active) {
                begin_frame(self, index);
                return true;
            }
            self->layers[index].silent = true;
        }
        self->layer = 0;
        self->capture++;
    }
}

bool source_model_poll(source_model *self, uint64_t now_us, source_packet *packet) {
    if (!self->started) return false;
    if (!self->open && !advance(self, now_us)) return false;
    source_layer *layer = &self->layers[self->packet.layer];
    payload_mark *mark = &self->packet.mark;
    bool last = mark->index + 1 == mark->count;
    self->packet.sequence = layer->next_sequence++;
    mark->sequence = (uint32_t)self->packet.sequence;
    mark->length = (uint16_t)(self->small_bytes + (mark->index >= self->small_count));
    self->packet.marker = self->config.video ? last : layer->silent;
    *packet = self->packet;
    layer->silent = false;
    mark->index++;
    self->stats.packets++;
    if (last) {
        self->open = false;
        if (self->layer == self->config.layer_count) {
            self->layer = 0;
            self->capture++;
        }
    }
    return true;
}

void source_model_request_key_frame(source_model *self) {
    if (!self->config.video) return;
    for (size_t i = 0; i < self->config.layer_count; i++) {
        self->layers[i].key_wanted = true;
    }
}

void source_model_set_muted(source_model *self, bool muted) {
    if (self->muted && !muted) source_model_request_key_frame(self);
    self->muted = muted;
}

void source_model_set_layer_active(source_model *self, uint8_t layer, bool active) {
    if (layer >= self->config.layer_count) return;
    if (active && !self->layers[layer].active) self->layers[layer].key_wanted = self->config.video;
    self->layers[layer].active = active;
}

void source_model_set_audio_level(source_model *self, uint8_t level, bool voice) {
    self->config.audio_level = level > 127 ? 127 : level;
    self->config.voice = voice;
}

uint32_t source_model_timestamp_at(const source_model *self, uint8_t layer, uint64_t at_us) {
    int64_t since_us = (int64_t)(at_us - self->start_us);
    return self->config.layers[layer].first_timestamp +
           (uint32_t)(since_us * (int64_t)self->config.clock_rate / 1000000);
}

source_stats source_model_get_stats(const source_model *self) {
    return self->stats;
}
