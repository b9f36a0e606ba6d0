#include "bench/lib/batch.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/rtp.h"
#include "core/rtp_ext.h"

enum {
    MAX_BYTES = 1500,
    TRANSPORT_CC_ID = 3,
    SEND_TIME_ID = 2,
    MID_ID = 4,
    HEADER_BYTES = RTP_FIXED_HEADER_BYTES + 4 + 12,
    SSRC = 1,
};

struct bench_batch {
    srtp_sender *sender;
    srtp_receiver *receiver;
    srtp_stream *stream;
    rtp_ext_map extensions;
    seq64 index;
    size_t packets;
    size_t body_bytes;
    size_t prefix_bytes; // of the payload, given as a piece of its own
    srtp_outgoing outgoing[BENCH_MAX_BATCH];
    srtp_incoming incoming[BENCH_MAX_BATCH];
    uint8_t body[BENCH_MAX_BODY];
    uint8_t wire[BENCH_MAX_BATCH][MAX_BYTES];
    uint8_t opened[BENCH_MAX_BATCH][MAX_BYTES];
};

static void require(bool condition, const char *what) {
    if (condition) return;
    fprintf(stderr, "bench_batch: %s failed\n", what);
    exit(1);
}

bench_batch *bench_batch_open(srtp_profile profile, size_t body, size_t packets) {
    static const uint8_t key[SRTP_MAX_KEY_BYTES] = {1, 2, 3};
    static const uint8_t salt[SRTP_MAX_SALT_BYTES] = {4, 5, 6};
    if (body < 1 || body > BENCH_MAX_BODY || packets < 1 || packets > BENCH_MAX_BATCH) return NULL;
    bench_batch *self = calloc(1, sizeof *self);
    require(self, "calloc");
    self->sender = srtp_sender_create(profile, key, salt);
    self->receiver = srtp_receiver_create(profile, key, salt);
    require(self->sender && self->receiver, "srtp_sender_create");
    self->stream = srtp_sender_stream(self->sender, SSRC);
    require(self->stream, "srtp_sender_stream");
    self->packets = packets;
    self->body_bytes = body;
    (void)rtp_ext_map_set(&self->extensions, SEND_TIME_ID, RTP_EXT_ABS_SEND_TIME);
    (void)rtp_ext_map_set(&self->extensions, TRANSPORT_CC_ID, RTP_EXT_TRANSPORT_CC);
    (void)rtp_ext_map_set(&self->extensions, MID_ID, RTP_EXT_MID);
    return self;
}

void bench_batch_close(bench_batch *self) {
    if (!self) return;
    srtp_sender_destroy(self->sender);
    srtp_receiver_destroy(self->receiver);
    free(self);
}

void bench_batch_set_prefix(bench_batch *self, size_t prefix) {
    require(prefix <= self->body_bytes, "a prefix within the payload");
    self->prefix_bytes = prefix;
}

void bench_batch_protect(bench_batch *self) {
    static const uint8_t data[4] = "123";
    static const rtp_ext_element elements[] = {{SEND_TIME_ID, 3, data}, {TRANSPORT_CC_ID, 2, data}, {MID_ID, 2, data}};
    for (size_t i = 0; i < self->packets; i++) {
        rtp_header header = {
            .has_extension = true, .payload_type = 96, .sequence = seq64_wire(self->index), .ssrc = SSRC};
        writer w = writer_over(self->wire[i], MAX_BYTES);
        rtp_write_header(&w, &header);
        require(rtp_ext_write(&w, elements, 3, NULL) == 0 && writer_length(&w) == HEADER_BYTES, "rtp_ext_write");
        self->outgoing[i] = (srtp_outgoing){
            .stream = self->stream,
            .index = self->index++,
            .header_length = HEADER_BYTES,
            .text = {.prefix = self->body,
                     .prefix_length = self->prefix_bytes,
                     .body = self->body + self->prefix_bytes,
                     .body_length = self->body_bytes - self->prefix_bytes},
            .output = self->wire[i],
        };
    }
    require(srtp_protect(self->sender, self->outgoing, self->packets) == self->packets, "srtp_protect");
}

void bench_batch_unprotect(bench_batch *self) {
    for (size_t i = 0; i < self->packets; i++)
        self->incoming[i] = (srtp_incoming){
            .input = self->wire[i], .length = self->outgoing[i].output_length, .output = self->opened[i]};
    require(srtp_unprotect(self->receiver, self->incoming, self->packets) == self->packets, "srtp_unprotect");
}

size_t bench_batch_parse(const bench_batch *self) {
    size_t found = 0;
    for (size_t i = 0; i < self->packets; i++) {
        rtp_header header;
        rtp_extensions extensions;
        require(rtp_parse(&header, self->wire[i], self->outgoing[i].output_length) == 0, "rtp_parse");
        require(rtp_ext_parse(&extensions, &self->extensions, &header, self->wire[i]) == 0, "rtp_ext_parse");
        for (uint32_t bits = extensions.present; bits; bits &= bits - 1)
            found++;
    }
    return found;
}
