// How a slot makes one stream of the Dependency Descriptors of all that is shown in it (AV1 RTP specification,
// appendix A): frame numbers go on, templates of successive structures have ids of their own, and what is not sent on
// is no decode target. Frame numbers keep the holes of what was dropped: they need only rise, and so every difference
// stays true.
//
// All that a packet becomes follows from its run, so that it can be sent again, or late, just as it was to be.
#ifndef SFU_MEDIA_REWRITE_DD_H
#define SFU_MEDIA_REWRITE_DD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/dd.h"
#include "core/seq.h"
#include "media/dd_stream.h"

// Of a slot; all zero to begin with.
typedef struct rewrite_dd {
    uint64_t ids_given; // template ids; the lowest six bits are the next one
    seq64 next_frame;   // above all that were given
    bool narrowed;      // since the last structure others than all decode targets were said to be active
} rewrite_dd;

// Of packets that follow each other in one source, by one structure, with one choice of layers.
typedef struct dd_run {
    uint64_t ids_first;     // of `ids_given`, the structure's first
    uint32_t generation;    // of the source's structure
    uint32_t targets;       // decode targets that are sent on, as bits
    uint16_t frame_shift;   // from the source's frame numbers to the slot's
    uint8_t template_shift; // and template ids
    bool set_active;        // every packet tells the decode targets
} dd_run;

// A source or layer enters at a key frame's first packet, `frame`, which carries `structure`.
dd_run rewrite_dd_enter(rewrite_dd *self, const dd_frame *frame, const dd_structure *structure, uint32_t targets);

// What is shown has come to another key frame, whose first packet carries `structure`.
dd_run rewrite_dd_restructure(rewrite_dd *self, const dd_run *run, const dd_frame *frame, const dd_structure *structure,
                              uint32_t targets);

// Other decode targets are sent on from here.
dd_run rewrite_dd_retarget(rewrite_dd *self, const dd_run *run, const dd_structure *structure, uint32_t targets);

// Whether the ids of a run are still its own. Where they are not, its packets would be taken for other frames by a
// receiver, and are not to be sent any more.
bool rewrite_dd_holds(const rewrite_dd *self, const dd_run *run);

// What a packet of the run becomes.
dd_change rewrite_dd_change(const dd_run *run, const dd_frame *frame);

// A packet of the run has been given to the slot: its frame's number is taken.
void rewrite_dd_note(rewrite_dd *self, const dd_run *run, const dd_frame *frame);

#endif
