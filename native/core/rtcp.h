// RTCP framing: walking and building compound (RFC 3550 section 6.1) and reduced-size (RFC 5506) packets.
#ifndef SFU_CORE_RTCP_H
#define SFU_CORE_RTCP_H

#include <stddef.h>
#include <stdint.h>

#include "core/cursor.h"

enum {
    RTCP_SR = 200,
    RTCP_RR = 201,
    RTCP_SDES = 202,
    RTCP_BYE = 203,
    RTCP_APP = 204,
    RTCP_RTPFB = 205, // RFC 4585 section 6.2
    RTCP_PSFB = 206,  // RFC 4585 section 6.3
    RTCP_XR = 207,    // RFC 3611

    RTCP_HEADER_BYTES = 4,
};

typedef struct rtcp_packet {
    uint8_t type;        // RTCP_*
    uint8_t count;       // RC, SC or FMT: the low five bits of the first byte
    const uint8_t *body; // what follows the 4-byte header, without padding
    size_t length;       // of the body
} rtcp_packet;

// The next packet of the datagram under the cursor: 1 and the packet, 0 at the end, -EBADMSG for a wrong version, a
// length past the end, a trailing fragment, or padding that is not of the last packet, none, or more than the body. It
// need not be whole words (rtcp.c says why), so neither need the body be. Callers that act on a datagram must first see
// rtcp_check return 0 for it: nothing is done for half of a bad datagram.
int rtcp_next(cursor *datagram, rtcp_packet *packet);

// 0 if every packet of the datagram is well framed and there is at least one, else -EBADMSG. Whether the first is an SR
// or RR is not asked: reduced size is negotiated.
int rtcp_check(const uint8_t *bytes, size_t length);

// Building: begin, write the body with the writer, end (which sets the length field). A failed writer stays failed; a
// count over 31 and a body that is not whole words fail it too.
uint8_t *rtcp_begin(writer *w, uint8_t type, uint8_t count);
void rtcp_end(writer *w, uint8_t *begun);

#endif
