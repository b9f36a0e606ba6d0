// What the engine spends on forwarding, without sockets: one publisher's frames to many receivers, in virtual time.
//
//   bench_forward [receivers] [packets of a frame] [payload bytes]
//
// accept is per packet received, depart per packet sent; own is what forwarding costs beyond encryption for each packet
// sent: (accept / receivers) + depart - protect.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/cipher.h"
#include "core/rtp.h"
#include "core/srtp.h"
#include "core/stun.h"
#include "media/engine.h"

enum { MAX_RECEIVERS = 500, MAX_FRAME = 64, FRAMES = 3000, WARM_UP = 300, FRAME_US = 33333, MESSAGES = 512 };
enum { VIDEO_TYPE = 96, RTX_TYPE = 97, TRANSPORT_CC_ID = 5, PROTECT_ROUNDS = 20000 };

static const uint8_t keys[SRTP_MAX_KEY_BYTES] = {1, 2, 3};
static const uint8_t salts[SRTP_MAX_SALT_BYTES] = {4, 5, 6};

static void require(bool condition, const char *what) {
    if (condition) return;
    fprintf(stderr, "bench_forward: %s failed\n", what);
    exit(1);
}

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
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

static void connect_transport(engine *self, uint32_t id) {
    command c = {.type = COMMAND_TRANSPORT_OPEN, .transport = id};
    snprintf(c.ice.local.ufrag, sizeof c.ice.local.ufrag, "srv%05u", id);
    snprintf(c.ice.local.password, sizeof c.ice.local.password, "passwordpasswordpassword");
    snprintf(c.ice.remote_ufrag, sizeof c.ice.remote_ufrag, "client");
    send_command(self, &c, "open");
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
    size_t size = stun_build_request(message, sizeof message, &request, (const uint8_t *)c.ice.local.password, 24);
    datagram check = {.bytes = message, .length = (uint32_t)size, .path = path_of(id), .arrival_us = 1};
    engine_on_datagrams(self, 1, &check, 1);

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
                 .track = {.source = 1, .kind = MEDIA_VIDEO, .layer_count = 1, .ssrcs = {77}}};
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
    uint8_t wire[MAX_FRAME][1500];
    datagram frame[MAX_FRAME];
} publisher;

static void make_frame(publisher *from, uint32_t packets, size_t payload, bool key, uint64_t at_us) {
    static uint8_t body[1400] = {0x10, 0x10};
    static uint8_t rest[1400] = {0x00};
    body[1] = key ? 0x10 : 0x11;
    srtp_outgoing batch[MAX_FRAME];
    for (uint32_t i = 0; i < packets; i++) {
        rtp_header header = {
            .marker = i + 1 == packets,
            .payload_type = VIDEO_TYPE,
            .sequence = seq64_wire(from->sequence),
            .timestamp = from->timestamp,
            .ssrc = 77,
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
    from->timestamp += 3000;
    for (uint32_t i = 0; i < packets; i++)
        from->frame[i] = (datagram){
            .bytes = from->wire[i],
            .length = (uint32_t)batch[i].output_length,
            .path = path_of(0),
            .arrival_us = at_us,
        };
}

// The part of the cipher: the same bytes protected in a loop.
static double protect_ns(size_t payload) {
    static uint8_t body[1400], output[MAX_FRAME][1500];
    srtp_sender *srtp = srtp_sender_create(SRTP_AEAD_AES_128_GCM, keys, salts);
    srtp_stream *stream = srtp_sender_stream(srtp, 1);
    srtp_outgoing batch[10];
    double start = now_ns();
    seq64 index = 0;
    for (int round = 0; round < PROTECT_ROUNDS; round++) {
        for (size_t i = 0; i < 10; i++)
            batch[i] = (srtp_outgoing){
                .stream = stream,
                .index = index++,
                .header_length = 20,
                .text = {.body = body, .body_length = payload},
                .output = output[i],
            };
        require(srtp_protect(srtp, batch, 10) == 10, "srtp_protect");
    }
    double ns = (now_ns() - start) / (PROTECT_ROUNDS * 10.0);
    srtp_sender_destroy(srtp);
    return ns;
}

// So that receivers stay: their checks come again before consent ends, outside of what is measured.
static uint64_t drain(engine *self, uint64_t now_us, transmit *messages) {
    uint64_t packets = 0;
    size_t made;
    while ((made = engine_poll(self, now_us, messages, MESSAGES)) > 0)
        for (size_t i = 0; i < made; i++)
            packets += messages[i].segments;
    return packets;
}

int main(int argc, char **argv) {
    uint32_t receivers = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 50;
    uint32_t packets = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 10;
    size_t payload = argc > 3 ? strtoul(argv[3], NULL, 10) : 1160;
    require(receivers >= 1 && receivers <= MAX_RECEIVERS && packets >= 1 && packets <= MAX_FRAME && payload >= 2 &&
                payload <= 1180,
            "receivers 1–500, packets 1–64, payload 2–1180");
    static publisher from;
    static transmit messages[MESSAGES];
    engine *self = open_room(receivers);
    from.srtp = srtp_sender_create(SRTP_AEAD_AES_128_GCM, keys, salts);
    from.stream = srtp_sender_stream(from.srtp, 77);
    require(from.stream, "the publisher's keys");

    double accept = 0, depart = 0;
    uint64_t sent = 0, received = 0, now_us = 1000;
    for (int frame = 0; frame < FRAMES + WARM_UP; frame++) {
        if (frame == WARM_UP) accept = depart = 0, sent = received = 0;
        now_us += frame % 600 == 0 ? 1 : FRAME_US / 40; // 25 s in all: within consent
        make_frame(&from, packets, payload, frame == 0, now_us);
        double start = now_ns();
        engine_on_datagrams(self, now_us, from.frame, packets);
        double middle = now_ns();
        sent += drain(self, now_us, messages);
        double end = now_ns();
        accept += middle - start;
        depart += end - middle;
        received += packets;
    }
    const engine_stats *stats = engine_get_stats(self);
    double cipher = protect_ns(payload);
    double a = accept / (double)received, d = depart / (double)sent;
    printf("%s, %u receivers, frames of %u × %zu bytes, %.1f packets a message, %.1f %% forwarded\n", cipher_backend(),
           receivers, packets, payload, (double)stats->packets_sent / (double)stats->messages_sent,
           100.0 * (double)sent / (double)(received * receivers));
    printf("accept %5.0f ns a packet received\ndepart %5.0f ns a packet sent, of which the cipher %.0f\n", a, d,
           cipher);
    printf("own    %5.0f ns a packet forwarded\n", a / receivers + d - cipher);
    engine_destroy(self);
    srtp_sender_destroy(from.srtp);
    return 0;
}
