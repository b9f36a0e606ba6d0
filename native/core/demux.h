// What kind of packet shares this 5-tuple, from its first bytes (RFC 7983 section 7, RFC 5761 section 4).
#ifndef SFU_CORE_DEMUX_H
#define SFU_CORE_DEMUX_H

#include <stddef.h>
#include <stdint.h>

typedef enum datagram_kind {
    DATAGRAM_UNKNOWN = 0,
    DATAGRAM_STUN = 1,
    DATAGRAM_DTLS = 2,
    DATAGRAM_RTP = 3,
    DATAGRAM_RTCP = 4,
} datagram_kind;

static inline datagram_kind demux_classify(const uint8_t *bytes, size_t length) {
    if (length < 2) return DATAGRAM_UNKNOWN;
    if (bytes[0] <= 3) return DATAGRAM_STUN;
    if (bytes[0] >= 20 && bytes[0] <= 63) return DATAGRAM_DTLS;
    if (bytes[0] < 128 || bytes[0] > 191) return DATAGRAM_UNKNOWN;
    return bytes[1] >= 192 && bytes[1] <= 223 ? DATAGRAM_RTCP : DATAGRAM_RTP;
}

#endif
