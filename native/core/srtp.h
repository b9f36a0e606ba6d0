// SRTP and SRTCP (RFC 3711, RFC 7714): one sender and one receiver for a transport, each for all of its SSRCs.
//
// A sender refuses an index it has used, or one that has fallen out of its window: the same nonce is never used twice.
// A receiver reads window and roll-over counter before, and moves them after, authentication, packet by packet in
// order: a duplicate or a wrap inside a batch is right and a forgery moves nothing.
#ifndef SFU_CORE_SRTP_H
#define SFU_CORE_SRTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/cipher.h"
#include "core/rtp.h"
#include "core/seq.h"

// Values of the IANA DTLS-SRTP registry.
typedef enum srtp_profile {
    SRTP_AES128_CM_HMAC_SHA1_80 = 0x0001,
    SRTP_AEAD_AES_128_GCM = 0x0007,
    SRTP_AEAD_AES_256_GCM = 0x0008,
} srtp_profile;

enum {
    SRTP_MAX_KEY_BYTES = 32,
    SRTP_MAX_SALT_BYTES = 14,
    SRTP_MAX_OVERHEAD = 16,        // bytes that protect adds to RTP
    SRTCP_MAX_OVERHEAD = 4 + 16,   // E bit and index, and tag
    SRTP_MAX_RECEIVE_STREAMS = 64, // SSRCs of one receiver; one more is refused with -ENOSPC
};

// Lengths of master key and salt in bytes; 0 for an unknown profile.
size_t srtp_key_length(srtp_profile profile);
size_t srtp_salt_length(srtp_profile profile);

typedef struct srtp_sender srtp_sender;
typedef struct srtp_receiver srtp_receiver;
typedef struct srtp_stream srtp_stream; // what a sender keeps for one SSRC; lives as long as the sender

// NULL for an unknown profile or when memory or the cryptographic library fails. Key and salt are copied, and wiped at
// destroy.
srtp_sender *srtp_sender_create(srtp_profile profile, const uint8_t *key, const uint8_t *salt);
void srtp_sender_destroy(srtp_sender *sender);
srtp_receiver *srtp_receiver_create(srtp_profile profile, const uint8_t *key, const uint8_t *salt);
void srtp_receiver_destroy(srtp_receiver *receiver);

// Bytes that protecting an RTP packet adds: 16 or 10.
size_t srtp_sender_overhead(const srtp_sender *sender);

// The stream of an SSRC, made at the first call. NULL when memory fails.
srtp_stream *srtp_sender_stream(srtp_sender *sender, uint32_t ssrc);

// One packet to protect.
typedef struct srtp_outgoing {
    srtp_stream *stream;  // of the SSRC in the header
    seq64 index;          // extended sequence number; its low 16 bits stand in the header
    size_t header_length; // the RTP header, with extensions, already stands at the start of `output`
    cipher_text text;     // payload and padding
    uint8_t *output;      // header_length + text length + overhead bytes
    size_t output_length; // out: total length
    int status; // out: 0, -EALREADY (index used, or too old to know), -ERANGE (index not in 0 … 2^48 - 1), -EIO
} srtp_outgoing;

// Protects a batch in order. Returns how many have status 0.
size_t srtp_protect(srtp_sender *sender, srtp_outgoing *batch, size_t count);

// One packet to open.
typedef struct srtp_incoming {
    const uint8_t *input; // from the wire
    size_t length;
    uint8_t *output;      // `length` bytes; may equal `input`. Header and plain payload are written there
    size_t output_length; // out
    rtp_header header;    // out: as rtp_parse gives it for the plain packet
    seq64 index;          // out: extended sequence number
    int status;           // out: 0; -EBADMSG malformed; -EACCES authentication failed; -EALREADY replayed or too old;
                          // -ENOSPC too many SSRCs
} srtp_incoming;

// Opens a batch in order. Returns how many have status 0. Output of a failed packet holds no plaintext.
size_t srtp_unprotect(srtp_receiver *receiver, srtp_incoming *batch, size_t count);

// RTCP in place: `length` bytes of compound RTCP, `capacity` at least SRTCP_MAX_OVERHEAD more. Returns the new length,
// or -EINVAL (shorter than 8 bytes), -ENOSPC, -EOVERFLOW (2^31 packets sent: keys are used up), -EIO.
int srtcp_protect(srtp_sender *sender, uint8_t *packet, size_t length, size_t capacity);

// In place. Returns the length of the plain RTCP, or -EBADMSG, -EACCES (also for a packet whose E bit is clear: RTCP in
// the open is not accepted), -EALREADY, -ENOSPC.
int srtcp_unprotect(srtp_receiver *receiver, uint8_t *packet, size_t length);

#endif
