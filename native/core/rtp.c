#include "core/rtp.h"

#include <errno.h>

enum { RTP_VERSION = 2 };

int rtp_parse_header(rtp_header *header, const uint8_t *bytes, size_t length) {
    if (length > UINT16_MAX) return -EBADMSG; // longer than any datagram, and offsets are 16 bits
    cursor c = cursor_over(bytes, length);
    uint8_t first = cursor_u8(&c);
    uint8_t second = cursor_u8(&c);
    *header = (rtp_header){
        .marker = second >> 7,
        .padding = first >> 5 & 1,
        .has_extension = first >> 4 & 1,
        .payload_type = second & 0x7F,
        .csrc_count = first & 0x0F,
        .sequence = cursor_u16(&c),
    };
    header->timestamp = cursor_u32(&c);
    header->ssrc = cursor_u32(&c);
    cursor_skip(&c, (size_t)header->csrc_count * 4);
    if (header->has_extension) {
        header->extension_profile = cursor_u16(&c);
        size_t extension_length = cursor_u16(&c) * (size_t)4;
        header->extension_offset = (uint16_t)(length - cursor_left(&c));
        cursor_skip(&c, extension_length);
        header->extension_length = (uint16_t)extension_length; // fits where the skip succeeded
    }
    if (!cursor_ok(&c) || first >> 6 != RTP_VERSION) return -EBADMSG;
    header->payload_offset = (uint16_t)(length - cursor_left(&c));
    header->payload_length = (uint16_t)cursor_left(&c);
    return 0;
}

int rtp_parse(rtp_header *header, const uint8_t *bytes, size_t length) {
    int status = rtp_parse_header(header, bytes, length);
    if (status || !header->padding) return status;
    cursor last = cursor_over(bytes + header->payload_offset, header->payload_length);
    if (!header->payload_length) return -EBADMSG;
    cursor_skip(&last, header->payload_length - 1U);
    header->padding_length = cursor_u8(&last);
    if (header->padding_length == 0 || header->padding_length > header->payload_length) return -EBADMSG;
    header->payload_length = (uint16_t)(header->payload_length - header->padding_length);
    return 0;
}

void rtp_write_header(writer *w, const rtp_header *header) {
    writer_u8(w, (uint8_t)(RTP_VERSION << 6 | header->padding << 5 | header->has_extension << 4));
    writer_u8(w, (uint8_t)(header->marker << 7 | (header->payload_type & 0x7F)));
    writer_u16(w, header->sequence);
    writer_u32(w, header->timestamp);
    writer_u32(w, header->ssrc);
}
