// What protecting and opening one packet costs, in ns, by profile and payload size. One key for each direction, batches
// of 32, buffers in the cache: the processor's part, not the memory's.
#include <stdio.h>
#include <time.h>

#include "bench/lib/batch.h"
#include "core/cipher.h"

enum {
    BATCH = 32,
    ROUNDS = 7, // the best one counts: others on the machine only ever make it slower
    BATCHES = 1000,
};

static double now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void measure(srtp_profile profile, size_t body_bytes, size_t prefix_bytes, double *protect_ns,
                    double *unprotect_ns) {
    bench_batch *batch = bench_batch_open(profile, body_bytes, BATCH);
    bench_batch_set_prefix(batch, prefix_bytes);
    *protect_ns = *unprotect_ns = 1e9;
    for (size_t round = 0; round < ROUNDS; round++) {
        double protecting = 0, opening = 0;
        for (size_t i = 0; i < BATCHES; i++) {
            double start = now_ns();
            bench_batch_protect(batch);
            double middle = now_ns();
            bench_batch_unprotect(batch);
            protecting += middle - start;
            opening += now_ns() - middle;
        }
        if (protecting / (BATCH * BATCHES) < *protect_ns) *protect_ns = protecting / (BATCH * BATCHES);
        if (opening / (BATCH * BATCHES) < *unprotect_ns) *unprotect_ns = opening / (BATCH * BATCHES);
    }
    bench_batch_close(batch);
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
