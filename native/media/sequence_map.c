#include "media/sequence_map.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_RUNS = 2 }; // most slots keep one source for minutes

struct sequence_map {
    sequence_run *runs; // ascending by out_first, strictly
    size_t count;
    size_t capacity; // doubles up to SEQUENCE_MAP_RUNS
};

sequence_map *sequence_map_create(void) {
    sequence_map *map = calloc(1, sizeof *map);
    if (!map) return NULL;
    map->runs = calloc(FIRST_RUNS, sizeof *map->runs);
    if (!map->runs) {
        free(map);
        return NULL;
    }
    map->capacity = FIRST_RUNS;
    return map;
}

void sequence_map_destroy(sequence_map *map) {
    if (!map) return;
    free(map->runs);
    free(map);
}

// Room for one more run. Without memory the map just reaches less far back.
static void make_room(sequence_map *map) {
    assert(map->runs && map->capacity >= FIRST_RUNS && map->count <= map->capacity);
    if (map->count < map->capacity) return;
    if (map->capacity < SEQUENCE_MAP_RUNS) {
        size_t capacity = map->capacity * 2 < SEQUENCE_MAP_RUNS ? map->capacity * 2 : SEQUENCE_MAP_RUNS;
        sequence_run *runs = realloc(map->runs, capacity * sizeof *runs);
        if (runs) {
            map->runs = runs;
            map->capacity = capacity;
            return;
        }
    }
    map->count--;
    memmove(map->runs, map->runs + 1, map->count * sizeof *map->runs);
}

int sequence_map_begin(sequence_map *map, const sequence_run *run) {
    const sequence_run *newest = sequence_map_current(map);
    if (newest && run->out_first < newest->out_first) return -EINVAL;
    // A run under which nothing was sent leaves no trace.
    if (newest && run->out_first == newest->out_first) map->count--;
    sequence_run copy = *run; // `run` may point into the map
    make_room(map);
    map->runs[map->count++] = copy;
    return 0;
}

const sequence_run *sequence_map_find_out(const sequence_map *map, seq64 out) {
    // From the newest: what is asked for is nearly always a fraction of a second old.
    for (size_t i = map->count; i > 0; i--) {
        if (map->runs[i - 1].out_first <= out) return &map->runs[i - 1];
    }
    return NULL;
}

const sequence_run *sequence_map_find_in(const sequence_map *map, seq64 in) {
    for (size_t i = map->count; i > 0; i--) {
        const sequence_run *run = &map->runs[i - 1];
        if (in >= run->in_first) {
            bool closed = i < map->count && sequence_run_out(run, in) >= map->runs[i].out_first;
            return closed ? NULL : run;
        }
        if (!run->continues) break;
    }
    return NULL;
}

bool sequence_map_holds(const sequence_map *map, uint32_t source, uint8_t layer, seq64 in, seq64 next) {
    for (size_t i = map->count; i-- > 0;) {
        const sequence_run *run = &map->runs[i];
        if (run->source != source || run->layer != layer || in < run->in_first) continue;
        if (sequence_run_out(run, in) < (i + 1 < map->count ? map->runs[i + 1].out_first : next)) return true;
    }
    return false;
}

const sequence_run *sequence_map_current(const sequence_map *map) {
    return map->count ? &map->runs[map->count - 1] : NULL;
}

void sequence_map_truncate(sequence_map *map, seq64 out) {
    while (map->count && map->runs[map->count - 1].out_first >= out)
        map->count--;
}
