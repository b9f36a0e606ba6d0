#include "core/vp9.h"

#include <errno.h>

enum {
    HAS_PICTURE_ID = 0x80, // first octet: I P L F B E V Z
    PREDICTED = 0x40,
    HAS_LAYERS = 0x20,
    FLEXIBLE = 0x10,
    FRAME_START = 0x08,
    FRAME_END = 0x04,
    HAS_STRUCTURE = 0x02,
    NOT_REFERRED_ABOVE = 0x01,
    SWITCHING_UP = 0x10, // layer indices: TID U SID D
    INTER_LAYER = 0x01,
    MORE = 0x01,            // reference index: P_DIFF N
    HAS_RESOLUTIONS = 0x10, // scalability structure: N_S Y G
    HAS_GROUP = 0x08,
};

static void read_head(cursor *c, vp9_descriptor *found) {
    uint8_t flags = cursor_u8(c);
    *found = (vp9_descriptor){
        .predicted = flags & PREDICTED,
        .flexible = flags & FLEXIBLE,
        .frame_start = flags & FRAME_START,
        .frame_end = flags & FRAME_END,
        .not_referred_above = flags & NOT_REFERRED_ABOVE,
        .has_layers = flags & HAS_LAYERS,
        .has_tl0_pic_idx = flags & HAS_LAYERS && !(flags & FLEXIBLE),
        .has_structure = flags & HAS_STRUCTURE,
    };
    if (flags & HAS_PICTURE_ID) found->picture = picture_id_read(c);
    if (found->has_layers) {
        uint8_t layers = cursor_u8(c);
        found->temporal_id = layers >> 5;
        found->switching_up = layers & SWITCHING_UP;
        found->spatial_id = layers >> 1 & 7;
        found->inter_layer_predicted = layers & INTER_LAYER;
    }
    if (found->has_tl0_pic_idx) found->tl0_pic_idx = cursor_u8(c);
}

static bool read_references(cursor *c, vp9_descriptor *found) {
    uint8_t reference;
    do {
        if (found->reference_count == VP9_MAX_REFERENCES) return false;
        reference = cursor_u8(c);
        found->references[found->reference_count++] = reference >> 1;
    } while (reference & MORE);
    return true;
}

static void read_structure(cursor *c, vp9_structure *structure) {
    uint8_t flags = cursor_u8(c);
    structure->spatial_layer_count = (uint8_t)((flags >> 5) + 1);
    structure->has_resolutions = flags & HAS_RESOLUTIONS;
    for (unsigned i = 0; structure->has_resolutions && i < structure->spatial_layer_count; i++) {
        structure->resolutions[i].width = cursor_u16(c);
        structure->resolutions[i].height = cursor_u16(c);
    }
    if (flags & HAS_GROUP) structure->picture_count = cursor_u8(c);
    for (unsigned i = 0; i < structure->picture_count; i++)
        cursor_skip(c, cursor_u8(c) >> 2 & 3); // TID U R, and R reference indices
}

int vp9_parse(vp9_descriptor *found, const uint8_t *payload, size_t length) {
    cursor c = cursor_over(payload, length);
    read_head(&c, found);
    found->head_length = (uint8_t)(length - cursor_left(&c));
    if (found->predicted && found->flexible && !read_references(&c, found)) return -EBADMSG;
    if (found->has_structure) read_structure(&c, &found->structure);
    if (!cursor_ok(&c)) return -EBADMSG;
    found->length = (uint16_t)(length - cursor_left(&c));
    return 0;
}

void vp9_write_head(writer *w, const vp9_descriptor *descriptor) {
    writer_u8(w, (uint8_t)((descriptor->picture.present ? HAS_PICTURE_ID : 0) |
                           (descriptor->predicted ? PREDICTED : 0) | (descriptor->has_layers ? HAS_LAYERS : 0) |
                           (descriptor->flexible ? FLEXIBLE : 0) | (descriptor->frame_start ? FRAME_START : 0) |
                           (descriptor->frame_end ? FRAME_END : 0) | (descriptor->has_structure ? HAS_STRUCTURE : 0) |
                           (descriptor->not_referred_above ? NOT_REFERRED_ABOVE : 0)));
    picture_id_write(w, descriptor->picture);
    if (descriptor->has_layers)
        writer_u8(w,
                  (uint8_t)(descriptor->temporal_id << 5 | (descriptor->switching_up ? SWITCHING_UP : 0) |
                            (descriptor->spatial_id & 7) << 1 | (descriptor->inter_layer_predicted ? INTER_LAYER : 0)));
    if (descriptor->has_tl0_pic_idx) writer_u8(w, descriptor->tl0_pic_idx);
}
