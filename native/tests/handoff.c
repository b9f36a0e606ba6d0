// Stress: four engines' packet pools on four threads, each lending bodies to all others, holding what it was lent,
// dropping its references in another order and returning the bodies, with rings so short that every push fails now and
// then. Under ThreadSanitizer this shows that rings are the only place where two engines meet; the counts at the end
// show that no body is lost or used twice.
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/handoff.h"
#include "media/packet.h"

enum {
    ENGINES = 4,
    BODIES = 64,
    PACKETS = 8, // entries of a ring; less than bodies, so that it is often full
    RETURNS = 4,
    CONTROLS = 4,
    ROUNDS = 20000,
    HELD = 16, // references that an engine keeps for a while
};

typedef struct worker {
    packet_pool pool;
    handoff *links;
    uint32_t random; // xorshift state
    packet *held[HELD];
    uint64_t lent, received, refused;
    uint64_t sent_controls, taken_controls;
    uint32_t last_source[ENGINES]; // of the control messages from each: they arrive in order
} worker;

static pthread_barrier_t all_have_stopped_lending;

static uint32_t next_random(worker *self) {
    self->random ^= self->random << 13;
    self->random ^= self->random >> 17;
    self->random ^= self->random << 5;
    return self->random;
}

static void fail(const char *what) {
    fprintf(stderr, "handoff: %s\n", what);
    abort();
}

// A body is right if every byte agrees with its number: a write after it was handed on would show here.
static void fill(packet_body *body, uint32_t number) {
    body->sequence = number;
    body->kind = number % 2 ? MEDIA_VIDEO : MEDIA_AUDIO; // video leaves a share of a ring to audio
    body->payload_length = (uint16_t)(1 + number % 64);
    memset(body->bytes, (int)(number & 0xFF), body->payload_length);
}

static void check(const packet_body *body) {
    for (uint16_t i = 0; i < body->payload_length; i++) {
        if (body->bytes[i] != (body->sequence & 0xFF)) fail("a body was written while others held it");
    }
}

static void keep(worker *self, packet *taken) {
    packet **place = &self->held[next_random(self) % HELD];
    if (*place) {
        check((*place)->body);
        packet_unref(&self->pool, *place);
    }
    *place = taken;
}

static void drop_all(worker *self) {
    for (size_t i = 0; i < HELD; i++) {
        if (self->held[i]) packet_unref(&self->pool, self->held[i]);
        self->held[i] = NULL;
    }
}

static void lend_one(worker *self, uint32_t number) {
    packet_body *body = packet_pool_take(&self->pool, MEDIA_AUDIO);
    if (!body) return;
    fill(body, number);
    packet *own = packet_pool_hold(&self->pool, body);
    if (!own) {
        packet_pool_give_back(&self->pool, body);
        return;
    }
    for (uint8_t to = 0; to < ENGINES; to++) {
        if (to == self->pool.index || next_random(self) % 4 == 0) continue;
        if (packet_pool_lend(&self->pool, body, to, number % 3 == 0)) {
            self->lent++;
        } else {
            self->refused++;
        }
    }
    keep(self, own);
}

static void receive_all(worker *self) {
    handoff_packet handed;
    handoff_control control;
    for (uint8_t from = 0; from < ENGINES; from++) {
        if (from == self->pool.index) continue;
        // As an engine does it: without a handle a packet waits in its ring. Handles run out where bodies cannot go
        // home, which is where the threads of their homes have not run for long.
        while (self->pool.free_packets && handoff_pop_packet(self->links, from, self->pool.index, &handed)) {
            self->received++;
            check(handed.body);
            if (handed.splice != (handed.body->sequence % 3 == 0)) fail("a mark went with another body");
            keep(self, packet_pool_hold(&self->pool, handed.body));
        }
        while (handoff_pop_control(self->links, from, self->pool.index, &control)) {
            if (control.source <= self->last_source[from]) fail("control messages out of order");
            self->last_source[from] = control.source;
            self->taken_controls++;
        }
    }
    packet_pool_collect(&self->pool);
}

static void send_controls(worker *self, uint32_t number) {
    const handoff_control control = {.type = HANDOFF_KEY_FRAME, .source = number, .layer = 1};
    for (uint8_t to = 0; to < ENGINES; to++) {
        if (to != self->pool.index)
            self->sent_controls += handoff_push_control(self->links, self->pool.index, to, &control);
    }
}

static void wait_for_all(worker *self) {
    // Whoever waits must go on taking: a body that cannot go home would keep its owner waiting.
    receive_all(self);
    pthread_barrier_wait(&all_have_stopped_lending);
}

static void *run(void *argument) {
    worker *self = argument;
    for (uint32_t number = 1; number <= ROUNDS; number++) {
        if (next_random(self) % 3 != 0) lend_one(self, number);
        if (next_random(self) % 16 == 0) send_controls(self, number);
        if (next_random(self) % 2 == 0) receive_all(self);
        if (next_random(self) % 4 == 0) sched_yield(); // few cores: else one fills all rings before the next looks
    }
    wait_for_all(self); // nothing is pushed into packet rings from here on
    // Return rings are short: each engine empties its own until everything is home everywhere.
    for (int turn = 0; turn < 4 * BODIES; turn++) {
        receive_all(self);
        drop_all(self);
        pthread_barrier_wait(&all_have_stopped_lending);
    }
    return NULL;
}

int main(void) {
    static worker workers[ENGINES];
    handoff *links = handoff_create(ENGINES, PACKETS, RETURNS, CONTROLS);
    if (!links || pthread_barrier_init(&all_have_stopped_lending, NULL, ENGINES) != 0) fail("no memory");
    for (uint8_t i = 0; i < ENGINES; i++) {
        workers[i] = (worker){.links = links, .random = 0x9E3779B9U + i};
        if (packet_pool_init(&workers[i].pool, BODIES, i, links) != 0) fail("no memory");
    }
    pthread_t threads[ENGINES];
    for (size_t i = 0; i < ENGINES; i++) {
        if (pthread_create(&threads[i], NULL, run, &workers[i]) != 0) fail("no thread");
    }
    for (size_t i = 0; i < ENGINES; i++)
        pthread_join(threads[i], NULL);

    uint64_t lent = 0, received = 0, refused = 0, controls = 0, taken = 0;
    for (size_t i = 0; i < ENGINES; i++) {
        lent += workers[i].lent;
        received += workers[i].received;
        refused += workers[i].refused;
        controls += workers[i].sent_controls;
        taken += workers[i].taken_controls;
        if (workers[i].pool.unreturned || workers[i].pool.free != BODIES) fail("a body did not come home");
        packet_pool_free(&workers[i].pool);
    }
    if (lent != received || controls != taken) fail("something was lost on the way");
    if (lent == 0 || refused == 0 || controls == 0) fail("the rings were never full: nothing was shown");
    printf("handoff: %llu packets lent, %llu refused by full rings, %llu control messages\n", (unsigned long long)lent,
           (unsigned long long)refused, (unsigned long long)controls);
    handoff_destroy(links);
    pthread_barrier_destroy(&all_have_stopped_lending);
    return 0;
}
