#include "core/rtp_ext.h"

#include <errno.h>

enum {
    ONE_BYTE_PROFILE = 0xBEDE,
    TWO_BYTE_PROFILE = 0x1000, // low 4 bits are "appbits" and mean nothing to us
    TWO_BYTE_PROFILE_MASK = 0xFFF0,
    ONE_BYTE_MAX_ID = 14, // 15 stops the walk (RFC 8285 section 4.2)
    ONE_BYTE_MAX_LENGTH = 16,
    TEXT_MAX_BYTES = 16,
};

// What is handed on to receivers unread has a length that they may rely on. The two that a kind may have; 0: any.
static const uint8_t lengths[RTP_EXT_KINDS][2] = {
    [RTP_EXT_AUDIO_LEVEL] = {1, 1},       // RFC 6464 section 3
    [RTP_EXT_ORIENTATION] = {1, 1},       // 3GPP TS 26.114 section 7.4.5
    [RTP_EXT_PLAYOUT_DELAY] = {3, 3},     // two times of 12 bits
    [RTP_EXT_COLOR_SPACE] = {4, 28},      // without and with HDR metadata
    [RTP_EXT_ABS_CAPTURE_TIME] = {8, 16}, // without and with the clock's offset
};

static bool may_have(rtp_ext_kind kind, size_t length) {
    return lengths[kind][0] == 0 || length == lengths[kind][0] || length == lengths[kind][1];
}

int rtp_ext_map_set(rtp_ext_map *map, unsigned id, rtp_ext_kind kind) {
    if (id == 0 || id > 255 || kind <= RTP_EXT_NONE || kind >= RTP_EXT_KINDS) return -EINVAL;
    if (map->kind_of_id[id] != RTP_EXT_NONE || map->id_of_kind[kind] != 0) return -EEXIST;
    map->kind_of_id[id] = (uint8_t)kind;
    map->id_of_kind[kind] = (uint8_t)id;
    return 0;
}

int rtp_ext_parse(rtp_extensions *extensions, const rtp_ext_map *map, const rtp_header *header, const uint8_t *packet) {
    extensions->present = 0;
    bool one_byte = header->extension_profile == ONE_BYTE_PROFILE;
    if (!one_byte && (header->extension_profile & TWO_BYTE_PROFILE_MASK) != TWO_BYTE_PROFILE) return 0;
    cursor c = cursor_over(packet + header->extension_offset, header->extension_length);
    while (cursor_left(&c)) {
        uint8_t first = cursor_u8(&c);
        if (first == 0) continue; // a padding byte in both forms
        unsigned id = one_byte ? first >> 4 : first;
        size_t length = one_byte ? (first & 0x0FU) + 1U : cursor_u8(&c);
        if (one_byte && (id == 0 || id > ONE_BYTE_MAX_ID)) return -EBADMSG;
        const uint8_t *data = cursor_bytes(&c, length);
        if (!data) return -EBADMSG;
        rtp_ext_kind kind = map->kind_of_id[id];
        if (kind == RTP_EXT_NONE || rtp_ext_has(extensions, kind) || !may_have(kind, length)) continue;
        extensions->present |= 1U << kind;
        extensions->at[kind].offset = (uint16_t)(data - packet);
        extensions->at[kind].length = (uint8_t)length;
    }
    return 0;
}

// A cursor over the data of an element of `length` bytes; a failed one if it is absent or has another length.
static cursor element_of(const rtp_extensions *extensions, const uint8_t *packet, rtp_ext_kind kind, size_t length) {
    if (!rtp_ext_has(extensions, kind) || extensions->at[kind].length != length) return (cursor){.failed = true};
    return cursor_over(packet + extensions->at[kind].offset, length);
}

bool rtp_ext_audio_level(const rtp_extensions *extensions, const uint8_t *packet, uint8_t *level_dbov, bool *voice) {
    cursor c = element_of(extensions, packet, RTP_EXT_AUDIO_LEVEL, 1);
    if (!cursor_ok(&c)) return false;
    uint8_t value = cursor_u8(&c);
    *level_dbov = value & 0x7F;
    *voice = value >> 7;
    return true;
}

bool rtp_ext_transport_cc(const rtp_extensions *extensions, const uint8_t *packet, seq16 *sequence) {
    cursor c = element_of(extensions, packet, RTP_EXT_TRANSPORT_CC, 2);
    if (!cursor_ok(&c)) return false;
    *sequence = cursor_u16(&c);
    return true;
}

bool rtp_ext_abs_send_time(const rtp_extensions *extensions, const uint8_t *packet, uint32_t *time_6_18) {
    cursor c = element_of(extensions, packet, RTP_EXT_ABS_SEND_TIME, 3);
    if (!cursor_ok(&c)) return false;
    *time_6_18 = cursor_u24(&c);
    return true;
}

bool rtp_ext_abs_capture_time(const rtp_extensions *extensions, const uint8_t *packet, ntp64 *capture) {
    cursor c = element_of(extensions, packet, RTP_EXT_ABS_CAPTURE_TIME, 8);
    if (!cursor_ok(&c)) c = element_of(extensions, packet, RTP_EXT_ABS_CAPTURE_TIME, 16);
    if (!cursor_ok(&c)) return false;
    *capture = cursor_u64(&c);
    return true;
}

void rtp_ext_set_abs_capture_time(const rtp_extensions *extensions, uint8_t *packet, ntp64 capture) {
    uint8_t *at = packet + extensions->at[RTP_EXT_ABS_CAPTURE_TIME].offset;
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(capture >> (56 - 8 * i));
}

bool rtp_ext_text(const rtp_extensions *extensions, const uint8_t *packet, rtp_ext_kind kind, const uint8_t **text,
                  uint8_t *length) {
    if (kind != RTP_EXT_MID && kind != RTP_EXT_RID && kind != RTP_EXT_REPAIRED_RID) return false;
    if (!rtp_ext_has(extensions, kind)) return false;
    uint8_t found = extensions->at[kind].length;
    if (found == 0 || found > TEXT_MAX_BYTES) return false;
    *text = packet + extensions->at[kind].offset;
    *length = found;
    return true;
}

int rtp_ext_write(writer *w, const rtp_ext_element *elements, size_t count, uint16_t *offsets) {
    if (count == 0) return 0;
    bool one_byte = true;
    size_t data_bytes = 0;
    for (size_t i = 0; i < count; i++) {
        if (elements[i].id == 0) return -EINVAL;
        if (elements[i].id > ONE_BYTE_MAX_ID) one_byte = false;
        if (elements[i].length == 0 || elements[i].length > ONE_BYTE_MAX_LENGTH) one_byte = false;
        data_bytes += elements[i].length;
    }
    size_t body = data_bytes + count * (one_byte ? 1 : 2);
    size_t padded = (body + 3) / 4 * 4;
    if (writer_length(w) + 4 + padded > UINT16_MAX) w->failed = true; // offsets and rtp_header count in 16 bits
    uint8_t *room = writer_reserve(w, 4 + padded);                    // all of it or, where it does not fit, nothing
    if (!room) return -ENOSPC;
    writer block = writer_over(room, 4 + padded);
    writer_u16(&block, one_byte ? ONE_BYTE_PROFILE : TWO_BYTE_PROFILE);
    writer_u16(&block, (uint16_t)(padded / 4));
    for (size_t i = 0; i < count; i++) {
        const rtp_ext_element *element = &elements[i];
        if (one_byte) {
            writer_u8(&block, (uint8_t)(element->id << 4 | (element->length - 1)));
        } else {
            writer_u8(&block, element->id);
            writer_u8(&block, element->length);
        }
        if (offsets) offsets[i] = (uint16_t)(block.at - w->start);
        if (element->data) {
            writer_bytes(&block, element->data, element->length);
        } else {
            writer_zeros(&block, element->length);
        }
    }
    writer_zeros(&block, padded - body);
    return 0;
}
