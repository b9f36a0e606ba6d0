#include "media/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int ring_init(ring *r, size_t capacity, size_t element_bytes) {
    if (capacity == 0 || (capacity & (capacity - 1)) != 0 || element_bytes == 0) return -EINVAL;
    memset(r, 0, sizeof *r);
    r->mask = capacity - 1;
    r->element_bytes = element_bytes;
    r->elements = calloc(capacity, element_bytes);
    return r->elements ? 0 : -ENOMEM;
}

void ring_free(ring *r) {
    free(r->elements);
    r->elements = NULL;
}

bool ring_push(ring *r, const void *element) {
    size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    if (tail - r->head_seen > r->mask) {
        r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
        if (tail - r->head_seen > r->mask) return false;
    }
    memcpy(r->elements + (tail & r->mask) * r->element_bytes, element, r->element_bytes);
    atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
    return true;
}

bool ring_has_room(ring *r, size_t count) {
    size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    if (tail - r->head_seen + count > r->mask + 1) r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
    return tail - r->head_seen + count <= r->mask + 1;
}

bool ring_pop(ring *r, void *element) {
    size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    if (head == r->tail_seen) {
        r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
        if (head == r->tail_seen) return false;
    }
    memcpy(element, r->elements + (head & r->mask) * r->element_bytes, r->element_bytes);
    atomic_store_explicit(&r->head, head + 1, memory_order_release);
    return true;
}
