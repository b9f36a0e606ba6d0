// RTCP that goes out: reports, and to publishers NACK, PLI and transport-cc. Part of the depart stage, since it
// encrypts.
#include "core/rtcp_feedback.h"
#include "core/rtcp_report.h"
#include "media/engine_internal.h"

enum {
    RTCP_DATAGRAM_BYTES = 1100, // plain bytes after which a new datagram is begun
    RTCP_LARGEST_PART = 600,    // what one append may need: 64 NACKs, a feedback message or 20 report blocks
    NACKS_AT_ONCE = 64,
    BLOCKS_AT_ONCE = 16,
    MESSAGES_FOR_A_TURN = 8, // most datagrams that one transport's RTCP takes
};

// One transport's RTCP of this turn: parts are appended to a datagram, which is closed when it is full.
typedef struct rtcp_builder {
    engine *self;
    transport *to;
    transmit *messages;
    uint64_t now_us;
    size_t capacity;
    size_t made;
    writer w;
    uint8_t *start; // of the open datagram; NULL: none
} rtcp_builder;

static void close_datagram(rtcp_builder *b) {
    if (!b->start) return;
    size_t length = writer_length(&b->w);
    trace_packet(b->to->tracing, b->now_us, TRACE_PACKET_OUT, b->start, length);
    int protected =
        length ? srtcp_protect(b->to->sender, b->start, length, RTCP_DATAGRAM_BYTES + SRTCP_MAX_OVERHEAD) : 0;
    if (protected > 0 && writer_ok(&b->w)) {
        b->messages[b->made++] = (transmit){
            .bytes = b->start,
            .length = (uint32_t)protected,
            .segment_bytes = (uint16_t)protected,
            .segments = 1,
            .transport = b->to->id,
            .path = *ice_lite_selected(&b->to->ice),
        };
    }
    b->start = NULL;
}

// A writer with room for RTCP_LARGEST_PART bytes, or NULL when this turn has no more room.
static writer *room(rtcp_builder *b) {
    if (b->start && writer_length(&b->w) > RTCP_DATAGRAM_BYTES - RTCP_LARGEST_PART) close_datagram(b);
    if (b->start) return &b->w;
    if (b->made == b->capacity) return NULL;
    b->start = engine_arena_room(b->self, RTCP_DATAGRAM_BYTES + SRTCP_MAX_OVERHEAD);
    if (!b->start) return NULL;
    b->w = writer_over(b->start, RTCP_DATAGRAM_BYTES);
    return &b->w;
}

void report_start(engine *self, transport *to, uint64_t now_us) {
    if (to->report_us != UINT64_MAX) return;
    to->report_us = now_us + TRANSPORT_REPORT_US;
    engine_touch(self, to, to->report_us);
}

static bool write_sender_reports(rtcp_builder *b, uint64_t now_us) {
    bool any = false;
    for (uint16_t i = 0; i < b->to->slot_limit; i++) {
        const slot *from = b->to->slots[i];
        // An emptied slot is silent; one whose source is muted or has not come yet goes on: its clock does.
        if (!from || from->packets == 0 || (!from->filled && from->showing == ENGINE_NO_SOURCE)) continue;
        writer *w = room(b);
        if (!w) return true;
        rtcp_sender_info info = {
            .ntp = ntp_from_us(now_us),
            .rtp_timestamp = slot_timestamp_at(from, now_us),
            .packet_count = from->packets,
            .octet_count = from->octets,
        };
        rtcp_write_report(w, from->ssrc, &info, NULL, 0);
        rtcp_write_sdes_cname(w, from->ssrc, from->cname);
        any = true;
    }
    return any;
}

static bool write_receiver_reports(rtcp_builder *b, uint64_t now_us) {
    rtcp_report_block blocks[BLOCKS_AT_ONCE];
    uint8_t count = 0;
    bool any = false;
    for (uint8_t i = 0; i < b->to->track_count; i++) {
        source *track = b->to->tracks[i];
        for (uint8_t layer = 0; layer < track->layer_count; layer++) {
            if (!receive_stream_report(&track->layers[layer].reception, now_us, &blocks[count])) continue;
            any = true;
            if (++count < BLOCKS_AT_ONCE) continue;
            writer *w = room(b);
            if (!w) return true;
            rtcp_write_report(w, TRANSPORT_LOCAL_SSRC, NULL, blocks, count);
            count = 0;
        }
    }
    writer *w = count ? room(b) : NULL;
    if (w) rtcp_write_report(w, TRANSPORT_LOCAL_SSRC, NULL, blocks, count);
    return any;
}

static void write_reports(rtcp_builder *b, uint64_t now_us) {
    if (now_us < b->to->report_us) return;
    bool sends = write_sender_reports(b, now_us);
    bool receives = write_receiver_reports(b, now_us);
    b->to->report_us = sends || receives ? now_us + TRANSPORT_REPORT_US : UINT64_MAX;
}

static void trace_layer(const rtcp_builder *b, trace_what what, const source *track, uint8_t layer, size_t number) {
    trace_event(
        b->to->tracing,
        (trace_record){
            .at_us = b->now_us, .what = (uint8_t)what, .id = track->id, .layer = layer, .number = (uint32_t)number});
}

static void write_layer_requests(rtcp_builder *b, source *track, uint8_t layer_id, uint64_t now_us) {
    source_layer *layer = &track->layers[layer_id];
    if (!layer->reception.ssrc) return;
    if (key_frame_request_next_deadline_us(&layer->key_frames) <= now_us) {
        writer *w = room(b);
        if (w && key_frame_request_poll(&layer->key_frames, now_us)) {
            rtcp_write_pli(w, TRANSPORT_LOCAL_SSRC, layer->reception.ssrc);
            b->self->stats.key_frames_requested++;
            trace_layer(b, TRACE_KEY_FRAME_REQUESTED, track, layer_id, 1);
        }
    }
    if (!layer->nacks || nack_request_next_deadline_us(layer->nacks) > now_us) return;
    writer *w = room(b);
    if (!w) return;
    seq64 lost[NACKS_AT_ONCE];
    seq16 wire[NACKS_AT_ONCE];
    size_t count = nack_request_poll(layer->nacks, now_us, transport_rtt_us(b->to), lost, NACKS_AT_ONCE);
    for (size_t i = 0; i < count; i++)
        wire[i] = seq64_wire(lost[i]);
    if (count > 0) {
        rtcp_write_nack(w, TRANSPORT_LOCAL_SSRC, layer->reception.ssrc, wire, count);
        trace_layer(b, TRACE_NACK_SENT, track, layer_id, count);
    }
    b->to->stats.nacks_sent += count;
    // What was given up leaves pictures that cannot be decoded until the next key frame.
    if (nack_request_take_abandoned(layer->nacks) > 0) key_frame_request_ask(&layer->key_frames, now_us);
}

size_t report_flush(engine *self, transport *to, uint64_t now_us, transmit *messages, size_t capacity) {
    if (!transport_is_sendable(to) || capacity < MESSAGES_FOR_A_TURN || report_next_deadline_us(to) > now_us) return 0;
    rtcp_builder b = {.self = self, .to = to, .messages = messages, .now_us = now_us, .capacity = MESSAGES_FOR_A_TURN};
    write_reports(&b, now_us);
    for (uint8_t i = 0; i < to->track_count; i++) {
        source *track = to->tracks[i];
        for (uint8_t layer = 0; track->kind == MEDIA_VIDEO && layer < track->layer_count; layer++)
            write_layer_requests(&b, track, layer, now_us);
    }
    while (to->arrivals && arrival_feedback_next_deadline_us(to->arrivals) <= now_us) {
        writer *w = room(&b);
        if (!w || !arrival_feedback_poll(to->arrivals, now_us, TRANSPORT_LOCAL_SSRC, to->feedback_ssrc, w)) break;
    }
    close_datagram(&b);
    return b.made;
}

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

uint64_t report_next_deadline_us(const transport *self) {
    uint64_t at = self->report_us;
    if (self->arrivals) at = earlier(at, arrival_feedback_next_deadline_us(self->arrivals));
    for (uint8_t i = 0; i < self->track_count; i++) {
        const source *track = self->tracks[i];
        for (uint8_t l = 0; track->kind == MEDIA_VIDEO && l < track->layer_count; l++) {
            const source_layer *layer = &track->layers[l];
            if (!layer->reception.ssrc) continue;
            at = earlier(at, key_frame_request_next_deadline_us(&layer->key_frames));
            if (layer->nacks) at = earlier(at, nack_request_next_deadline_us(layer->nacks));
        }
    }
    return at;
}
