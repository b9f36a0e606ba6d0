#include "media/handoff.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "media/engine.h"

enum { CACHE_LINE = 64 };

// Bounded single-producer single-consumer ring. Each side keeps a copy of the other's index and reads the shared one
// only when the copy says full or empty, so that in steady flow the lines do not bounce for every element.
typedef struct ring {
    _Alignas(CACHE_LINE) _Atomic size_t head; // next to read; written by the consumer
    size_t tail_seen;                         // consumer's copy of tail
    _Alignas(CACHE_LINE) _Atomic size_t tail; // next to write; written by the producer
    size_t head_seen;                         // producer's copy of head
    _Alignas(CACHE_LINE) size_t mask;
    size_t element; // bytes of one element
    uint8_t *elements;
} ring;

typedef struct link {
    ring packets;
    ring returns;
    ring controls;
} link;

struct handoff {
    uint8_t engines;
    link *links; // engines × engines, [from * engines + to]
};

static bool ring_init(ring *r, size_t capacity, size_t element) {
    memset(r, 0, sizeof *r);
    r->mask = capacity - 1;
    r->element = element;
    r->elements = calloc(capacity, element);
    return r->elements != NULL;
}

static bool ring_push(ring *r, const void *element) {
    size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    if (tail - r->head_seen > r->mask) {
        r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
        if (tail - r->head_seen > r->mask) return false;
    }
    memcpy(r->elements + (tail & r->mask) * r->element, element, r->element);
    atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
    return true;
}

static bool ring_pop(ring *r, void *element) {
    size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    if (head == r->tail_seen) {
        r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
        if (head == r->tail_seen) return false;
    }
    memcpy(element, r->elements + (head & r->mask) * r->element, r->element);
    atomic_store_explicit(&r->head, head + 1, memory_order_release);
    return true;
}

static bool is_power_of_two(size_t n) {
    return n > 0 && (n & (n - 1)) == 0;
}

handoff *handoff_create(uint8_t engines, size_t packets, size_t returns, size_t controls) {
    if (engines == 0 || engines > ENGINE_MAX_ENGINES) return NULL;
    if (!is_power_of_two(packets) || !is_power_of_two(returns) || !is_power_of_two(controls)) return NULL;
    handoff *links = calloc(1, sizeof *links);
    if (!links) return NULL;
    links->engines = engines;
    size_t count = (size_t)engines * engines;
    links->links = aligned_alloc(CACHE_LINE, count * sizeof *links->links);
    if (!links->links) {
        free(links);
        return NULL;
    }
    memset(links->links, 0, count * sizeof *links->links);
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        link *l = &links->links[i];
        ok = ring_init(&l->packets, packets, sizeof(packet_body *)) && ok;
        ok = ring_init(&l->returns, returns, sizeof(packet_body *)) && ok;
        ok = ring_init(&l->controls, controls, sizeof(handoff_control)) && ok;
    }
    if (ok) return links;
    handoff_destroy(links);
    return NULL;
}

void handoff_destroy(handoff *links) {
    if (!links) return;
    for (size_t i = 0; i < (size_t)links->engines * links->engines; i++) {
        free(links->links[i].packets.elements);
        free(links->links[i].returns.elements);
        free(links->links[i].controls.elements);
    }
    free(links->links);
    free(links);
}

uint8_t handoff_engines(const handoff *links) {
    return links->engines;
}

static link *between(handoff *links, uint8_t from, uint8_t to) {
    return &links->links[(size_t)from * links->engines + to];
}

bool handoff_push_packet(handoff *links, uint8_t from, uint8_t to, packet_body *body) {
    return ring_push(&between(links, from, to)->packets, &body);
}

bool handoff_pop_packet(handoff *links, uint8_t from, uint8_t to, packet_body **body) {
    return ring_pop(&between(links, from, to)->packets, body);
}

bool handoff_push_return(handoff *links, uint8_t from, uint8_t to, packet_body *body) {
    return ring_push(&between(links, from, to)->returns, &body);
}

bool handoff_pop_return(handoff *links, uint8_t from, uint8_t to, packet_body **body) {
    return ring_pop(&between(links, from, to)->returns, body);
}

bool handoff_push_control(handoff *links, uint8_t from, uint8_t to, const handoff_control *control) {
    return ring_push(&between(links, from, to)->controls, control);
}

bool handoff_pop_control(handoff *links, uint8_t from, uint8_t to, handoff_control *control) {
    return ring_pop(&between(links, from, to)->controls, control);
}
