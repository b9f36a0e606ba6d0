// NTP time stamps (RFC 5905 section 6) as RTCP uses them. Server time is monotonic microseconds; an SR needs only that
// the clock be steady and the same for all streams, so the epoch is arbitrary.
#ifndef SFU_CORE_NTP_H
#define SFU_CORE_NTP_H

#include <stdint.h>

typedef uint64_t ntp64; // 32.32 fixed-point seconds

static inline ntp64 ntp_from_us(uint64_t us) {
    uint64_t seconds = us / 1000000;
    uint64_t rest = us % 1000000;
    return seconds << 32 | (rest << 32) / 1000000;
}

static inline uint64_t ntp_to_us(ntp64 ntp) {
    return (ntp >> 32) * 1000000 + (((ntp & 0xFFFFFFFF) * 1000000 + 0x80000000) >> 32);
}

// The middle 32 bits (16.16 seconds): LSR and DLSR of RFC 3550 section 6.4.1.
static inline uint32_t ntp_compact(ntp64 ntp) {
    return (uint32_t)(ntp >> 16);
}

static inline uint32_t ntp_compact_from_us(uint64_t us) {
    return ntp_compact(ntp_from_us(us));
}

static inline uint64_t ntp_compact_to_us(uint32_t compact) {
    return ((uint64_t)compact * 1000000 + 0x8000) >> 16;
}

#endif
