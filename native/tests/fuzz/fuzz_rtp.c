// Proves, for any bytes: rtp_parse, the extension walk, the getters and rtx_unwrap read nothing outside the packet
// (AddressSanitizer) and answer 0 or the errno of their contract; header, extensions, payload and padding of what is
// accepted lie in that order and cover the packet; the fixed header written again is the one that was read; every
// element found lies in the extension block; elements written again are found again, alike; and RTX's payload is the
// packet's but for the sequence number before it.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cursor.h"
#include "core/rtp.h"
#include "core/rtp_ext.h"
#include "core/rtx.h"

enum { REBUILT_BYTES = RTP_FIXED_HEADER_BYTES + 4 + RTP_EXT_KINDS * 257 };

static void demand(bool holds) {
    if (!holds) abort();
}

// Kinds on the low ids, so that both forms reach them, but the last on 255, which one byte cannot.
static rtp_ext_map make_map(void) {
    rtp_ext_map map = {0};
    for (unsigned kind = 1; kind < RTP_EXT_KINDS; kind++) {
        demand(rtp_ext_map_set(&map, kind == RTP_EXT_KINDS - 1 ? 255 : kind, (rtp_ext_kind)kind) == 0);
    }
    return map;
}

static void check_header(const rtp_header *h, const uint8_t *data, size_t size) {
    size_t start = RTP_FIXED_HEADER_BYTES + (size_t)h->csrc_count * 4;
    if (h->has_extension) {
        cursor c = cursor_over(data, size);
        cursor_skip(&c, start + 2);
        demand(h->extension_offset == start + 4 && h->extension_length == cursor_u16(&c) * 4U && cursor_ok(&c));
        start += 4U + h->extension_length;
    } else {
        demand(h->extension_offset == 0 && h->extension_length == 0 && h->extension_profile == 0);
    }
    demand(h->csrc_count <= RTP_MAX_CSRCS && h->payload_type < 128 && h->payload_offset == start);
    demand((size_t)h->payload_offset + h->payload_length + h->padding_length == size);
    uint8_t again[RTP_FIXED_HEADER_BYTES];
    writer w = writer_over(again, sizeof again);
    rtp_write_header(&w, h);
    demand(writer_ok(&w) && writer_length(&w) == sizeof again);
    again[0] |= h->csrc_count;
    demand(memcmp(again, data, sizeof again) == 0);
}

static void check_getters(const rtp_extensions *e, const uint8_t *data) {
    uint8_t level = 0;
    bool voice = false;
    seq16 sequence = 0;
    uint32_t time = 0;
    bool has_level = rtp_ext_audio_level(e, data, &level, &voice);
    bool has_sequence = rtp_ext_transport_cc(e, data, &sequence);
    bool has_time = rtp_ext_abs_send_time(e, data, &time);
    demand(has_level == (rtp_ext_has(e, RTP_EXT_AUDIO_LEVEL) && e->at[RTP_EXT_AUDIO_LEVEL].length == 1));
    demand(has_sequence == (rtp_ext_has(e, RTP_EXT_TRANSPORT_CC) && e->at[RTP_EXT_TRANSPORT_CC].length == 2));
    demand(has_time == (rtp_ext_has(e, RTP_EXT_ABS_SEND_TIME) && e->at[RTP_EXT_ABS_SEND_TIME].length == 3));
    demand(level < 128 && time < 1U << 24);
    for (unsigned kind = 0; kind < RTP_EXT_KINDS; kind++) {
        const uint8_t *text = NULL;
        uint8_t length = 0;
        if (!rtp_ext_text(e, data, (rtp_ext_kind)kind, &text, &length)) continue;
        demand(rtp_ext_has(e, (rtp_ext_kind)kind) && length >= 1 && length <= 16);
        demand(text == data + e->at[kind].offset && length == e->at[kind].length);
    }
}

// Writes what was found as the only extensions of a packet of its own, and finds it again.
static void check_rebuilt(const rtp_extensions *e, const rtp_ext_map *map, const rtp_header *h, const uint8_t *data) {
    rtp_ext_element elements[RTP_EXT_KINDS];
    uint16_t offsets[RTP_EXT_KINDS];
    size_t count = 0;
    for (unsigned kind = 1; kind < RTP_EXT_KINDS; kind++) {
        if (!rtp_ext_has(e, (rtp_ext_kind)kind)) continue;
        demand(e->at[kind].offset >= h->extension_offset);
        demand(e->at[kind].offset + e->at[kind].length <= h->extension_offset + h->extension_length);
        elements[count++] = (rtp_ext_element){
            .id = map->id_of_kind[kind], .length = e->at[kind].length, .data = data + e->at[kind].offset};
    }
    uint8_t bytes[REBUILT_BYTES];
    writer w = writer_over(bytes, sizeof bytes);
    rtp_header again = {.has_extension = count > 0};
    rtp_write_header(&w, &again);
    demand(rtp_ext_write(&w, elements, count, offsets) == 0);
    demand(rtp_parse(&again, bytes, writer_length(&w)) == 0 && again.payload_length == 0);
    rtp_extensions found;
    demand(rtp_ext_parse(&found, map, &again, bytes) == 0 && found.present == e->present);
    for (size_t i = 0; i < count; i++) {
        unsigned kind = map->kind_of_id[elements[i].id];
        demand(found.at[kind].offset == offsets[i] && found.at[kind].length == elements[i].length);
        demand(!elements[i].length || memcmp(bytes + offsets[i], elements[i].data, elements[i].length) == 0);
    }
}

static void check_rtx(rtp_header h, const uint8_t *data, size_t size) {
    rtp_header original = h;
    int status = rtx_unwrap(&original, data, 0x01020304, 96);
    demand(status == (h.payload_length == 0 ? -ENODATA : h.payload_length == 1 ? -EBADMSG : 0));
    if (status) {
        demand(memcmp(&original, &h, sizeof h) == 0);
        return;
    }
    uint8_t osn[RTX_OSN_BYTES];
    rtx_write_osn(osn, original.sequence);
    demand(memcmp(osn, data + h.payload_offset, sizeof osn) == 0);
    demand(original.ssrc == 0x01020304 && original.payload_type == 96 && original.timestamp == h.timestamp);
    demand(original.payload_offset == h.payload_offset + RTX_OSN_BYTES);
    demand((size_t)original.payload_offset + original.payload_length + original.padding_length == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    rtp_header header;
    int status = rtp_parse_header(&header, data, size);
    demand(status == 0 || status == -EBADMSG);
    rtp_header whole;
    int whole_status = rtp_parse(&whole, data, size);
    demand(whole_status == 0 || whole_status == -EBADMSG);
    demand(whole_status == 0 || status != 0 || header.padding); // padding is all that the two can differ in
    if (status) return 0;
    check_header(&header, data, size);
    demand(header.padding_length == 0);

    rtp_ext_map map = make_map();
    rtp_extensions extensions;
    status = rtp_ext_parse(&extensions, &map, &header, data);
    demand(status == 0 || status == -EBADMSG);
    demand((extensions.present & ~((1U << RTP_EXT_KINDS) - 2U)) == 0);
    check_getters(&extensions, data);
    check_rebuilt(&extensions, &map, &header, data);
    if (whole_status) return 0;
    check_header(&whole, data, size);
    demand(whole.padding == (whole.padding_length > 0));
    check_rtx(whole, data, size);
    return 0;
}
