#include "load/peer.h"

#include <errno.h>
#include <stdlib.h>

#include "core/demux.h"
#include "load/peer_internal.h"

enum { RTCP_BYTES = 1200 };

static bool set_extensions(peer *self) {
    for (unsigned kind = 1; kind < RTP_EXT_KINDS; kind++) {
        unsigned id = self->config.receive_extensions[kind];
        if (id && rtp_ext_map_set(&self->receive_map, id, (rtp_ext_kind)kind)) return false;
    }
    self->report_arrivals = self->config.receive_extensions[RTP_EXT_TRANSPORT_CC] != 0;
    return true;
}

peer *peer_create(const peer_config *config, uint64_t seed) {
    if (!memchr(config->cname, 0, sizeof config->cname)) return NULL;
    peer *self = calloc(1, sizeof *self);
    if (!self) return NULL;
    self->config = *config;
    self->path = config->path;
    self->feedback_due_us = UINT64_MAX;
    self->report_due_us = UINT64_MAX;
    self->sent = send_history_create();
    self->arrivals = arrival_feedback_create();
    bool ok = self->sent && self->arrivals && set_extensions(self) &&
              observation_log_init(&self->log, config->observations) == 0;
    if (ok && !config->connected) {
        ok = ice_controlling_init(&self->ice, &config->local, &config->remote, &config->path, seed, config->start_us) ==
             0;
    }
    if (ok) return self;
    peer_destroy(self);
    return NULL;
}

void peer_destroy(peer *self) {
    if (!self) return;
    for (uint8_t i = 0; i < self->sender_count; i++)
        send_stream_destroy(self->senders[i].stream);
    for (uint8_t i = 0; i < self->source_count; i++)
        source_model_destroy(self->sources[i]);
    for (uint8_t i = 0; i < self->receiver_count; i++) {
        verify_destroy(self->receivers[i].check);
        nack_request_destroy(self->receivers[i].nacks);
    }
    srtp_sender_destroy(self->srtp_out);
    srtp_receiver_destroy(self->srtp_in);
    send_history_destroy(self->sent);
    arrival_feedback_destroy(self->arrivals);
    observation_log_free(&self->log);
    free(self);
}

int peer_set_keys(peer *self, srtp_profile profile, const uint8_t *local_key, const uint8_t *local_salt,
                  const uint8_t *remote_key, const uint8_t *remote_salt) {
    if (!srtp_key_length(profile)) return -EINVAL;
    srtp_sender *out = srtp_sender_create(profile, local_key, local_salt);
    srtp_receiver *in = srtp_receiver_create(profile, remote_key, remote_salt);
    int error = out && in ? 0 : -ENOMEM;
    for (uint8_t i = 0; i < self->sender_count && !error; i++)
        error = send_stream_bind(self->senders[i].stream, out);
    if (error) {
        srtp_sender_destroy(out);
        srtp_receiver_destroy(in);
        // What was bound to the new sender is gone with it.
        for (uint8_t i = 0; i < self->sender_count && self->srtp_out; i++)
            send_stream_bind(self->senders[i].stream, self->srtp_out);
        return error;
    }
    srtp_sender_destroy(self->srtp_out);
    srtp_receiver_destroy(self->srtp_in);
    self->srtp_out = out;
    self->srtp_in = in;
    return 0;
}

void peer_set_path(peer *self, const ice_path *path, uint64_t now_us) {
    self->path = *path;
    if (!self->config.connected) ice_controlling_set_path(&self->ice, path, now_us);
}

// ---- sources ----

peer_sender *peer_find_sender(peer *self, uint32_t ssrc) {
    for (uint8_t i = 0; i < self->sender_count; i++)
        if (send_stream_ssrc(self->senders[i].stream) == ssrc) return &self->senders[i];
    return NULL;
}

static bool is_ssrc_taken(const peer *self, uint32_t ssrc) {
    for (uint8_t i = 0; i < self->sender_count; i++) {
        const send_stream *stream = self->senders[i].stream;
        if (send_stream_ssrc(stream) == ssrc || send_stream_rtx_ssrc(stream) == ssrc) return true;
    }
    return false;
}

static int add_sender(peer *self, source_model *made, uint8_t layer) {
    const source_layer_config *config = &source_model_get_config(made)->layers[layer];
    if (is_ssrc_taken(self, config->ssrc) || (config->rtx_ssrc && is_ssrc_taken(self, config->rtx_ssrc)))
        return -EEXIST;
    send_stream *stream = send_stream_create(made, layer);
    if (!stream) return -ENOMEM;
    int error = self->srtp_out ? send_stream_bind(stream, self->srtp_out) : 0;
    if (error) {
        send_stream_destroy(stream);
        return error;
    }
    self->senders[self->sender_count++] = (peer_sender){.stream = stream, .source = made, .fir_sequence = -1};
    return 0;
}

int peer_add_source(peer *self, const source_config *config) {
    if (self->source_count == PEER_MAX_SOURCES) return -ENOSPC;
    source_model *made = source_model_create(config);
    if (!made) return -EINVAL;
    uint8_t before = self->sender_count;
    for (uint8_t layer = 0; layer < config->layer_count; layer++) {
        int error = add_sender(self, made, layer);
        if (!error) continue;
        while (self->sender_count > before)
            send_stream_destroy(self->senders[--self->sender_count].stream);
        source_model_destroy(made);
        return error;
    }
    self->sources[self->source_count] = made;
    return self->source_count++;
}

source_model *peer_get_source(peer *self, int index) {
    return index >= 0 && index < self->source_count ? self->sources[index] : NULL;
}

// ---- in ----

static void on_stun(peer *self, uint64_t now_us, const ice_path *path, const uint8_t *bytes, size_t length) {
    stun_message message;
    ice_change change;
    if (self->config.connected || stun_parse(&message, bytes, length)) return;
    size_t answer =
        ice_controlling_on_stun(&self->ice, now_us, path, &message, self->answer, sizeof self->answer, &change);
    if (!answer) return;
    self->answer_length = answer;
    self->answer_local = path->local;
}

void peer_on_datagram(peer *self, uint64_t now_us, uint32_t local, const net_address *from, const uint8_t *bytes,
                      size_t length) {
    self->stats.datagrams_received++;
    self->stats.bytes_received += length;
    if (!net_address_equal(from, &self->path.remote)) {
        self->stats.foreign++;
        return;
    }
    datagram_kind kind = length <= PEER_MAX_DATAGRAM ? demux_classify(bytes, length) : DATAGRAM_UNKNOWN;
    if (kind == DATAGRAM_STUN) {
        on_stun(self, now_us, &(ice_path){.remote = *from, .local = local}, bytes, length);
    } else if (kind != DATAGRAM_RTP && kind != DATAGRAM_RTCP) {
        self->stats.unexpected++;
    } else if (!self->srtp_in) {
        self->stats.unkeyed++;
    } else if (kind == DATAGRAM_RTP) {
        peer_on_rtp(self, now_us, bytes, length);
    } else {
        peer_on_rtcp(self, now_us, bytes, length);
    }
}

// ---- out ----

// The length of a packet built, noted under its transport-wide number, or 0.
static size_t note_sent(peer *self, uint64_t now_us, int length) {
    if (length <= 0) {
        self->stats.send_errors++;
        return 0;
    }
    if (self->config.send_extensions[RTP_EXT_TRANSPORT_CC]) send_history_add(self->sent, now_us, (uint16_t)length);
    return (size_t)length;
}

static send_stamp make_stamp(const peer *self, uint64_t now_us) {
    return (send_stamp){
        .ids = self->config.send_extensions,
        .now_us = now_us,
        .ntp_us = (int64_t)ntp_to_us(peer_ntp(self, now_us)) - (int64_t)now_us,
        .transport_sequence = seq64_wire(send_history_next(self->sent)),
    };
}

static size_t poll_retransmission(peer *self, uint64_t now_us) {
    while (self->retransmission_tail != self->retransmission_head) {
        peer_retransmission lost = self->retransmissions[self->retransmission_tail++ % PEER_RETRANSMISSIONS];
        send_stream *stream = self->senders[lost.sender].stream;
        send_stamp stamp = make_stamp(self, now_us);
        int length =
            send_stream_retransmit(stream, self->srtp_out, lost.sequence, &stamp, self->output, sizeof self->output);
        if (length == -ENOENT) {
            send_stream_get_stats(stream)->nacks_unknown++;
            continue;
        }
        size_t sent = note_sent(self, now_us, length);
        if (sent) return sent;
    }
    return 0;
}

static send_stream *stream_of_layer(peer *self, const source_model *from, uint8_t layer) {
    for (uint8_t i = 0; i < self->sender_count; i++)
        if (self->senders[i].source == from) return self->senders[i + layer].stream;
    return NULL;
}

static size_t poll_source(peer *self, source_model *from, uint64_t now_us) {
    if (!source_model_is_started(from)) source_model_start(from, now_us + source_model_get_config(from)->phase_us);
    source_packet packet;
    while (source_model_poll(from, now_us, &packet)) {
        send_stamp stamp = make_stamp(self, now_us);
        send_stream *stream = stream_of_layer(self, from, packet.layer);
        int length = send_stream_media(stream, self->srtp_out, &packet, &stamp, self->output, sizeof self->output);
        size_t sent = note_sent(self, now_us, length);
        if (sent) return sent;
    }
    return 0;
}

static size_t poll_media(peer *self, uint64_t now_us) {
    for (uint8_t tried = 0; tried < self->source_count; tried++) {
        // Stays with a source until its frames are out.
        size_t length = poll_source(self, self->sources[self->source_turn], now_us);
        if (length) return length;
        self->source_turn = (uint8_t)((self->source_turn + 1) % self->source_count);
    }
    return 0;
}

static size_t poll_secured(peer *self, uint64_t now_us) {
    if (self->report_due_us == UINT64_MAX && self->config.report_interval_us)
        self->report_due_us = now_us + self->config.report_interval_us / 2;
    size_t length = peer_poll_rtcp(self, now_us, self->output, RTCP_BYTES);
    if (length) {
        int secured = srtcp_protect(self->srtp_out, self->output, length, sizeof self->output);
        if (secured > 0) return (size_t)secured;
        self->stats.send_errors++;
    }
    length = poll_retransmission(self, now_us);
    return length ? length : poll_media(self, now_us);
}

bool peer_poll(peer *self, uint64_t now_us, peer_datagram *datagram) {
    size_t length = self->answer_length;
    uint32_t local = length ? self->answer_local : self->path.local;
    ice_change change;
    if (length) memcpy(self->output, self->answer, length);
    self->answer_length = 0;
    if (!length && !self->config.connected)
        length = ice_controlling_poll(&self->ice, now_us, self->output, sizeof self->output, &change);
    if (!length && peer_is_ready(self)) length = poll_secured(self, now_us);
    if (!length) return false;
    *datagram = (peer_datagram){
        .bytes = self->output,
        .length = length,
        .local = local,
        .to = self->path.remote,
    };
    self->stats.datagrams_sent++;
    self->stats.bytes_sent += length;
    return true;
}

static void take_earlier(uint64_t *deadline_us, uint64_t candidate_us) {
    if (candidate_us < *deadline_us) *deadline_us = candidate_us;
}

uint64_t peer_next_deadline_us(const peer *self) {
    uint64_t deadline_us = self->config.connected ? UINT64_MAX : ice_controlling_next_deadline_us(&self->ice);
    if (self->answer_length) return 0;
    if (!peer_is_ready(self)) return deadline_us;
    if (self->reporting || self->retransmission_head != self->retransmission_tail) return 0;
    if (self->report_due_us == UINT64_MAX && self->config.report_interval_us) return 0;
    take_earlier(&deadline_us, self->report_due_us);
    take_earlier(&deadline_us, self->feedback_due_us);
    if (self->report_arrivals) take_earlier(&deadline_us, arrival_feedback_next_deadline_us(self->arrivals));
    for (uint8_t i = 0; i < self->source_count; i++)
        take_earlier(&deadline_us,
                     source_model_is_started(self->sources[i]) ? source_model_next_deadline_us(self->sources[i]) : 0);
    return deadline_us;
}

// ---- what it tells ----

peer_stats peer_get_stats(const peer *self) {
    peer_stats stats = self->stats;
    stats.connected = peer_is_connected(self);
    stats.ready = peer_is_ready(self);
    return stats;
}

const send_stream_stats *peer_get_sender_stats(const peer *self, uint32_t ssrc) {
    for (uint8_t i = 0; i < self->sender_count; i++)
        if (send_stream_ssrc(self->senders[i].stream) == ssrc) return send_stream_get_stats(self->senders[i].stream);
    return NULL;
}

static const peer_receiver *find_stream(const peer *self, uint32_t ssrc) {
    for (uint8_t i = 0; i < self->receiver_count; i++)
        if (self->receivers[i].config.ssrc == ssrc) return &self->receivers[i];
    return NULL;
}

int peer_get_receiver_stats(const peer *self, uint32_t ssrc, peer_receiver_stats *stats) {
    const peer_receiver *receiver = find_stream(self, ssrc);
    if (!receiver) return -ENOENT;
    *stats = receiver->stats;
    stats->stream = *verify_get_stats(receiver->check);
    return 0;
}

int peer_request_key_frame(peer *self, uint32_t ssrc, uint64_t now_us) {
    peer_receiver *receiver = peer_find_receiver(self, ssrc);
    if (!receiver) return -ENOENT;
    key_frame_request_ask(&receiver->key_frames, now_us);
    take_earlier(&self->feedback_due_us, now_us);
    return 0;
}

bool peer_take_observation(peer *self, observation *record) {
    return observation_log_take(&self->log, record);
}
