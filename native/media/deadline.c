#include "media/deadline.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

int deadline_heap_init(deadline_heap *heap, size_t capacity) {
    heap->count = 0;
    heap->nodes = calloc(capacity ? capacity : 1, sizeof(deadline *));
    return heap->nodes ? 0 : -ENOMEM;
}

void deadline_heap_free(deadline_heap *heap) {
    free(heap->nodes);
    *heap = (deadline_heap){0};
}

void deadline_init(deadline *node, uint32_t owner) {
    *node = (deadline){.at_us = UINT64_MAX, .owner = owner};
}

static void put(deadline_heap *heap, size_t place, deadline *node) {
    heap->nodes[place] = node;
    node->place = (uint32_t)place;
}

static void sift_up(deadline_heap *heap, size_t place, deadline *node) {
    while (place > 0) {
        size_t parent = (place - 1) / 2;
        if (heap->nodes[parent]->at_us <= node->at_us) break;
        put(heap, place, heap->nodes[parent]);
        place = parent;
    }
    put(heap, place, node);
}

static void sift_down(deadline_heap *heap, size_t place, deadline *node) {
    for (;;) {
        size_t child = 2 * place + 1;
        if (child >= heap->count) break;
        if (child + 1 < heap->count && heap->nodes[child + 1]->at_us < heap->nodes[child]->at_us) child++;
        if (heap->nodes[child]->at_us >= node->at_us) break;
        put(heap, place, heap->nodes[child]);
        place = child;
    }
    put(heap, place, node);
}

static void take_out(deadline_heap *heap, deadline *node) {
    size_t place = node->place;
    deadline *last = heap->nodes[--heap->count];
    node->at_us = UINT64_MAX;
    if (last == node) return;
    sift_up(heap, place, last);
    sift_down(heap, last->place, last);
}

void deadline_set(deadline_heap *heap, deadline *node, uint64_t at_us) {
    if (node->at_us == at_us) return;
    if (at_us == UINT64_MAX) {
        take_out(heap, node);
    } else if (node->at_us == UINT64_MAX) {
        node->at_us = at_us;
        sift_up(heap, heap->count++, node);
    } else {
        bool earlier = at_us < node->at_us;
        node->at_us = at_us;
        if (earlier)
            sift_up(heap, node->place, node);
        else
            sift_down(heap, node->place, node);
    }
}

const deadline *deadline_heap_first(const deadline_heap *heap) {
    return heap->count ? heap->nodes[0] : NULL;
}
