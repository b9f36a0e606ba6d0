// What protecting and opening one packet costs, in ns, by profile and payload size. One key for each direction, batches
// of 32, buffers in the cache: the processor's part, not the memory's.
#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/cipher.h"
#include "core/srtp.h"

enum {
    BATCH = 32,
    HEADER_BYTES = 20, // with one word of extensions
    MAX_BYTES = 1500,
    ROUNDS = 7, // the best one counts: others on the machine only ever make it slower
    BATCHES = 1000,
};

typedef struct bench {
    srtp_sender *sender;
    srtp_receiver *receiver;
    srtp_stream *stream;
    seq64 index;
    size_t prefix_bytes; // of the payload, given as a piece of its own
    size_t body_bytes;
    srtp_outgoing outgoing[BATCH];
    srtp_incoming incoming[BATCH];
    uint8_t body[MAX_BYTES];
    uint8_t wire[BATCH][MAX_BYTES];
    uint8_t opened[BATCH][MAX_BYTES];
} bench;

static double now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void require(bool condition, const char *what) {
    if (condition) return;
    fprintf(stderr, "bench_srtp: %s failed\n", what);
    exit(1);
}

static void protect_batch(bench *b) {
    for (size_t i = 0; i < BATCH; i++) {
        rtp_header header = {.has_extension = true, .payload_type = 96, .sequence = seq64_wire(b->index), .ssrc = 1};
        writer w = writer_over(b->wire[i], MAX_BYTES);
        rtp_write_header(&w, &header);
        writer_u32(&w, 0xBEDE0001);
        writer_u32(&w, 0x10FF0000);
        b->outgoing[i] = (srtp_outgoing){
            .stream = b->stream,
            .index = b->index++,
            .header_length = HEADER_BYTES,
            .text = {.prefix = b->body,
                     .prefix_length = b->prefix_bytes,
                     .body = b->body + b->prefix_bytes,
                     .body_length = b->body_bytes - b->prefix_bytes},
            .output = b->wire[i],
        };
    }
    require(srtp_protect(b->sender, b->outgoing, BATCH) == BATCH, "srtp_protect");
}

static void unprotect_batch(bench *b) {
    for (size_t i = 0; i < BATCH; i++)
        b->incoming[i] =
            (srtp_incoming){.input = b->wire[i], .length = b->outgoing[i].output_length, .output = b->opened[i]};
    require(srtp_unprotect(b->receiver, b->incoming, BATCH) == BATCH, "srtp_unprotect");
}

static void measure(srtp_profile profile, size_t body_bytes, size_t prefix_bytes, double *protect_ns,
                    double *unprotect_ns) {
    static const uint8_t key[SRTP_MAX_KEY_BYTES] = {1, 2, 3};
    static const uint8_t salt[SRTP_MAX_SALT_BYTES] = {4, 5, 6};
    bench *b = calloc(1, sizeof *b);
    require(b, "calloc");
    b->sender = srtp_sender_create(profile, key, salt);
    b->receiver = srtp_receiver_create(profile, key, salt);
    require(b->sender && b->receiver, "srtp_sender_create");
    b->stream = srtp_sender_stream(b->sender, 1);
    b->body_bytes = body_bytes;
    b->prefix_bytes = prefix_bytes;
    *protect_ns = *unprotect_ns = 1e9;
    for (size_t round = 0; round < ROUNDS; round++) {
        double protecting = 0, opening = 0;
        for (size_t i = 0; i < BATCHES; i++) {
            double start = now_ns();
            protect_batch(b);
            double middle = now_ns();
            unprotect_batch(b);
            protecting += middle - start;
            opening += now_ns() - middle;
        }
        if (protecting / (BATCH * BATCHES) < *protect_ns) *protect_ns = protecting / (BATCH * BATCHES);
        if (opening / (BATCH * BATCHES) < *unprotect_ns) *unprotect_ns = opening / (BATCH * BATCHES);
    }
    srtp_sender_destroy(b->sender);
    srtp_receiver_destroy(b->receiver);
    free(b);
}

int main(void) {
    static const struct {
        srtp_profile profile;
        const char *name;
    } profiles[] = {
        {SRTP_AEAD_AES_128_GCM, "AEAD_AES_128_GCM"},
        {SRTP_AEAD_AES_256_GCM, "AEAD_AES_256_GCM"},
        {SRTP_AES128_CM_HMAC_SHA1_80, "AES128_CM_HMAC_SHA1_80"},
    };
    static const size_t sizes[] = {60, 200, 1200};
    printf("backend: %s\n%-24s %7s %12s %12s %12s\n", cipher_backend(), "profile", "payload", "protect", "with prefix",
           "unprotect");
    for (size_t p = 0; p < sizeof profiles / sizeof *profiles; p++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            double protect_ns, prefixed_ns, unprotect_ns;
            measure(profiles[p].profile, sizes[s], 2, &prefixed_ns, &unprotect_ns);
            measure(profiles[p].profile, sizes[s], 0, &protect_ns, &unprotect_ns);
            printf("%-24s %5zu B %9.0f ns %9.0f ns %9.0f ns\n", profiles[p].name, sizes[s], protect_ns, prefixed_ns,
                   unprotect_ns);
        }
    return 0;
}
