// Picture ids as the descriptors of VP8 (RFC 7741 section 4.2) and VP9 (RFC 9628 section 4.2) have them: 7 bits, or 15
// bits behind a bit that is set.
#ifndef SFU_CORE_PICTURE_ID_H
#define SFU_CORE_PICTURE_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "core/cursor.h"

enum { PICTURE_ID_WIDE = 0x80 };

typedef struct picture_id {
    bool present;
    bool wide; // 15 bits, else 7
    uint16_t value;
} picture_id;

static inline picture_id picture_id_read(cursor *c) {
    uint8_t first = cursor_u8(c);
    if (!(first & PICTURE_ID_WIDE)) return (picture_id){.present = true, .value = first};
    uint16_t high = first & (PICTURE_ID_WIDE - 1);
    return (picture_id){.present = true, .wide = true, .value = (uint16_t)(high << 8 | cursor_u8(c))};
}

// Writes what fits the id's width, and nothing of one that is not present.
static inline void picture_id_write(writer *w, picture_id id) {
    if (!id.present) return;
    if (id.wide)
        writer_u16(w, (uint16_t)(PICTURE_ID_WIDE << 8 | id.value));
    else
        writer_u8(w, (uint8_t)(id.value & (PICTURE_ID_WIDE - 1)));
}

#endif
