// From a slot's outgoing sequence numbers back to what was sent under them, run-length: one run for each stretch in
// which output is input plus a constant. It answers NACKs long after the pacer has forgotten the packet.
#ifndef SFU_MEDIA_SEQUENCE_MAP_H
#define SFU_MEDIA_SEQUENCE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/seq.h"
#include "media/timeline.h"

enum { SEQUENCE_MAP_RUNS = 32 }; // a run ends at a splice, a layer switch or a closed hole; the oldest is forgotten

// How input became output between two changes.
typedef struct sequence_run {
    seq64 out_first;       // first outgoing number of the run
    seq64 in_first;        // incoming number that became it
    timeline_run time;     // how time stamps follow from capture times
    uint32_t source;       // id of the source
    uint32_t in_timestamp; // incoming time stamp of the run's first packet
    uint8_t layer;         // simulcast layer of the source
    bool entry;            // begins with what is new in the slot: a source, a layer, or the first frame after a gap
    bool continues;        // goes on from the run before: packets late for that one are still expected
} sequence_run;

typedef struct sequence_map sequence_map;

// Made at a slot's first packet, so that idle slots cost nothing. NULL: no memory.
sequence_map *sequence_map_create(void);
void sequence_map_destroy(sequence_map *map);

// Starts a run at an outgoing number not below the first of any run in the map (at the same number it replaces that
// run). -EINVAL otherwise.
int sequence_map_begin(sequence_map *map, const sequence_run *run);

// The run that an outgoing number falls in, or NULL if it is older than the oldest run. Valid until the map changes.
const sequence_run *sequence_map_find_out(const sequence_map *map, seq64 out);

// The run that an incoming number of the newest run's source and layer falls in: that one, or one before that it
// continues. NULL: the number is from before the slot's present content, or was closed up.
const sequence_run *sequence_map_find_in(const sequence_map *map, seq64 in);

// The newest run; NULL in an empty map.
// Whether an incoming number of that source and layer has an outgoing one below `next`, in whatever run.
bool sequence_map_holds(const sequence_map *map, uint32_t source, uint8_t layer, seq64 in, seq64 next);

const sequence_run *sequence_map_current(const sequence_map *map);

static inline seq64 sequence_run_out(const sequence_run *run, seq64 in) {
    return in - run->in_first + run->out_first;
}

static inline seq64 sequence_run_in(const sequence_run *run, seq64 out) {
    return out - run->out_first + run->in_first;
}

// Takes back every number from `out` on (queued, never sent): runs that begin there or later vanish.
void sequence_map_truncate(sequence_map *map, seq64 out);

#endif
