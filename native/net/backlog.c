#include "net/backlog.h"

#include <stdlib.h>
#include <string.h>

struct backlog_store {
    transmit messages[BACKLOG_MESSAGES];
    uint8_t bytes[BACKLOG_BYTES];
};

void backlog_free(backlog *self) {
    free(self->store);
    *self = (backlog){0};
}

size_t backlog_keep(backlog *self, const transmit *messages, size_t count) {
    if (!self->store && !(self->store = malloc(sizeof *self->store))) return 0;
    for (size_t i = 0; i < count; i++) {
        if (self->first + self->count == BACKLOG_MESSAGES || BACKLOG_BYTES - self->used < messages[i].length) return i;
        transmit *kept = &self->store->messages[self->first + self->count++];
        *kept = messages[i];
        kept->bytes = memcpy(self->store->bytes + self->used, messages[i].bytes, messages[i].length);
        self->used += messages[i].length;
    }
    return count;
}

const transmit *backlog_messages(const backlog *self) {
    return self->store ? self->store->messages + self->first : NULL;
}

void backlog_remove(backlog *self, size_t count) {
    self->first += count;
    self->count -= count;
    if (self->count == 0) self->first = self->used = 0;
}
