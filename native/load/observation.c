#include "load/observation.h"

#include <errno.h>
#include <stdlib.h>

int observation_log_init(observation_log *log, size_t capacity) {
    *log = (observation_log){.capacity = capacity};
    if (!capacity) return 0;
    log->ring = calloc(capacity, sizeof *log->ring);
    return log->ring ? 0 : -ENOMEM;
}

void observation_log_free(observation_log *log) {
    free(log->ring);
    log->ring = NULL;
}

void observation_log_add(observation_log *log, const observation *record) {
    if (!log->ring) return;
    log->ring[log->written++ % log->capacity] = *record;
    if (log->written - log->taken > log->capacity) log->taken = log->written - log->capacity;
}

bool observation_log_take(observation_log *log, observation *record) {
    if (log->taken == log->written) return false;
    *record = log->ring[log->taken++ % log->capacity];
    return true;
}
