// Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1).
#ifndef SFU_CORE_RTCP_TWCC_H
#define SFU_CORE_RTCP_TWCC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/rtcp.h"
#include "core/seq.h"

enum {
    TWCC_DELTA_US = 250,       // unit of a receive delta
    TWCC_REFERENCE_US = 64000, // unit of the reference time
    TWCC_MAX_STATUSES = 8192,  // most packet statuses accepted in one message
};

typedef struct twcc_feedback {
    uint32_t sender_ssrc;
    uint32_t media_ssrc;
    seq16 base_sequence;
    uint16_t status_count;
    int32_t reference_time; // 24-bit signed, units of 64 ms
    uint8_t feedback_count; // wraps
    const uint8_t *chunks;  // start of the status chunks
    size_t length;          // bytes from there to the end
} twcc_feedback;

// One packet's fate as the feedback tells it.
typedef struct twcc_status {
    seq16 sequence;
    bool received;
    int64_t arrival_us; // since reference time 0 of the sender of the feedback; only where received
} twcc_status;

// 0, or -EBADMSG: truncated, status_count 0 or over TWCC_MAX_STATUSES, reserved symbol, chunks or deltas missing.
int twcc_parse(twcc_feedback *feedback, const rtcp_packet *packet);

// Writes all statuses of a parsed feedback in order, at most `capacity` (status_count are enough); returns how many.
size_t twcc_statuses(const twcc_feedback *feedback, twcc_status *statuses, size_t capacity);

// One arrival to report. Extended numbers ascend strictly; gaps are losses.
typedef struct twcc_arrival {
    seq64 sequence;
    uint64_t arrival_us;
} twcc_arrival;

// Writes one feedback message for as many leading arrivals as fit the writer, TWCC_MAX_STATUSES and the 16-bit deltas
// (±8.19 s), beginning at `base` (losses before the first arrival are reported too); returns how many were taken, 0 if
// none: then the writer is as it was, not failed. 28 bytes are room for any one arrival that is within
// TWCC_MAX_STATUSES of the base. The reference time is the first arrival's rounded down to 64 ms.
size_t twcc_write(writer *w, uint32_t sender_ssrc, uint32_t media_ssrc, uint8_t feedback_count, seq64 base,
                  const twcc_arrival *arrivals, size_t count);

#endif
