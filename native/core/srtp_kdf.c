#include "core/srtp_kdf.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "core/cipher.h"

enum {
    BLOCK_BYTES = 16,
    KEY_ID_OFFSET = 7, // the label is the first byte of key_id, whose 7 bytes align with the end of the 14 of the salt
};

int srtp_kdf_derive(const uint8_t *key, size_t key_length, const uint8_t *salt, size_t salt_length, srtp_label label,
                    uint8_t *output, size_t length) {
    // x · 2^16, the initial counter block. A salt of 12 bytes is taken as if followed by two of zero (RFC 7714
    // section 11), so both sorts start at byte 0.
    uint8_t block[BLOCK_BYTES] = {0};
    uint8_t stream[BLOCK_BYTES];
    memcpy(block, salt, salt_length);
    block[KEY_ID_OFFSET] ^= (uint8_t)label;
    int status = 0;
    for (uint16_t counter = 0; length && !status; counter++) {
        size_t take = length < BLOCK_BYTES ? length : BLOCK_BYTES;
        block[BLOCK_BYTES - 2] = (uint8_t)(counter >> 8);
        block[BLOCK_BYTES - 1] = (uint8_t)counter;
        status = cipher_aes_block(key, key_length, block, stream);
        if (!status) memcpy(output, stream, take);
        output += take;
        length -= take;
    }
    OPENSSL_cleanse(stream, sizeof stream);
    OPENSSL_cleanse(block, sizeof block);
    return status;
}
