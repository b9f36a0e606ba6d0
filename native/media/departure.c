#include "media/departure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/rtx.h"
#include "media/engine_internal.h"

enum {
    MAX_ELEMENTS = 8,
    MAX_PADDING = DEPARTURE_EVEN_OUT_BYTES + 1, // a packet that is nothing but padding has one byte to begin with
    ONE_BYTE_MAX_ID = 14,                       // RFC 8285 section 4.2
    ONE_BYTE_MAX_LENGTH = 16,
};

// Extensions that go on from the source as they are, of a length that rtp_ext_parse has seen to; the rest is made anew,
// rewritten or left out (DESIGN: Splice).
static const rtp_ext_kind forwarded[] = {RTP_EXT_AUDIO_LEVEL, RTP_EXT_ORIENTATION, RTP_EXT_PLAYOUT_DELAY,
                                         RTP_EXT_COLOR_SPACE, RTP_EXT_ABS_CAPTURE_TIME};

// What says that a picture is to be shown as it is (3GPP TS 26.114 section 7.4.5).
static const uint8_t upright[1] = {0};

int departure_pool_init(departure_pool *pool, uint32_t count) {
    *pool = (departure_pool){.all = calloc(count, sizeof(departure)), .total = count};
    if (!pool->all) return -ENOMEM;
    for (uint32_t i = count; i-- > 0;) {
        pool->all[i].next = pool->free;
        pool->free = &pool->all[i];
    }
    return 0;
}

void departure_pool_free(departure_pool *pool) {
    free(pool->all);
    *pool = (departure_pool){0};
}

bool departure_append(departure_pool *pool, departure_queue *queue, const departure *what) {
    departure *entry = pool->free;
    if (!entry) return false;
    pool->free = entry->next;
    pool->queued++;
    *entry = *what;
    entry->next = NULL;
    if (entry->held) packet_ref(entry->held);
    if (queue->last)
        queue->last->next = entry;
    else
        queue->first = entry;
    queue->last = entry;
    queue->count++;
    queue->bytes += entry->bytes;
    return true;
}

static void discard(engine *self, departure *entry) {
    if (entry->held) packet_unref(&self->packets, entry->held);
    entry->next = self->departures.free;
    self->departures.free = entry;
    self->departures.queued--;
}

static departure *take_first(departure_queue *queue) {
    departure *entry = queue->first;
    queue->first = entry->next;
    if (!queue->first) queue->last = NULL;
    queue->count--;
    queue->bytes -= entry->bytes;
    return entry;
}

static void append_entry(departure_queue *queue, departure *entry) {
    entry->next = NULL;
    if (queue->last)
        queue->last->next = entry;
    else
        queue->first = entry;
    queue->last = entry;
    queue->count++;
    queue->bytes += entry->bytes;
}

static void become_padding(engine *self, departure *entry) {
    packet_unref(&self->packets, entry->held);
    entry->held = NULL;
    entry->marker = false;
    entry->upright = false;
    entry->bytes = departure_size(entry->to->owner, entry);
}

uint32_t departure_drop(engine *self, departure_queue *queue, const slot *to) {
    departure_queue kept = {0};
    uint32_t changed = 0;
    while (queue->first) {
        departure *entry = take_first(queue);
        if (to && entry->to != to) {
            append_entry(&kept, entry);
        } else if (to && entry->held && !entry->retransmission && entry->sequence < to->highest_sent) {
            become_padding(self, entry);
            append_entry(&kept, entry);
            changed++;
        } else if (to && !entry->held) {
            append_entry(&kept, entry);
        } else {
            discard(self, entry);
            changed++;
        }
    }
    *queue = kept;
    return changed;
}

// ---- header extensions ----

typedef struct element_list {
    rtp_ext_element items[MAX_ELEMENTS];
    size_t count;
    int transport_cc; // index of the element to fill in at departure, or -1
    int send_time;
} element_list;

static int add_element(element_list *list, uint8_t id, uint8_t length, const uint8_t *data) {
    list->items[list->count] = (rtp_ext_element){.id = id, .length = length, .data = data};
    return (int)list->count++;
}

static element_list list_elements(const transport *to, const departure *what) {
    const packet_body *body = what->held ? what->held->body : NULL;
    element_list list = {.transport_cc = -1, .send_time = -1};
    const uint8_t *ids = to->extensions.id_of_kind;
    if (transport_sends(to, RTP_EXT_TRANSPORT_CC))
        list.transport_cc = add_element(&list, ids[RTP_EXT_TRANSPORT_CC], 2, NULL);
    if (transport_sends(to, RTP_EXT_ABS_SEND_TIME))
        list.send_time = add_element(&list, ids[RTP_EXT_ABS_SEND_TIME], 3, NULL);
    if (what->upright && transport_sends(to, RTP_EXT_ORIENTATION))
        (void)add_element(&list, ids[RTP_EXT_ORIENTATION], sizeof upright, upright);
    if (!body || (body->extensions.present & to->send_extensions) == 0) return list;
    for (size_t i = 0; i < sizeof forwarded / sizeof forwarded[0]; i++) {
        rtp_ext_kind kind = forwarded[i];
        if (!rtp_ext_has(&body->extensions, kind) || !transport_sends(to, kind)) continue;
        (void)add_element(&list, ids[kind], body->extensions.at[kind].length,
                          body->bytes + body->extensions.at[kind].offset);
    }
    return list;
}

static size_t elements_size(const element_list *list) {
    if (list->count == 0) return 0;
    size_t one = 0, two = 0;
    bool fits_one = true;
    for (size_t i = 0; i < list->count; i++) {
        const rtp_ext_element *e = &list->items[i];
        one += 1u + e->length;
        two += 2u + e->length;
        if (e->id > ONE_BYTE_MAX_ID || e->length == 0 || e->length > ONE_BYTE_MAX_LENGTH) fits_one = false;
    }
    return 4 + ((fits_one ? one : two) + 3) / 4 * 4;
}

static bool is_padding(const departure *what) {
    return !what->held || what->held->body->payload_length == 0;
}

uint16_t departure_size(const transport *to, const departure *what) {
    element_list list = list_elements(to, what);
    size_t payload = is_padding(what) ? 1 : what->held->body->payload_length;
    size_t size = RTP_FIXED_HEADER_BYTES + elements_size(&list) + (what->retransmission ? RTX_OSN_BYTES : 0) + payload +
                  srtp_sender_overhead(to->sender);
    return (uint16_t)size;
}

// ---- runs ----

typedef struct run {
    size_t count;     // departures
    uint16_t segment; // bytes of all but the last, which may be shorter
} run;

// How many departures at the head of the queue make one run, and of what size: those whose sizes lie within a few bytes
// are padded to the largest; a shorter one may follow as the last.
static run plan_run(const departure_queue *queue, size_t byte_limit, size_t packet_limit) {
    const departure *next = queue->first;
    uint16_t low = next->bytes, high = next->bytes;
    run planned = {.count = 1};
    for (next = next->next; next && planned.count < packet_limit; next = next->next) {
        uint16_t new_low = next->bytes < low ? next->bytes : low;
        uint16_t new_high = next->bytes > high ? next->bytes : high;
        if (new_high - new_low > DEPARTURE_EVEN_OUT_BYTES || (planned.count + 1u) * new_high > byte_limit) break;
        low = new_low;
        high = new_high;
        planned.count++;
    }
    planned.segment = high;
    bool room = planned.count < packet_limit && planned.count * high + (next ? next->bytes : 0u) <= byte_limit;
    if (next && room && next->bytes < high) planned.count++;
    if (planned.count == 1) planned.segment = queue->first->bytes;
    return planned;
}

typedef struct builder {
    engine *self;
    transport *to;
    uint64_t now_us;
    uint8_t padding[MAX_PADDING + 1][MAX_PADDING]; // padding of n bytes ends with n
} builder;

static void write_time_and_number(builder *b, uint8_t *output, const element_list *list, const uint16_t *offsets,
                                  uint16_t bytes) {
    if (list->transport_cc >= 0) {
        seq16 number = seq64_wire(send_history_add(b->to->history, b->now_us, bytes));
        uint8_t *at = output + offsets[list->transport_cc];
        at[0] = (uint8_t)(number >> 8);
        at[1] = (uint8_t)number;
    }
    if (list->send_time >= 0) {
        uint32_t time_6_18 = (uint32_t)((b->now_us << 18) / 1000000) & 0xFFFFFF;
        uint8_t *at = output + offsets[list->send_time];
        at[0] = (uint8_t)(time_6_18 >> 16);
        at[1] = (uint8_t)(time_6_18 >> 8);
        at[2] = (uint8_t)time_6_18;
    }
}

// Header into `output`, and what SRTP needs to make the rest. `pad` bytes of padding are added.
static bool prepare(builder *b, const departure *what, uint8_t *output, size_t capacity, uint8_t osn[RTX_OSN_BYTES],
                    size_t pad, srtp_outgoing *out) {
    slot *from = what->to;
    const packet_body *body = what->held ? what->held->body : NULL;
    srtp_stream **stream = what->retransmission ? &from->rtx_stream : &from->stream;
    uint32_t ssrc = what->retransmission ? from->rtx_ssrc : from->ssrc;
    if (!*stream && !(*stream = srtp_sender_stream(b->to->sender, ssrc))) return false;

    element_list list = list_elements(b->to, what);
    uint16_t offsets[MAX_ELEMENTS];
    *out = (srtp_outgoing){.stream = *stream, .index = what->sequence, .output = output};
    if (what->retransmission) {
        out->index = from->next_rtx++;
        rtx_write_osn(osn, seq64_wire(what->sequence));
        out->text.prefix = osn;
        out->text.prefix_length = RTX_OSN_BYTES;
    }
    if (is_padding(what)) {
        pad += 1;
    } else {
        out->text.body = body->bytes + body->payload_offset;
        out->text.body_length = body->payload_length;
    }
    out->text.suffix = b->padding[pad];
    out->text.suffix_length = pad;

    writer w = writer_over(output, capacity);
    rtp_header header = {
        .marker = what->marker,
        .padding = pad > 0,
        .has_extension = list.count > 0,
        .payload_type = what->payload_type,
        .sequence = seq64_wire(out->index),
        .timestamp = what->timestamp,
        .ssrc = ssrc,
    };
    rtp_write_header(&w, &header);
    if (rtp_ext_write(&w, list.items, list.count, offsets) < 0 || !writer_ok(&w)) return false;
    out->header_length = writer_length(&w);
    size_t bytes = out->header_length + cipher_text_length(&out->text) + srtp_sender_overhead(b->to->sender);
    if (bytes > capacity) return false; // never: sizes are taken anew when what decides them changes
    write_time_and_number(b, output, &list, offsets, (uint16_t)bytes);
    return true;
}

static void count_sent(engine *self, transport *to, const departure *what, size_t bytes) {
    slot *from = what->to;
    if (what->retransmission) {
        to->stats.retransmissions_sent++;
        self->stats.retransmissions_sent++;
    } else {
        if (what->sequence > from->highest_sent) from->highest_sent = what->sequence;
        from->packets++;
        from->octets += what->held ? what->held->body->payload_length : 0;
    }
    to->stats.packets_sent++;
    to->stats.bytes_sent += bytes;
    self->stats.packets_sent++;
    self->stats.bytes_sent += bytes;
}

static size_t run_length_class(size_t segments) {
    size_t class = 0;
    while ((size_t)1 << class < segments)
        class++;
    return class;
}

// SRTP leaves the header as it is (RFC 3711 section 3.1) and the text where it was.
static void trace_sent(const builder *b, const srtp_outgoing *sent) {
    if (!b->to->tracing || !trace_takes_packets(b->to->tracing)) return;
    const trace_piece pieces[TRACE_MAX_PIECES] = {
        {sent->output, sent->header_length},
        {sent->text.prefix, sent->text.prefix_length},
        {sent->text.body, sent->text.body_length},
        {sent->text.suffix, sent->text.suffix_length},
    };
    trace_put(b->to->tracing, (trace_record){.at_us = b->now_us, .what = TRACE_PACKET_OUT}, pieces, TRACE_MAX_PIECES);
}

// Takes one run off the queue and makes it a message. Returns its bytes; 0 if nothing of it could be protected.
static size_t build_run(builder *b, departure_queue *queue, run planned, bool droppable, transmit *message) {
    engine *self = b->self;
    srtp_outgoing batch[ENGINE_MAX_RUN];
    departure *entries[ENGINE_MAX_RUN];
    uint8_t osn[ENGINE_MAX_RUN][RTX_OSN_BYTES];
    uint8_t *start = engine_arena_room(self, planned.count * planned.segment);
    uint8_t *output = start;
    size_t count = 0;
    for (size_t i = 0; i < planned.count; i++) {
        departure *entry = take_first(queue);
        bool last = i + 1 == planned.count;
        size_t pad = last || entry->bytes > planned.segment ? 0 : (size_t)(planned.segment - entry->bytes);
        if (!prepare(b, entry, output, planned.segment, osn[count], pad, &batch[count])) {
            discard(self, entry);
            continue;
        }
        entries[count++] = entry;
        output += planned.segment;
    }
    (void)srtp_protect(b->to->sender, batch, count);

    uint8_t *end = start;
    size_t segments = 0;
    for (size_t i = 0; i < count; i++) {
        if (batch[i].status == 0) {
            trace_sent(b, &batch[i]);
            // A packet that SRTP refused leaves a gap in the run: what follows moves up.
            if (batch[i].output != end) memmove(end, batch[i].output, batch[i].output_length);
            end += batch[i].output_length;
            segments++;
            count_sent(self, b->to, entries[i], batch[i].output_length);
        }
        discard(self, entries[i]);
    }
    if (segments == 0) return 0;
    *message = (transmit){
        .bytes = start,
        .length = (uint32_t)(end - start),
        .segment_bytes = segments == 1 ? (uint16_t)(end - start) : planned.segment,
        .segments = (uint16_t)segments,
        .transport = b->to->id,
        .droppable = droppable,
        .path = *ice_lite_selected(&b->to->ice),
    };
    self->stats.messages_sent++;
    self->stats.run_lengths[run_length_class(segments)]++;
    return message->length;
}

static size_t limit_of(size_t a, size_t b) {
    return a < b ? a : b;
}

size_t departure_flush(engine *self, transport *to, uint64_t now_us, transmit *messages, size_t capacity,
                       uint32_t *packets) {
    if (!transport_is_sendable(to)) return 0;
    if (transport_sends(to, RTP_EXT_TRANSPORT_CC) && !to->history && !(to->history = send_history_create())) return 0;
    builder b = {.self = self, .to = to, .now_us = now_us};
    for (size_t n = 1; n <= MAX_PADDING; n++)
        b.padding[n][n - 1] = (uint8_t)n;

    size_t made = 0;
    for (int class = 0; class < DEPARTURE_CLASSES; class++) {
        departure_queue *queue = &to->queues[class];
        while (queue->first && made < capacity && *packets > 0) {
            // Audio never waits for a grant; what it takes is owed by the rest.
            size_t grant = class == DEPARTURE_AUDIO ? ENGINE_MAX_RUN_BYTES : pacer_grant(&to->pacing, now_us);
            if (grant == 0) break;
            size_t room = ENGINE_ARENA_BYTES - self->arena_used;
            if (room < queue->first->bytes + (size_t)DEPARTURE_EVEN_OUT_BYTES) return made;
            size_t byte_limit = limit_of(limit_of(grant, room), ENGINE_MAX_RUN_BYTES);
            run planned = plan_run(queue, byte_limit, limit_of(*packets, ENGINE_MAX_RUN));
            *packets -= (uint32_t)planned.count;
            size_t bytes = build_run(&b, queue, planned, class != DEPARTURE_AUDIO, &messages[made]);
            pacer_spend(&to->pacing, bytes);
            if (bytes) made++;
        }
    }
    return made;
}
