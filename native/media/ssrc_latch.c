#include "media/ssrc_latch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void ssrc_latch_free(ssrc_latch *latch) {
    free(latch->bindings);
    *latch = (ssrc_latch){0};
}

int ssrc_latch_bind(ssrc_latch *latch, const ssrc_binding *binding) {
    if (ssrc_latch_find(latch, binding->ssrc)) return -EEXIST;
    if (latch->count == SRTP_MAX_RECEIVE_STREAMS) return -ENOSPC;
    if (latch->count == latch->capacity) {
        uint8_t capacity = (uint8_t)(latch->capacity ? latch->capacity * 2 : 4);
        ssrc_binding *bindings = realloc(latch->bindings, capacity * sizeof *bindings);
        if (!bindings) return -ENOMEM;
        latch->bindings = bindings;
        latch->capacity = capacity;
    }
    latch->bindings[latch->count++] = *binding;
    return 0;
}

void ssrc_latch_unbind(ssrc_latch *latch, const source *track) {
    uint8_t kept = 0;
    for (uint8_t i = 0; i < latch->count; i++)
        if (latch->bindings[i].track != track) latch->bindings[kept++] = latch->bindings[i];
    latch->count = kept;
}

const ssrc_binding *ssrc_latch_find(const ssrc_latch *latch, uint32_t ssrc) {
    for (uint8_t i = 0; i < latch->count; i++)
        if (latch->bindings[i].ssrc == ssrc) return &latch->bindings[i];
    return NULL;
}

uint32_t ssrc_latch_media_ssrc(const ssrc_latch *latch, const source *track, uint8_t layer) {
    for (uint8_t i = 0; i < latch->count; i++) {
        const ssrc_binding *b = &latch->bindings[i];
        if (b->track == track && b->layer == layer && !b->is_rtx) return b->ssrc;
    }
    return 0;
}

static bool text_is(const char *expected, const uint8_t *text, uint8_t length) {
    return strlen(expected) == length && memcmp(expected, text, length) == 0;
}

bool ssrc_latch_match(ssrc_binding *binding, source *const *tracks, uint8_t track_count,
                      const rtp_extensions *extensions, const uint8_t *bytes, bool payload_is_rtx) {
    const uint8_t *mid, *rid;
    uint8_t mid_length, rid_length;
    if (!rtp_ext_text(extensions, bytes, RTP_EXT_MID, &mid, &mid_length)) return false;
    for (uint8_t i = 0; i < track_count; i++) {
        if (!text_is(tracks[i]->mid, mid, mid_length)) continue;
        binding->track = tracks[i];
        binding->is_rtx = payload_is_rtx;
        binding->layer = 0;
        if (tracks[i]->rids[0][0] == '\0') return true; // not simulcast
        rtp_ext_kind kind = payload_is_rtx ? RTP_EXT_REPAIRED_RID : RTP_EXT_RID;
        if (!rtp_ext_text(extensions, bytes, kind, &rid, &rid_length)) return false;
        for (uint8_t layer = 0; layer < tracks[i]->layer_count; layer++) {
            if (!text_is(tracks[i]->rids[layer], rid, rid_length)) continue;
            binding->layer = layer;
            return true;
        }
        return false;
    }
    return false;
}
