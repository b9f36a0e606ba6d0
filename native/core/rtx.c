#include "core/rtx.h"

#include <errno.h>

int rtx_unwrap(rtp_header *header, const uint8_t *packet, uint32_t original_ssrc, uint8_t original_payload_type) {
    if (!header->payload_length) return -ENODATA;
    cursor c = cursor_over(packet + header->payload_offset, header->payload_length);
    seq16 original = cursor_u16(&c);
    if (!cursor_ok(&c)) return -EBADMSG;
    header->sequence = original;
    header->ssrc = original_ssrc;
    header->payload_type = original_payload_type;
    header->payload_offset = (uint16_t)(header->payload_offset + RTX_OSN_BYTES);
    header->payload_length = (uint16_t)(header->payload_length - RTX_OSN_BYTES);
    return 0;
}
