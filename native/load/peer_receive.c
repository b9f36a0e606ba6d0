// Media in: open, unwrap, verify, and note what is missing.
#include <errno.h>

#include "core/rtx.h"
#include "load/peer_internal.h"

static size_t hash_ssrc(uint32_t ssrc) {
    return ssrc * 0x9E3779B1u >> 24;
}

peer_receiver *peer_find_receiver(peer *self, uint32_t ssrc) {
    if (!ssrc) return NULL; // the "none" of rtx_ssrc
    for (size_t at = hash_ssrc(ssrc);; at = (at + 1) % PEER_SSRC_SLOTS) {
        uint8_t entry = self->ssrc_slots[at];
        if (!entry) return NULL;
        peer_receiver *receiver = &self->receivers[entry - 1];
        if (receiver->config.ssrc == ssrc || receiver->config.rtx_ssrc == ssrc) return receiver;
    }
}

static void index_ssrc(peer *self, uint32_t ssrc, uint8_t receiver) {
    size_t at = hash_ssrc(ssrc);
    while (self->ssrc_slots[at])
        at = (at + 1) % PEER_SSRC_SLOTS;
    self->ssrc_slots[at] = (uint8_t)(receiver + 1);
}

int peer_expect_stream(peer *self, const peer_stream *stream) {
    if (!stream->ssrc || stream->rtx_ssrc == stream->ssrc || !stream->clock_rate) return -EINVAL;
    if (self->receiver_count == PEER_MAX_RECEIVERS) return -ENOSPC;
    if (peer_find_receiver(self, stream->ssrc)) return -EEXIST;
    if (stream->rtx_ssrc && peer_find_receiver(self, stream->rtx_ssrc)) return -EEXIST;
    peer_receiver receiver = {
        .config = *stream,
        .check = verify_create(&(verify_config){.video = stream->video, .payload_type = stream->payload_type}),
        .nacks = stream->video ? nack_request_create() : NULL,
        .start_deadline_us = UINT64_MAX,
    };
    if (!receiver.check || (stream->video && !receiver.nacks)) {
        verify_destroy(receiver.check);
        nack_request_destroy(receiver.nacks);
        return -ENOMEM;
    }
    receive_stream_init(&receiver.reception, stream->ssrc, stream->clock_rate);
    key_frame_request_init(&receiver.key_frames);
    self->receivers[self->receiver_count] = receiver;
    index_ssrc(self, stream->ssrc, self->receiver_count);
    if (stream->rtx_ssrc) index_ssrc(self, stream->rtx_ssrc, self->receiver_count);
    self->receiver_count++;
    return 0;
}

uint64_t peer_receiver_deadline_us(const peer_receiver *receiver) {
    uint64_t due_us = key_frame_request_next_deadline_us(&receiver->key_frames);
    if (receiver->start_deadline_us < due_us) due_us = receiver->start_deadline_us;
    if (receiver->nacks) {
        uint64_t nack_us = nack_request_next_deadline_us(receiver->nacks);
        if (nack_us < due_us) due_us = nack_us;
    }
    return due_us;
}

// What a decoder would ask for, seen from the packet that has just been verified.
static void watch_key_frames(const peer *self, peer_receiver *receiver, uint64_t now_us, const verify_result *result) {
    if (!receiver->config.video || !self->config.send_key_frame_requests) return;
    const stream_stats *stats = verify_get_stats(receiver->check);
    if (!receiver->started) {
        receiver->started = true;
        receiver->start_deadline_us = now_us + PEER_START_US;
    }
    uint64_t decoded_us = stats->frames_decoded ? stats->decoded_us : stats->first_us;
    if (now_us >= decoded_us + PEER_FREEZE_US) key_frame_request_ask(&receiver->key_frames, now_us);
    if (result->key_frame_start) {
        receiver->start_deadline_us = UINT64_MAX;
        key_frame_request_on_key_frame(&receiver->key_frames, now_us);
    }
}

static void follow_stream(peer *self, peer_receiver *receiver, const verify_packet *packet,
                          const verify_result *result) {
    uint64_t now_us = packet->arrival_us;
    receive_stream_on_packet(&receiver->reception, now_us, packet->sequence, packet->header->timestamp,
                             packet->recovered);
    if (receiver->nacks && self->config.send_nacks &&
        nack_request_on_packet(receiver->nacks, now_us, packet->sequence) && self->config.send_key_frame_requests) {
        key_frame_request_ask(&receiver->key_frames, now_us);
    }
    watch_key_frames(self, receiver, now_us, result);
    uint64_t due_us = peer_receiver_deadline_us(receiver);
    if (due_us < self->feedback_due_us) self->feedback_due_us = due_us;
}

static void log_packet(peer *self, const verify_packet *packet, const verify_result *result,
                       int32_t transport_sequence) {
    if (!self->log.ring) return;
    const rtp_header *header = packet->header;
    observation record = {
        .arrival_us = packet->arrival_us,
        .ssrc = header->ssrc,
        .timestamp = header->timestamp,
        .sequence = packet->sequence,
        .transport_sequence = transport_sequence,
        .payload_bytes = header->payload_length,
        .payload_type = header->payload_type,
        .marker = header->marker,
        .recovered = packet->recovered,
        .fresh = result->fresh,
        .intact = result->intact,
        .mark = result->mark,
    };
    observation_log_add(&self->log, &record);
}

static bool open_packet(peer *self, srtp_incoming *incoming) {
    srtp_unprotect(self->srtp_in, incoming, 1);
    if (incoming->status == 0) return true;
    if (incoming->status == -EACCES) {
        self->stats.unauthentic++;
    } else if (incoming->status == -EALREADY) {
        self->stats.replayed++;
    } else {
        self->stats.malformed++;
    }
    return false;
}

// The transport-wide number, or -1.
static int32_t note_arrival(peer *self, uint64_t now_us, const rtp_header *header) {
    rtp_extensions extensions;
    seq16 sequence;
    rtp_ext_parse(&extensions, &self->receive_map, header, self->input);
    if (!rtp_ext_transport_cc(&extensions, self->input, &sequence)) return -1;
    if (self->report_arrivals) {
        arrival_feedback_on_packet(self->arrivals, now_us, sequence);
        self->media_ssrc = header->ssrc;
    }
    return sequence;
}

// Makes of an RTX packet the one that it repeats. False where it repeats none.
static bool unwrap(peer *self, const peer_receiver *receiver, rtp_header *header, seq64 *sequence) {
    if (header->payload_type != receiver->config.rtx_payload_type) {
        self->stats.rtx_malformed++;
        return false;
    }
    int error = rtx_unwrap(header, self->input, receiver->config.ssrc, receiver->config.payload_type);
    if (error) {
        if (error == -ENODATA) {
            self->stats.rtx_padding++;
        } else {
            self->stats.rtx_malformed++;
        }
        return false;
    }
    *sequence = verify_extend(receiver->check, header->sequence);
    return true;
}

void peer_on_rtp(peer *self, uint64_t now_us, const uint8_t *bytes, size_t length) {
    srtp_incoming incoming = {.input = bytes, .length = length, .output = self->input};
    if (!open_packet(self, &incoming)) return;
    rtp_header *header = &incoming.header;
    self->stats.rtp_received++;
    int32_t transport_sequence = note_arrival(self, now_us, header);

    peer_receiver *receiver = peer_find_receiver(self, header->ssrc);
    if (!receiver) {
        self->stats.unknown_ssrc++;
        return;
    }
    verify_packet packet = {
        .bytes = self->input,
        .header = header,
        .sequence = incoming.index,
        .arrival_us = now_us,
        .recovered = header->ssrc != receiver->config.ssrc,
    };
    if (packet.recovered && !unwrap(self, receiver, header, &packet.sequence)) return;
    verify_result result = verify_on_packet(receiver->check, &packet);
    log_packet(self, &packet, &result, transport_sequence);
    if (result.fresh) follow_stream(self, receiver, &packet, &result);
}
