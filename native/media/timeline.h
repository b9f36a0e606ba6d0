// The RTP time stamps of a slot: its base, drawn once, plus capture time in ticks (clock_map.h). So whoever is shown
// and however often that changes, nothing adds up, and sender reports fit without knowing what was sent last.
//
// Time never goes back. What enters with a capture time at or before what went out last is shifted forward, and the
// shift fades within a second. How far is a function of the packet's capture time alone: a packet that is sent late, or
// again, gets the time stamp that the rest of its frame has.
#ifndef SFU_MEDIA_TIMELINE_H
#define SFU_MEDIA_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "media/clock_map.h"

enum { TIMELINE_SLEW_US = 1000000 }; // a shift fades in this time, or as long again as it is, so that time goes on

typedef struct timeline {
    uint32_t base;      // what capture time 0 would be stamped
    uint32_t rate;      // Hz; 0: nothing was stamped yet
    uint32_t newest;    // highest time stamp given
    uint64_t newest_us; // and its capture time
} timeline;

// How stamps follow from capture times between two changes.
typedef struct timeline_run {
    uint32_t offset;    // the timeline's base
    uint32_t shift;     // ticks added at `begin_us`
    uint64_t begin_us;  // capture time
    uint64_t length_us; // in which the shift fades
} timeline_run;

// Begins a run with a packet of that capture time: with a new source or layer, or where time would go back.
timeline_run timeline_begin(timeline *self, uint32_t rate, clock_reading capture);

uint32_t timeline_shift(const timeline_run *run, uint64_t capture_us);

// The time stamp of a packet.
static inline uint32_t timeline_at(const timeline_run *run, clock_reading capture) {
    uint32_t at = run->offset + capture.ticks;
    return __builtin_expect(run->shift != 0, 0) ? at + timeline_shift(run, capture.capture_us) : at;
}

// Whether that stamp of a new packet is not before those given already.
static inline bool timeline_goes_on(const timeline *self, uint32_t timestamp) {
    return (int32_t)(timestamp - self->newest) >= 0;
}

// A stamp was given to a packet that is newer than those before.
static inline void timeline_note(timeline *self, uint32_t timestamp, uint64_t capture_us) {
    self->newest = timestamp;
    self->newest_us = capture_us;
}

// What a packet that is captured now would be stamped: for sender reports.
static inline uint32_t timeline_now(const timeline *self, const timeline_run *run, uint64_t now_us) {
    return timeline_at(run, (clock_reading){.capture_us = now_us, .ticks = clock_ticks(now_us, self->rate)});
}

#endif
