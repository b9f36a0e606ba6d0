// The accept stage for RTP: open, find out what it is, store, fan out.
#include <errno.h>

#include "core/rtx.h"
#include "media/engine_internal.h"
#include "media/key_frame.h"

static void note_arrival(engine *self, transport *from, const packet_body *body, uint32_t ssrc) {
    seq16 number;
    if (!rtp_ext_transport_cc(&body->extensions, body->bytes, &number)) return;
    if (!from->arrivals && !(from->arrivals = arrival_feedback_create())) return;
    // Until a track is known any SSRC of the sender's must do: feedback with another one has no effect.
    if (from->feedback_ssrc == 0) from->feedback_ssrc = ssrc;
    arrival_feedback_on_packet(from->arrivals, body->arrival_us, number);
    engine_touch(self, from, arrival_feedback_next_deadline_us(from->arrivals));
}

static const ssrc_binding *bind(engine *self, transport *from, const packet_body *body, uint32_t ssrc, bool is_rtx,
                                uint64_t now_us) {
    const ssrc_binding *known = ssrc_latch_find(&from->latch, ssrc);
    if (known) return known;
    ssrc_binding binding = {.ssrc = ssrc};
    if (!ssrc_latch_match(&binding, from->tracks, from->track_count, &body->extensions, body->bytes, is_rtx) ||
        ssrc_latch_bind(&from->latch, &binding) < 0) {
        self->stats.rtp_unlatched++;
        return NULL;
    }
    known = ssrc_latch_find(&from->latch, ssrc);
    trace_event(from->tracing, (trace_record){.at_us = now_us,
                                              .what = is_rtx ? TRACE_LATCHED_RTX : TRACE_LATCHED,
                                              .id = known->track->id,
                                              .layer = known->layer,
                                              .number = ssrc});
    return known;
}

// Before what follows for key frames: a layer that comes begins with one, which then need not be asked for.
static void note_activity(engine *self, source *track, const packet_body *body, uint64_t now_us) {
    if (track->layer_count == 1 || body->recovered) return;
    if (!layer_activity_on_packet(&track->activity, body->layer, body->timestamp, now_us)) return;
    track->live = track->activity.live;
    exchange_live_changed(self, track, now_us);
}

static void note_level(engine *self, transport *from, source *track, const packet_body *body, uint64_t now_us) {
    uint8_t dbov;
    bool voice;
    if (!rtp_ext_audio_level(&body->extensions, body->bytes, &dbov, &voice) || body->recovered) return;
    if (!audio_level_on_packet(&track->level, dbov, now_us)) return;
    track->level_news = true;
    engine_raise(self, from, EVENT_AUDIO_LEVEL);
}

// What follows for a layer's reception when a packet of it has come.
static void note_reception(engine *self, transport *from, source *track, const packet_body *body, uint64_t now_us) {
    source_layer *layer = &track->layers[body->layer];
    receive_stream_on_packet(&layer->reception, body->arrival_us, body->sequence, body->timestamp, body->recovered);
    report_start(self, from, now_us);
    if (body->kind == MEDIA_AUDIO) note_level(self, from, track, body, now_us);
    if (body->kind != MEDIA_VIDEO) return;
    note_activity(self, track, body, now_us);
    if (!layer->nacks && !(layer->nacks = nack_request_create())) return;
    if (nack_request_on_packet(layer->nacks, now_us, body->sequence)) key_frame_request_ask(&layer->key_frames, now_us);
    if (body->key_frame && body->frame_start) {
        key_frame_request_on_key_frame(&layer->key_frames, now_us);
        trace_event(from->tracing, (trace_record){.at_us = now_us,
                                                  .what = TRACE_KEY_FRAME_ARRIVED,
                                                  .id = body->source,
                                                  .layer = body->layer,
                                                  .number = body->timestamp});
    }
    engine_touch(self, from, nack_request_next_deadline_us(layer->nacks));
    engine_touch(self, from, key_frame_request_next_deadline_us(&layer->key_frames));
}

// What was asked for and came, and is there already or too old to keep, is not to be asked for again. Where it is too
// old the hole stays for good.
static void note_useless(engine *self, transport *from, source_layer *layer, const packet_body *body, uint64_t now_us) {
    if (!body->recovered || !layer->nacks) return;
    (void)nack_request_on_packet(layer->nacks, now_us, body->sequence);
    if (body->sequence >= layer->oldest) return;
    key_frame_request_ask(&layer->key_frames, now_us);
    engine_touch(self, from, key_frame_request_next_deadline_us(&layer->key_frames));
}

// The SSRC, number and payload type of the original; false where there is nothing to recover.
static bool recover(engine *self, transport *from, const ssrc_binding *binding, packet_body *body, rtp_header *header,
                    const payload_mapping *payload) {
    const source_layer *layer = &binding->track->layers[binding->layer];
    uint32_t media_ssrc = ssrc_latch_media_ssrc(&from->latch, binding->track, binding->layer);
    int status = rtx_unwrap(header, body->bytes, media_ssrc, payload->payload_type);
    if (status < 0 || !layer->reception.started) {
        if (status == -ENODATA) self->stats.rtp_padding++;
        return false;
    }
    body->sequence = seq64_extend(layer->reception.highest, header->sequence);
    body->recovered = true;
    return true;
}

static void describe(packet_body *body, const rtp_header *header, const ssrc_binding *binding,
                     const payload_mapping *payload) {
    body->source = binding->track->id;
    body->layer = binding->layer;
    body->kind = (uint8_t)binding->track->kind;
    body->codec = payload->codec;
    body->timestamp = header->timestamp;
    body->marker = header->marker;
    body->payload_offset = header->payload_offset;
    body->payload_length = header->payload_length;
    frame_mark mark =
        key_frame_detect((codec_envelope)payload->envelope, body->bytes + body->payload_offset, body->payload_length);
    body->frame_start = mark.start;
    body->key_frame = mark.key;
}

// An authenticated packet of a known track: into the ring and out to whoever receives it. The body is kept or given
// back.
static void accept_packet(engine *self, transport *from, const ssrc_binding *binding, packet_body *body,
                          uint64_t now_us) {
    source *track = binding->track;
    source_layer *layer = &track->layers[binding->layer];
    packet *held = packet_pool_hold(&self->packets, body);
    if (!held) {
        self->stats.pool_exhausted++;
        packet_pool_give_back(&self->packets, body);
        return;
    }
    if (!source_store(track, &self->packets, held)) {
        self->stats.rtp_duplicate++;
        note_useless(self, from, layer, body, now_us);
        packet_unref(&self->packets, held);
        return;
    }
    if (body->recovered) self->stats.rtp_recovered++;
    note_reception(self, from, track, body, now_us);
    exchange_publish(self, track, body, now_us);
    fan_out_packet(self, track, held, now_us);
    packet_unref(&self->packets, held);
}

static void start_layer(source_layer *layer, uint32_t ssrc, uint32_t clock_rate) {
    receive_stream_init(&layer->reception, ssrc, clock_rate);
    clock_stream_init(&layer->clock, clock_rate);
}

// When it was captured. What the publisher says of that in its own clock is put on the server's, in the bytes
// themselves, and taken out while that is not known.
static void note_capture(transport *from, source_layer *layer, packet_body *body) {
    body->capture =
        clock_map_on_packet(&from->clock, &layer->clock, body->arrival_us, body->timestamp, body->recovered);
    if (!rtp_ext_has(&body->extensions, RTP_EXT_ABS_CAPTURE_TIME)) return;
    ntp64 captured;
    bool known =
        rtp_ext_abs_capture_time(&body->extensions, body->bytes, &captured) && clock_map_shift(&from->clock, &captured);
    if (known)
        rtp_ext_set_abs_capture_time(&body->extensions, body->bytes, captured);
    else
        body->extensions.present &= ~(1u << RTP_EXT_ABS_CAPTURE_TIME);
}

// False where the body is still the caller's to give back.
static bool sort_packet(engine *self, transport *from, packet_body *body, rtp_header *header, uint64_t now_us) {
    uint8_t mapping = from->mapping_of_type[header->payload_type];
    (void)rtp_ext_parse(&body->extensions, &from->extensions, header, body->bytes);
    note_arrival(self, from, body, header->ssrc);
    if (mapping == TRANSPORT_NO_MAPPING) {
        self->stats.rtp_unlatched++;
        return false;
    }
    bool is_rtx = (mapping & TRANSPORT_RTX_FLAG) != 0;
    const payload_mapping *payload = &from->mappings[mapping & ~TRANSPORT_RTX_FLAG];
    const ssrc_binding *binding = bind(self, from, body, header->ssrc, is_rtx, now_us);
    if (!binding || binding->is_rtx != is_rtx) return false;
    if (is_rtx && !recover(self, from, binding, body, header, payload)) return false;
    if (!is_rtx && binding->track->layers[binding->layer].reception.clock_rate == 0)
        start_layer(&binding->track->layers[binding->layer], header->ssrc, payload->clock_rate);
    if (header->payload_length == 0) self->stats.rtp_padding++;
    describe(body, header, binding, payload);
    note_capture(from, &binding->track->layers[binding->layer], body);
    accept_packet(self, from, binding, body, now_us);
    return true;
}

// What the clear payload type says, before the packet is authenticated: it decides only which reserve of buffers is
// touched.
static media_kind guess_kind(const transport *from, const uint8_t *bytes) {
    uint8_t mapping = from->mapping_of_type[bytes[1] & 0x7F];
    if (mapping == TRANSPORT_NO_MAPPING || (mapping & TRANSPORT_RTX_FLAG)) return MEDIA_VIDEO;
    return from->mappings[mapping].envelope == ENVELOPE_OPAQUE ? MEDIA_AUDIO : MEDIA_VIDEO;
}

void receive_rtp(engine *self, transport *from, const datagram *in, uint64_t now_us) {
    if (!from->receiver || in->length > ENGINE_MAX_DATAGRAM || in->length < RTP_FIXED_HEADER_BYTES) {
        self->stats.srtp_refused++;
        return;
    }
    if (packet_pool_is_low(&self->packets)) history_make_room(self, now_us);
    packet_body *body = packet_pool_take(&self->packets, guess_kind(from, in->bytes));
    if (!body) {
        self->stats.pool_exhausted++;
        return;
    }
    srtp_incoming opened = {.input = in->bytes, .length = in->length, .output = body->bytes};
    if (srtp_unprotect(from->receiver, &opened, 1) != 1) {
        self->stats.srtp_refused++;
        packet_pool_give_back(&self->packets, body);
        return;
    }
    if (!from->secured) {
        from->secured = true;
        engine_raise(self, from, EVENT_TRANSPORT_SECURED);
        trace_event(from->tracing, (trace_record){.at_us = now_us, .what = TRACE_SECURED});
    }
    trace_packet(from->tracing, now_us, TRACE_PACKET_IN, body->bytes, opened.output_length);
    self->stats.rtp_received++;
    from->stats.packets_received++;
    from->stats.bytes_received += in->length;
    body->sequence = opened.index;
    body->arrival_us = in->arrival_us;
    body->recovered = false;
    if (!sort_packet(self, from, body, &opened.header, now_us)) packet_pool_give_back(&self->packets, body);
}
