// What srtp.c and srtcp.c share: session keys, initialisation vectors and the table of streams. Internal to SRTP.
#ifndef SFU_CORE_SRTP_CONTEXT_H
#define SFU_CORE_SRTP_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/cipher.h"
#include "core/srtp.h"
#include "core/srtp_kdf.h"
#include "core/srtp_replay.h"

enum {
    SRTP_IV_BYTES = CIPHER_CTR_IV_BYTES,
    SRTP_CM_TAG_BYTES = 10,
    SRTCP_HEADER_BYTES = 8, // first header word and SSRC: in the clear
    SRTCP_INDEX_BYTES = 4,  // E bit and index
};

#define SRTP_MAX_INDEX  ((INT64_C(1) << 48) - 1)
#define SRTCP_MAX_INDEX (UINT32_C(0x7FFFFFFF))
#define SRTCP_E_BIT     (UINT32_C(0x80000000))

// Session keys of one direction for RTP or for RTCP. They are the same for all SSRCs: the key derivation rate is 0.
typedef struct srtp_keys {
    cipher_gcm *gcm;    // AEAD profiles, else NULL
    cipher_cm *cm;      // the other profile, else NULL
    uint64_t salt_high; // session salt at the start of 16 bytes of zero, as two big-endian words
    uint64_t salt_low;
    size_t tag_bytes;  // 16 or 10
    unsigned iv_shift; // where the packet index ends in the IV, in bits from the end of the 16 bytes
} srtp_keys;

// `first_label` is that of the encryption key; authentication and salt follow. 0, -EINVAL for an unknown profile, -EIO.
int srtp_keys_derive(srtp_keys *keys, srtp_profile profile, const uint8_t *key, const uint8_t *salt,
                     srtp_label first_label);
void srtp_keys_wipe(srtp_keys *keys);

// RFC 3711 section 4.1.1 (16 bytes) or RFC 7714 section 8.1 and 9.1 (the first 12 count): SSRC and 48-bit index next to
// each other, XOR the salt.
void srtp_keys_iv(const srtp_keys *keys, uint32_t ssrc, uint64_t index, uint8_t *iv);

struct srtp_stream {
    uint32_t ssrc;
    srtp_replay window; // its highest index is the roll-over counter too
};

// Streams by SSRC. The numbers stand apart from the streams, whose addresses last, so that a look-up among the handful
// that a participant has reads one cache line.
typedef struct srtp_streams {
    uint32_t *ssrcs;
    srtp_stream **streams; // same order
    uint32_t count;
    uint32_t capacity;
} srtp_streams;

srtp_stream *srtp_streams_find(const srtp_streams *table, uint32_t ssrc);
// A new stream with an empty window; NULL when memory fails. The SSRC must not be there yet.
srtp_stream *srtp_streams_add(srtp_streams *table, uint32_t ssrc);
void srtp_streams_free(srtp_streams *table);

struct srtp_sender {
    srtp_keys rtp;
    srtp_keys rtcp;
    srtp_streams streams;
    uint32_t rtcp_index; // of the next RTCP packet, whatever its SSRC; 2^31 when used up
};

struct srtp_receiver {
    srtp_keys rtp;
    srtp_keys rtcp;
    srtp_streams rtp_streams;
    srtp_streams rtcp_streams; // apart: the SSRC that reports need not be one that sends
};

#endif
