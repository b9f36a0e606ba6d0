// Which track and layer of a publisher an SSRC belongs to: named in the offer, or learnt from the MID and RID header
// extensions of an authenticated packet (RFC 8843 section 9.2, RFC 8852). Bounded: SRTP's own bound on SSRCs comes
// first.
#ifndef SFU_MEDIA_SSRC_LATCH_H
#define SFU_MEDIA_SSRC_LATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/srtp.h"
#include "media/source.h"

typedef struct ssrc_binding {
    uint32_t ssrc;
    uint8_t layer;
    bool is_rtx;
    source *track;
} ssrc_binding;

typedef struct ssrc_latch {
    ssrc_binding *bindings; // grows from nothing
    uint8_t count;
    uint8_t capacity;
} ssrc_latch;

void ssrc_latch_free(ssrc_latch *latch);
// 0; -EEXIST when the SSRC is bound; -ENOSPC; -ENOMEM.
int ssrc_latch_bind(ssrc_latch *latch, const ssrc_binding *binding);
// Forgets what is bound to a track.
void ssrc_latch_unbind(ssrc_latch *latch, const source *track);
// NULL: not bound.
const ssrc_binding *ssrc_latch_find(const ssrc_latch *latch, uint32_t ssrc);
// The media SSRC of the layer (of whose RTX a packet is), or 0.
uint32_t ssrc_latch_media_ssrc(const ssrc_latch *latch, const source *track, uint8_t layer);

// Finds where a packet with these extensions belongs among `tracks` and fills in track, layer and is_rtx. False where
// they do not say.
bool ssrc_latch_match(ssrc_binding *binding, source *const *tracks, uint8_t track_count,
                      const rtp_extensions *extensions, const uint8_t *bytes, bool payload_is_rtx);

#endif
