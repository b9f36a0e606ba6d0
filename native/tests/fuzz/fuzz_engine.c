// Proves of two joined engines, for any script of datagrams (raw, with valid integrity, with valid SRTP), commands and
// time: they read and write nothing out of bounds (AddressSanitizer) and come to rest; every message goes to an address
// from which its transport had a valid check, is no longer than allowed and is cut into no more than the allowed
// segments; each SRTP packet opens under its receiver's key, which a repeated nonce would not; and once all transports
// are closed every packet is back in its pool.
#include <stdlib.h>
#include <string.h>

#include "core/cursor.h"
#include "core/demux.h"
#include "core/rtcp_feedback.h"
#include "core/srtp.h"
#include "core/stun.h"
#include "media/engine.h"
#include "media/handoff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    ENGINES = 2,
    TRANSPORTS = 2, // of each engine
    ADDRESSES = 4,
    PACKETS = 32,
    MAX_PAYLOAD_BYTES = 1232,
    MESSAGES = 16,
    MAX_POLLS = 10000,
    VIDEO_SSRC = 1000,
    SLOT_SSRC = 2000,
    SOURCE = 7,
    PAYLOAD_TYPE = 96,
    RTX_PAYLOAD_TYPE = 97,
    TRANSPORT_CC_ID = 3,
    MID_ID = 4,
};

// What a client of one transport knows.
typedef struct client {
    srtp_sender *sender;
    srtp_receiver *receiver;
    bool open;
    bool validated[ADDRESSES]; // a valid check came from there, at some time
    seq64 sequence;            // highest sent
    seq16 received;            // last of the slot
} client;

typedef struct world {
    handoff *links;
    engine *engines[ENGINES];
    client clients[ENGINES][TRANSPORTS];
    uint64_t now_us;
    cursor script;
} world;

static void demand(bool holds) {
    if (!holds) abort();
}

static ice_path path_of(uint8_t number) {
    const uint8_t ip[4] = {192, 0, 2, (uint8_t)(number % ADDRESSES)};
    return (ice_path){.remote = net_address_ipv4(ip, 5000), .local = 0};
}

static const ice_credentials client_credentials = {.ufrag = "peer", .password = "0123456789abcdefghijklmn"};

static ice_credentials credentials_of(uint8_t engine_index, uint8_t transport) {
    ice_credentials credentials = {.ufrag = "ufr", .password = "0123456789abcdefghijkl"};
    credentials.ufrag[3] = (char)('A' + engine_index * TRANSPORTS + transport);
    credentials.ufrag[4] = '\0';
    return credentials;
}

static void on_command(world *w, uint8_t index, const command *c) {
    (void)engine_on_command(w->engines[index], w->now_us, c);
}

static void add_payloads(world *w, uint8_t index, uint8_t transport) {
    command c = {.type = COMMAND_TRANSPORT_PAYLOADS, .transport = transport};
    c.payloads.count = 1;
    c.payloads.mappings[0] = (payload_mapping){.payload_type = PAYLOAD_TYPE,
                                               .rtx_payload_type = RTX_PAYLOAD_TYPE,
                                               .codec = 0,
                                               .envelope = ENVELOPE_VP8,
                                               .clock_rate = 90000};
    c.payloads.extension_ids[RTP_EXT_TRANSPORT_CC] = TRANSPORT_CC_ID;
    c.payloads.extension_ids[RTP_EXT_MID] = MID_ID;
    c.payloads.send_extensions = 1U << RTP_EXT_TRANSPORT_CC;
    on_command(w, index, &c);
}

// The first transport of engine 0 publishes; all have a slot for it.
static void add_tracks(world *w, uint8_t index, uint8_t transport) {
    if (index == 0 && transport == 0) {
        command track = {.type = COMMAND_TRACK_ADD, .transport = 0};
        track.track.source = SOURCE;
        track.track.kind = MEDIA_VIDEO;
        track.track.layer_count = 1;
        track.track.ssrcs[0] = VIDEO_SSRC;
        track.track.rtx_ssrcs[0] = VIDEO_SSRC + 1;
        memcpy(track.track.mid, "0", 2);
        on_command(w, 0, &track);
    }
    command added = {.type = COMMAND_SLOT_ADD, .transport = transport};
    added.slot.kind = MEDIA_VIDEO;
    added.slot.ssrc = SLOT_SSRC;
    added.slot.rtx_ssrc = SLOT_SSRC + 1;
    memcpy(added.slot.cname, "c", 2);
    on_command(w, index, &added);
}

static void fill_slot(world *w, uint8_t index, uint8_t transport, bool empty) {
    command c = {.type = COMMAND_SLOT_SOURCE, .transport = transport};
    c.fill.source = empty ? ENGINE_NO_SOURCE : SOURCE;
    on_command(w, index, &c);
}

static void client_close(client *self) {
    srtp_sender_destroy(self->sender);
    srtp_receiver_destroy(self->receiver);
    *self = (client){0};
}

static void close_transport(world *w, uint8_t index, uint8_t transport) {
    command c = {.type = COMMAND_TRANSPORT_CLOSE, .transport = transport};
    on_command(w, index, &c);
    client_close(&w->clients[index][transport]);
}

static void open_transport(world *w, uint8_t index, uint8_t transport, srtp_profile profile) {
    client *self = &w->clients[index][transport];
    command opened = {.type = COMMAND_TRANSPORT_OPEN, .transport = transport};
    opened.ice.local = credentials_of(index, transport);
    opened.ice.remote = client_credentials;
    if (self->open || engine_on_command(w->engines[index], w->now_us, &opened) != 0) return;
    command keys = {.type = COMMAND_TRANSPORT_KEYS, .transport = transport};
    keys.keys.profile = profile;
    memset(keys.keys.local_key, 1, sizeof keys.keys.local_key);
    memset(keys.keys.remote_key, 2, sizeof keys.keys.remote_key);
    demand(engine_on_command(w->engines[index], w->now_us, &keys) == 0);
    self->sender = srtp_sender_create(profile, keys.keys.remote_key, keys.keys.remote_salt);
    self->receiver = srtp_receiver_create(profile, keys.keys.local_key, keys.keys.local_salt);
    self->open = true;
    demand(self->sender && self->receiver);
    add_payloads(w, index, transport);
    add_tracks(w, index, transport);
}

static void receive(world *w, uint8_t index, const uint8_t *bytes, size_t length, ice_path path) {
    // Exactly as long as it says, so that one byte too far is found.
    uint8_t *copy = malloc(length ? length : 1);
    demand(copy != NULL);
    if (length) memcpy(copy, bytes, length);
    const datagram one = {.bytes = copy, .length = (uint32_t)length, .path = path, .arrival_us = w->now_us};
    engine_on_datagrams(w->engines[index], w->now_us, &one, 1);
    free(copy);
}

static void check_ice(world *w, uint8_t index, uint8_t transport, uint8_t address, uint8_t flags) {
    const ice_credentials credentials = credentials_of(index, transport);
    static const uint8_t ID[STUN_TRANSACTION_ID_BYTES] = {1};
    char username[ICE_MAX_UFRAG + 8];
    size_t length = strlen(credentials.ufrag);
    memcpy(username, credentials.ufrag, length);
    memcpy(username + length, ":peer", 5);
    const stun_request request = {.transaction_id = ID,
                                  .username = (const uint8_t *)username,
                                  .username_length = length + 5,
                                  .priority = 1,
                                  .use_candidate = flags & 1,
                                  .role = flags & 2 ? STUN_ROLE_CONTROLLED : STUN_ROLE_CONTROLLING,
                                  .tie_breaker = 5};
    uint8_t bytes[STUN_MAX_BYTES];
    size_t built = stun_build_request(bytes, sizeof bytes, &request, (const uint8_t *)credentials.password,
                                      strlen(credentials.password));
    demand(built > 0);
    if (w->clients[index][transport].open) w->clients[index][transport].validated[address % ADDRESSES] = true;
    receive(w, index, bytes, built, path_of(address));
}

// Up to `wanted` bytes of the script.
static size_t take(world *w, size_t wanted, const uint8_t **bytes) {
    size_t length = wanted < cursor_left(&w->script) ? wanted : cursor_left(&w->script);
    *bytes = cursor_bytes(&w->script, length);
    return length;
}

// RTP whose header is right and whose rest (extensions, payload, padding) the script tells.
static void send_rtp(world *w, uint8_t index, uint8_t transport, uint8_t address) {
    client *self = &w->clients[index][transport];
    uint8_t flags = cursor_u8(&w->script);
    int8_t step = (int8_t)cursor_u8(&w->script);
    const uint8_t *rest;
    size_t length = take(w, (size_t)cursor_u8(&w->script) * 4, &rest);
    seq64 sequence = self->sequence + (step > 0 || (seq64)-step <= self->sequence ? step : 0);
    if (sequence > self->sequence) self->sequence = sequence;
    uint8_t plain[RTP_FIXED_HEADER_BYTES + 255 * 4], output[sizeof plain + SRTP_MAX_OVERHEAD];
    writer out = writer_over(plain, sizeof plain);
    const rtp_header fixed = {.marker = flags & 1,
                              .padding = flags & 2,
                              .has_extension = flags & 4,
                              .payload_type = flags & 8 ? RTX_PAYLOAD_TYPE : PAYLOAD_TYPE,
                              .sequence = (seq16)sequence,
                              .timestamp = (uint32_t)(w->now_us * 9 / 100),
                              .ssrc = VIDEO_SSRC + (flags >> 3 & 1U) + (flags & 16 ? 10 : 0)};
    rtp_write_header(&out, &fixed);
    writer_bytes(&out, rest, length);
    rtp_header header;
    if (!self->sender || rtp_parse_header(&header, plain, writer_length(&out)) != 0) return;
    memcpy(output, plain, header.payload_offset);
    srtp_outgoing outgoing = {
        .stream = srtp_sender_stream(self->sender, header.ssrc),
        .index = sequence,
        .header_length = header.payload_offset,
        .text = {.body = plain + header.payload_offset, .body_length = header.payload_length},
        .output = output,
    };
    if (srtp_protect(self->sender, &outgoing, 1) != 1) return; // an index that was used
    receive(w, index, output, outgoing.output_length, path_of(address));
}

static void send_rtcp(world *w, uint8_t index, uint8_t transport, uint8_t address) {
    const client *self = &w->clients[index][transport];
    const uint8_t *bytes;
    size_t length = take(w, (size_t)cursor_u8(&w->script) * 4, &bytes);
    uint8_t packet[255 * 4 + SRTCP_MAX_OVERHEAD];
    if (!self->sender || length < 8) return;
    memcpy(packet, bytes, length);
    packet[0] = (uint8_t)((packet[0] & 0x3F) | 0x80);
    packet[1] = (uint8_t)(200 + packet[1] % 8);
    int protected_length = srtcp_protect(self->sender, packet, length, sizeof packet);
    demand(protected_length > 0);
    receive(w, index, packet, (size_t)protected_length, path_of(address));
}

// Asks for what was received anyway: a retransmission is made.
static void send_nack(world *w, uint8_t index, uint8_t transport, uint8_t address) {
    const client *self = &w->clients[index][transport];
    if (!self->sender) return;
    const seq16 lost[] = {(seq16)(self->received - 1), self->received};
    uint8_t packet[64 + SRTCP_MAX_OVERHEAD];
    writer out = writer_over(packet, 64);
    rtcp_write_nack(&out, 1, SLOT_SSRC, lost, 2);
    int length = srtcp_protect(self->sender, packet, writer_length(&out), sizeof packet);
    demand(writer_ok(&out) && length > 0);
    receive(w, index, packet, (size_t)length, path_of(address));
}

static void check_datagram(client *self, const uint8_t *bytes, size_t length) {
    uint8_t plain[MAX_PAYLOAD_BYTES];
    demand(length > 0 && length <= sizeof plain);
    datagram_kind kind = demux_classify(bytes, length);
    if (kind == DATAGRAM_RTP) {
        srtp_incoming incoming = {.input = bytes, .length = length, .output = plain};
        demand(srtp_unprotect(self->receiver, &incoming, 1) == 1);
        rtp_header header;
        demand(rtp_parse(&header, plain, incoming.output_length) == 0);
        if (header.ssrc == SLOT_SSRC) self->received = header.sequence;
    } else if (kind == DATAGRAM_RTCP) {
        memcpy(plain, bytes, length);
        demand(srtcp_unprotect(self->receiver, plain, length) > 0);
    } else {
        demand(kind == DATAGRAM_STUN || kind == DATAGRAM_DTLS);
    }
}

static void check_message(world *w, uint8_t index, const transmit *message) {
    demand(message->transport < TRANSPORTS && message->length > 0 && message->length <= ENGINE_MAX_RUN_BYTES);
    demand(message->segments >= 1 && message->segments <= ENGINE_MAX_RUN);
    client *self = &w->clients[index][message->transport];
    if (!self->open) return; // the answer to a check that was still to be sent when it was closed
    bool known = false;
    for (uint8_t i = 0; i < ADDRESSES; i++) {
        const ice_path path = path_of(i);
        known = known || (self->validated[i] && ice_path_equal(&path, &message->path));
    }
    demand(known);
    size_t segment = message->segments > 1 ? message->segment_bytes : message->length;
    demand(segment > 0 && segment <= MAX_PAYLOAD_BYTES);
    demand((message->length + segment - 1) / segment == message->segments);
    for (size_t at = 0; at < message->length; at += segment)
        check_datagram(self, message->bytes + at, message->length - at < segment ? message->length - at : segment);
}

// All addresses but the last answer the engine's checks; nothing but STUN and DTLS may go to that one.
static void answer_check(world *w, uint8_t index, const transmit *message) {
    const ice_path silent = path_of(ADDRESSES - 1);
    stun_message asked;
    if (ice_path_equal(&message->path, &silent)) {
        demand(message->bytes[0] < 64);
        return;
    }
    if (message->length > STUN_MAX_BYTES || stun_parse(&asked, message->bytes, message->length) < 0 ||
        asked.type != STUN_BINDING_REQUEST)
        return;
    uint8_t answer[STUN_MAX_BYTES];
    size_t length =
        stun_build_success(answer, sizeof answer, asked.transaction_id, &message->path.remote,
                           (const uint8_t *)client_credentials.password, strlen(client_credentials.password));
    demand(length > 0);
    receive(w, index, answer, length, message->path);
}

static void poll_all(world *w) {
    static transmit messages[MESSAGES];
    static event happened;
    for (int turn = 0; turn < 4; turn++) {
        for (uint8_t index = 0; index < ENGINES; index++) {
            engine_on_handoff(w->engines[index], w->now_us);
            size_t count;
            int polls = 0;
            while ((count = engine_poll(w->engines[index], w->now_us, messages, MESSAGES)) > 0) {
                demand(count <= MESSAGES && polls++ < MAX_POLLS);
                for (size_t i = 0; i < count; i++) {
                    check_message(w, index, &messages[i]);
                    answer_check(w, index, &messages[i]);
                }
            }
            while (engine_next_event(w->engines[index], &happened))
                demand(polls++ < MAX_POLLS && happened.type != EVENT_NONE);
            (void)engine_take_wakeups(w->engines[index]);
        }
    }
}

static void pass_time(world *w, uint8_t amount) {
    // Mostly what the engines ask for, and now and then long enough for consent to end.
    uint64_t next_us = UINT64_MAX;
    for (uint8_t index = 0; index < ENGINES; index++) {
        uint64_t due_us = engine_next_deadline_us(w->engines[index]);
        if (due_us < next_us) next_us = due_us;
    }
    if (amount & 1 && next_us != UINT64_MAX && next_us > w->now_us) {
        w->now_us = next_us;
    } else {
        w->now_us += (uint64_t)amount * amount * amount * 4;
    }
}

static void step(world *w) {
    uint8_t action = cursor_u8(&w->script);
    uint8_t whom = cursor_u8(&w->script);
    uint8_t index = whom & 1, transport = whom >> 1 & 1, address = whom >> 2 & 3;
    const uint8_t *bytes;
    size_t length;
    switch (action % 11) {
    case 0:
        length = take(w, (size_t)cursor_u8(&w->script) * 8, &bytes);
        receive(w, index, bytes, length, path_of(address));
        break;
    case 1:
        check_ice(w, index, transport, address, whom >> 4);
        break;
    case 2:
        send_rtp(w, 0, 0, address);
        break;
    case 3:
        send_rtp(w, index, transport, address);
        break;
    case 4:
        send_rtcp(w, index, transport, address);
        break;
    case 5:
        pass_time(w, cursor_u8(&w->script));
        poll_all(w);
        break;
    case 6:
        fill_slot(w, index, transport, whom >> 4 & 1);
        break;
    case 7:
        close_transport(w, index, transport);
        break;
    case 8:
        open_transport(w, index, transport, whom & 16 ? SRTP_AES128_CM_HMAC_SHA1_80 : SRTP_AEAD_AES_128_GCM);
        break;
    case 9:
        send_nack(w, index, transport, address);
        break;
    default:
        poll_all(w);
        break;
    }
}

static void set_up(world *w) {
    w->links = handoff_create(ENGINES, 8, 8, 8); // short, so that they fill
    demand(w->links != NULL);
    for (uint8_t index = 0; index < ENGINES; index++) {
        const engine_config config = {.index = index,
                                      .max_transports = TRANSPORTS,
                                      .packets = PACKETS,
                                      .max_payload_bytes = MAX_PAYLOAD_BYTES,
                                      .pacing_bps = 10 * 1000 * 1000,
                                      .seed = {1, 2}};
        w->engines[index] = engine_create(&config, w->links);
        demand(w->engines[index] != NULL);
    }
    for (uint8_t index = 0; index < ENGINES; index++) {
        for (uint8_t transport = 0; transport < TRANSPORTS; transport++) {
            open_transport(w, index, transport, SRTP_AEAD_AES_128_GCM);
            check_ice(w, index, transport, transport, 1);
            fill_slot(w, index, transport, false);
        }
    }
    poll_all(w);
}

static void tear_down(world *w) {
    for (uint8_t index = 0; index < ENGINES; index++) {
        for (uint8_t transport = 0; transport < TRANSPORTS; transport++)
            close_transport(w, index, transport);
    }
    // References go home within a few turns; what is kept for repeats, within a few seconds.
    for (int second = 0; second < 60; second++) {
        w->now_us += 1000000;
        poll_all(w);
    }
    for (uint8_t index = 0; index < ENGINES; index++) {
        const engine_stats *stats = engine_get_stats(w->engines[index]);
        demand(stats->transports == 0 && stats->departures_queued == 0);
        demand(stats->packets_free == stats->packets_total);
    }
    for (uint8_t index = 0; index < ENGINES; index++)
        engine_destroy(w->engines[index]);
    handoff_destroy(w->links);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    world w = {.now_us = 1000000, .script = cursor_over(data, size)};
    set_up(&w);
    while (cursor_ok(&w.script) && cursor_left(&w.script) > 0)
        step(&w);
    tear_down(&w);
    return 0;
}
