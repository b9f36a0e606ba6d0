// A batch of packets of one stream, protected and opened again and again: what a cipher profile costs, and what parsing
// costs. Whatever fails ends the program.
#ifndef SFU_BENCH_LIB_BATCH_H
#define SFU_BENCH_LIB_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "core/srtp.h"

enum { BENCH_MAX_BATCH = 64, BENCH_MAX_BODY = 1400 };

typedef struct bench_batch bench_batch;

// `packets` (1 to BENCH_MAX_BATCH) with `body` bytes of payload each (1 to BENCH_MAX_BODY), and the header extensions
// that a browser's video has. NULL when an argument is out of its range.
bench_batch *bench_batch_open(srtp_profile profile, size_t body, size_t packets);
void bench_batch_close(bench_batch *self);

// Protects the next packets of the stream, with the first `prefix` bytes of the payload as a piece of their own if set.
void bench_batch_protect(bench_batch *self);
void bench_batch_set_prefix(bench_batch *self, size_t prefix);

// Opens what was protected last; once, then it is a replay.
void bench_batch_unprotect(bench_batch *self);

// Header and header extensions of what was protected last. Returns how many extensions were found in all.
size_t bench_batch_parse(const bench_batch *self);

#endif
