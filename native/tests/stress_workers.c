// Stress: three workers on loopback sockets, all that they do at once, for a few seconds of real time. The main thread
// is the control plane and all the clients, one of them over TCP: transports open and close, slots are filled with
// sources of all workers, keys come after the first check. Under ThreadSanitizer this shows that commands, events,
// hand-off and snapshots are the only places where threads meet; under the others that nothing outlives its owner.
// What is checked besides: no client ever receives a wrong byte, and in the end no packet body is missing.
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load/peer.h"
#include "net/worker.h"

enum {
    WORKERS = 3,
    CLIENTS = 7,
    TCP_CLIENT = 3, // this one
    RUN_MS = 3000,
    CHURN_MS = 80,     // between closings
    FILL_MS = 25,      // between fillings of slots
    SETTLE_MS = 20000, // the end may take this long on a machine with better things to do
    AUDIO_TYPE = 111,
    VIDEO_TYPE = 96,
    RTX_TYPE = 97,
    AUDIO_SLOT = 0,
    VIDEO_SLOT = 1,
    SLOTS = 2,
    MID_ID = 4,
    TRANSPORT_CC_ID = 3,
    FRAME_HEADER_BYTES = 2, // RFC 4571
};

typedef enum client_state { CLIENT_IDLE, CLIENT_OPEN, CLIENT_CLOSING } client_state;

typedef struct client {
    client_state state;
    uint8_t worker;
    uint32_t transport;
    int fd;
    bool tcp;
    bool keyed;
    peer *end;
    net_address server;
    uint32_t sources[SLOTS]; // that it publishes, by kind
    uint32_t ssrcs[SLOTS];   // of its slots
    uint8_t keys[2][SRTP_MAX_KEY_BYTES];
    uint8_t salts[2][SRTP_MAX_SALT_BYTES];
    uint8_t in[FRAME_HEADER_BYTES + UINT16_MAX]; // TCP: what has come of a frame
    size_t in_used;
} client;

typedef struct totals {
    uint64_t opened, connected, secured, filled, closed, dtls, refused;
    uint64_t packets, decoded, splices, audio;
} totals;

static workers *group;
static client clients[CLIENTS];
static totals sums;
static uint32_t random_state = 0x9E3779B9U;
static uint32_t next_id = 1; // of sources and SSRCs

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "stress_workers: %s\n", what);
    abort();
}

static uint32_t next_random(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void order(uint8_t worker, const command *given) {
    while (!workers_command(group, worker, given))
        sched_yield();
}

static void random_text(char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        text[i] = (char)('a' + next_random() % 26);
    text[length] = '\0';
}

static void random_bytes(uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)next_random();
}

// ---- the network of a client ----

static void connect_client(client *c) {
    if (workers_local_address(group, c->worker, 0, c->tcp, &c->server) < 0) fail("a worker has no address");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(c->server.port)};
    memcpy(&address.sin_addr, c->server.ip + 12, 4);
    c->fd = socket(AF_INET, c->tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0) fail("no connection");
    c->in_used = 0;
}

static void transmit_bytes(client *c, const uint8_t *bytes, size_t length) {
    if (!c->tcp) {
        (void)send(c->fd, bytes, length, 0); // what the network loses is lost
        return;
    }
    uint8_t frame[FRAME_HEADER_BYTES + PEER_MAX_DATAGRAM] = {(uint8_t)(length >> 8), (uint8_t)length};
    memcpy(frame + FRAME_HEADER_BYTES, bytes, length);
    for (size_t at = 0; at < FRAME_HEADER_BYTES + length;) {
        ssize_t sent = send(c->fd, frame + at, FRAME_HEADER_BYTES + length - at, MSG_NOSIGNAL);
        if (sent <= 0) return; // the server has hung up: its transport is closed
        at += (size_t)sent;
    }
}

static void receive_frames(client *c) {
    ssize_t got = recv(c->fd, c->in + c->in_used, sizeof c->in - c->in_used, MSG_DONTWAIT);
    if (got > 0) c->in_used += (size_t)got;
    size_t at = 0;
    while (c->in_used - at >= FRAME_HEADER_BYTES) {
        size_t length = (size_t)(c->in[at] << 8 | c->in[at + 1]);
        if (c->in_used - at < FRAME_HEADER_BYTES + length) break;
        peer_on_datagram(c->end, now_us(), 0, &c->server, c->in + at + FRAME_HEADER_BYTES, length);
        at += FRAME_HEADER_BYTES + length;
    }
    c->in_used -= at;
    memmove(c->in, c->in + at, c->in_used);
}

static void receive_datagrams(client *c) {
    uint8_t bytes[PEER_MAX_DATAGRAM];
    ssize_t got;
    while ((got = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        peer_on_datagram(c->end, now_us(), 0, &c->server, bytes, (size_t)got);
}

static void run_client(client *c) {
    if (c->state != CLIENT_OPEN) return;
    if (c->tcp) {
        receive_frames(c);
    } else {
        receive_datagrams(c);
    }
    peer_datagram out;
    while (peer_poll(c->end, now_us(), &out))
        transmit_bytes(c, out.bytes, out.length);
}

// ---- the control plane ----

static void publish(client *c, bool video) {
    source_config made = {
        .video = video,
        .mid = {(char)('0' + video)},
        .payload_type = video ? VIDEO_TYPE : AUDIO_TYPE,
        .rtx_payload_type = video ? RTX_TYPE : 0,
        .clock_rate = video ? 90000 : 48000,
        .frames_per_second = video ? 30 : 50,
        .audio_bytes = 80,
        .max_packet_bytes = 1000,
        .key_size_percent = 300,
        .layer_count = 1,
    };
    c->sources[video] = next_id++;
    made.layers[0] = (source_layer_config){
        .ssrc = 1000 * c->sources[video],
        .rtx_ssrc = video ? 1000 * c->sources[video] + 1 : 0,
        .stream = c->sources[video],
        .bitrate_bps = video ? 2000000 : 32000,
        .first_sequence = (seq16)(65500 + next_random() % 60),
        .first_timestamp = next_random(),
    };
    if (peer_add_source(c->end, &made) < 0) fail("a client takes no source");
    command track = {.type = COMMAND_TRACK_ADD, .transport = c->transport};
    track.track.source = c->sources[video];
    track.track.kind = video ? MEDIA_VIDEO : MEDIA_AUDIO;
    memcpy(track.track.mid, made.mid, sizeof track.track.mid);
    track.track.layer_count = 1;
    track.track.ssrcs[0] = made.layers[0].ssrc;
    track.track.rtx_ssrcs[0] = made.layers[0].rtx_ssrc;
    order(c->worker, &track);
}

static void add_slot(client *c, bool video) {
    c->ssrcs[video] = 1000 * next_id++ + 500;
    const uint32_t rtx_ssrc = video ? c->ssrcs[video] + 1 : 0;
    command slot = {.type = COMMAND_SLOT_ADD, .transport = c->transport};
    slot.slot.slot = video ? VIDEO_SLOT : AUDIO_SLOT;
    slot.slot.kind = video ? MEDIA_VIDEO : MEDIA_AUDIO;
    slot.slot.ssrc = c->ssrcs[video];
    slot.slot.rtx_ssrc = rtx_ssrc;
    memcpy(slot.slot.cname, "slots", sizeof "slots");
    order(c->worker, &slot);
    const peer_stream stream = {
        .video = video,
        .ssrc = c->ssrcs[video],
        .rtx_ssrc = rtx_ssrc,
        .payload_type = video ? VIDEO_TYPE : AUDIO_TYPE,
        .rtx_payload_type = video ? RTX_TYPE : 0,
        .clock_rate = video ? 90000 : 48000,
    };
    if (peer_expect_stream(c->end, &stream) < 0) fail("a client expects no stream");
}

static void open_client(client *c) {
    connect_client(c);
    peer_config config = {
        .path = {.remote = c->server},
        .start_us = now_us(),
        .cname = "client",
        .feedback_ssrc = 1,
        .report_interval_us = 200000,
        .answer_nacks = true,
        .send_nacks = true,
        .send_key_frame_requests = true,
        .respond_to_key_frame_requests = true,
    };
    config.send_extensions[RTP_EXT_MID] = MID_ID;
    config.send_extensions[RTP_EXT_TRANSPORT_CC] = TRANSPORT_CC_ID;
    config.receive_extensions[RTP_EXT_TRANSPORT_CC] = TRANSPORT_CC_ID;
    random_text(config.local.ufrag, 8);
    random_text(config.local.password, 24);
    random_text(config.remote.ufrag, 8);
    random_text(config.remote.password, 24);
    c->end = peer_create(&config, next_random());
    if (!c->end) fail("no client");
    for (size_t i = 0; i < 2; i++) {
        random_bytes(c->keys[i], sizeof c->keys[i]);
        random_bytes(c->salts[i], sizeof c->salts[i]);
    }
    command opening = {.type = COMMAND_TRANSPORT_OPEN, .transport = c->transport};
    opening.ice.local = config.remote;
    opening.ice.remote = config.local;
    order(c->worker, &opening);
    command payloads = {.type = COMMAND_TRANSPORT_PAYLOADS, .transport = c->transport};
    payloads.payloads.count = 2;
    payloads.payloads.mappings[0] = (payload_mapping){.payload_type = AUDIO_TYPE, .codec = 0, .clock_rate = 48000};
    payloads.payloads.mappings[1] = (payload_mapping){.payload_type = VIDEO_TYPE,
                                                      .rtx_payload_type = RTX_TYPE,
                                                      .codec = 1,
                                                      .envelope = ENVELOPE_VP8,
                                                      .clock_rate = 90000};
    payloads.payloads.extension_ids[RTP_EXT_MID] = MID_ID;
    payloads.payloads.extension_ids[RTP_EXT_TRANSPORT_CC] = TRANSPORT_CC_ID;
    payloads.payloads.send_extensions = 1U << RTP_EXT_TRANSPORT_CC;
    order(c->worker, &payloads);
    for (int video = 0; video < SLOTS; video++) {
        publish(c, video);
        add_slot(c, video);
    }
    c->keyed = false;
    c->state = CLIENT_OPEN;
    sums.opened++;
}

// Whatever the network did, nothing that only a faulty server does.
static void check_client(const client *c) {
    peer_stats stats = peer_get_stats(c->end);
    if (stats.unauthentic || stats.malformed || stats.unkeyed || stats.foreign || stats.unknown_ssrc)
        fail("a client received what was not for it");
    for (int video = 0; video < SLOTS; video++) {
        peer_receiver_stats received;
        if (peer_get_receiver_stats(c->end, c->ssrcs[video], &received) < 0) fail("a client has lost a stream");
        if (received.stream.corrupt || received.stream.inconsistent || received.stream.wrong_payload_type)
            fail("a client received other bytes than were sent");
        sums.packets += received.stream.packets;
        sums.splices += received.stream.splices;
        if (video) {
            sums.decoded += received.stream.frames_decoded;
        } else {
            sums.audio += received.stream.packets;
        }
    }
}

static void close_client(client *c) {
    if (c->state != CLIENT_OPEN) return;
    c->state = CLIENT_CLOSING;
    order(c->worker, &(command){.type = COMMAND_TRANSPORT_CLOSE, .transport = c->transport});
    check_client(c);
    peer_destroy(c->end);
    c->end = NULL;
    close(c->fd);
}

static void fill_slot(client *c, int video, const client *with) {
    command fill = {.type = COMMAND_SLOT_SOURCE, .transport = c->transport};
    fill.fill.slot = video ? VIDEO_SLOT : AUDIO_SLOT;
    fill.fill.source = with ? with->sources[video] : ENGINE_NO_SOURCE;
    fill.fill.home = with ? with->worker : 0;
    order(c->worker, &fill);
}

static void fill_some_slot(void) {
    client *to = &clients[next_random() % CLIENTS];
    const client *with = &clients[next_random() % CLIENTS];
    if (to->state != CLIENT_OPEN || with->state != CLIENT_OPEN || to == with) return;
    fill_slot(to, (int)(next_random() % 2), next_random() % 8 == 0 ? NULL : with);
}

static void set_keys(client *c) {
    if (c->keyed) return;
    c->keyed = true;
    if (peer_set_keys(c->end, SRTP_AEAD_AES_128_GCM, c->keys[0], c->salts[0], c->keys[1], c->salts[1]) < 0)
        fail("a client takes no keys");
    command keys = {.type = COMMAND_TRANSPORT_KEYS, .transport = c->transport};
    keys.keys.profile = SRTP_AEAD_AES_128_GCM;
    memcpy(keys.keys.local_key, c->keys[1], sizeof c->keys[1]);
    memcpy(keys.keys.local_salt, c->salts[1], sizeof c->salts[1]);
    memcpy(keys.keys.remote_key, c->keys[0], sizeof c->keys[0]);
    memcpy(keys.keys.remote_salt, c->salts[0], sizeof c->salts[0]);
    order(c->worker, &keys);
    uint8_t hello[64] = {22, 254, 253}; // looks like DTLS, and comes up as an event
    transmit_bytes(c, hello, sizeof hello);
    for (int video = 0; video < SLOTS; video++) {
        const client *with = &clients[next_random() % CLIENTS];
        if (with != c && with->state == CLIENT_OPEN) fill_slot(c, video, with);
    }
}

static void on_event(client *c, const event *happened) {
    if (happened->type == EVENT_TRANSPORT_CLOSED) {
        if (c->state != CLIENT_CLOSING) fail("a transport closed by itself");
        c->state = CLIENT_IDLE;
        sums.closed++;
        return;
    }
    if (c->state != CLIENT_OPEN) return; // from before it was told to close
    switch (happened->type) {
    case EVENT_TRANSPORT_CONNECTED:
        sums.connected++;
        set_keys(c);
        break;
    case EVENT_TRANSPORT_SECURED:
        sums.secured++;
        break;
    case EVENT_SLOT_FILLED:
        sums.filled++;
        break;
    case EVENT_TRANSPORT_DTLS:
        sums.dtls++;
        break;
    default:
        break;
    }
}

static void take_events(void) {
    worker_event happened;
    workers_acknowledge(group);
    for (uint8_t worker = 0; worker < WORKERS; worker++) {
        while (workers_next_event(group, worker, &happened)) {
            if (happened.refused) {
                // Only what raced with a closing transport: its source is gone.
                if (happened.refused != ENOENT || happened.refused_type != COMMAND_SLOT_SOURCE)
                    fail("a worker refused a command");
                sums.refused++;
                continue;
            }
            on_event(&clients[happened.event.transport * WORKERS + worker], &happened.event);
        }
    }
}

static void wait_for_something(void) {
    struct pollfd fds[CLIENTS + 1] = {{.fd = workers_event_fd(group), .events = POLLIN}};
    for (size_t i = 0; i < CLIENTS; i++)
        fds[i + 1] = (struct pollfd){.fd = clients[i].state == CLIENT_OPEN ? clients[i].fd : -1, .events = POLLIN};
    (void)poll(fds, CLIENTS + 1, 1);
}

static void turn(void) {
    wait_for_something();
    take_events();
    for (size_t i = 0; i < CLIENTS; i++)
        run_client(&clients[i]);
}

static bool all_is_home(void) {
    for (uint8_t worker = 0; worker < WORKERS; worker++) {
        worker_stats stats;
        workers_get_stats(group, worker, &stats);
        if (stats.engine.transports != 0 || stats.engine.packets_free != stats.engine.packets_total) return false;
        if (stats.engine.packets_total == 0) return false;
    }
    return true;
}

static bool all_are_closed(void) {
    for (size_t i = 0; i < CLIENTS; i++)
        if (clients[i].state != CLIENT_IDLE) return false;
    return true;
}

static void run(void) {
    uint64_t end_us = now_us() + RUN_MS * 1000, churn_us = 0, fill_us = 0;
    while (now_us() < end_us) {
        for (size_t i = 0; i < CLIENTS; i++)
            if (clients[i].state == CLIENT_IDLE) open_client(&clients[i]);
        turn();
        if (now_us() >= fill_us) {
            fill_us = now_us() + FILL_MS * 1000;
            fill_some_slot();
            worker_stats stats;
            workers_get_stats(group, (uint8_t)(next_random() % WORKERS), &stats);
        }
        if (now_us() >= churn_us) {
            churn_us = now_us() + CHURN_MS * 1000;
            close_client(&clients[1 + next_random() % (CLIENTS - 1)]); // the first stays all the while
        }
    }
}

static void settle(void) {
    uint64_t end_us = now_us() + SETTLE_MS * 1000;
    for (size_t i = 0; i < CLIENTS; i++)
        close_client(&clients[i]);
    while (!all_are_closed() || !all_is_home()) {
        if (now_us() > end_us) fail(all_are_closed() ? "a packet did not come home" : "a transport does not close");
        turn();
    }
}

int main(void) {
    workers_config config = {
        .count = WORKERS,
        .address_count = 1,
        .tcp = true,
        .socket_buffer_bytes = 1 << 20,
        .max_transports = CLIENTS,
        .packets = 2048,
        .pacing_bps = 20000000,
        .seed = {1, 2, 3},
    };
    const uint8_t loopback[4] = {127, 0, 0, 1};
    config.addresses[0] = net_address_ipv4(loopback, 0);
    net_address failed = {0};
    if (workers_create(&group, &config, &failed) < 0 || workers_start(group) < 0) fail("no workers");
    for (size_t i = 0; i < CLIENTS; i++)
        clients[i] =
            (client){.worker = (uint8_t)(i % WORKERS), .transport = (uint32_t)(i / WORKERS), .tcp = i == TCP_CLIENT};
    run();
    settle();
    for (uint8_t worker = 0; worker < WORKERS; worker++)
        order(worker, &(command){.type = COMMAND_TRANSPORT_PACING, .transport = 0}); // left in the rings: nobody minds
    workers_destroy(group);
    printf("stress_workers: %llu sessions, %llu secured, %llu slots filled, %llu fillings too late, %llu packets, "
           "%llu frames decoded, %llu splices\n",
           (unsigned long long)sums.opened, (unsigned long long)sums.secured, (unsigned long long)sums.filled,
           (unsigned long long)sums.refused, (unsigned long long)sums.packets, (unsigned long long)sums.decoded,
           (unsigned long long)sums.splices);
    if (sums.opened != sums.closed) fail("sessions were lost");
    if (sums.secured < CLIENTS || !sums.dtls || !sums.decoded || !sums.audio || !sums.splices || !sums.filled)
        fail("too little has happened: nothing was shown");
    return 0;
}
