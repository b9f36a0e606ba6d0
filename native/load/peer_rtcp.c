// RTCP of the client role: what the server asks for and reports, and what a browser would tell it.
#include <errno.h>

#include "core/rtcp.h"
#include "core/rtcp_feedback.h"
#include "core/rtcp_report.h"
#include "core/rtcp_twcc.h"
#include "load/peer_internal.h"

enum {
    MAX_LOST = 100,      // numbers in one NACK
    FEEDBACK_ROOM = 450, // bytes that one receiver's NACK and PLI may take
    REPORT_BLOCKS = 31,  // RFC 3550 section 6.4.1: a 5-bit count
    REPORT_BLOCK_BYTES = 24,
    REPORT_ROOM = 28 + 60, // an SR without blocks, and SDES
    MAX_STATUSES = 1024,   // of one transport-cc message; ours never hold more
};

// ---- in ----

ntp64 peer_ntp(const peer *self, uint64_t now_us) {
    int64_t skewed_us = (int64_t)now_us / 1000000 * self->config.clock_skew_ppm +
                        (int64_t)now_us % 1000000 * self->config.clock_skew_ppm / 1000000;
    return ntp_from_us((uint64_t)((int64_t)now_us + self->config.clock_offset_us + skewed_us));
}

static void on_report(peer *self, uint64_t now_us, const rtcp_packet *packet) {
    rtcp_report report;
    if (rtcp_report_parse(&report, packet)) {
        self->stats.malformed++;
        return;
    }
    peer_receiver *receiver = peer_find_receiver(self, report.ssrc);
    if (report.has_sender_info && receiver) {
        receive_stream_on_sender_report(&receiver->reception, now_us, &report.sender);
        receiver->stats.sender_reports++;
        receiver->stats.sr_arrival_us = now_us;
        receiver->stats.sr_ntp = report.sender.ntp;
        receiver->stats.sr_rtp_timestamp = report.sender.rtp_timestamp;
    }
    for (uint8_t i = 0; i < report.block_count; i++) {
        rtcp_report_block block = rtcp_report_block_at(&report, i);
        peer_sender *sender = peer_find_sender(self, block.ssrc);
        if (!sender) continue;
        send_stream_on_report(sender->stream, &block);
        if (!block.last_sr) continue;
        // RFC 3550 section 6.4.1: A - LSR - DLSR; rounding may take it a little below zero.
        uint32_t trip = ntp_compact(peer_ntp(self, now_us)) - block.last_sr - block.delay_since_sr;
        self->stats.rtt_us = (int32_t)trip > 0 ? ntp_compact_to_us(trip) : 1;
    }
}

static void queue_retransmission(peer *self, peer_sender *sender, seq16 sequence) {
    if (self->retransmission_head - self->retransmission_tail == PEER_RETRANSMISSIONS) {
        self->stats.retransmissions_dropped++;
        return;
    }
    self->retransmissions[self->retransmission_head++ % PEER_RETRANSMISSIONS] =
        (peer_retransmission){.sender = (uint8_t)(sender - self->senders), .sequence = sequence};
}

static void on_nack(peer *self, peer_sender *sender, const rtcp_packet *packet) {
    seq16 lost[PEER_RETRANSMISSIONS];
    int named = rtcp_nack_parse(packet, lost, PEER_RETRANSMISSIONS);
    if (named < 0) {
        self->stats.malformed++;
        return;
    }
    send_stream_get_stats(sender->stream)->nacks_received += (uint64_t)named;
    if (!self->config.answer_nacks) return;
    for (int i = 0; i < named && i < PEER_RETRANSMISSIONS; i++)
        queue_retransmission(self, sender, lost[i]);
}

static void on_key_frame_wish(peer *self, peer_sender *sender) {
    send_stream_get_stats(sender->stream)->key_frame_requests++;
    if (self->config.respond_to_key_frame_requests) source_model_request_key_frame(sender->source);
}

static void on_fir(peer *self, const rtcp_packet *packet) {
    rtcp_fir_entry entry;
    for (size_t i = 0; rtcp_fir_entry_at(packet, i, &entry) > 0; i++) {
        peer_sender *sender = peer_find_sender(self, entry.ssrc);
        if (!sender || sender->fir_sequence == entry.sequence) continue;
        sender->fir_sequence = entry.sequence;
        on_key_frame_wish(self, sender);
    }
}

static void on_transport_feedback(peer *self, const rtcp_packet *packet) {
    twcc_feedback feedback;
    twcc_status statuses[MAX_STATUSES];
    if (twcc_parse(&feedback, packet)) {
        self->stats.malformed++;
        return;
    }
    self->stats.transport_feedback_received++;
    size_t count = twcc_statuses(&feedback, statuses, MAX_STATUSES);
    for (size_t i = 0; i < count; i++) {
        sent_packet sent;
        if (!send_history_acknowledge(self->sent, statuses[i].sequence, statuses[i].received, &sent)) {
            self->stats.transport_unknown++;
        } else if (statuses[i].received) {
            self->stats.transport_received += !sent.acknowledged;
        } else {
            self->stats.transport_lost++;
        }
    }
}

static void on_feedback(peer *self, const rtcp_packet *packet) {
    uint32_t from, media;
    if (rtcp_feedback_ssrcs(packet, &from, &media)) {
        self->stats.malformed++;
        return;
    }
    peer_sender *sender = peer_find_sender(self, media);
    if (packet->type == RTCP_RTPFB) {
        if (packet->count == RTCP_FMT_NACK && sender) on_nack(self, sender, packet);
        if (packet->count == RTCP_FMT_TRANSPORT_CC) on_transport_feedback(self, packet);
        return;
    }
    rtcp_remb remb;
    if (packet->count == RTCP_FMT_PLI && sender) on_key_frame_wish(self, sender);
    if (packet->count == RTCP_FMT_FIR) on_fir(self, packet);
    if (packet->count == RTCP_FMT_AFB && rtcp_remb_parse(&remb, packet) == 0) self->stats.remb_bps = remb.bitrate_bps;
}

void peer_on_rtcp(peer *self, uint64_t now_us, const uint8_t *bytes, size_t length) {
    memcpy(self->input, bytes, length);
    int opened = srtcp_unprotect(self->srtp_in, self->input, length);
    if (opened < 0) {
        if (opened == -EACCES) {
            self->stats.unauthentic++;
        } else if (opened == -EALREADY) {
            self->stats.replayed++;
        } else {
            self->stats.malformed++;
        }
        return;
    }
    self->stats.rtcp_received++;
    if (rtcp_check(self->input, (size_t)opened)) {
        self->stats.malformed++;
        return;
    }
    cursor datagram = cursor_over(self->input, (size_t)opened);
    rtcp_packet packet;
    while (rtcp_next(&datagram, &packet) == 1) {
        if (packet.type == RTCP_SR || packet.type == RTCP_RR) on_report(self, now_us, &packet);
        if (packet.type == RTCP_RTPFB || packet.type == RTCP_PSFB) on_feedback(self, &packet);
        if (packet.type == RTCP_BYE) self->stats.byes_received++;
    }
}

// ---- out ----

static uint32_t own_ssrc(const peer *self) {
    return self->sender_count ? send_stream_ssrc(self->senders[0].stream) : self->config.feedback_ssrc;
}

static void ask_for_missing(peer *self, peer_receiver *receiver, uint64_t now_us, writer *w) {
    if (!receiver->nacks) return;
    seq64 lost[MAX_LOST];
    seq16 wire[MAX_LOST];
    uint64_t rtt_us = self->stats.rtt_us ? self->stats.rtt_us : PEER_DEFAULT_RTT_US;
    size_t count = nack_request_poll(receiver->nacks, now_us, rtt_us, lost, MAX_LOST);
    for (size_t i = 0; i < count; i++)
        wire[i] = seq64_wire(lost[i]);
    if (count) rtcp_write_nack(w, own_ssrc(self), receiver->config.ssrc, wire, count);
    receiver->stats.nacks_sent += count;
    size_t abandoned = nack_request_take_abandoned(receiver->nacks);
    receiver->stats.nacks_abandoned += abandoned;
    if (abandoned && self->config.send_key_frame_requests) key_frame_request_ask(&receiver->key_frames, now_us);
}

static void ask_for_key_frame(peer *self, peer_receiver *receiver, uint64_t now_us, writer *w) {
    if (receiver->start_deadline_us <= now_us) {
        receiver->start_deadline_us = UINT64_MAX;
        key_frame_request_ask(&receiver->key_frames, now_us);
    }
    if (!key_frame_request_poll(&receiver->key_frames, now_us)) return;
    rtcp_write_pli(w, own_ssrc(self), receiver->config.ssrc);
    receiver->stats.key_frames_requested++;
}

// NACKs and PLIs of as many streams as fit, reduced-size (RFC 5506).
static void write_feedback(peer *self, uint64_t now_us, writer *w) {
    if (now_us < self->feedback_due_us) return;
    uint64_t due_us = UINT64_MAX;
    for (uint8_t i = 0; i < self->receiver_count; i++) {
        peer_receiver *receiver = &self->receivers[i];
        uint64_t receiver_us = peer_receiver_deadline_us(receiver);
        if (receiver_us <= now_us && (size_t)(w->end - w->at) >= FEEDBACK_ROOM) {
            ask_for_missing(self, receiver, now_us, w);
            ask_for_key_frame(self, receiver, now_us, w);
            receiver_us = peer_receiver_deadline_us(receiver);
        }
        if (receiver_us < due_us) due_us = receiver_us;
    }
    self->feedback_due_us = due_us;
}

// Report blocks of the streams whose turn it is, at most `capacity`.
static uint8_t gather_blocks(peer *self, uint64_t now_us, rtcp_report_block *blocks, size_t capacity) {
    uint8_t count = 0;
    while (self->report_receiver < self->receiver_count && count < capacity) {
        peer_receiver *receiver = &self->receivers[self->report_receiver++];
        count = (uint8_t)(count + receive_stream_report(&receiver->reception, now_us, &blocks[count]));
        receiver->stats.jitter = receiver->reception.jitter_16 / 16;
    }
    return count;
}

// The next stream sent that has something to report, from `report_sender` on.
static bool next_sender_info(peer *self, uint64_t now_us, uint32_t *ssrc, rtcp_sender_info *info) {
    while (self->report_sender < self->sender_count) {
        const send_stream *stream = self->senders[self->report_sender++].stream;
        *ssrc = send_stream_ssrc(stream);
        if (send_stream_report(stream, now_us, peer_ntp(self, now_us), info)) return true;
    }
    return false;
}

static void write_reports(peer *self, uint64_t now_us, writer *w) {
    if (!self->reporting) {
        if (now_us < self->report_due_us) return;
        self->reporting = true;
        self->report_sender = 0;
        self->report_receiver = 0;
        self->report_due_us += self->config.report_interval_us;
        if (self->report_due_us <= now_us) self->report_due_us = now_us + self->config.report_interval_us;
    }
    rtcp_report_block blocks[REPORT_BLOCKS];
    size_t room = ((size_t)(w->end - w->at) - REPORT_ROOM) / REPORT_BLOCK_BYTES;
    uint8_t count = gather_blocks(self, now_us, blocks, room < REPORT_BLOCKS ? room : REPORT_BLOCKS);
    uint32_t ssrc = own_ssrc(self);
    rtcp_sender_info info;
    bool sends = next_sender_info(self, now_us, &ssrc, &info);
    rtcp_write_report(w, ssrc, sends ? &info : NULL, blocks, count);
    rtcp_write_sdes_cname(w, ssrc, self->config.cname);
    while (sends && (size_t)(w->end - w->at) >= REPORT_ROOM && next_sender_info(self, now_us, &ssrc, &info))
        rtcp_write_report(w, ssrc, &info, NULL, 0);
    self->reporting = self->report_receiver < self->receiver_count || self->report_sender < self->sender_count;
    self->stats.reports_sent++;
}

size_t peer_poll_rtcp(peer *self, uint64_t now_us, uint8_t *output, size_t capacity) {
    writer w = writer_over(output, capacity);
    if (self->report_arrivals && arrival_feedback_poll(self->arrivals, now_us, own_ssrc(self), self->media_ssrc, &w)) {
        self->stats.transport_feedback_sent++;
    } else {
        w = writer_over(output, capacity);
        write_feedback(self, now_us, &w);
        if (!writer_length(&w)) write_reports(self, now_us, &w);
    }
    return writer_ok(&w) ? writer_length(&w) : 0;
}
