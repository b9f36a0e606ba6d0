#include "core/vp8.h"

#include <errno.h>

enum {
    EXTENDED = 0x80, // first octet: X R N S R PID
    NOT_REFERRED = 0x20,
    PARTITION_START = 0x10,
    PARTITION = 0x07,
    HAS_PICTURE_ID = 0x80, // second octet: I L T K
    HAS_TL0_PIC_IDX = 0x40,
    HAS_TEMPORAL_ID = 0x20,
    HAS_KEY_IDX = 0x10,
    LAYER_SYNC = 0x20, // last octet: TID Y KEYIDX
    KEY_IDX = 0x1F,
    INTER_FRAME = 0x01, // P, of the payload header
};

static void read_extensions(cursor *c, vp8_descriptor *found) {
    uint8_t flags = cursor_u8(c);
    if (flags & HAS_PICTURE_ID) found->picture = picture_id_read(c);
    if (flags & HAS_TL0_PIC_IDX) {
        found->has_tl0_pic_idx = true;
        found->tl0_pic_idx = cursor_u8(c);
    }
    if (flags & (HAS_TEMPORAL_ID | HAS_KEY_IDX)) {
        uint8_t indices = cursor_u8(c);
        found->has_temporal_id = flags & HAS_TEMPORAL_ID;
        if (found->has_temporal_id) {
            found->temporal_id = indices >> 6;
            found->layer_sync = indices & LAYER_SYNC;
        }
        found->has_key_idx = flags & HAS_KEY_IDX;
        if (found->has_key_idx) found->key_idx = indices & KEY_IDX;
    }
}

int vp8_parse(vp8_descriptor *found, const uint8_t *payload, size_t length) {
    cursor c = cursor_over(payload, length);
    uint8_t first = cursor_u8(&c);
    *found = (vp8_descriptor){
        .not_referred = first & NOT_REFERRED,
        .partition_start = first & PARTITION_START,
        .partition = first & PARTITION,
    };
    if (first & EXTENDED) read_extensions(&c, found);
    if (!cursor_ok(&c)) return -EBADMSG;
    found->length = (uint8_t)(length - cursor_left(&c));
    found->frame_start = found->partition_start && found->partition == 0 && cursor_left(&c);
    found->key_frame = found->frame_start && !(cursor_u8(&c) & INTER_FRAME);
    return 0;
}

void vp8_write(writer *w, const vp8_descriptor *descriptor) {
    uint8_t flags =
        (uint8_t)((descriptor->picture.present ? HAS_PICTURE_ID : 0) |
                  (descriptor->has_tl0_pic_idx ? HAS_TL0_PIC_IDX : 0) |
                  (descriptor->has_temporal_id ? HAS_TEMPORAL_ID : 0) | (descriptor->has_key_idx ? HAS_KEY_IDX : 0));
    writer_u8(w, (uint8_t)((flags ? EXTENDED : 0) | (descriptor->not_referred ? NOT_REFERRED : 0) |
                           (descriptor->partition_start ? PARTITION_START : 0) | (descriptor->partition & PARTITION)));
    if (!flags) return;
    writer_u8(w, flags);
    picture_id_write(w, descriptor->picture);
    if (descriptor->has_tl0_pic_idx) writer_u8(w, descriptor->tl0_pic_idx);
    if (descriptor->has_temporal_id || descriptor->has_key_idx)
        writer_u8(w, (uint8_t)(descriptor->temporal_id << 6 | (descriptor->layer_sync ? LAYER_SYNC : 0) |
                               (descriptor->key_idx & KEY_IDX)));
}
