// What SRTP needs of a cryptographic library. AES-GCM is chosen at build time: cipher_ipsecmb.c where intel-ipsec-mb is
// found (x86-64), else cipher_openssl.c; the rest, cipher_cm.c, is OpenSSL's with both. The payload is gathered from
// three pieces so that a body shared between receivers is never written to change what stands before and after it.
#ifndef SFU_CORE_CIPHER_H
#define SFU_CORE_CIPHER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    CIPHER_MAX_PREFIX = 16,  // RTX original sequence number, rewritten payload descriptor
    CIPHER_MAX_SUFFIX = 255, // RTP padding
    CIPHER_GCM_TAG_BYTES = 16,
    CIPHER_GCM_NONCE_BYTES = 12,
    CIPHER_CTR_IV_BYTES = 16,
    CIPHER_SHA1_BYTES = 20,
};

// "intel-ipsec-mb 1.3.0" or "OpenSSL 3.0.19": logged at start and printed by benchmarks.
const char *cipher_backend(void);

// The plaintext of one packet in three pieces; unused ones have length 0.
typedef struct cipher_text {
    const uint8_t *prefix;
    size_t prefix_length; // at most CIPHER_MAX_PREFIX
    const uint8_t *body;
    size_t body_length;
    const uint8_t *suffix;
    size_t suffix_length; // at most CIPHER_MAX_SUFFIX
} cipher_text;

static inline size_t cipher_text_length(const cipher_text *text) {
    return text->prefix_length + text->body_length + text->suffix_length;
}

// For the backends: the text in one piece, which is the body itself or else has been put together in `output`, to be
// encrypted in place. Measured with intel-ipsec-mb on AVX-512, a prefix costs 3 ns at 60 bytes of body and 17 ns at
// 1,200 in this way, and 20 ns at either where the library gathers (init, update for each piece, finalize).
static inline const uint8_t *cipher_text_gather(const cipher_text *text, uint8_t *output) {
    if (!text->prefix_length && !text->suffix_length) return text->body;
    uint8_t *body = output + text->prefix_length;
    if (text->prefix_length) memcpy(output, text->prefix, text->prefix_length);
    if (text->body_length) memcpy(body, text->body, text->body_length);
    if (text->suffix_length) memcpy(body + text->body_length, text->suffix, text->suffix_length);
    return output;
}

// AES-GCM with an expanded key of 16 or 32 bytes. NULL when memory or the library fails.
typedef struct cipher_gcm cipher_gcm;
cipher_gcm *cipher_gcm_create(const uint8_t *key, size_t key_length);
void cipher_gcm_destroy(cipher_gcm *gcm); // wipes the key

// Writes ciphertext then the 16-byte tag to `output` (text length + 16). `output` may equal the body when it is the
// only piece. 0 or -EIO.
int cipher_gcm_seal(cipher_gcm *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_length,
                    const cipher_text *text, uint8_t *output);

// `length` counts ciphertext and tag. Writes the plaintext (length - 16) to `output`, which may equal `input`. 0, or
// -EBADMSG when the tag is wrong, in which case nothing of the plaintext is left in `output`.
int cipher_gcm_open(cipher_gcm *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_length, const uint8_t *input,
                    size_t length, uint8_t *output);

// AES-128 counter mode with HMAC-SHA1: the pieces of AES_CM_128_HMAC_SHA1_80.
typedef struct cipher_cm cipher_cm;
cipher_cm *cipher_cm_create(const uint8_t *key, size_t key_length, const uint8_t *auth_key, size_t auth_key_length);
void cipher_cm_destroy(cipher_cm *cm); // wipes the keys

// Encrypts (or decrypts: the same) the pieces to `output`. 0 or -EIO.
int cipher_cm_crypt(cipher_cm *cm, const uint8_t *iv, const cipher_text *text, uint8_t *output);

// HMAC-SHA1 of `first` then `second`, 20 bytes. 0 or -EIO.
int cipher_cm_authenticate(cipher_cm *cm, const uint8_t *first, size_t first_length, const uint8_t *second,
                           size_t second_length, uint8_t *mac);

// One AES block, for key derivation (RFC 3711 section 4.3.3). Key of 16 or 32 bytes. 0 or -EIO.
int cipher_aes_block(const uint8_t *key, size_t key_length, const uint8_t *input, uint8_t *output);

#endif
