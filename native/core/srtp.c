#include "core/srtp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "core/srtp_context.h"

srtp_sender *srtp_sender_create(srtp_profile profile, const uint8_t *key, const uint8_t *salt) {
    srtp_sender *sender = calloc(1, sizeof *sender);
    if (!sender) return NULL;
    if (srtp_keys_derive(&sender->rtp, profile, key, salt, SRTP_LABEL_RTP_ENCRYPTION) ||
        srtp_keys_derive(&sender->rtcp, profile, key, salt, SRTP_LABEL_RTCP_ENCRYPTION)) {
        srtp_sender_destroy(sender);
        return NULL;
    }
    return sender;
}

void srtp_sender_destroy(srtp_sender *sender) {
    if (!sender) return;
    srtp_keys_wipe(&sender->rtp);
    srtp_keys_wipe(&sender->rtcp);
    srtp_streams_free(&sender->streams);
    free(sender);
}

srtp_receiver *srtp_receiver_create(srtp_profile profile, const uint8_t *key, const uint8_t *salt) {
    srtp_receiver *receiver = calloc(1, sizeof *receiver);
    if (!receiver) return NULL;
    if (srtp_keys_derive(&receiver->rtp, profile, key, salt, SRTP_LABEL_RTP_ENCRYPTION) ||
        srtp_keys_derive(&receiver->rtcp, profile, key, salt, SRTP_LABEL_RTCP_ENCRYPTION)) {
        srtp_receiver_destroy(receiver);
        return NULL;
    }
    return receiver;
}

void srtp_receiver_destroy(srtp_receiver *receiver) {
    if (!receiver) return;
    srtp_keys_wipe(&receiver->rtp);
    srtp_keys_wipe(&receiver->rtcp);
    srtp_streams_free(&receiver->rtp_streams);
    srtp_streams_free(&receiver->rtcp_streams);
    free(receiver);
}

size_t srtp_sender_overhead(const srtp_sender *sender) {
    return sender->rtp.tag_bytes;
}

srtp_stream *srtp_sender_stream(srtp_sender *sender, uint32_t ssrc) {
    srtp_stream *stream = srtp_streams_find(&sender->streams, ssrc);
    return stream ? stream : srtp_streams_add(&sender->streams, ssrc);
}

// The tag of AES_CM_128_HMAC_SHA1_80: over the packet and the roll-over counter (RFC 3711 section 4.2).
static int cm_authenticate(const srtp_keys *keys, const uint8_t *packet, size_t length, uint64_t index, uint8_t *mac) {
    uint8_t roll_over[4];
    writer w = writer_over(roll_over, sizeof roll_over);
    writer_u32(&w, (uint32_t)(index >> 16));
    return cipher_cm_authenticate(keys->cm, packet, length, roll_over, sizeof roll_over, mac);
}

static int cm_seal(const srtp_keys *keys, const srtp_outgoing *out, const uint8_t *iv, uint64_t index) {
    size_t length = out->header_length + cipher_text_length(&out->text);
    uint8_t mac[CIPHER_SHA1_BYTES];
    int status = cipher_cm_crypt(keys->cm, iv, &out->text, out->output + out->header_length);
    if (!status) status = cm_authenticate(keys, out->output, length, index, mac);
    if (!status) memcpy(out->output + length, mac, SRTP_CM_TAG_BYTES);
    return status;
}

static int protect_one(const srtp_keys *keys, srtp_outgoing *out) {
    if (out->index < 0 || out->index > SRTP_MAX_INDEX) return -ERANGE;
    srtp_replay *window = &out->stream->window;
    if (!srtp_replay_check(window, out->index)) return -EALREADY;
    // Marked before it is used: a failure half-way may have left key stream in the output.
    srtp_replay_mark(window, out->index);
    uint8_t iv[SRTP_IV_BYTES];
    srtp_keys_iv(keys, out->stream->ssrc, (uint64_t)out->index, iv);
    out->output_length = out->header_length + cipher_text_length(&out->text) + keys->tag_bytes;
    if (keys->gcm)
        return cipher_gcm_seal(keys->gcm, iv, out->output, out->header_length, &out->text,
                               out->output + out->header_length);
    return cm_seal(keys, out, iv, (uint64_t)out->index);
}

size_t srtp_protect(srtp_sender *sender, srtp_outgoing *batch, size_t count) {
    size_t done = 0;
    for (size_t i = 0; i < count; i++) {
        batch[i].status = protect_one(&sender->rtp, &batch[i]);
        if (batch[i].status)
            batch[i].output_length = 0;
        else
            done++;
    }
    return done;
}

// RFC 3711 section 3.3.1. A packet of before the first, which began next to 0, would have a roll-over counter of -1; it
// is taken for one of 0, as libsrtp does: if that is wrong it does not authenticate.
static seq64 estimate_index(const srtp_stream *stream, seq16 sequence) {
    if (!stream) return sequence;
    seq64 index = seq64_extend(stream->window.highest, sequence);
    return index < 0 ? index + 0x10000 : index;
}

static int cm_open(const srtp_keys *keys, const srtp_incoming *in, size_t offset, size_t length, const uint8_t *iv) {
    uint8_t mac[CIPHER_SHA1_BYTES];
    int status = cm_authenticate(keys, in->input, length, (uint64_t)in->index, mac);
    if (status) return status;
    if (CRYPTO_memcmp(mac, in->input + length, SRTP_CM_TAG_BYTES)) return -EACCES;
    cipher_text text = {.body = in->input + offset, .body_length = length - offset};
    return cipher_cm_crypt(keys->cm, iv, &text, in->output + offset);
}

// Authenticates and decrypts `length` bytes of header, of `offset` bytes, and ciphertext, that the tag follows.
static int open_payload(const srtp_keys *keys, srtp_incoming *in, size_t offset, size_t length) {
    uint8_t iv[SRTP_IV_BYTES];
    srtp_keys_iv(keys, in->header.ssrc, (uint64_t)in->index, iv);
    if (!keys->gcm) return cm_open(keys, in, offset, length, iv);
    int status = cipher_gcm_open(keys->gcm, iv, in->input, offset, in->input + offset,
                                 length - offset + CIPHER_GCM_TAG_BYTES, in->output + offset);
    return status == -EBADMSG ? -EACCES : status;
}

// What could not be known before decryption.
static int finish_header(srtp_incoming *in, size_t length) {
    if (in->header.padding) return rtp_parse(&in->header, in->output, length);
    in->header.payload_length = (uint16_t)(length - in->header.payload_offset);
    in->header.padding_length = 0;
    return 0;
}

static int unprotect_one(srtp_receiver *receiver, srtp_incoming *in) {
    const srtp_keys *keys = &receiver->rtp;
    if (rtp_parse_header(&in->header, in->input, in->length)) return -EBADMSG;
    size_t offset = in->header.payload_offset;
    if (in->length < offset + keys->tag_bytes) return -EBADMSG;
    size_t length = in->length - keys->tag_bytes;

    srtp_stream *stream = srtp_streams_find(&receiver->rtp_streams, in->header.ssrc);
    if (!stream && receiver->rtp_streams.count == SRTP_MAX_RECEIVE_STREAMS) return -ENOSPC;
    in->index = estimate_index(stream, in->header.sequence);
    if (in->index > SRTP_MAX_INDEX || (stream && !srtp_replay_check(&stream->window, in->index))) return -EALREADY;

    int status = open_payload(keys, in, offset, length);
    if (status) return status;
    if (!stream) stream = srtp_streams_add(&receiver->rtp_streams, in->header.ssrc);
    if (stream) srtp_replay_mark(&stream->window, in->index);
    if (in->output != in->input) memcpy(in->output, in->input, offset);
    status = stream ? finish_header(in, length) : -ENOSPC;
    if (status)
        OPENSSL_cleanse(in->output, length);
    else
        in->output_length = length;
    return status;
}

size_t srtp_unprotect(srtp_receiver *receiver, srtp_incoming *batch, size_t count) {
    size_t done = 0;
    for (size_t i = 0; i < count; i++) {
        batch[i].output_length = 0;
        batch[i].status = unprotect_one(receiver, &batch[i]);
        if (!batch[i].status) done++;
    }
    return done;
}
