// Key derivation (RFC 3711 section 4.3, with key_derivation_rate 0; RFC 7714 section 11 for AEAD).
#ifndef SFU_CORE_SRTP_KDF_H
#define SFU_CORE_SRTP_KDF_H

#include <stddef.h>
#include <stdint.h>

typedef enum srtp_label {
    SRTP_LABEL_RTP_ENCRYPTION = 0,
    SRTP_LABEL_RTP_AUTHENTICATION = 1,
    SRTP_LABEL_RTP_SALT = 2,
    SRTP_LABEL_RTCP_ENCRYPTION = 3,
    SRTP_LABEL_RTCP_AUTHENTICATION = 4,
    SRTP_LABEL_RTCP_SALT = 5,
} srtp_label;

// Derives `length` bytes. The salt has 12 (AEAD) or 14 bytes. 0 or -EIO.
int srtp_kdf_derive(const uint8_t *key, size_t key_length, const uint8_t *salt, size_t salt_length, srtp_label label,
                    uint8_t *output, size_t length);

#endif
