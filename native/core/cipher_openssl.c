#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "core/cipher.h"

// One context serves both directions: the key schedule and the GHASH table are the same for them, and OpenSSL keeps
// both when it is initialised again with an IV only. Fetching the algorithm or setting the key costs more than a
// packet.
struct cipher_gcm {
    EVP_CIPHER_CTX *context; // AES-GCM with the key set
};

const char *cipher_backend(void) {
    return OpenSSL_version(OPENSSL_VERSION);
}

cipher_gcm *cipher_gcm_create(const uint8_t *key, size_t key_length) {
    if (key_length != 16 && key_length != 32) return NULL;
    cipher_gcm *gcm = malloc(sizeof *gcm);
    if (!gcm) return NULL;
    EVP_CIPHER *algorithm = EVP_CIPHER_fetch(NULL, key_length == 16 ? "AES-128-GCM" : "AES-256-GCM", NULL);
    gcm->context = EVP_CIPHER_CTX_new();
    if (!algorithm || !gcm->context || !EVP_EncryptInit_ex2(gcm->context, algorithm, key, NULL, NULL)) {
        cipher_gcm_destroy(gcm);
        gcm = NULL;
    }
    EVP_CIPHER_free(algorithm);
    return gcm;
}

void cipher_gcm_destroy(cipher_gcm *gcm) {
    if (!gcm) return;
    EVP_CIPHER_CTX_free(gcm->context); // cleanses the key schedule
    free(gcm);
}

// OpenSSL counts in int; no packet comes near it.
static bool update(EVP_CIPHER_CTX *context, uint8_t *output, const uint8_t *input, size_t length) {
    int written;
    return !length || EVP_CipherUpdate(context, output, &written, input, (int)length);
}

int cipher_gcm_seal(cipher_gcm *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_length,
                    const cipher_text *text, uint8_t *output) {
    EVP_CIPHER_CTX *context = gcm->context;
    size_t length = cipher_text_length(text);
    uint8_t *tag = output + length;
    int written;
    bool done = EVP_EncryptInit_ex2(context, NULL, NULL, nonce, NULL) && update(context, NULL, aad, aad_length) &&
                update(context, output, cipher_text_gather(text, output), length) &&
                EVP_EncryptFinal_ex(context, tag, &written) &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, CIPHER_GCM_TAG_BYTES, tag);
    return done ? 0 : -EIO;
}

int cipher_gcm_open(cipher_gcm *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_length, const uint8_t *input,
                    size_t length, uint8_t *output) {
    if (length < CIPHER_GCM_TAG_BYTES) return -EBADMSG;
    EVP_CIPHER_CTX *context = gcm->context;
    size_t text_length = length - CIPHER_GCM_TAG_BYTES;
    uint8_t tag[CIPHER_GCM_TAG_BYTES]; // OpenSSL's parameter is not const
    memcpy(tag, input + text_length, sizeof tag);
    int written;
    bool done = EVP_DecryptInit_ex2(context, NULL, NULL, nonce, NULL) && update(context, NULL, aad, aad_length) &&
                update(context, output, input, text_length) &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) &&
                EVP_DecryptFinal_ex(context, tag, &written);
    if (done) return 0;
    if (text_length) OPENSSL_cleanse(output, text_length);
    return -EBADMSG;
}
