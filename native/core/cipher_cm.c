// AES counter mode, HMAC-SHA1 and the single block, by OpenSSL whatever the backend: intel-ipsec-mb has no stateless
// function for counter mode nor for continuing a SHA-1 (only jobs, which need a manager of some 200 kB per thread).
#define OPENSSL_SUPPRESS_DEPRECATED // SHA_CTX, see below

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "core/cipher.h"

enum { SHA1_BLOCK_BYTES = 64 };

// The states of SHA-1 after the first block of the inner and the outer hash (RFC 2104) are kept and copied for each
// packet. SHA_CTX is deprecated, but it is a plain value: EVP_MD_CTX_copy_ex and EVP_MAC_dup allocate for each packet.
struct cipher_cm {
    EVP_CIPHER_CTX *context; // AES-128-CTR with the key set
    SHA_CTX inner;           // has taken key XOR ipad
    SHA_CTX outer;           // has taken key XOR opad
};

static void hmac_key(SHA_CTX *state, const uint8_t *key, size_t length, uint8_t pad) {
    uint8_t block[SHA1_BLOCK_BYTES] = {0};
    memcpy(block, key, length);
    for (size_t i = 0; i < sizeof block; i++)
        block[i] ^= pad;
    SHA1_Init(state);
    SHA1_Update(state, block, sizeof block);
    OPENSSL_cleanse(block, sizeof block);
}

cipher_cm *cipher_cm_create(const uint8_t *key, size_t key_length, const uint8_t *auth_key, size_t auth_key_length) {
    if (key_length != 16 || auth_key_length > SHA1_BLOCK_BYTES) return NULL;
    cipher_cm *cm = calloc(1, sizeof *cm);
    if (!cm) return NULL;
    EVP_CIPHER *algorithm = EVP_CIPHER_fetch(NULL, "AES-128-CTR", NULL);
    cm->context = EVP_CIPHER_CTX_new();
    if (!algorithm || !cm->context || !EVP_EncryptInit_ex2(cm->context, algorithm, key, NULL, NULL)) {
        cipher_cm_destroy(cm);
        cm = NULL;
    } else {
        hmac_key(&cm->inner, auth_key, auth_key_length, 0x36);
        hmac_key(&cm->outer, auth_key, auth_key_length, 0x5c);
    }
    EVP_CIPHER_free(algorithm);
    return cm;
}

void cipher_cm_destroy(cipher_cm *cm) {
    if (!cm) return;
    EVP_CIPHER_CTX_free(cm->context); // cleanses the key schedule
    OPENSSL_cleanse(cm, sizeof *cm);
    free(cm);
}

int cipher_cm_crypt(cipher_cm *cm, const uint8_t *iv, const cipher_text *text, uint8_t *output) {
    int length = (int)cipher_text_length(text); // OpenSSL counts in int; no packet comes near it
    int written;
    bool done = EVP_EncryptInit_ex2(cm->context, NULL, NULL, iv, NULL) &&
                (!length || EVP_EncryptUpdate(cm->context, output, &written, cipher_text_gather(text, output), length));
    return done ? 0 : -EIO;
}

int cipher_cm_authenticate(cipher_cm *cm, const uint8_t *first, size_t first_length, const uint8_t *second,
                           size_t second_length, uint8_t *mac) {
    SHA_CTX state = cm->inner;
    uint8_t digest[CIPHER_SHA1_BYTES];
    bool done = SHA1_Update(&state, first, first_length) && SHA1_Update(&state, second, second_length) &&
                SHA1_Final(digest, &state);
    state = cm->outer;
    done = done && SHA1_Update(&state, digest, sizeof digest) && SHA1_Final(mac, &state);
    return done ? 0 : -EIO;
}

int cipher_aes_block(const uint8_t *key, size_t key_length, const uint8_t *input, uint8_t *output) {
    if (key_length != 16 && key_length != 32) return -EIO;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int written;
    bool done =
        context &&
        EVP_EncryptInit_ex2(context, key_length == 16 ? EVP_aes_128_ecb() : EVP_aes_256_ecb(), key, NULL, NULL) &&
        EVP_EncryptUpdate(context, output, &written, input, 16);
    EVP_CIPHER_CTX_free(context);
    return done ? 0 : -EIO;
}
