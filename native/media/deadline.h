// A binary heap of deadlines, intrusive: each owner holds a node and knows its place, so that a deadline moves in O(log
// n).
#ifndef SFU_MEDIA_DEADLINE_H
#define SFU_MEDIA_DEADLINE_H

#include <stddef.h>
#include <stdint.h>

typedef struct deadline {
    uint64_t at_us; // UINT64_MAX: not in the heap
    uint32_t place; // index in the heap
    uint32_t owner; // whose it is
} deadline;

typedef struct deadline_heap {
    deadline **nodes;
    size_t count;
} deadline_heap;

// Room for `capacity` nodes. 0 or -ENOMEM.
int deadline_heap_init(deadline_heap *heap, size_t capacity);
void deadline_heap_free(deadline_heap *heap);
void deadline_init(deadline *node, uint32_t owner);
// Moves the node to `at_us`; UINT64_MAX takes it out.
void deadline_set(deadline_heap *heap, deadline *node, uint64_t at_us);
// The earliest, or NULL.
const deadline *deadline_heap_first(const deadline_heap *heap);

#endif
