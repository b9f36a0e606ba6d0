// Bounded single-producer single-consumer ring of fixed-size elements: the only structure through which two threads of
// the media plane pass anything. A push publishes (release), a pop takes (acquire); neither waits.
#ifndef SFU_MEDIA_RING_H
#define SFU_MEDIA_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RING_CACHE_LINE = 64 };

// Each side keeps a copy of the other's index and reads the shared one only when the copy says full or empty, so that
// in steady flow the lines do not bounce for every element.
typedef struct ring {
    _Alignas(RING_CACHE_LINE) _Atomic size_t head; // next to read; written by the consumer
    size_t tail_seen;                              // consumer's copy of tail
    _Alignas(RING_CACHE_LINE) _Atomic size_t tail; // next to write; written by the producer
    size_t head_seen;                              // producer's copy of head
    _Alignas(RING_CACHE_LINE) size_t mask;
    size_t element_bytes;
    uint8_t *elements;
} ring;

// Capacity is a power of two. 0, -EINVAL or -ENOMEM. The ring itself must be aligned to a cache line.
int ring_init(ring *r, size_t capacity, size_t element_bytes);
void ring_free(ring *r);
// False when full.
bool ring_push(ring *r, const void *element);
// For the producer: whether at least `count` elements may be pushed.
bool ring_has_room(ring *r, size_t count);
// False when empty.
bool ring_pop(ring *r, void *element);

#endif
