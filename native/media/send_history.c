#include "media/send_history.h"

#include <stdlib.h>

enum {
    FIRST_ENTRIES = 32, // half a kilobyte; powers of two from here to SEND_HISTORY_MAX
    KEEP_US = 2000000,  // a packet younger than this is worth growing for: its feedback may still come
};

typedef struct entry {
    uint64_t sent_us;
    uint16_t bytes;
    bool received; // feedback said that it arrived
} entry;

struct send_history {
    entry *entries;  // ring: number n is at n % capacity
    size_t capacity; // 0 or a power of two
    size_t count;    // the last so many numbers are known
    seq64 next;      // the number that the next packet gets
};

static entry *entry_at(const send_history *history, seq64 sequence) {
    return &history->entries[(size_t)sequence & (history->capacity - 1)];
}

send_history *send_history_create(void) {
    send_history *history = calloc(1, sizeof *history);
    if (!history) return NULL;
    history->next = 1;
    return history;
}

void send_history_destroy(send_history *history) {
    if (!history) return;
    free(history->entries);
    free(history);
}

seq64 send_history_next(const send_history *history) {
    return history->next;
}

static void grow(send_history *history) {
    size_t capacity = history->capacity ? history->capacity * 2 : FIRST_ENTRIES;
    entry *entries = calloc(capacity, sizeof *entries);
    if (!entries) return;
    for (seq64 n = history->next - (seq64)history->count; n < history->next; n++)
        entries[(size_t)n & (capacity - 1)] = *entry_at(history, n);
    free(history->entries);
    history->entries = entries;
    history->capacity = capacity;
}

// The ring is full. It grows only for packets that feedback may still speak of, so that an audio-only transport stays
// at a few kilobytes.
static void make_room(send_history *history, uint64_t sent_us) {
    bool young = !history->capacity || entry_at(history, history->next)->sent_us + KEEP_US > sent_us;
    if (young && history->capacity < SEND_HISTORY_MAX) grow(history);
    if (history->count == history->capacity && history->count) history->count--;
}

seq64 send_history_add(send_history *history, uint64_t sent_us, uint16_t bytes) {
    if (history->count == history->capacity) make_room(history, sent_us);
    seq64 sequence = history->next++;
    if (history->count < history->capacity) {
        *entry_at(history, sequence) = (entry){.sent_us = sent_us, .bytes = bytes};
        history->count++;
    }
    return sequence;
}

bool send_history_acknowledge(send_history *history, seq16 sequence, bool received, sent_packet *packet) {
    seq64 last = history->next - 1;
    seq64 meant = last - (seq16)(seq64_wire(last) - sequence);
    seq64 oldest = history->next - (seq64)history->count;
    if (meant < oldest) return false;

    entry *sent = entry_at(history, meant);
    *packet = (sent_packet){
        .sequence = meant, .sent_us = sent->sent_us, .bytes = sent->bytes, .acknowledged = sent->received};
    sent->received |= received;
    return true;
}
