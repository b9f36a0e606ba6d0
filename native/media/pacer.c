#include "media/pacer.h"

static const uint64_t MICROSECONDS = 1000000;       // in a second
static const uint64_t BIT_US_PER_BYTE = 8000000;    // what the rate times elapsed microseconds is divided by
static const uint64_t MAX_RATE_BPS = 1000000000000; // a second of it in bit-microseconds fits 64 bits

void pacer_init(pacer *bucket, uint64_t rate_bps, uint64_t now_us) {
    *bucket = (pacer){.rate_bps = rate_bps < MAX_RATE_BPS ? rate_bps : MAX_RATE_BPS, .updated_us = now_us};
    bucket->level_bytes = (int64_t)pacer_burst_bytes(bucket);
}

// Bytes that the rate earns in `elapsed_us`; what is less than a byte goes into the remainder.
static int64_t earn(pacer *bucket, uint64_t elapsed_us) {
    uint64_t bytes = 0;
    if (elapsed_us >= MICROSECONDS) {
        uint64_t seconds = elapsed_us / MICROSECONDS;
        bool fits = !bucket->rate_bps || seconds <= INT64_MAX / bucket->rate_bps;
        uint64_t bits = fits ? seconds * bucket->rate_bps : INT64_MAX; // so much fills any bucket
        bytes = bits / 8;
        bucket->remainder += bits % 8 * MICROSECONDS;
        elapsed_us %= MICROSECONDS;
    }
    bucket->remainder += elapsed_us * bucket->rate_bps;
    bytes += bucket->remainder / BIT_US_PER_BYTE;
    bucket->remainder %= BIT_US_PER_BYTE;
    return (int64_t)bytes;
}

static void refill(pacer *bucket, uint64_t now_us) {
    if (now_us > bucket->updated_us) {
        bucket->level_bytes += earn(bucket, now_us - bucket->updated_us);
        bucket->updated_us = now_us;
    }
    int64_t full = (int64_t)pacer_burst_bytes(bucket);
    if (bucket->level_bytes >= full) {
        bucket->level_bytes = full;
        bucket->remainder = 0;
    }
}

void pacer_set_rate(pacer *bucket, uint64_t rate_bps, uint64_t now_us) {
    refill(bucket, now_us); // the time until now was at the old rate
    bucket->rate_bps = rate_bps < MAX_RATE_BPS ? rate_bps : MAX_RATE_BPS;
}

size_t pacer_grant(pacer *bucket, uint64_t now_us) {
    refill(bucket, now_us);
    return bucket->level_bytes > 0 ? (size_t)bucket->level_bytes : 0;
}

void pacer_spend(pacer *bucket, size_t bytes) {
    bucket->level_bytes -= (int64_t)bytes;
}

uint64_t pacer_next_us(const pacer *bucket) {
    if (bucket->level_bytes > 0) return bucket->updated_us;
    if (!bucket->rate_bps) return UINT64_MAX;
    uint64_t missing_bytes = (uint64_t)(1 - bucket->level_bytes);
    if (missing_bytes > UINT64_MAX / BIT_US_PER_BYTE) return UINT64_MAX;
    uint64_t missing = missing_bytes * BIT_US_PER_BYTE - bucket->remainder;
    uint64_t wait_us = missing / bucket->rate_bps + (missing % bucket->rate_bps != 0);
    return wait_us < UINT64_MAX - bucket->updated_us ? bucket->updated_us + wait_us : UINT64_MAX;
}

size_t pacer_burst_bytes(const pacer *bucket) {
    uint64_t bytes = bucket->rate_bps * PACER_BURST_US / BIT_US_PER_BYTE;
    return bytes > PACER_MIN_BURST_BYTES ? (size_t)bytes : PACER_MIN_BURST_BYTES;
}
