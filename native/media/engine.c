#include "media/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/demux.h"
#include "core/hmac_sha1.h"
#include "core/stun.h"
#include "media/engine_internal.h"

enum {
    ENGINE_MIN_PACKETS = 16,
    DEPARTURES_PER_PACKET = 4,
    DTLS_SHARE = 32,          // of ENGINE_DTLS_QUEUE, for one transport
    DTLS_IN_WINDOW = 128,     // datagrams of one transport
    DTLS_WINDOW_US = 1000000, // that long
};

// splitmix64 (Steele, Lea, Flood 2014): for RTP's random starts, which are no secrets here (RFC 3550 section 5.1 wanted
// them against known-plaintext attacks on weaker ciphers).
uint64_t engine_random(engine *self) {
    uint64_t z = (self->random += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static bool is_valid(const engine_config *config, const handoff *links) {
    return config->max_transports > 0 && config->packets >= ENGINE_MIN_PACKETS &&
           config->max_payload_bytes <= ENGINE_MAX_DATAGRAM && config->max_payload_bytes >= 256 &&
           config->pacing_bps > 0 &&
           (links ? config->index < handoff_engines(links) : config->index < ENGINE_MAX_ENGINES);
}

static bool allocate(engine *self) {
    const engine_config *config = &self->config;
    size_t engines = self->links ? handoff_engines(self->links) : 1;
    self->addresses = address_table_create((size_t)config->max_transports * ICE_MAX_ADDRESSES, config->seed);
    self->transports = calloc(config->max_transports, sizeof *self->transports);
    self->records = calloc(ENGINE_DTLS_QUEUE, sizeof *self->records);
    self->boxes[0] = calloc(1, sizeof(outbox));
    self->boxes[1] = calloc(1, sizeof(outbox));
    self->arena = malloc(ENGINE_ARENA_BYTES);
    self->backlog = calloc(engines, sizeof *self->backlog);
    bool pools = packet_pool_init(&self->packets, config->packets, config->index, self->links) == 0;
    pools = departure_pool_init(&self->departures, config->packets * DEPARTURES_PER_PACKET) == 0 && pools;
    pools = deadline_heap_init(&self->deadlines, config->max_transports) == 0 && pools;
    return pools && self->addresses && self->transports && self->records && self->boxes[0] && self->boxes[1] &&
           self->arena && self->backlog;
}

engine *engine_create(const engine_config *config, handoff *links) {
    if (!is_valid(config, links)) return NULL;
    engine *self = calloc(1, sizeof *self);
    if (!self) return NULL;
    self->config = *config;
    self->links = links;
    self->random = config->seed[0] ^ (config->seed[1] << 1 | config->seed[1] >> 63);
    self->sweep_us = UINT64_MAX;
    self->retry_us = UINT64_MAX;
    if (allocate(self)) return self;
    engine_destroy(self);
    return NULL;
}

void engine_shut_down(engine *self, uint64_t now_us) {
    for (uint32_t i = 0; i < self->config.max_transports; i++)
        if (self->transports[i].open) transport_close(self, &self->transports[i], now_us);
    for (size_t i = 0; i < SOURCE_TABLE_BUCKETS; i++) {
        while (self->sources.buckets[i]) {
            source *s = self->sources.buckets[i];
            source_table_remove(&self->sources, s);
            source_destroy(s, &self->packets);
        }
    }
}

void engine_destroy(engine *self) {
    if (!self) return;
    if (self->transports) engine_shut_down(self, 0);
    address_table_destroy(self->addresses);
    for (size_t i = 0; self->backlog && i < (self->links ? handoff_engines(self->links) : 1u); i++)
        free(self->backlog[i].entries);
    free(self->backlog);
    free(self->transports);
    free(self->records);
    free(self->boxes[0]);
    free(self->boxes[1]);
    free(self->arena);
    packet_pool_free(&self->packets);
    departure_pool_free(&self->departures);
    deadline_heap_free(&self->deadlines);
    free(self);
}

// ---- what the files of the engine share ----

static void append(transport_list *list, transport *which) {
    which->listed = true;
    which->listed_next = NULL;
    if (list->last)
        list->last->listed_next = which;
    else
        list->first = which;
    list->last = which;
}

static transport *take_first(transport_list *list) {
    transport *first = list->first;
    list->first = first->listed_next;
    if (!list->first) list->last = NULL;
    first->listed = false;
    return first;
}

void engine_mark_ready(engine *self, transport *which) {
    if (!which->listed) append(&self->ready, which);
}

static bool is_blocked(const engine *self, const transport *which) {
    const ice_path *path = ice_lite_selected(&which->ice);
    return path && path->local < ENGINE_MAX_SOCKETS && (self->blocked >> path->local & 1) != 0;
}

static void stall(engine *self, transport *which) {
    which->stalled = true;
    append(&self->stalled, which);
    deadline_set(&self->deadlines, &which->timer, transport_next_deadline_us(which));
}

void engine_resume(engine *self) {
    while (self->stalled.first) {
        transport *which = take_first(&self->stalled);
        which->stalled = false;
        append(&self->ready, which);
    }
}

void engine_on_blocked(engine *self, uint32_t local) {
    self->blocked |= UINT64_C(1) << local;
}

void engine_on_refused(engine *self, uint64_t now_us, uint32_t id, uint32_t datagrams, int error) {
    transport *to = &self->transports[id];
    if (!to->open) return; // it waited for a full socket
    to->stats.send_refused += datagrams;
    trace_event(
        to->tracing,
        (trace_record){.at_us = now_us, .what = TRACE_SEND_REFUSED, .id = (uint32_t)error, .number = datagrams});
}

void engine_on_writable(engine *self, uint32_t local) {
    self->blocked &= ~(UINT64_C(1) << local);
    engine_resume(self);
}

void engine_touch(engine *self, transport *which, uint64_t at_us) {
    if (at_us < which->timer.at_us) deadline_set(&self->deadlines, &which->timer, at_us);
}

void engine_raise(engine *self, transport *which, event_type type) {
    which->event_bits |= 1u << type;
    if (which->event_queued) return;
    which->event_queued = true;
    which->event_next = NULL;
    if (self->event_last)
        self->event_last->event_next = which;
    else
        self->event_first = which;
    self->event_last = which;
}

void engine_send_plain(engine *self, uint32_t id, const ice_path *path, const uint8_t *bytes, size_t length) {
    outbox *box = self->boxes[self->box];
    if (box->count == ENGINE_OUTBOX_MESSAGES || ENGINE_OUTBOX_BYTES - box->used < length) return;
    uint8_t *copy = box->bytes + box->used;
    memcpy(copy, bytes, length);
    box->used += length;
    box->messages[box->count++] = (transmit){
        .bytes = copy,
        .length = (uint32_t)length,
        .segment_bytes = (uint16_t)length,
        .segments = 1,
        .transport = id,
        .path = *path,
    };
}

uint8_t *engine_arena_room(engine *self, size_t bytes) {
    if (ENGINE_ARENA_BYTES - self->arena_used < bytes) return NULL;
    uint8_t *room = self->arena + self->arena_used;
    self->arena_used += bytes;
    return room;
}

// ---- in ----

// What nobody can tell who does not know the seed, and no two times the same.
static void make_nonce(engine *self, uint8_t nonce[HMAC_SHA1_BYTES]) {
    uint64_t number = ++self->nonces;
    hmac_sha1(nonce, (const uint8_t *)self->config.seed, sizeof self->config.seed, (const uint8_t *)&number,
              sizeof number, NULL, 0);
}

static void check_path(engine *self, transport *which, uint64_t now_us) {
    if (now_us < ice_lite_next_check_us(&which->ice)) return;
    uint8_t nonce[HMAC_SHA1_BYTES], request[STUN_MAX_BYTES];
    ice_path path;
    make_nonce(self, nonce);
    size_t length = ice_lite_poll(&which->ice, now_us, nonce, request, sizeof request, &path);
    if (length > 0) engine_send_plain(self, which->id, &path, request, length);
}

// A request names its transport; an answer comes from where the question went.
static uint32_t find_transport(const engine *self, const datagram *in, const stun_message *message) {
    if (message->username)
        return address_table_find_username(self->addresses, message->username, message->username_length);
    return message->type == STUN_BINDING_SUCCESS ? address_table_find_path(self->addresses, &in->path) : UINT32_MAX;
}

static void receive_stun(engine *self, const datagram *in, uint64_t now_us) {
    stun_message message;
    uint32_t id = UINT32_MAX;
    if (in->length <= STUN_MAX_BYTES && stun_parse(&message, in->bytes, in->length) == 0)
        id = find_transport(self, in, &message);
    if (id >= self->config.max_transports) {
        self->stats.stun_refused++;
        return;
    }
    transport *meant = &self->transports[id];
    uint8_t response[STUN_MAX_BYTES];
    ice_change change = {0};
    size_t length = ice_lite_on_stun(&meant->ice, now_us, &in->path, &message, response, sizeof response, &change);
    transport_apply(self, meant, &change, now_us);
    if (length > 0)
        engine_send_plain(self, id, &in->path, response, length);
    else
        self->stats.stun_refused += !change.proven;
}

// Records go to the control plane, which is slow, through a queue that all share: nobody may fill either. A handshake
// with all its repetitions is a few dozen datagrams.
static bool takes_dtls(const engine *self, transport *from, uint64_t now_us) {
    if (now_us - from->dtls_since_us >= DTLS_WINDOW_US) {
        from->dtls_since_us = now_us;
        from->dtls_taken = 0;
    }
    if (from->dtls_taken == DTLS_IN_WINDOW || self->record_count == ENGINE_DTLS_QUEUE) return false;
    size_t waiting = 0;
    for (size_t i = 0; i < self->record_count; i++)
        waiting += self->records[(self->record_first + i) % ENGINE_DTLS_QUEUE].transport == from->id;
    return waiting < DTLS_SHARE;
}

static void receive_dtls(engine *self, const datagram *in, uint32_t id, uint64_t now_us) {
    transport *from = &self->transports[id];
    if (in->length > ENGINE_MAX_DATAGRAM || !takes_dtls(self, from, now_us)) {
        self->stats.dtls_dropped++;
        return;
    }
    from->dtls_taken++;
    ice_lite_on_received(&from->ice, &in->path, in->length);
    dtls_record *record = &self->records[(self->record_first + self->record_count++) % ENGINE_DTLS_QUEUE];
    record->transport = id;
    record->length = (uint16_t)in->length;
    memcpy(record->bytes, in->bytes, in->length);
}

static void receive_datagram(engine *self, const datagram *in, uint64_t now_us) {
    self->stats.datagrams_received++;
    datagram_kind kind = demux_classify(in->bytes, in->length);
    if (kind == DATAGRAM_STUN) {
        receive_stun(self, in, now_us);
        return;
    }
    // Only addresses that a check has validated are in the table.
    uint32_t id = kind == DATAGRAM_UNKNOWN ? UINT32_MAX : address_table_find_path(self->addresses, &in->path);
    if (id >= self->config.max_transports) {
        self->stats.datagrams_unknown++;
        self->stats.dtls_dropped += kind == DATAGRAM_DTLS;
        return;
    }
    if (kind == DATAGRAM_DTLS)
        receive_dtls(self, in, id, now_us);
    else if (kind == DATAGRAM_RTCP)
        feedback_receive(self, &self->transports[id], in, now_us);
    else
        receive_rtp(self, &self->transports[id], in, now_us);
}

void engine_on_datagrams(engine *self, uint64_t now_us, const datagram *batch, size_t count) {
    for (size_t i = 0; i < count; i++)
        receive_datagram(self, &batch[i], now_us);
}

void engine_on_path_closed(engine *self, uint64_t now_us, const ice_path *path) {
    uint32_t id = address_table_find_path(self->addresses, path);
    if (id >= self->config.max_transports) return;
    ice_change change = {0};
    ice_lite_remove_path(&self->transports[id].ice, path, &change);
    transport_apply(self, &self->transports[id], &change, now_us);
}

bool engine_knows_path(const engine *self, const ice_path *path) {
    return address_table_find_path(self->addresses, path) != UINT32_MAX;
}

void engine_on_handoff(engine *self, uint64_t now_us) {
    exchange_drain(self, now_us);
}

// ---- out ----

static size_t hand_out(engine *self, transmit *messages, size_t capacity) {
    outbox *box = self->boxes[self->box];
    size_t count = box->count < capacity ? box->count : capacity;
    memcpy(messages, box->messages, count * sizeof *messages);
    if (count < box->count) {
        memmove(box->messages, box->messages + count, (box->count - count) * sizeof *messages);
        box->count -= count;
        return count;
    }
    // What the other box held was handed out before and is no longer in use.
    self->box = 1 - self->box;
    self->boxes[self->box]->count = 0;
    self->boxes[self->box]->used = 0;
    return count;
}

static void run_timers(engine *self, uint64_t now_us) {
    const deadline *first;
    while ((first = deadline_heap_first(&self->deadlines)) && first->at_us <= now_us) {
        transport *due = &self->transports[first->owner];
        deadline_set(&self->deadlines, &due->timer, UINT64_MAX);
        ice_change change = {0};
        ice_lite_on_timeout(&due->ice, now_us, &change);
        transport_apply(self, due, &change, now_us);
        check_path(self, due, now_us);
        // Its reports or departures are due; what is next is known once they have been made.
        deadline_set(&self->deadlines, &due->timer, due->stalled ? transport_next_deadline_us(due) : UINT64_MAX);
        engine_mark_ready(self, due);
    }
}

static bool has_due(const transport *self, uint64_t now_us) {
    return transport_next_deadline_us(self) <= now_us;
}

// A ring that was full gives no sign when it has room again.
static void retry_rings(engine *self, uint64_t now_us) {
    bool waits = self->packets.unreturned != NULL;
    for (size_t i = 0; self->links && !waits && i < handoff_engines(self->links); i++)
        waits = self->backlog[i].count > 0;
    if (waits && self->retry_us <= now_us) waits = exchange_retry(self);
    if (!waits)
        self->retry_us = UINT64_MAX;
    else if (self->retry_us == UINT64_MAX || self->retry_us <= now_us)
        self->retry_us = now_us + ENGINE_RETRY_US;
}

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

size_t engine_poll(engine *self, uint64_t now_us, transmit *messages, size_t capacity) {
    self->arena_used = 0;
    history_sweep(self, now_us);
    run_timers(self, now_us);
    size_t made = hand_out(self, messages, capacity);
    uint32_t packets = ENGINE_TURN_PACKETS;
    // Each transport at most once in a turn: what it still has waits until the others had theirs.
    const transport *last = self->ready.last;
    while (self->ready.first && made < capacity && packets > 0) {
        transport *next = take_first(&self->ready);
        bool was_last = next == last;
        if (next->open && is_blocked(self, next)) {
            stall(self, next);
        } else if (next->open) {
            made += report_flush(self, next, now_us, messages + made, capacity - made);
            made += departure_flush(self, next, now_us, messages + made, capacity - made, &packets);
            if (has_due(next, now_us))
                engine_mark_ready(self, next);
            else
                deadline_set(&self->deadlines, &next->timer, transport_next_deadline_us(next));
        }
        if (was_last) break;
    }
    retry_rings(self, now_us);
    self->stats.packets_free = self->packets.free;
    self->stats.packets_total = self->packets.total;
    self->stats.departures_queued = self->departures.queued;
    return made;
}

uint64_t engine_next_deadline_us(const engine *self) {
    if (self->ready.first || self->boxes[self->box]->count > 0) return 0;
    const deadline *first = deadline_heap_first(&self->deadlines);
    return earlier(earlier(first ? first->at_us : UINT64_MAX, self->sweep_us), self->retry_us);
}

uint64_t engine_take_wakeups(engine *self) {
    uint64_t wakeups = self->wakeups | self->packets.wakeups;
    self->wakeups = 0;
    self->packets.wakeups = 0;
    return wakeups;
}

// ---- events ----

static bool next_slot_event(const transport *which, event *out) {
    for (uint16_t i = 0; i < which->slot_limit; i++) {
        slot *s = which->slots[i];
        if (!s || !s->announce) continue;
        s->announce = false;
        *out = (event){.type = EVENT_SLOT_FILLED,
                       .transport = which->id,
                       .slot = i,
                       .source = s->showing,
                       .layer = s->showing_layer};
        return true;
    }
    return false;
}

static bool next_level_event(const transport *which, event *out) {
    for (uint8_t i = 0; i < which->track_count; i++) {
        source *track = which->tracks[i];
        if (!track->level_news) continue;
        track->level_news = false;
        *out =
            (event){.type = EVENT_AUDIO_LEVEL, .transport = which->id, .source = track->id, .level = track->level.told};
        return true;
    }
    return false;
}

static bool next_transport_event(transport *which, event *out) {
    while (which->event_bits) {
        event_type type = (event_type)__builtin_ctz(which->event_bits);
        if (type == EVENT_SLOT_FILLED || type == EVENT_AUDIO_LEVEL) {
            if (type == EVENT_SLOT_FILLED ? next_slot_event(which, out) : next_level_event(which, out)) return true;
            which->event_bits &= ~(1u << type);
            continue;
        }
        which->event_bits &= ~(1u << type);
        const ice_path *path = ice_lite_selected(&which->ice);
        *out = (event){.type = type, .transport = which->id};
        if (path && type != EVENT_TRANSPORT_CLOSED) out->path = *path;
        return true;
    }
    return false;
}

bool engine_next_event(engine *self, event *out) {
    while (self->event_first) {
        transport *first = self->event_first;
        if (next_transport_event(first, out)) return true;
        self->event_first = first->event_next;
        if (!self->event_first) self->event_last = NULL;
        first->event_queued = false;
    }
    if (self->record_count == 0) return false;
    const dtls_record *record = &self->records[self->record_first];
    *out = (event){.type = EVENT_TRANSPORT_DTLS, .transport = record->transport, .length = record->length};
    memcpy(out->bytes, record->bytes, record->length);
    self->record_first = (self->record_first + 1) % ENGINE_DTLS_QUEUE;
    self->record_count--;
    return true;
}

bool engine_next_trace(engine *self, event *out) {
    for (size_t i = 0; i < self->traced_count; i++) {
        uint32_t id = self->traced[i];
        *out = (event){.type = EVENT_TRANSPORT_TRACE, .transport = id};
        out->length = (uint16_t)trace_read(self->transports[id].tracing, out->bytes, sizeof out->bytes);
        if (out->length == 0) continue;
        // The others first the next time.
        for (size_t k = i + 1; k < self->traced_count; k++)
            self->traced[k - 1] = self->traced[k];
        self->traced[self->traced_count - 1] = id;
        return true;
    }
    return false;
}

const engine_stats *engine_get_stats(const engine *self) {
    return &self->stats;
}

int engine_get_transport_stats(const engine *self, uint32_t id, transport_stats *stats) {
    if (id >= self->config.max_transports || !self->transports[id].open) return -ENOENT;
    const transport *which = &self->transports[id];
    *stats = which->stats;
    stats->rtt_us = which->rtt_us;
    for (int class = 0; class < DEPARTURE_CLASSES; class++) {
        stats->queue_packets += which->queues[class].count;
        stats->queue_bytes += which->queues[class].bytes;
    }
    return 0;
}
