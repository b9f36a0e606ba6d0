// RTCP that comes in: reports and BYE of publishers; reports, NACK, PLI, FIR, REMB and transport-cc of receivers.
#include <string.h>

#include "core/rtcp_feedback.h"
#include "core/rtcp_report.h"
#include "core/rtcp_twcc.h"
#include "media/engine_internal.h"

enum {
    MAX_NACKS = 1024, // numbers of one datagram that are looked at: more is an outage that a key frame mends
    // Of what a transport's queue may hold, the part that may be retransmissions. Departures are shared by all
    // receivers of the engine, so that nobody may have as many of them as they ask for.
    REPEATS_SHARE = 2,
};

typedef struct rtcp_context {
    engine *self;
    transport *from;
    uint64_t now_us;
    uint64_t arrival_us;
    size_t nacks_left; // numbers that may still be looked at
} rtcp_context;

static source_layer *layer_of(const transport *from, uint32_t ssrc) {
    const ssrc_binding *binding = ssrc_latch_find(&from->latch, ssrc);
    return binding && !binding->is_rtx ? &binding->track->layers[binding->layer] : NULL;
}

static void on_report_block(rtcp_context *c, const rtcp_report_block *block) {
    if (block->last_sr == 0 || !transport_slot_by_ssrc(c->from, block->ssrc)) return;
    // RFC 3550 section 6.4.1: A - LSR - DLSR, in 1/65536 s; a negative one is a clock gone wrong.
    uint32_t rtt = ntp_compact_from_us(c->arrival_us) - block->last_sr - block->delay_since_sr;
    if (rtt < UINT32_C(0x80000000)) {
        uint64_t rtt_us = ntp_compact_to_us(rtt);
        c->from->rtt_us = rtt_us ? rtt_us : 1;
    }
}

static void on_report(rtcp_context *c, const rtcp_packet *part) {
    rtcp_report report;
    if (rtcp_report_parse(&report, part) < 0) {
        c->self->stats.rtcp_malformed++;
        return;
    }
    source_layer *layer = report.has_sender_info ? layer_of(c->from, report.ssrc) : NULL;
    if (layer) {
        receive_stream_on_sender_report(&layer->reception, c->arrival_us, &report.sender);
        clock_map_on_report(&c->from->clock, &layer->clock, c->arrival_us, report.sender.ntp,
                            report.sender.rtp_timestamp);
    }
    for (uint8_t i = 0; i < report.block_count; i++) {
        rtcp_report_block block = rtcp_report_block_at(&report, i);
        on_report_block(c, &block);
    }
}

static bool has_room_for_repeats(const transport *to) {
    return to->queues[DEPARTURE_URGENT].bytes < to->pacing.rate_bps / 8 * TRANSPORT_QUEUE_US / 1000000 / REPEATS_SHARE;
}

static void on_nack(rtcp_context *c, const rtcp_packet *part, uint32_t media_ssrc) {
    seq16 lost[MAX_NACKS];
    int named = rtcp_nack_parse(part, lost, MAX_NACKS);
    slot *meant = transport_slot_by_ssrc(c->from, media_ssrc);
    if (named < 0 || !meant) {
        c->self->stats.rtcp_malformed += named < 0;
        return;
    }
    size_t count = (size_t)named < c->nacks_left ? (size_t)named : c->nacks_left;
    c->nacks_left -= count;
    c->from->stats.nacks_received += count;
    trace_event(
        c->from->tracing,
        (trace_record){.at_us = c->now_us, .what = TRACE_NACK_RECEIVED, .slot = meant->id, .number = (uint32_t)count});
    size_t looked_at = 0;
    while (looked_at < count && has_room_for_repeats(c->from))
        slot_on_nack(c->self, meant, lost[looked_at++], c->now_us);
    c->self->stats.nacks_ignored += (size_t)named - looked_at;
}

static void on_transport_cc(rtcp_context *c, const rtcp_packet *part) {
    twcc_feedback feedback;
    if (twcc_parse(&feedback, part) < 0) {
        c->self->stats.rtcp_malformed++;
        return;
    }
    if (!c->from->history) return;
    twcc_status statuses[512];
    size_t count = twcc_statuses(&feedback, statuses, sizeof statuses / sizeof statuses[0]);
    for (size_t i = 0; i < count; i++) {
        sent_packet sent;
        (void)send_history_acknowledge(c->from->history, statuses[i].sequence, statuses[i].received, &sent);
    }
}

static void on_rtpfb(rtcp_context *c, const rtcp_packet *part) {
    uint32_t sender_ssrc, media_ssrc;
    if (rtcp_feedback_ssrcs(part, &sender_ssrc, &media_ssrc) < 0) {
        c->self->stats.rtcp_malformed++;
    } else if (part->count == RTCP_FMT_NACK) {
        on_nack(c, part, media_ssrc);
    } else if (part->count == RTCP_FMT_TRANSPORT_CC) {
        on_transport_cc(c, part);
    }
}

static void want_key_frame(rtcp_context *c, uint32_t ssrc) {
    const slot *meant = transport_slot_by_ssrc(c->from, ssrc);
    if (!meant || !meant->filled || meant->kind != MEDIA_VIDEO) return;
    trace_event(c->from->tracing, (trace_record){.at_us = c->now_us,
                                                 .what = TRACE_KEY_FRAME_WANTED,
                                                 .slot = meant->id,
                                                 .id = meant->filled->id,
                                                 .layer = meant->layer});
    exchange_want_key_frame(c->self, meant->filled, meant->layer, c->now_us);
}

static void on_psfb(rtcp_context *c, const rtcp_packet *part) {
    uint32_t sender_ssrc, media_ssrc;
    rtcp_fir_entry entry;
    rtcp_remb remb;
    if (rtcp_feedback_ssrcs(part, &sender_ssrc, &media_ssrc) < 0) {
        c->self->stats.rtcp_malformed++;
    } else if (part->count == RTCP_FMT_PLI) {
        want_key_frame(c, media_ssrc);
    } else if (part->count == RTCP_FMT_FIR) {
        for (size_t i = 0; rtcp_fir_entry_at(part, i, &entry) == 1; i++)
            want_key_frame(c, entry.ssrc);
    } else if (part->count == RTCP_FMT_AFB && rtcp_remb_parse(&remb, part) == 0) {
        c->from->stats.remb_bps = remb.bitrate_bps;
    }
}

// By packet type; what is not here (SDES, BYE, APP, XR) is of no use to a forwarder: who left is known from signalling.
static const struct {
    uint8_t type;
    void (*handle)(rtcp_context *c, const rtcp_packet *part);
} handlers[] = {
    {RTCP_SR, on_report},
    {RTCP_RR, on_report},
    {RTCP_RTPFB, on_rtpfb},
    {RTCP_PSFB, on_psfb},
};

void feedback_receive(engine *self, transport *from, const datagram *in, uint64_t now_us) {
    uint8_t plain[ENGINE_MAX_DATAGRAM];
    if (!from->receiver || in->length > sizeof plain) {
        self->stats.srtp_refused++;
        return;
    }
    memcpy(plain, in->bytes, in->length);
    int length = srtcp_unprotect(from->receiver, plain, in->length);
    if (length < 0) {
        self->stats.srtp_refused++;
        return;
    }
    if (!from->secured) {
        from->secured = true;
        engine_raise(self, from, EVENT_TRANSPORT_SECURED);
        trace_event(from->tracing, (trace_record){.at_us = now_us, .what = TRACE_SECURED});
    }
    trace_packet(from->tracing, now_us, TRACE_PACKET_IN, plain, (size_t)length);
    self->stats.rtcp_received++;
    if (rtcp_check(plain, (size_t)length) < 0) {
        self->stats.rtcp_malformed++;
        return;
    }
    rtcp_context context = {
        .self = self, .from = from, .now_us = now_us, .arrival_us = in->arrival_us, .nacks_left = MAX_NACKS};
    cursor c = cursor_over(plain, (size_t)length);
    rtcp_packet part;
    while (rtcp_next(&c, &part) == 1) {
        for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++)
            if (handlers[i].type == part.type) handlers[i].handle(&context, &part);
    }
}
