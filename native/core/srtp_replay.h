// A sliding window over packet indices (RFC 3711 section 3.3.2). The same window guards both ways: a receiver refuses
// what it has seen, a sender refuses to use an index (and so a nonce) twice.
#ifndef SFU_CORE_SRTP_REPLAY_H
#define SFU_CORE_SRTP_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/seq.h"

enum { SRTP_REPLAY_WINDOW = 1024 };

typedef struct srtp_replay {
    seq64 highest;                          // highest index marked, -1 before the first
    uint64_t seen[SRTP_REPLAY_WINDOW / 64]; // a ring of bits: index modulo the window
} srtp_replay;

void srtp_replay_init(srtp_replay *window);
// True where `index` is new: above the highest, or within the window and not yet marked.
bool srtp_replay_check(const srtp_replay *window, seq64 index);
// Marks an index that srtp_replay_check has let through.
void srtp_replay_mark(srtp_replay *window, seq64 index);

#endif
