// How many bytes a receiver may be sent now: a bucket that fills at the pacing rate and holds what goes out in one
// burst. The rate is set from outside.
#ifndef SFU_MEDIA_PACER_H
#define SFU_MEDIA_PACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PACER_BURST_US = 5000,        // a run holds at most what the rate sends in this time (libwebrtc's bursts are 40 ms)
    PACER_MIN_BURST_BYTES = 1280, // one full packet always fits an untouched bucket
};

typedef struct pacer {
    uint64_t rate_bps;
    int64_t level_bytes; // may be negative: debt of audio and of the packet that overdrew
    uint64_t updated_us;
    uint64_t remainder; // bit-microseconds not yet credited, so that no rounding is lost at any polling interval
} pacer;

void pacer_init(pacer *bucket, uint64_t rate_bps, uint64_t now_us);
void pacer_set_rate(pacer *bucket, uint64_t rate_bps, uint64_t now_us);
// Bytes that one run may hold now: 0 while in debt, else at most a burst. The last packet of a run may overdraw.
size_t pacer_grant(pacer *bucket, uint64_t now_us);
// What has been sent, also what did not ask for a grant (audio).
void pacer_spend(pacer *bucket, size_t bytes);
// When a grant will be above 0: in the past or now if it is already.
uint64_t pacer_next_us(const pacer *bucket);
size_t pacer_burst_bytes(const pacer *bucket);

#endif
