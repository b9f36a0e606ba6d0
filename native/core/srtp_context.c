#include "core/srtp_context.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

enum { CM_AUTHENTICATION_KEY_BYTES = 20, FIRST_CAPACITY = 4 };

size_t srtp_key_length(srtp_profile profile) {
    switch (profile) {
    case SRTP_AES128_CM_HMAC_SHA1_80:
    case SRTP_AEAD_AES_128_GCM:
        return 16;
    case SRTP_AEAD_AES_256_GCM:
        return 32;
    }
    return 0;
}

size_t srtp_salt_length(srtp_profile profile) {
    switch (profile) {
    case SRTP_AES128_CM_HMAC_SHA1_80:
        return 14;
    case SRTP_AEAD_AES_128_GCM:
    case SRTP_AEAD_AES_256_GCM:
        return 12;
    }
    return 0;
}

static int derive_ciphers(srtp_keys *keys, bool aead, const uint8_t *key, size_t key_length, const uint8_t *salt,
                          size_t salt_length, srtp_label first_label) {
    uint8_t session_key[SRTP_MAX_KEY_BYTES];
    uint8_t authentication_key[CM_AUTHENTICATION_KEY_BYTES];
    int status = srtp_kdf_derive(key, key_length, salt, salt_length, first_label, session_key, key_length);
    if (aead && !status) {
        keys->gcm = cipher_gcm_create(session_key, key_length);
        if (!keys->gcm) status = -EIO;
    } else if (!status) {
        status = srtp_kdf_derive(key, key_length, salt, salt_length, first_label + 1, authentication_key,
                                 sizeof authentication_key);
        if (!status)
            keys->cm = cipher_cm_create(session_key, key_length, authentication_key, sizeof authentication_key);
        if (!keys->cm) status = -EIO;
    }
    OPENSSL_cleanse(session_key, sizeof session_key);
    OPENSSL_cleanse(authentication_key, sizeof authentication_key);
    return status;
}

int srtp_keys_derive(srtp_keys *keys, srtp_profile profile, const uint8_t *key, const uint8_t *salt,
                     srtp_label first_label) {
    size_t key_length = srtp_key_length(profile);
    size_t salt_length = srtp_salt_length(profile);
    if (!key_length) return -EINVAL;
    bool aead = profile != SRTP_AES128_CM_HMAC_SHA1_80;
    *keys = (srtp_keys){.tag_bytes = aead ? CIPHER_GCM_TAG_BYTES : SRTP_CM_TAG_BYTES, .iv_shift = aead ? 32 : 16};
    uint8_t session_salt[SRTP_IV_BYTES] = {0};
    int status = srtp_kdf_derive(key, key_length, salt, salt_length, first_label + 2, session_salt, salt_length);
    if (!status) status = derive_ciphers(keys, aead, key, key_length, salt, salt_length, first_label);
    uint64_t words[2];
    memcpy(words, session_salt, sizeof words);
    keys->salt_high = be64toh(words[0]);
    keys->salt_low = be64toh(words[1]);
    OPENSSL_cleanse(session_salt, sizeof session_salt);
    OPENSSL_cleanse(words, sizeof words);
    return status;
}

void srtp_keys_wipe(srtp_keys *keys) {
    cipher_gcm_destroy(keys->gcm);
    cipher_cm_destroy(keys->cm);
    OPENSSL_cleanse(keys, sizeof *keys);
}

void srtp_keys_iv(const srtp_keys *keys, uint32_t ssrc, uint64_t index, uint8_t *iv) {
    unsigned __int128 value = (unsigned __int128)ssrc << 48 | index;
    value <<= keys->iv_shift;
    uint64_t words[2] = {htobe64((uint64_t)(value >> 64) ^ keys->salt_high), htobe64((uint64_t)value ^ keys->salt_low)};
    memcpy(iv, words, sizeof words);
}

srtp_stream *srtp_streams_find(const srtp_streams *table, uint32_t ssrc) {
    for (uint32_t i = 0; i < table->count; i++)
        if (table->ssrcs[i] == ssrc) return table->streams[i];
    return NULL;
}

static bool streams_grow(srtp_streams *table) {
    uint32_t capacity = table->capacity ? table->capacity * 2 : FIRST_CAPACITY;
    uint32_t *ssrcs = realloc(table->ssrcs, capacity * sizeof *ssrcs);
    if (!ssrcs) return false;
    table->ssrcs = ssrcs;
    srtp_stream **streams = realloc(table->streams, capacity * sizeof *streams);
    if (!streams) return false;
    table->streams = streams;
    table->capacity = capacity;
    return true;
}

srtp_stream *srtp_streams_add(srtp_streams *table, uint32_t ssrc) {
    if (table->count == table->capacity && !streams_grow(table)) return NULL;
    srtp_stream *stream = malloc(sizeof *stream);
    if (!stream) return NULL;
    stream->ssrc = ssrc;
    srtp_replay_init(&stream->window);
    table->ssrcs[table->count] = ssrc;
    table->streams[table->count++] = stream;
    return stream;
}

void srtp_streams_free(srtp_streams *table) {
    for (uint32_t i = 0; i < table->count; i++)
        free(table->streams[i]);
    free(table->streams);
    free(table->ssrcs);
    *table = (srtp_streams){0};
}
