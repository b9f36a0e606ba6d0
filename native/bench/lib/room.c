#include "bench/lib/room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rtp.h"
#include "core/srtp.h"
#include "core/stun.h"

enum {
    MESSAGES = 512,
    VIDEO_TYPE = 96,
    RTX_TYPE = 97,
    TRANSPORT_CC_ID = 5,
    FRAME_US = 800,
    CHECK_US = 5000000,
    PUBLISHER_SSRC = 77
};

static const uint8_t keys[SRTP_MAX_KEY_BYTES] = {1, 2, 3};
static const uint8_t salts[SRTP_MAX_SALT_BYTES] = {4, 5, 6};

static const char ice_password[] = "passwordpasswordpassword";
static const ice_credentials client_credentials = {.ufrag = "client", .password = "clientpasswordclientpass"};

static void require(bool condition, const char *what) {
    if (condition) return;
    fprintf(stderr, "bench_room: %s failed\n", what);
    exit(1);
}

static ice_path path_of(uint32_t transport) {
    uint8_t ip[4] = {10, 0, (uint8_t)(transport >> 8), (uint8_t)transport};
    return (ice_path){.remote = net_address_ipv4(ip, 5000)};
}

static void send_command(engine *self, const command *given, const char *what) {
    int status = engine_on_command(self, 1, given);
    if (status < 0) fprintf(stderr, "%s: %s\n", what, strerror(-status));
    require(status == 0, what);
}

// As clients do, so that consent holds (RFC 7675).
static void check_path(engine *self, uint32_t id, uint64_t now_us) {
    char username[64];
    int length = snprintf(username, sizeof username, "srv%05u:client", id);
    static const uint8_t transaction[STUN_TRANSACTION_ID_BYTES] = {9};
    stun_request request = {
        .transaction_id = transaction,
        .username = (const uint8_t *)username,
        .username_length = (size_t)length,
        .priority = 1,
        .use_candidate = true,
        .role = STUN_ROLE_CONTROLLING,
        .tie_breaker = 1,
    };
    uint8_t message[STUN_MAX_BYTES];
    size_t size =
        stun_build_request(message, sizeof message, &request, (const uint8_t *)ice_password, sizeof ice_password - 1);
    datagram check = {.bytes = message, .length = (uint32_t)size, .path = path_of(id), .arrival_us = now_us};
    engine_on_datagrams(self, now_us, &check, 1);
}

// The engine sends nothing before its own check has been answered.
static void prove_path(engine *self, uint32_t id, uint64_t now_us) {
    static transmit messages[MESSAGES];
    size_t made = engine_poll(self, now_us, messages, MESSAGES);
    for (size_t i = 0; i < made; i++) {
        stun_message asked;
        if (stun_parse(&asked, messages[i].bytes, messages[i].length) < 0 || asked.type != STUN_BINDING_REQUEST)
            continue;
        uint8_t answer[STUN_MAX_BYTES];
        const net_address mapped = path_of(id).remote;
        size_t size =
            stun_build_success(answer, sizeof answer, asked.transaction_id, &mapped,
                               (const uint8_t *)client_credentials.password, strlen(client_credentials.password));
        datagram proof = {.bytes = answer, .length = (uint32_t)size, .path = path_of(id), .arrival_us = now_us};
        engine_on_datagrams(self, now_us, &proof, 1);
    }
}

static void connect_transport(engine *self, uint32_t id) {
    command c = {.type = COMMAND_TRANSPORT_OPEN, .transport = id};
    snprintf(c.ice.local.ufrag, sizeof c.ice.local.ufrag, "srv%05u", id);
    snprintf(c.ice.local.password, sizeof c.ice.local.password, "%s", ice_password);
    c.ice.remote = client_credentials;
    send_command(self, &c, "open");
    check_path(self, id, 1);
    prove_path(self, id, 1);

    command k = {.type = COMMAND_TRANSPORT_KEYS, .transport = id, .keys.profile = SRTP_AEAD_AES_128_GCM};
    memcpy(k.keys.local_key, keys, sizeof keys);
    memcpy(k.keys.local_salt, salts, sizeof salts);
    memcpy(k.keys.remote_key, keys, sizeof keys);
    memcpy(k.keys.remote_salt, salts, sizeof salts);
    send_command(self, &k, "keys");
    command p = {.type = COMMAND_TRANSPORT_PAYLOADS, .transport = id, .payloads.count = 1};
    p.payloads.mappings[0] = (payload_mapping){VIDEO_TYPE, RTX_TYPE, 0, ENVELOPE_VP8, 90000};
    p.payloads.extension_ids[RTP_EXT_TRANSPORT_CC] = TRANSPORT_CC_ID;
    p.payloads.send_extensions = UINT32_C(1) << RTP_EXT_TRANSPORT_CC;
    send_command(self, &p, "payloads");
}

static engine *open_room(uint32_t receivers) {
    engine_config config = {
        .max_transports = receivers + 1,
        .packets = 8192,
        .max_payload_bytes = 1232,
        .pacing_bps = 1000000000,
        .seed = {1, 2},
    };
    engine *self = engine_create(&config, NULL);
    require(self, "engine_create");
    connect_transport(self, 0);
    command t = {.type = COMMAND_TRACK_ADD,
                 .track = {.source = 1, .kind = MEDIA_VIDEO, .layer_count = 1, .ssrcs = {PUBLISHER_SSRC}}};
    send_command(self, &t, "track");
    for (uint32_t id = 1; id <= receivers; id++) {
        connect_transport(self, id);
        command s = {.type = COMMAND_SLOT_ADD, .transport = id};
        s.slot.kind = MEDIA_VIDEO;
        s.slot.ssrc = 1000 + id;
        s.slot.rtx_ssrc = 100000 + id;
        send_command(self, &s, "slot");
        command f = {.type = COMMAND_SLOT_SOURCE, .transport = id, .fill.source = 1};
        send_command(self, &f, "fill");
    }
    return self;
}

typedef struct publisher {
    srtp_sender *srtp;
    srtp_stream *stream;
    seq64 sequence;
    uint32_t timestamp;
    uint8_t wire[BENCH_MAX_FRAME][1500];
    datagram frame[BENCH_MAX_FRAME];
} publisher;

struct bench_room {
    engine *forwarding;
    uint32_t receivers;
    uint32_t packets; // of a frame
    size_t payload;   // bytes of a packet
    uint64_t now_us;
    uint64_t checked_us; // when all paths were last checked
    publisher from;
    transmit messages[MESSAGES];
};

static void make_frame(publisher *from, uint32_t packets, size_t payload, bool key, uint64_t at_us) {
    static uint8_t body[1400] = {0x10, 0x10};
    static uint8_t rest[1400] = {0x00};
    body[1] = key ? 0x10 : 0x11;
    srtp_outgoing batch[BENCH_MAX_FRAME];
    for (uint32_t i = 0; i < packets; i++) {
        rtp_header header = {
            .marker = i + 1 == packets,
            .payload_type = VIDEO_TYPE,
            .sequence = seq64_wire(from->sequence),
            .timestamp = from->timestamp,
            .ssrc = PUBLISHER_SSRC,
        };
        writer w = writer_over(from->wire[i], 12);
        rtp_write_header(&w, &header);
        batch[i] = (srtp_outgoing){
            .stream = from->stream,
            .index = from->sequence++,
            .header_length = 12,
            .text = {.body = i == 0 ? body : rest, .body_length = payload - (i >= packets / 2)}, // as libwebrtc cuts
            .output = from->wire[i],
        };
    }
    require(srtp_protect(from->srtp, batch, packets) == packets, "protecting the publisher's frame");
    from->timestamp += FRAME_US * 90 / 1000; // of 90 kHz: time stamps and arrivals go together
    for (uint32_t i = 0; i < packets; i++)
        from->frame[i] = (datagram){
            .bytes = from->wire[i],
            .length = (uint32_t)batch[i].output_length,
            .path = path_of(0),
            .arrival_us = at_us,
        };
}

static void check_paths(bench_room *self) {
    for (uint32_t id = 0; id <= self->receivers; id++)
        check_path(self->forwarding, id, self->now_us);
    self->checked_us = self->now_us;
    (void)bench_room_depart(self); // the answers
}

bench_room *bench_room_open(uint32_t receivers, uint32_t packets, size_t payload) {
    if (receivers < 1 || receivers > BENCH_MAX_RECEIVERS || packets < 1 || packets > BENCH_MAX_FRAME || payload < 2 ||
        payload > BENCH_MAX_PAYLOAD)
        return NULL;
    bench_room *self = calloc(1, sizeof *self);
    require(self, "calloc");
    self->receivers = receivers;
    self->packets = packets;
    self->payload = payload;
    self->now_us = 1000;
    self->forwarding = open_room(receivers);
    self->from.srtp = srtp_sender_create(SRTP_AEAD_AES_128_GCM, keys, salts);
    self->from.stream = srtp_sender_stream(self->from.srtp, PUBLISHER_SSRC);
    require(self->from.stream, "the publisher's keys");
    check_paths(self);
    return self;
}

void bench_room_close(bench_room *self) {
    if (!self) return;
    engine_destroy(self->forwarding);
    srtp_sender_destroy(self->from.srtp);
    free(self);
}

void bench_room_next_frame(bench_room *self) {
    bool first = self->from.sequence == 0;
    self->now_us += FRAME_US;
    if (self->now_us - self->checked_us > CHECK_US) check_paths(self);
    make_frame(&self->from, self->packets, self->payload, first, self->now_us);
}

void bench_room_accept(bench_room *self) {
    engine_on_datagrams(self->forwarding, self->now_us, self->from.frame, self->packets);
}

uint64_t bench_room_depart(bench_room *self) {
    uint64_t packets = 0;
    size_t made;
    while ((made = engine_poll(self->forwarding, self->now_us, self->messages, MESSAGES)) > 0)
        for (size_t i = 0; i < made; i++)
            packets += self->messages[i].segments;
    return packets;
}

const engine_stats *bench_room_stats(const bench_room *self) {
    return engine_get_stats(self->forwarding);
}
