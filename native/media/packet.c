#include "media/packet.h"

#include <errno.h>
#include <stdlib.h>

#include "media/handoff.h"

int packet_pool_init(packet_pool *pool, uint32_t bodies, uint8_t index, handoff *links) {
    *pool = (packet_pool){.links = links, .total = bodies, .free = bodies, .reserve = bodies / 8, .index = index};
    pool->bodies = calloc(bodies, sizeof *pool->bodies);
    pool->packets = calloc((size_t)bodies * 2, sizeof *pool->packets);
    if (!pool->bodies || !pool->packets) {
        packet_pool_free(pool);
        return -ENOMEM;
    }
    for (uint32_t i = bodies; i-- > 0;) {
        pool->bodies[i].home = index;
        pool->bodies[i].next = pool->free_bodies;
        pool->free_bodies = &pool->bodies[i];
    }
    for (uint32_t i = bodies * 2; i-- > 0;) {
        pool->packets[i].next = pool->free_packets;
        pool->free_packets = &pool->packets[i];
    }
    return 0;
}

void packet_pool_free(packet_pool *pool) {
    free(pool->bodies);
    free(pool->packets);
    *pool = (packet_pool){0};
}

packet_body *packet_pool_take(packet_pool *pool, media_kind kind) {
    if (pool->free == 0 || (kind == MEDIA_VIDEO && pool->free <= pool->reserve)) return NULL;
    packet_body *body = pool->free_bodies;
    pool->free_bodies = body->next;
    pool->free--;
    body->next = NULL;
    body->holders = 1;
    return body;
}

static void body_drop_holder(packet_pool *pool, packet_body *body) {
    if (--body->holders > 0) return;
    body->next = pool->free_bodies;
    pool->free_bodies = body;
    pool->free++;
}

static bool return_home(packet_pool *pool, packet_body *body) {
    if (!handoff_push_return(pool->links, pool->index, body->home, body)) return false;
    pool->wakeups |= UINT64_C(1) << body->home;
    return true;
}

static void free_packet(packet_pool *pool, packet *held) {
    held->body = NULL;
    held->next = pool->free_packets;
    pool->free_packets = held;
}

void packet_pool_give_back(packet_pool *pool, packet_body *body) {
    body_drop_holder(pool, body);
}

packet *packet_pool_hold(packet_pool *pool, packet_body *body) {
    packet *held = pool->free_packets;
    if (!held) return NULL;
    pool->free_packets = held->next;
    *held = (packet){.body = body, .references = 1};
    return held;
}

void packet_unref(packet_pool *pool, packet *held) {
    if (--held->references > 0) return;
    if (held->body->home == pool->index) {
        body_drop_holder(pool, held->body);
        free_packet(pool, held);
    } else if (return_home(pool, held->body)) {
        free_packet(pool, held);
    } else {
        held->next = pool->unreturned;
        pool->unreturned = held;
    }
}

bool packet_pool_lend(packet_pool *pool, packet_body *body, uint8_t to, bool splice) {
    handoff_packet lent = {.body = body, .splice = splice};
    if (body->kind == MEDIA_VIDEO && !handoff_has_room_for_video(pool->links, pool->index, to)) return false;
    if (!handoff_push_packet(pool->links, pool->index, to, &lent)) return false;
    body->holders++;
    pool->wakeups |= UINT64_C(1) << to;
    return true;
}

void packet_pool_collect(packet_pool *pool) {
    if (!pool->links) return;
    packet **link = &pool->unreturned;
    while (*link) {
        packet *held = *link;
        if (!return_home(pool, held->body)) { // one home's full ring keeps nothing from the others
            link = &held->next;
            continue;
        }
        *link = held->next;
        free_packet(pool, held);
    }
    packet_body *body;
    for (uint8_t from = 0; from < handoff_engines(pool->links); from++)
        while (from != pool->index && handoff_pop_return(pool->links, from, pool->index, &body))
            body_drop_holder(pool, body);
}
