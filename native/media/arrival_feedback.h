// transport-cc feedback to a publisher: what arrived when, by transport-wide sequence number. Every authenticated
// packet counts, also RTX, padding and unknown SSRCs, or Chrome's estimate never rises.
#ifndef SFU_MEDIA_ARRIVAL_FEEDBACK_H
#define SFU_MEDIA_ARRIVAL_FEEDBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/cursor.h"
#include "core/seq.h"

enum {
    ARRIVAL_INTERVAL_US = 50000, // between messages while packets arrive
    ARRIVAL_MAX_PENDING = 512,   // arrivals kept; a message is due at once when half of them are there
    ARRIVAL_REORDER = 1000,      // further behind the next base than this: the sender started anew, it is not late
};

typedef struct arrival_feedback arrival_feedback;

arrival_feedback *arrival_feedback_create(void);
void arrival_feedback_destroy(arrival_feedback *feedback);

// `arrival_us` is the kernel's receive time. A late packet, already reported as lost, is reported again in the next
// message.
void arrival_feedback_on_packet(arrival_feedback *feedback, uint64_t arrival_us, seq16 sequence);

// Writes one feedback message if it is due and returns true; call until false. `media_ssrc` must be one that the sender
// uses (libwebrtc ignores the feedback otherwise).
bool arrival_feedback_poll(arrival_feedback *feedback, uint64_t now_us, uint32_t sender_ssrc, uint32_t media_ssrc,
                           writer *w);
uint64_t arrival_feedback_next_deadline_us(const arrival_feedback *feedback); // UINT64_MAX: none

#endif
