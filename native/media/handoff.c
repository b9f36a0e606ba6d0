#include "media/handoff.h"

#include <stdlib.h>
#include <string.h>

#include "media/engine.h"
#include "media/ring.h"

typedef struct link {
    ring packets;
    ring returns;
    ring controls;
} link;

struct handoff {
    uint8_t engines;
    link *links; // engines × engines, [from * engines + to]
};

handoff *handoff_create(uint8_t engines, size_t packets, size_t returns, size_t controls) {
    if (engines == 0 || engines > ENGINE_MAX_ENGINES) return NULL;
    handoff *links = calloc(1, sizeof *links);
    if (!links) return NULL;
    links->engines = engines;
    size_t count = (size_t)engines * engines;
    links->links = aligned_alloc(RING_CACHE_LINE, count * sizeof *links->links);
    if (!links->links) {
        free(links);
        return NULL;
    }
    memset(links->links, 0, count * sizeof *links->links);
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        link *l = &links->links[i];
        ok = ring_init(&l->packets, packets, sizeof(handoff_packet)) == 0 && ok;
        ok = ring_init(&l->returns, returns, sizeof(packet_body *)) == 0 && ok;
        ok = ring_init(&l->controls, controls, sizeof(handoff_control)) == 0 && ok;
    }
    if (ok) return links;
    handoff_destroy(links);
    return NULL;
}

void handoff_destroy(handoff *links) {
    if (!links) return;
    for (size_t i = 0; i < (size_t)links->engines * links->engines; i++) {
        ring_free(&links->links[i].packets);
        ring_free(&links->links[i].returns);
        ring_free(&links->links[i].controls);
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

bool handoff_has_room_for_video(handoff *links, uint8_t from, uint8_t to) {
    ring *packets = &between(links, from, to)->packets;
    return ring_has_room(packets, 1 + (packets->mask + 1) / HANDOFF_AUDIO_SHARE);
}

bool handoff_push_packet(handoff *links, uint8_t from, uint8_t to, const handoff_packet *packet) {
    return ring_push(&between(links, from, to)->packets, packet);
}

bool handoff_pop_packet(handoff *links, uint8_t from, uint8_t to, handoff_packet *packet) {
    return ring_pop(&between(links, from, to)->packets, packet);
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
