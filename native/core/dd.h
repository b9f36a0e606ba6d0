// The Dependency Descriptor (AV1 RTP specification 1.0.0, appendix A): which frame a packet belongs to, what that frame
// refers to and who needs it, so that layers can be chosen without a look into the payload. Most of it stands in
// templates, which the first packet of a key frame carries and all that follow refer to.
//
// Which structure is in force is for the caller to know: it keeps one for each stream and hands it in.
#ifndef SFU_CORE_DD_H
#define SFU_CORE_DD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/cursor.h"
#include "core/seq.h"

enum {
    DD_MAX_BYTES = 255,   // what a header extension can hold (RFC 8285 section 4.3)
    DD_TEMPLATE_IDS = 64, // ids are 6 bits and go round; so many templates there can be
    DD_MAX_DECODE_TARGETS = 32,
    DD_MAX_CHAINS = 32,
    DD_MAX_FDIFFS = 16,        // frames that one refers to; VP9 and AV1 have 8 buffers, H.264 and H.265 16
    DD_MAX_SPATIAL_LAYERS = 4, // AV1 has no more, and libwebrtc takes no more
    DD_MAX_TEMPORAL_LAYERS = 8,
};

// What a frame is to a decode target (table A.1).
typedef enum dd_indication {
    DD_NOT_PRESENT = 0,
    DD_DISCARDABLE = 1, // nothing of the target refers to it
    DD_SWITCH = 2,      // all that follows of the target can be decoded where it can
    DD_REQUIRED = 3,
} dd_indication;

typedef struct dd_template {
    uint64_t dtis; // dd_indication, two bits for each decode target, the lowest for target 0
    uint8_t chain_fdiffs[DD_MAX_CHAINS];
    uint8_t fdiffs[DD_MAX_FDIFFS];
    uint8_t fdiff_count;
    uint8_t spatial_id;
    uint8_t temporal_id;
} dd_template;

typedef struct dd_structure {
    uint8_t template_id_offset; // id of templates[0]
    uint8_t template_count;     // 1 to DD_TEMPLATE_IDS
    uint8_t decode_target_count;
    uint8_t chain_count; // 0: nothing is protected
    uint8_t spatial_layer_count;
    bool has_resolutions;
    struct {
        uint8_t protected_by; // chain; 0 where there are none
        uint8_t spatial_id;   // highest of the frames that it needs
        uint8_t temporal_id;
    } targets[DD_MAX_DECODE_TARGETS];
    struct {
        uint32_t width; // pixels, 1 to 65,536
        uint32_t height;
    } resolutions[DD_MAX_SPATIAL_LAYERS];
    dd_template templates[DD_TEMPLATE_IDS];
} dd_structure;

typedef struct dd_descriptor {
    bool start_of_frame;
    bool end_of_frame;
    uint8_t template_id;
    seq16 frame_number;

    bool has_structure;
    bool has_active_decode_targets;
    uint32_t active_decode_targets; // bits; what the packet says of them, if it has either of the two above
    uint8_t decode_target_count;
    uint8_t chain_count;
    uint8_t spatial_id;
    uint8_t temporal_id;
    uint8_t fdiff_count;
    uint16_t fdiffs[DD_MAX_FDIFFS];      // frame_number less that of each frame referred to, 1 to 4,096
    uint8_t chain_fdiffs[DD_MAX_CHAINS]; // frame_number less that of the chain's frame before; 0: the chain begins
    uint64_t dtis;                       // as in the template

    uint16_t active_at; // where active decode targets stand or would stand, in bits from the start
    uint16_t bits;      // all that means something; the rest is padding
} dd_descriptor;

static inline dd_indication dd_indication_of(uint64_t dtis, unsigned decode_target) {
    return (dd_indication)(dtis >> 2 * decode_target & 3);
}

// All decode targets of a structure, as bits.
static inline uint32_t dd_all_decode_targets(unsigned decode_target_count) {
    return (uint32_t)((UINT64_C(1) << decode_target_count) - 1);
}

// Reads a descriptor by the structure that it carries, which then stands in `attached`, else by `known` (NULL: none).
// 0; or -ENOENT: it refers to a structure that is not `known`, and of what is found only the first four fields are
// good; or -EBADMSG: truncated, beyond the bounds above, a template that its own structure has not, or a structure on a
// packet that begins no frame. Unless 0 is returned with has_structure, `attached` means nothing.
int dd_parse(dd_descriptor *found, dd_structure *attached, const dd_structure *known, const uint8_t *bytes,
             size_t length);

// Whether two structures that were read say the same, also of where their ids begin.
bool dd_structure_equal(const dd_structure *a, const dd_structure *b);

// What a descriptor becomes on its way from one stream into another.
typedef struct dd_change {
    uint16_t frame_number; // is added, and wraps
    uint8_t template_id;   // is added, to the structure's offset too, and wraps
    bool set_active;       // says that just `active_decode_targets` are, whatever was said of them
    uint32_t active_decode_targets;
} dd_change;

// Bytes of the descriptor so changed: more than DD_MAX_BYTES where there is no room for the active decode targets.
size_t dd_changed_length(const dd_descriptor *found, const dd_change *change);

// Writes the descriptor that was parsed (with 0) from `bytes`, changed. 0 or -ENOSPC.
int dd_write_changed(writer *w, const dd_descriptor *found, const uint8_t *bytes, const dd_change *change);

#endif
