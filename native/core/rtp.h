// The RTP header (RFC 3550 section 5.1) and where things are in a packet.
#ifndef SFU_CORE_RTP_H
#define SFU_CORE_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/cursor.h"
#include "core/seq.h"

enum { RTP_FIXED_HEADER_BYTES = 12, RTP_MAX_CSRCS = 15 };

typedef struct rtp_header {
    bool marker;
    bool padding;         // the P bit
    bool has_extension;   // the X bit
    uint8_t payload_type; // 7 bits
    uint8_t csrc_count;   // 0 to 15
    seq16 sequence;
    uint32_t timestamp;
    uint32_t ssrc;
    uint16_t extension_profile; // 0xBEDE, 0x100x or other; 0 without extension
    uint16_t extension_offset;  // of the first extension element, from the start of the packet
    uint16_t extension_length;  // bytes of extension elements (a multiple of 4)
    uint16_t payload_offset;    // header length with CSRCs and extension
    uint16_t payload_length;    // without padding; set by rtp_parse only
    uint8_t padding_length;     // with its count byte; set by rtp_parse only
} rtp_header;

// The header alone, of a packet whose payload may still be encrypted: padding is not looked at and `payload_length` is
// all that follows. 0, or -EBADMSG.
int rtp_parse_header(rtp_header *header, const uint8_t *bytes, size_t length);

// A whole plain packet. 0, or -EBADMSG, also for a padding count of 0 or longer than what follows the header.
int rtp_parse(rtp_header *header, const uint8_t *bytes, size_t length);

// Writes the fixed header without CSRCs from marker, padding, has_extension, payload_type, sequence, timestamp, ssrc.
void rtp_write_header(writer *w, const rtp_header *header);

#endif
