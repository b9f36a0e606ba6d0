// SRTCP (RFC 3711 section 3.4, RFC 7714 section 9), always encrypted.
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "core/cursor.h"
#include "core/srtp.h"
#include "core/srtp_context.h"

enum { RTCP_VERSION = 2, AAD_BYTES = SRTCP_HEADER_BYTES + SRTCP_INDEX_BYTES };

static uint32_t word_at(const uint8_t *bytes) {
    cursor c = cursor_over(bytes, 4);
    return cursor_u32(&c);
}

static void word_put(uint8_t *bytes, uint32_t word) {
    writer w = writer_over(bytes, 4);
    writer_u32(&w, word);
}

// Header and ciphertext and tag, then E bit and index; the tag covers the header and the index too.
static int gcm_protect(const srtp_keys *keys, uint8_t *packet, size_t length, const uint8_t *iv, uint32_t word) {
    uint8_t aad[AAD_BYTES];
    memcpy(aad, packet, SRTCP_HEADER_BYTES);
    word_put(aad + SRTCP_HEADER_BYTES, word);
    uint8_t *body = packet + SRTCP_HEADER_BYTES;
    cipher_text text = {.body = body, .body_length = length - SRTCP_HEADER_BYTES};
    int status = cipher_gcm_seal(keys->gcm, iv, aad, sizeof aad, &text, body);
    word_put(packet + length + CIPHER_GCM_TAG_BYTES, word);
    return status;
}

// Header and ciphertext, E bit and index, then the tag over all of them.
static int cm_protect(const srtp_keys *keys, uint8_t *packet, size_t length, const uint8_t *iv, uint32_t word) {
    uint8_t mac[CIPHER_SHA1_BYTES];
    uint8_t *body = packet + SRTCP_HEADER_BYTES;
    cipher_text text = {.body = body, .body_length = length - SRTCP_HEADER_BYTES};
    int status = cipher_cm_crypt(keys->cm, iv, &text, body);
    word_put(packet + length, word);
    length += SRTCP_INDEX_BYTES;
    if (!status) status = cipher_cm_authenticate(keys->cm, packet, length, NULL, 0, mac);
    if (!status) memcpy(packet + length, mac, SRTP_CM_TAG_BYTES);
    return status;
}

int srtcp_protect(srtp_sender *sender, uint8_t *packet, size_t length, size_t capacity) {
    const srtp_keys *keys = &sender->rtcp;
    if (length < SRTCP_HEADER_BYTES) return -EINVAL;
    size_t overhead = SRTCP_INDEX_BYTES + keys->tag_bytes;
    if (capacity < length || capacity - length < overhead) return -ENOSPC;
    if (sender->rtcp_index > SRTCP_MAX_INDEX) return -EOVERFLOW;
    // One index for all SSRCs: RFC 3711 counts for each apart, but a receiver cannot tell a number skipped from a
    // packet lost, and the nonce differs by the SSRC anyhow.
    uint32_t index = sender->rtcp_index++;
    uint8_t iv[SRTP_IV_BYTES];
    srtp_keys_iv(keys, word_at(packet + 4), index, iv);
    int status = keys->gcm ? gcm_protect(keys, packet, length, iv, SRTCP_E_BIT | index)
                           : cm_protect(keys, packet, length, iv, SRTCP_E_BIT | index);
    return status ? status : (int)(length + overhead);
}

// `length` counts header and ciphertext.
static int gcm_unprotect(const srtp_keys *keys, uint8_t *packet, size_t length, const uint8_t *iv) {
    uint8_t aad[AAD_BYTES];
    memcpy(aad, packet, SRTCP_HEADER_BYTES);
    memcpy(aad + SRTCP_HEADER_BYTES, packet + length + CIPHER_GCM_TAG_BYTES, SRTCP_INDEX_BYTES);
    uint8_t *body = packet + SRTCP_HEADER_BYTES;
    int status =
        cipher_gcm_open(keys->gcm, iv, aad, sizeof aad, body, length - SRTCP_HEADER_BYTES + CIPHER_GCM_TAG_BYTES, body);
    return status ? -EACCES : 0;
}

static int cm_unprotect(const srtp_keys *keys, uint8_t *packet, size_t length, const uint8_t *iv) {
    uint8_t mac[CIPHER_SHA1_BYTES];
    int status = cipher_cm_authenticate(keys->cm, packet, length + SRTCP_INDEX_BYTES, NULL, 0, mac);
    if (status || CRYPTO_memcmp(mac, packet + length + SRTCP_INDEX_BYTES, SRTP_CM_TAG_BYTES)) return -EACCES;
    uint8_t *body = packet + SRTCP_HEADER_BYTES;
    cipher_text text = {.body = body, .body_length = length - SRTCP_HEADER_BYTES};
    return cipher_cm_crypt(keys->cm, iv, &text, body);
}

int srtcp_unprotect(srtp_receiver *receiver, uint8_t *packet, size_t length) {
    const srtp_keys *keys = &receiver->rtcp;
    size_t overhead = SRTCP_INDEX_BYTES + keys->tag_bytes;
    if (length < SRTCP_HEADER_BYTES + overhead || packet[0] >> 6 != RTCP_VERSION) return -EBADMSG;
    length -= overhead;
    uint32_t ssrc = word_at(packet + 4);
    uint32_t word = word_at(packet + length + (keys->gcm ? CIPHER_GCM_TAG_BYTES : 0));
    if (!(word & SRTCP_E_BIT)) return -EACCES;
    seq64 index = word & SRTCP_MAX_INDEX;

    srtp_stream *stream = srtp_streams_find(&receiver->rtcp_streams, ssrc);
    if (!stream && receiver->rtcp_streams.count == SRTP_MAX_RECEIVE_STREAMS) return -ENOSPC;
    if (stream && !srtp_replay_check(&stream->window, index)) return -EALREADY;

    uint8_t iv[SRTP_IV_BYTES];
    srtp_keys_iv(keys, ssrc, (uint64_t)index, iv);
    int status = keys->gcm ? gcm_unprotect(keys, packet, length, iv) : cm_unprotect(keys, packet, length, iv);
    if (status) return status;
    if (!stream) stream = srtp_streams_add(&receiver->rtcp_streams, ssrc);
    if (!stream) return -ENOSPC;
    srtp_replay_mark(&stream->window, index);
    return (int)length;
}
