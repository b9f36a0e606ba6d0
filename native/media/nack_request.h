// Asking a publisher for what is missing in one of its streams (RFC 4585 generic NACK). One for each video stream.
//
// A gap is asked for after a short wait for reordering, again after a round trip at least, and given up after a number
// of tries or when it is too old to matter; a gap too wide to ask for is reported so that a key frame can be asked for
// instead.
#ifndef SFU_MEDIA_NACK_REQUEST_H
#define SFU_MEDIA_NACK_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/seq.h"

enum {
    NACK_REORDER_US = 5000, // wait before the first request: what overtakes by less was not lost
    NACK_MIN_INTERVAL_US = 20000,
    NACK_MAX_TRIES = 10,       // libwebrtc's kMaxNackRetries
    NACK_MAX_AGE_US = 1000000, // older than any playout delay
    NACK_MAX_MISSING = 256,    // entries kept; more missing at once is an outage, not loss
};

typedef struct nack_request nack_request;

nack_request *nack_request_create(void);
void nack_request_destroy(nack_request *requests);

// A packet of the stream came (media or recovered over RTX). True where this packet opened a gap too wide to ask for:
// everything missing was forgotten and a key frame is needed.
bool nack_request_on_packet(nack_request *requests, uint64_t now_us, seq64 sequence);

// Numbers to ask for now, ascending, at most `capacity`. `rtt_us` spaces repeated requests.
size_t nack_request_poll(nack_request *requests, uint64_t now_us, uint64_t rtt_us, seq64 *lost, size_t capacity);
uint64_t nack_request_next_deadline_us(const nack_request *requests); // UINT64_MAX: none

// Given up since the last call (tries or age): these holes stay. For counters and the key-frame request of the owner.
size_t nack_request_take_abandoned(nack_request *requests);

#endif
