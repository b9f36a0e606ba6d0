// Commands of the control plane: each is checked whole before anything changes.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/engine_internal.h"

static void set_no_payloads(transport *to) {
    to->mapping_count = 0;
    memset(to->mapping_of_type, TRANSPORT_NO_MAPPING, sizeof to->mapping_of_type);
    memset(to->mapping_of_codec, TRANSPORT_NO_MAPPING, sizeof to->mapping_of_codec);
    to->extensions = (rtp_ext_map){0};
    to->send_extensions = 0;
}

static int open_transport(engine *self, uint64_t now_us, const command *c) {
    transport *opened = &self->transports[c->transport];
    if (opened->open || opened->event_queued) return -EEXIST;
    ice_lite agent;
    int status = ice_lite_init(&agent, &c->ice.local, &c->ice.remote);
    if (status == 0) status = address_table_add_ufrag(self->addresses, c->ice.local.ufrag, c->transport);
    if (status < 0) return status;
    // One of the engine's lists may still hold it from before: its links are kept.
    bool listed = opened->listed, stalled = opened->stalled;
    transport *listed_next = opened->listed_next;
    *opened = (transport){.id = c->transport,
                          .open = true,
                          .ice = agent,
                          .report_us = UINT64_MAX,
                          .listed = listed,
                          .stalled = stalled,
                          .listed_next = listed_next};
    set_no_payloads(opened);
    pacer_init(&opened->pacing, self->config.pacing_bps, now_us);
    deadline_init(&opened->timer, c->transport);
    self->stats.transports++;
    return 0;
}

static int restart_transport(engine *self, uint64_t now_us, const command *c) {
    transport *to = &self->transports[c->transport];
    ice_lite agent = to->ice;
    int status = ice_lite_restart(&agent, &c->ice.local, &c->ice.remote);
    if (status < 0) return status;
    if (strcmp(to->ice.local.ufrag, c->ice.local.ufrag) != 0) {
        status = address_table_add_ufrag(self->addresses, c->ice.local.ufrag, c->transport);
        if (status < 0) return status;
        address_table_remove_ufrag(self->addresses, to->ice.local.ufrag);
    }
    to->ice = agent;
    trace_event(to->tracing, (trace_record){.at_us = now_us, .what = TRACE_RESTARTED});
    return 0;
}

static int set_keys(engine *self, uint64_t now_us, const command *c) {
    transport *to = &self->transports[c->transport];
    if (to->sender) return -EEXIST; // the same keys again would be the same nonces again
    if (srtp_key_length(c->keys.profile) == 0) return -EINVAL;
    srtp_sender *sender = srtp_sender_create(c->keys.profile, c->keys.local_key, c->keys.local_salt);
    srtp_receiver *receiver = srtp_receiver_create(c->keys.profile, c->keys.remote_key, c->keys.remote_salt);
    if (!sender || !receiver) {
        srtp_sender_destroy(sender);
        srtp_receiver_destroy(receiver);
        return -EKEYREJECTED;
    }
    to->sender = sender;
    to->receiver = receiver;
    trace_event(to->tracing, (trace_record){.at_us = now_us, .what = TRACE_KEYS, .number = (uint32_t)c->keys.profile});
    for (uint16_t i = 0; i < to->slot_limit; i++) {
        const slot *s = to->slots[i];
        if (s && s->filled && s->kind == MEDIA_VIDEO) exchange_want_key_frame(self, s->filled, s->layer, now_us);
    }
    engine_touch(self, to, transport_next_deadline_us(to));
    return 0;
}

static int send_dtls(engine *self, uint64_t now_us, const command *c) {
    (void)now_us;
    transport *to = &self->transports[c->transport];
    const ice_path *path = ice_lite_selected(&to->ice);
    if (c->dtls.length == 0 || c->dtls.length > ENGINE_MAX_DATAGRAM) return -EINVAL;
    if (!path) return -ENOTCONN;
    if (ice_lite_spend(&to->ice, c->dtls.length))
        engine_send_plain(self, c->transport, path, c->dtls.bytes, c->dtls.length);
    else
        self->stats.dtls_dropped++; // DTLS sends it again
    return 0;
}

static int map_payload(transport *probe, const payload_mapping *mapping) {
    uint8_t index = probe->mapping_count;
    if (mapping->payload_type > 127 || mapping->rtx_payload_type > 127 || mapping->codec >= ENGINE_MAX_CODECS ||
        mapping->envelope > ENVELOPE_AV1 || mapping->clock_rate == 0 || mapping->clock_rate > CLOCK_MAX_RATE_HZ)
        return -EINVAL;
    if (probe->mapping_of_type[mapping->payload_type] != TRANSPORT_NO_MAPPING) return -EEXIST;
    probe->mapping_of_type[mapping->payload_type] = index;
    if (mapping->rtx_payload_type) {
        if (probe->mapping_of_type[mapping->rtx_payload_type] != TRANSPORT_NO_MAPPING) return -EEXIST;
        probe->mapping_of_type[mapping->rtx_payload_type] = index | TRANSPORT_RTX_FLAG;
    }
    // The first payload type of a codec is the preferred one (RFC 3264 section 6.1).
    if (probe->mapping_of_codec[mapping->codec] == TRANSPORT_NO_MAPPING)
        probe->mapping_of_codec[mapping->codec] = index;
    probe->mappings[probe->mapping_count++] = *mapping;
    return 0;
}

static int set_payloads(engine *self, uint64_t now_us, const command *c) {
    transport *to = &self->transports[c->transport];
    transport *probe = malloc(sizeof *probe); // too large for the stack of a worker
    if (!probe) return -ENOMEM;
    *probe = *to;
    set_no_payloads(probe);
    probe->send_extensions = c->payloads.send_extensions;
    int status = c->payloads.count > ENGINE_MAX_CODECS ? -EINVAL : 0;
    for (uint8_t i = 0; status == 0 && i < c->payloads.count; i++)
        status = map_payload(probe, &c->payloads.mappings[i]);
    for (int kind = RTP_EXT_NONE + 1; status == 0 && kind < RTP_EXT_KINDS; kind++) {
        if (c->payloads.extension_ids[kind] == 0) continue;
        status = rtp_ext_map_set(&probe->extensions, c->payloads.extension_ids[kind], (rtp_ext_kind)kind);
    }
    if (status == 0) {
        // Sizes of what waits were reckoned with the old extensions.
        transport_flush(self, to, now_us);
        memcpy(to->mappings, probe->mappings, sizeof to->mappings);
        memcpy(to->mapping_of_type, probe->mapping_of_type, sizeof to->mapping_of_type);
        memcpy(to->mapping_of_codec, probe->mapping_of_codec, sizeof to->mapping_of_codec);
        to->mapping_count = probe->mapping_count;
        to->extensions = probe->extensions;
        to->send_extensions = probe->send_extensions;
        trace_event(to->tracing, (trace_record){.at_us = now_us, .what = TRACE_PAYLOADS, .number = c->payloads.count});
    }
    free(probe);
    return status;
}

static int set_pacing(engine *self, uint64_t now_us, const command *c) {
    if (c->pacing.bps == 0) return -EINVAL;
    transport *to = &self->transports[c->transport];
    pacer_set_rate(&to->pacing, c->pacing.bps, now_us);
    trace_event(to->tracing,
                (trace_record){.at_us = now_us, .what = TRACE_PACING, .number = (uint32_t)(c->pacing.bps / 1000)});
    engine_touch(self, to, transport_next_deadline_us(to));
    return 0;
}

static int close_transport(engine *self, uint64_t now_us, const command *c) {
    transport_close(self, &self->transports[c->transport], now_us);
    return 0;
}

static int set_trace(engine *self, uint64_t now_us, const command *c) {
    if (c->trace.mode > TRACE_PACKETS) return -EINVAL;
    return transport_trace(self, &self->transports[c->transport], c->trace.mode, now_us);
}

static bool is_terminated(const char *text, size_t size) {
    return memchr(text, '\0', size) != NULL;
}

static int bind_named_ssrcs(transport *to, source *track, const command *c) {
    for (uint8_t layer = 0; layer < c->track.layer_count; layer++) {
        const uint32_t ssrcs[2] = {c->track.ssrcs[layer], c->track.rtx_ssrcs[layer]};
        for (int is_rtx = 0; is_rtx < 2; is_rtx++) {
            if (ssrcs[is_rtx] == 0) continue;
            ssrc_binding binding = {.ssrc = ssrcs[is_rtx], .layer = layer, .is_rtx = is_rtx == 1, .track = track};
            int status = ssrc_latch_bind(&to->latch, &binding);
            if (status < 0) return status;
        }
    }
    return 0;
}

static int add_track(engine *self, uint64_t now_us, const command *c) {
    transport *to = &self->transports[c->transport];
    if (c->track.source == ENGINE_NO_SOURCE || c->track.layer_count == 0 || c->track.layer_count > ENGINE_MAX_LAYERS ||
        c->track.kind > MEDIA_VIDEO || !is_terminated(c->track.mid, sizeof c->track.mid))
        return -EINVAL;
    for (uint8_t i = 0; i < c->track.layer_count; i++) {
        bool named = c->track.rids[i][0] != '\0';
        if (!is_terminated(c->track.rids[i], sizeof c->track.rids[i]) || (c->track.layer_count > 1 && !named))
            return -EINVAL;
    }
    if (source_table_find(&self->sources, c->track.source)) return -EEXIST;
    if (to->track_count == ENGINE_MAX_TRACKS) return -ENOSPC;
    source *track = source_create(c->track.source, self->config.index, c->track.kind, c->track.layer_count);
    if (!track) return -ENOMEM;
    track->transport = to->id;
    track->live_known = true;
    memcpy(track->mid, c->track.mid, sizeof track->mid);
    memcpy(track->rids, c->track.rids, sizeof track->rids);
    int status = bind_named_ssrcs(to, track, c);
    if (status < 0) {
        ssrc_latch_unbind(&to->latch, track);
        source_destroy(track, &self->packets);
        return status;
    }
    source_table_add(&self->sources, track);
    to->tracks[to->track_count++] = track;
    exchange_source_published(self, track, now_us);
    if (self->sweep_us == UINT64_MAX) self->sweep_us = now_us + ENGINE_SWEEP_US;
    return 0;
}

static int remove_track(engine *self, uint64_t now_us, const command *c) {
    transport *from = &self->transports[c->transport];
    for (uint8_t i = 0; i < from->track_count; i++) {
        if (from->tracks[i]->id != c->untrack.source) continue;
        transport_remove_track(self, from, from->tracks[i], now_us);
        return 0;
    }
    return -ENOENT;
}

static int add_slot(engine *self, uint64_t now_us, const command *c) {
    (void)now_us;
    transport *to = &self->transports[c->transport];
    if (c->slot.slot >= ENGINE_MAX_SLOTS || c->slot.kind > MEDIA_VIDEO || c->slot.ssrc == 0 ||
        c->slot.ssrc == c->slot.rtx_ssrc || !is_terminated(c->slot.cname, sizeof c->slot.cname))
        return -EINVAL;
    if (transport_slot(to, c->slot.slot)) return -EEXIST;
    for (uint16_t i = 0; i < to->slot_limit; i++) {
        const slot *s = to->slots[i];
        if (!s) continue;
        // Two slots with one SSRC would use one nonce twice.
        const uint32_t taken[2] = {s->ssrc, s->rtx_ssrc};
        for (int k = 0; k < 2; k++)
            if (taken[k] && (taken[k] == c->slot.ssrc || taken[k] == c->slot.rtx_ssrc)) return -EEXIST;
    }
    if (c->slot.slot >= to->slot_limit) {
        uint16_t limit = (uint16_t)(c->slot.slot + 8);
        slot **slots = realloc(to->slots, limit * sizeof(slot *));
        if (!slots) return -ENOMEM;
        memset(slots + to->slot_limit, 0, (size_t)(limit - to->slot_limit) * sizeof(slot *));
        to->slots = slots;
        to->slot_limit = limit;
    }
    slot *added = slot_create(to, c->slot.slot, c->slot.kind, c->slot.ssrc, c->slot.rtx_ssrc, engine_random(self));
    if (!added) return -ENOMEM;
    memcpy(added->cname, c->slot.cname, sizeof added->cname);
    to->slots[c->slot.slot] = added;
    return 0;
}

// The source where it is published, or this engine's mirror of it, which is made at the first receiver.
static int find_source(engine *self, const command *c, media_kind kind, source **found) {
    bool here = c->fill.home == self->config.index;
    *found = source_table_find(&self->sources, c->fill.source);
    if (*found && ((*found)->kind != kind || (*found)->home != c->fill.home)) return -EINVAL;
    if (*found && (*found)->gone) return -ENOENT;
    if (*found) return 0;
    if (here) return -ENOENT;
    if (!self->links || c->fill.home >= handoff_engines(self->links)) return -EINVAL;
    *found = exchange_mirror(self, c->fill.source, c->fill.home, kind);
    return *found ? 0 : -ENOMEM;
}

static int fill_slot(engine *self, uint64_t now_us, const command *c) {
    slot *to = transport_slot(&self->transports[c->transport], c->fill.slot);
    if (!to) return -ENOENT;
    if (c->fill.layer >= ENGINE_MAX_LAYERS) return -EINVAL;
    if (c->fill.source == ENGINE_NO_SOURCE) return slot_fill(self, to, NULL, 0, now_us);
    source *from;
    int status = find_source(self, c, to->kind, &from);
    if (status < 0) return status;
    from->gone_us = 0;
    if (self->sweep_us == UINT64_MAX) self->sweep_us = now_us + ENGINE_SWEEP_US;
    return slot_fill(self, to, from, c->fill.layer, now_us);
}

static int (*const handlers[])(engine *self, uint64_t now_us, const command *c) = {
    [COMMAND_TRANSPORT_OPEN] = open_transport,   [COMMAND_TRANSPORT_RESTART] = restart_transport,
    [COMMAND_TRANSPORT_KEYS] = set_keys,         [COMMAND_TRANSPORT_DTLS] = send_dtls,
    [COMMAND_TRANSPORT_PAYLOADS] = set_payloads, [COMMAND_TRANSPORT_PACING] = set_pacing,
    [COMMAND_TRANSPORT_CLOSE] = close_transport, [COMMAND_TRACK_ADD] = add_track,
    [COMMAND_TRACK_REMOVE] = remove_track,       [COMMAND_SLOT_ADD] = add_slot,
    [COMMAND_SLOT_SOURCE] = fill_slot,           [COMMAND_TRANSPORT_TRACE] = set_trace,
};

int engine_on_command(engine *self, uint64_t now_us, const command *c) {
    size_t type = (size_t)c->type;
    if (type >= sizeof handlers / sizeof handlers[0] || !handlers[type]) return -EINVAL;
    if (c->transport >= self->config.max_transports) return -EINVAL;
    if (type != COMMAND_TRANSPORT_OPEN && !self->transports[c->transport].open) return -ENOENT;
    return handlers[type](self, now_us, c);
}
