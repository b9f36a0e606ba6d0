#include "media/timeline.h"

enum { WRAP_US = 2000000000 }; // after a pause so long time stamps cannot be compared any more, nor need be

timeline_run timeline_begin(timeline *self, uint32_t rate, clock_reading capture) {
    bool first = self->rate == 0;
    if (!first && self->rate != rate) {
        // Another clock at the same moment: it goes on from where the other one is.
        uint64_t passed_us = capture.capture_us > self->newest_us ? capture.capture_us - self->newest_us : 0;
        self->base = self->newest + clock_ticks(passed_us, rate) - capture.ticks;
    }
    self->rate = rate;
    timeline_run run = {.offset = self->base, .begin_us = capture.capture_us, .length_us = TIMELINE_SLEW_US};
    bool long_ago = capture.capture_us > self->newest_us && capture.capture_us - self->newest_us > WRAP_US;
    int32_t behind = (int32_t)(self->newest + 1 - (self->base + capture.ticks));
    if (first || long_ago || behind <= 0) return run;
    run.shift = (uint32_t)behind;
    uint64_t shift_us = (uint64_t)run.shift * 1000000 / rate;
    if (2 * shift_us > run.length_us) run.length_us = 2 * shift_us;
    return run;
}

uint32_t timeline_shift(const timeline_run *run, uint64_t capture_us) {
    uint64_t passed_us = capture_us > run->begin_us ? capture_us - run->begin_us : 0;
    if (passed_us >= run->length_us) return 0;
    return (uint32_t)(run->shift * (run->length_us - passed_us) / run->length_us);
}
