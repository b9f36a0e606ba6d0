#include "media/arrival_feedback.h"

#include <stdlib.h>
#include <string.h>

#include "core/rtcp_twcc.h"

enum { FIRST_ARRIVALS = 8 }; // an audio stream has three in an interval

struct arrival_feedback {
    twcc_arrival *pending; // not reported yet; strictly ascending; NULL until the first packet
    size_t count;
    size_t capacity;        // doubles up to ARRIVAL_MAX_PENDING
    seq64 highest;          // of the packets that came
    seq64 base;             // everything below has been reported; where `reported`
    bool started;           // `highest` means something
    bool reported;          // `base` means something
    uint8_t feedback_count; // number of the next message
    uint64_t first_us;      // arrival of the oldest pending
    uint64_t earliest_us;   // no message before, unless many are pending
};

arrival_feedback *arrival_feedback_create(void) {
    return calloc(1, sizeof(arrival_feedback));
}

void arrival_feedback_destroy(arrival_feedback *feedback) {
    if (!feedback) return;
    free(feedback->pending);
    free(feedback);
}

static void drop_front(arrival_feedback *feedback, size_t count) {
    seq64 end = feedback->pending[count - 1].sequence + 1;
    if (!feedback->reported || feedback->base < end) feedback->base = end;
    feedback->reported = true;
    feedback->count -= count;
    memmove(feedback->pending, feedback->pending + count, feedback->count * sizeof *feedback->pending);
}

// Room for one more arrival. Who does not poll, or has no memory, loses the older half: it is not reported at all,
// which is better than reported as lost.
static bool make_room(arrival_feedback *feedback) {
    if (feedback->count < feedback->capacity) return true;
    if (feedback->capacity < ARRIVAL_MAX_PENDING) {
        size_t capacity = feedback->capacity ? feedback->capacity * 2 : FIRST_ARRIVALS;
        twcc_arrival *pending = realloc(feedback->pending, capacity * sizeof *pending);
        if (pending) {
            feedback->pending = pending;
            feedback->capacity = capacity;
            return true;
        }
        if (!feedback->capacity) return false;
    }
    drop_front(feedback, feedback->count / 2);
    return true;
}

// The number in full. One too far behind is that of a sender that started anew: it goes on above, further than any
// message reaches, so that what is pending can still be reported.
static seq64 extend(const arrival_feedback *feedback, seq16 wire) {
    if (!feedback->started) return (seq64)0x10000 + wire; // leaves room for what was overtaken
    seq64 sequence = seq64_extend(feedback->highest, wire);
    seq64 base = feedback->highest;
    if (feedback->reported) {
        base = feedback->base;
    } else if (feedback->count) {
        base = feedback->pending[0].sequence;
    }
    return sequence < base - ARRIVAL_REORDER ? sequence + 0x10000 : sequence;
}

// Where in the pending arrivals a number is or belongs.
static size_t position(const arrival_feedback *feedback, seq64 sequence) {
    size_t at = feedback->count; // from the end: what is out of order is so by little
    while (at > 0 && feedback->pending[at - 1].sequence >= sequence)
        at--;
    return at;
}

void arrival_feedback_on_packet(arrival_feedback *feedback, uint64_t arrival_us, seq16 wire) {
    seq64 sequence = extend(feedback, wire);
    if (!make_room(feedback)) return;
    size_t at = position(feedback, sequence);
    if (at < feedback->count) {
        if (feedback->pending[at].sequence == sequence) return; // the first arrival counts
        memmove(&feedback->pending[at + 1], &feedback->pending[at], (feedback->count - at) * sizeof *feedback->pending);
    }
    feedback->pending[at] = (twcc_arrival){.sequence = sequence, .arrival_us = arrival_us};
    if (!feedback->count++) feedback->first_us = arrival_us;
    if (!feedback->started || sequence > feedback->highest) feedback->highest = sequence;
    feedback->started = true;
}

// How many of the pending arrivals can be in one message. Late ones stand alone: between them are numbers that earlier
// messages reported as received, and a message that spans those would call them lost.
static size_t leading(const arrival_feedback *feedback) {
    if (!feedback->reported) return feedback->count;
    size_t count = 1;
    while (count < feedback->count) {
        seq64 next = feedback->pending[count - 1].sequence + 1;
        if (next < feedback->base && feedback->pending[count].sequence != next) break;
        count++;
    }
    return count;
}

bool arrival_feedback_poll(arrival_feedback *feedback, uint64_t now_us, uint32_t sender_ssrc, uint32_t media_ssrc,
                           writer *w) {
    if (now_us < arrival_feedback_next_deadline_us(feedback)) return false;
    seq64 first = feedback->pending[0].sequence;
    // Late, or after a gap that no message spans: from the arrival itself. Else from where the last message ended.
    bool joined = feedback->reported && first >= feedback->base && first - feedback->base < TWCC_MAX_STATUSES;
    size_t taken = twcc_write(w, sender_ssrc, media_ssrc, feedback->feedback_count, joined ? feedback->base : first,
                              feedback->pending, leading(feedback));
    if (!taken) return false;
    feedback->feedback_count++;
    drop_front(feedback, taken);
    if (!feedback->count) feedback->earliest_us = now_us + ARRIVAL_INTERVAL_US;
    return true;
}

uint64_t arrival_feedback_next_deadline_us(const arrival_feedback *feedback) {
    if (!feedback->count) return UINT64_MAX;
    if (feedback->count >= ARRIVAL_MAX_PENDING / 2 || feedback->first_us > feedback->earliest_us)
        return feedback->first_us;
    return feedback->earliest_us;
}
