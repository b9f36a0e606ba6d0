#include "core/srtp_replay.h"

#include <string.h>

static uint64_t *word_of(srtp_replay *window, seq64 index) {
    return &window->seen[(uint64_t)index / 64 % (SRTP_REPLAY_WINDOW / 64)];
}

static uint64_t bit_of(seq64 index) {
    return UINT64_C(1) << ((uint64_t)index % 64);
}

void srtp_replay_init(srtp_replay *window) {
    *window = (srtp_replay){.highest = -1};
}

bool srtp_replay_check(const srtp_replay *window, seq64 index) {
    if (index > window->highest) return true;
    // An index below 0 never was one; `highest` is at least -1, so the subtraction cannot overflow for the others.
    if (index < 0 || window->highest - index >= SRTP_REPLAY_WINDOW) return false;
    return !(window->seen[(uint64_t)index / 64 % (SRTP_REPLAY_WINDOW / 64)] & bit_of(index));
}

// Clears the bits of the indices that a jump from `highest` to `index` leaves out: they still hold what stood a window
// earlier. Whole words where it can, as a jump may come with every loss.
static void forget_between(srtp_replay *window, seq64 index) {
    if (index - window->highest >= SRTP_REPLAY_WINDOW) {
        memset(window->seen, 0, sizeof window->seen);
        return;
    }
    for (seq64 at = window->highest + 1; at < index;) {
        if (at % 64 == 0 && index - at >= 64) {
            *word_of(window, at) = 0;
            at += 64;
        } else {
            *word_of(window, at) &= ~bit_of(at);
            at++;
        }
    }
}

void srtp_replay_mark(srtp_replay *window, seq64 index) {
    if (index > window->highest) {
        forget_between(window, index);
        window->highest = index;
    }
    *word_of(window, index) |= bit_of(index);
}
