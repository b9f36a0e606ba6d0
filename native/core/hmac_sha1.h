// HMAC-SHA1 (RFC 2104) in one shot, for STUN's MESSAGE-INTEGRITY: no allocation, no look-up, and it cannot fail.
#ifndef SFU_CORE_HMAC_SHA1_H
#define SFU_CORE_HMAC_SHA1_H

#include <stddef.h>
#include <stdint.h>

enum { HMAC_SHA1_BYTES = 20 };

// The MAC of `head` followed by `tail`: two pieces, so that STUN's length field is replaced without copying the
// message.
void hmac_sha1(uint8_t out[HMAC_SHA1_BYTES], const uint8_t *key, size_t key_length, const uint8_t *head,
               size_t head_length, const uint8_t *tail, size_t tail_length);

#endif
