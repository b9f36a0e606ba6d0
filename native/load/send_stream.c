#include "load/send_stream.h"

#include <errno.h>
#include <stdlib.h>

#include "core/rtx.h"

typedef struct outgoing_ssrc {
    uint32_t ssrc;
    srtp_stream *srtp; // NULL before keys
    uint8_t payload_type;
    bool known; // a report spoke of it: names are left out
} outgoing_ssrc;

struct send_stream {
    const source_model *source;
    uint8_t layer;
    outgoing_ssrc media;
    outgoing_ssrc rtx;
    seq64 rtx_sequence;     // next
    seq64 highest;          // -1 before the first
    source_packet *history; // ring by sequence number; NULL without RTX
    send_stream_stats stats;
};

send_stream *send_stream_create(const source_model *source, uint8_t layer) {
    send_stream *self = calloc(1, sizeof *self);
    if (!self) return NULL;
    const source_config *config = source_model_get_config(source);
    const source_layer_config *ssrcs = &config->layers[layer];
    self->source = source;
    self->layer = layer;
    self->highest = -1;
    self->media = (outgoing_ssrc){.ssrc = ssrcs->ssrc, .payload_type = config->payload_type};
    self->rtx = (outgoing_ssrc){.ssrc = ssrcs->rtx_ssrc, .payload_type = config->rtx_payload_type};
    // Elsewhere than media, so that a mix-up of the two numbers shows.
    self->rtx_sequence = (seq16)(ssrcs->first_sequence + 0x4000);
    if (ssrcs->rtx_ssrc) {
        self->history = calloc(SEND_STREAM_HISTORY, sizeof *self->history);
        if (!self->history) {
            free(self);
            return NULL;
        }
    }
    return self;
}

void send_stream_destroy(send_stream *self) {
    if (!self) return;
    free(self->history);
    free(self);
}

int send_stream_bind(send_stream *self, srtp_sender *sender) {
    self->media.srtp = srtp_sender_stream(sender, self->media.ssrc);
    if (!self->media.srtp) return -ENOMEM;
    if (!self->rtx.ssrc) return 0;
    self->rtx.srtp = srtp_sender_stream(sender, self->rtx.ssrc);
    return self->rtx.srtp ? 0 : -ENOMEM;
}

uint32_t send_stream_ssrc(const send_stream *self) {
    return self->media.ssrc;
}

uint32_t send_stream_rtx_ssrc(const send_stream *self) {
    return self->rtx.ssrc;
}

// The header extensions of one packet, and the bytes of those that are made for it.
typedef struct extension_block {
    rtp_ext_element elements[8];
    size_t count;
    uint8_t send_time[3];
    uint8_t transport[2];
    uint8_t level;
    uint8_t capture[8];
    uint8_t orientation;
} extension_block;

static void add_element(extension_block *block, const send_stamp *stamp, rtp_ext_kind kind, const void *data,
                        size_t length) {
    if (!stamp->ids[kind] || !length) return;
    block->elements[block->count++] =
        (rtp_ext_element){.id = stamp->ids[kind], .length = (uint8_t)length, .data = data};
}

static void gather_extensions(const send_stream *self, const outgoing_ssrc *out, const source_packet *packet,
                              const send_stamp *stamp, extension_block *block) {
    const source_config *config = source_model_get_config(self->source);
    block->count = 0;
    if (!out->known) {
        const char *rid = config->layers[self->layer].rid;
        add_element(block, stamp, RTP_EXT_MID, config->mid, strlen(config->mid));
        add_element(block, stamp, out == &self->rtx ? RTP_EXT_REPAIRED_RID : RTP_EXT_RID, rid, strlen(rid));
    }
    uint64_t time_6_18 = (stamp->now_us << 18) / 1000000;
    writer send_time = writer_over(block->send_time, sizeof block->send_time);
    writer_u24(&send_time, (uint32_t)(time_6_18 & 0xFFFFFF));
    add_element(block, stamp, RTP_EXT_ABS_SEND_TIME, block->send_time, sizeof block->send_time);
    writer transport = writer_over(block->transport, sizeof block->transport);
    writer_u16(&transport, stamp->transport_sequence);
    add_element(block, stamp, RTP_EXT_TRANSPORT_CC, block->transport, sizeof block->transport);
    if (!config->video) {
        block->level = (uint8_t)((config->voice ? 0x80 : 0) | config->audio_level);
        add_element(block, stamp, RTP_EXT_AUDIO_LEVEL, &block->level, 1);
    }
    writer capture = writer_over(block->capture, sizeof block->capture);
    writer_u64(&capture, ntp_from_us((uint64_t)((int64_t)packet->mark.capture_us + stamp->ntp_us)));
    add_element(block, stamp, RTP_EXT_ABS_CAPTURE_TIME, block->capture, sizeof block->capture);
    add_element(block, stamp, RTP_EXT_PLAYOUT_DELAY, config->playout_delay.bytes, config->playout_delay.length);
    // libwebrtc says how a picture is turned in the last packet of key frames, and only where it is; its colours there,
    // too.
    if (!packet->marker || !packet->mark.key) return;
    add_element(block, stamp, RTP_EXT_COLOR_SPACE, config->color_space.bytes, config->color_space.length);
    block->orientation = config->orientation;
    if (config->orientation) add_element(block, stamp, RTP_EXT_ORIENTATION, &block->orientation, 1);
}

// The payload is made where it is to be encrypted, in place: no byte of it is copied.
static int build_packet(send_stream *self, srtp_sender *sender, const outgoing_ssrc *out, seq64 sequence,
                        const source_packet *packet, const send_stamp *stamp, uint8_t *output, size_t capacity) {
    if (!out->srtp) return -ENOKEY;
    writer w = writer_over(output, capacity);
    extension_block block;
    gather_extensions(self, out, packet, stamp, &block);
    rtp_write_header(&w, &(rtp_header){
                             .marker = packet->marker,
                             .has_extension = block.count > 0,
                             .payload_type = out->payload_type,
                             .sequence = seq64_wire(sequence),
                             .timestamp = packet->timestamp,
                             .ssrc = out->ssrc,
                         });
    int error = rtp_ext_write(&w, block.elements, block.count, NULL);
    if (error) return error;
    size_t header_length = writer_length(&w);
    if (out == &self->rtx) writer_u16(&w, seq64_wire(packet->sequence));
    payload_write(&w, &packet->mark);
    if (!writer_ok(&w) || capacity - writer_length(&w) < SRTP_MAX_OVERHEAD) return -ENOSPC;
    srtp_outgoing outgoing = {
        .stream = out->srtp,
        .index = sequence,
        .header_length = header_length,
        .text = {.body = output + header_length, .body_length = writer_length(&w) - header_length},
        .output = output,
    };
    srtp_protect(sender, &outgoing, 1);
    return outgoing.status ? outgoing.status : (int)outgoing.output_length;
}

int send_stream_media(send_stream *self, srtp_sender *sender, const source_packet *packet, const send_stamp *stamp,
                      uint8_t *output, size_t capacity) {
    int length = build_packet(self, sender, &self->media, packet->sequence, packet, stamp, output, capacity);
    if (length < 0) return length;
    if (self->history) self->history[packet->sequence % SEND_STREAM_HISTORY] = *packet;
    self->highest = packet->sequence;
    self->stats.packets++;
    self->stats.bytes += packet->mark.length;
    return length;
}

int send_stream_retransmit(send_stream *self, srtp_sender *sender, seq16 lost, const send_stamp *stamp, uint8_t *output,
                           size_t capacity) {
    if (!self->history || self->highest < 0) return -ENOENT;
    seq64 sequence = seq64_extend(self->highest, lost);
    if (sequence < 0 || sequence > self->highest) return -ENOENT;
    const source_packet *packet = &self->history[sequence % SEND_STREAM_HISTORY];
    // An empty entry has length 0; sequence 0 would match it otherwise.
    if (packet->sequence != sequence || !packet->mark.length) return -ENOENT;
    int length = build_packet(self, sender, &self->rtx, self->rtx_sequence, packet, stamp, output, capacity);
    if (length < 0) return length;
    self->rtx_sequence++;
    self->stats.retransmissions++;
    return length;
}

void send_stream_on_report(send_stream *self, const rtcp_report_block *block) {
    if (block->ssrc == self->rtx.ssrc) {
        self->rtx.known = true;
        return;
    }
    if (block->ssrc != self->media.ssrc) return;
    self->media.known = true;
    self->stats.reports_received++;
    self->stats.cumulative_lost = block->cumulative_lost;
    self->stats.fraction_lost = block->fraction_lost;
    self->stats.highest_reported = block->highest_sequence;
}

bool send_stream_report(const send_stream *self, uint64_t now_us, ntp64 ntp, rtcp_sender_info *info) {
    if (self->highest < 0) return false;
    *info = (rtcp_sender_info){
        .ntp = ntp,
        .rtp_timestamp = source_model_timestamp_at(self->source, self->layer, now_us),
        .packet_count = (uint32_t)self->stats.packets,
        .octet_count = (uint32_t)self->stats.bytes,
    };
    return true;
}

send_stream_stats *send_stream_get_stats(send_stream *self) {
    return &self->stats;
}
