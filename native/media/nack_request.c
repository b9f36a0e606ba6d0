#include "media/nack_request.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ENTRIES = 8 };

typedef struct missing_packet {
    seq64 sequence;
    uint64_t since_us; // when the gap was seen
    uint64_t due_us;   // to be asked for, or given up, then
    uint32_t tries;    // requests made
} missing_packet;

struct nack_request {
    seq64 highest;           // of the packets that came
    bool started;            // `highest` means something
    missing_packet *missing; // ascending; NULL until the first gap
    size_t count;
    size_t capacity;  // doubles up to NACK_MAX_MISSING
    size_t abandoned; // not yet taken
    uint64_t next_us; // nothing is due before; UINT64_MAX: nothing is missing
};

nack_request *nack_request_create(void) {
    nack_request *requests = calloc(1, sizeof *requests);
    if (requests) requests->next_us = UINT64_MAX;
    return requests;
}

void nack_request_destroy(nack_request *requests) {
    if (!requests) return;
    free(requests->missing);
    free(requests);
}

static void forget(nack_request *requests) {
    requests->count = 0;
    requests->next_us = UINT64_MAX;
}

static bool reserve(nack_request *requests, size_t count) {
    if (count <= requests->capacity) return true;
    size_t capacity = requests->capacity ? requests->capacity : FIRST_ENTRIES;
    while (capacity < count)
        capacity *= 2;
    missing_packet *missing = realloc(requests->missing, capacity * sizeof *missing);
    if (!missing) return false;
    requests->missing = missing;
    requests->capacity = capacity;
    return true;
}

// True where the numbers from `highest` to `sequence` are too many to ask for (or there is no memory to note them).
static bool note_gap(nack_request *requests, uint64_t now_us, seq64 sequence) {
    uint64_t width = (uint64_t)(sequence - requests->highest - 1);
    if (width > NACK_MAX_MISSING - requests->count || !reserve(requests, requests->count + (size_t)width)) {
        forget(requests);
        return true;
    }
    uint64_t due_us = now_us + NACK_REORDER_US;
    for (seq64 n = requests->highest + 1; n < sequence; n++)
        requests->missing[requests->count++] = (missing_packet){.sequence = n, .since_us = now_us, .due_us = due_us};
    if (due_us < requests->next_us) requests->next_us = due_us;
    return false;
}

static void note_arrival(nack_request *requests, seq64 sequence) {
    size_t from = 0;
    size_t to = requests->count;
    while (from < to) {
        size_t middle = (from + to) / 2;
        if (requests->missing[middle].sequence < sequence) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    if (from == requests->count || requests->missing[from].sequence != sequence) return;
    requests->count--;
    memmove(&requests->missing[from], &requests->missing[from + 1],
            (requests->count - from) * sizeof *requests->missing);
    if (!requests->count) forget(requests);
}

bool nack_request_on_packet(nack_request *requests, uint64_t now_us, seq64 sequence) {
    if (!requests->started) {
        requests->started = true;
        requests->highest = sequence;
        return false;
    }
    if (sequence <= requests->highest) {
        note_arrival(requests, sequence);
        return false;
    }
    bool too_wide = sequence > requests->highest + 1 && note_gap(requests, now_us, sequence);
    requests->highest = sequence;
    return too_wide;
}

// After the last try its answer is waited for like that of any other.
static bool hopeless(const missing_packet *packet, uint64_t now_us) {
    return now_us >= packet->since_us + NACK_MAX_AGE_US ||
           (packet->tries == NACK_MAX_TRIES && now_us >= packet->due_us);
}

size_t nack_request_poll(nack_request *requests, uint64_t now_us, uint64_t rtt_us, seq64 *lost, size_t capacity) {
    if (now_us < requests->next_us) return 0;
    uint64_t interval_us = rtt_us > NACK_MIN_INTERVAL_US ? rtt_us : NACK_MIN_INTERVAL_US;
    if (interval_us > NACK_MAX_AGE_US) interval_us = NACK_MAX_AGE_US; // the age ends it before
    size_t asked = 0;
    size_t kept = 0;
    uint64_t next_us = UINT64_MAX;
    for (size_t i = 0; i < requests->count; i++) {
        missing_packet packet = requests->missing[i];
        if (hopeless(&packet, now_us)) {
            requests->abandoned++;
            continue;
        }
        if (packet.due_us <= now_us && asked < capacity) {
            lost[asked++] = packet.sequence;
            packet.tries++;
            packet.due_us = now_us + interval_us;
            uint64_t end_us = packet.since_us + NACK_MAX_AGE_US;
            if (packet.due_us > end_us) packet.due_us = end_us;
        }
        if (packet.due_us < next_us) next_us = packet.due_us;
        requests->missing[kept++] = packet;
    }
    requests->count = kept;
    requests->next_us = next_us;
    return asked;
}

uint64_t nack_request_next_deadline_us(const nack_request *requests) {
    return requests->next_us;
}

size_t nack_request_take_abandoned(nack_request *requests) {
    size_t abandoned = requests->abandoned;
    requests->abandoned = 0;
    return abandoned;
}
