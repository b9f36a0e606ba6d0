// What a full socket has not taken: messages in order, copied out of the engine's buffers, which the next poll reuses.
#ifndef SFU_NET_BACKLOG_H
#define SFU_NET_BACKLOG_H

#include <stddef.h>
#include <stdint.h>

#include "media/engine.h"

enum {
    // The media of one engine_poll and the plain datagrams beside it fit whole; after that only plain ones come.
    BACKLOG_BYTES = 768 * 1024,
    BACKLOG_MESSAGES = 1024,
};

typedef struct backlog {
    struct backlog_store *store; // made when it is first needed
    size_t first;
    size_t count; // that wait
    size_t used;  // bytes
} backlog;

void backlog_free(backlog *self);
// Returns how many of the messages were kept: fewer than `count` when there is no room, or no memory.
size_t backlog_keep(backlog *self, const transmit *messages, size_t count);
// The first of `self->count` messages.
const transmit *backlog_messages(const backlog *self);
// So many of them are done with.
void backlog_remove(backlog *self, size_t count);

#endif
