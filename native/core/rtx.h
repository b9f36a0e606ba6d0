// Retransmission payload format (RFC 4588): the payload begins with the original sequence number (OSN).
#ifndef SFU_CORE_RTX_H
#define SFU_CORE_RTX_H

#include <stddef.h>
#include <stdint.h>

#include "core/rtp.h"

enum { RTX_OSN_BYTES = 2 };

// Turns the header of a plain RTX packet into that of the packet it repeats: SSRC and payload type as given, sequence
// number from the OSN, payload two bytes shorter and further in. 0, or -ENODATA for an RTX packet without an original
// (padding only: libwebrtc probes with those), or -EBADMSG where only one byte of payload is left.
int rtx_unwrap(rtp_header *header, const uint8_t *packet, uint32_t original_ssrc, uint8_t original_payload_type);

static inline void rtx_write_osn(uint8_t prefix[RTX_OSN_BYTES], seq16 original) {
    prefix[0] = (uint8_t)(original >> 8);
    prefix[1] = (uint8_t)original;
}

#endif
