// When a publisher's packets were captured, on the server's clock.
//
// A publisher stamps packets with RTP clocks, one for each SSRC, that begin anywhere and run at their own pace. Its
// sender reports tie them to its NTP clock (RFC 3550 section 6.4.1), and one offset for the whole transport ties that
// to the server's clock, so audio and video keep the distance that the publisher says they have. The offset is the
// least delay seen: a packet can be late, never early. What is called capture time here therefore is the true one plus
// the shortest way from the camera to the server.
//
//     RTP time stamp ── report ──► publisher's NTP ── offset (least delay) ──► server's clock
//                    └─ least delay of this SSRC alone, until its first report ─┘
//
// What changes in this mapping is slewed in, frame by frame: time never jumps while it makes sense. All packets of a
// frame have one capture time, however late some of them come.
#ifndef SFU_MEDIA_CLOCK_MAP_H
#define SFU_MEDIA_CLOCK_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ntp.h"

enum {
    CLOCK_SEGMENTS = 32,          // changes of the mapping that packets may be late by
    CLOCK_SLEW_US = 250000,       // time constant of a correction: four of them, a second, and it is through
    CLOCK_SLEW_BEGIN_US = 2000,   // a deviation that is put right
    CLOCK_SLEW_END_US = 500,      // and one that is left alone
    CLOCK_DRIFT_PPM = 250,        // least delays are forgotten so fast: more than two crystals differ by
    CLOCK_EARLY_US = 1000000,     // a capture so far in the future, or
    CLOCK_LATE_US = 2000000,      // so far in the past is of a time stamp that has jumped
    CLOCK_STEP_US = 500000,       // a report that differs so much from the one before is of a clock that has been set
    CLOCK_MAX_ERROR_US = 1000000, // reports that part a stream so far from its arrivals are not believed
    CLOCK_MAX_RATE_HZ = 1000000,  // of RTP clocks
};

// From one frame on: capture time = RTP time + offset.
typedef struct clock_segment {
    int64_t first; // extended time stamp
    int64_t offset_us;
} clock_segment;

// The RTP clock of one SSRC.
typedef struct clock_stream {
    uint32_t rate; // Hz
    bool started;
    bool slewing;
    uint32_t report_epoch;                  // of the clock_map when the last report came; 0: none
    int64_t newest;                         // highest extended time stamp
    int64_t least_us;                       // least arrival minus RTP time, drifting upwards
    uint64_t heard_us;                      // when that was looked at last
    int64_t report_base_us;                 // publisher's NTP minus RTP time, by the last report
    clock_segment segments[CLOCK_SEGMENTS]; // ring
    uint32_t segment_count;                 // ever begun
} clock_stream;

// A publisher's transport.
typedef struct clock_map {
    uint32_t epoch;          // rises when the publisher's NTP clock is set; 0: no report has come
    int64_t offset_us;       // server's clock minus the publisher's: the least, drifting upwards
    uint64_t heard_us;       // when that was looked at last
    int64_t report_delay_us; // of the last report: arrival minus its NTP time
} clock_map;

typedef struct clock_reading {
    uint64_t capture_us; // server's clock
    uint32_t ticks;      // the same in the stream's RTP clock, modulo 2^32 (clock_ticks)
} clock_reading;

// `rate_hz` from 1 to CLOCK_MAX_RATE_HZ.
void clock_stream_init(clock_stream *stream, uint32_t rate_hz);

// A packet of that stream. Being late does no harm to the mapping; one that was `recovered` over RTX is never taken for
// the first of a new origin.
clock_reading clock_map_on_packet(clock_map *map, clock_stream *stream, uint64_t arrival_us, uint32_t timestamp,
                                  bool recovered);

// A sender report of that stream. One that comes before any packet is passed over.
void clock_map_on_report(clock_map *map, clock_stream *stream, uint64_t arrival_us, ntp64 ntp, uint32_t timestamp);

// Puts an NTP time of the publisher's on the server's clock. False while no report has tied the two.
bool clock_map_shift(const clock_map *map, ntp64 *ntp);

// A time of the server's clock in ticks of an RTP clock, modulo 2^32.
static inline uint32_t clock_ticks(uint64_t us, uint32_t rate_hz) {
    return (uint32_t)(us / 1000000 * rate_hz + us % 1000000 * rate_hz / 1000000);
}

#endif
