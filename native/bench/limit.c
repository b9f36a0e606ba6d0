// The limit: a bare loop that only encrypts and sends. What forwarding costs beyond this is the server's own.
//
//   bench_limit [--receivers N] [--bytes N] [--run N] [--seconds S] [--no-gro] [--no-encryption]
//
// Receivers count in a process of their own; ns are the sender's CPU time for one packet (user and system).
#define _GNU_SOURCE

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/cipher.h"
#include "core/srtp.h"
#include "net/sink.h"
#include "net/socket_options.h"
#include "net/udp.h"

enum {
    MAX_RECEIVERS = 500,
    MAX_RUN = 64,
    HEADER_BYTES = 20,
    BUFFER_BYTES = 8 << 20,
    SLOT_BYTES = 1500,
    DRAIN_US = 200000
};

typedef struct settings {
    size_t receivers;
    size_t bytes; // UDP payload of one packet
    size_t run;   // packets of one message
    double seconds;
    bool gro;
    bool encrypt;
} settings;

// What both processes see.
typedef struct shared {
    net_address receivers[MAX_RECEIVERS];
    volatile bool ready;
    volatile bool stop;
    sink_counts counts;
    double sink_cpu_s;
} shared;

typedef struct sender {
    srtp_sender *srtp;
    srtp_stream *stream;
    seq64 index;
    udp_socket socket;
    udp_buffers *buffers;
    udp_counters counters;
    uint8_t body[SLOT_BYTES];
    uint8_t *arena; // of one pass over all receivers
    transmit messages[MAX_RECEIVERS];
} sender;

static void require(bool condition, const char *what) {
    if (condition) return;
    fprintf(stderr, "bench_limit: %s failed\n", what);
    exit(1);
}

static double seconds_of(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static void receive(const settings *s, shared *common) {
    static const uint8_t loopback[4] = {127, 0, 0, 1};
    net_address address = net_address_ipv4(loopback, 0);
    sink *receivers;
    require(sink_create(&receivers, &address, s->receivers, s->gro, BUFFER_BYTES) == 0, "opening the receivers");
    for (size_t i = 0; i < s->receivers; i++)
        require(sink_address(receivers, i, &common->receivers[i]) == 0, "getsockname");
    common->ready = true;
    double before = cpu_seconds();
    sink_run(receivers, (uint64_t)(s->seconds * 1e6) + 10000000, &common->stop);
    sink_run(receivers, DRAIN_US, NULL);
    common->sink_cpu_s = cpu_seconds() - before;
    common->counts = sink_get_counts(receivers);
    sink_destroy(receivers);
}

// One run of equal packets for one receiver.
static void build_run(sender *from, const settings *s, size_t receiver, const net_address *to) {
    srtp_outgoing batch[MAX_RUN];
    size_t tag = srtp_sender_overhead(from->srtp);
    uint8_t *start = from->arena + receiver * s->run * SLOT_BYTES;
    for (size_t i = 0; i < s->run; i++) {
        uint8_t *output = start + i * s->bytes;
        rtp_header header = {.has_extension = true, .payload_type = 96, .sequence = seq64_wire(from->index), .ssrc = 1};
        writer w = writer_over(output, HEADER_BYTES);
        rtp_write_header(&w, &header);
        writer_u32(&w, 0xBEDE0001);
        writer_u32(&w, 0x10FF0000);
        batch[i] = (srtp_outgoing){
            .stream = from->stream,
            .index = from->index++,
            .header_length = HEADER_BYTES,
            .text = {.body = from->body, .body_length = s->bytes - HEADER_BYTES - tag},
            .output = output,
        };
    }
    if (s->encrypt) require(srtp_protect(from->srtp, batch, s->run) == s->run, "srtp_protect");
    from->messages[receiver] = (transmit){
        .bytes = start,
        .length = (uint32_t)(s->run * s->bytes),
        .segment_bytes = (uint16_t)s->bytes,
        .segments = (uint16_t)s->run,
        .path = {.remote = *to},
    };
}

static uint64_t send_for(sender *from, const settings *s, const shared *common) {
    uint64_t packets = 0;
    double end = seconds_of(CLOCK_MONOTONIC) + s->seconds;
    while (seconds_of(CLOCK_MONOTONIC) < end) {
        for (size_t i = 0; i < s->receivers; i++)
            build_run(from, s, i, &common->receivers[i]);
        size_t done = 0;
        while (done < s->receivers)
            done += udp_send_now(&from->socket, from->buffers, from->messages + done, s->receivers - done, 0,
                                 &from->counters);
        packets += s->receivers * s->run;
    }
    return packets;
}

static void open_sender(sender *from, const settings *s) {
    static const uint8_t key[SRTP_MAX_KEY_BYTES] = {1, 2, 3};
    static const uint8_t salt[SRTP_MAX_SALT_BYTES] = {4, 5, 6};
    static const uint8_t loopback[4] = {127, 0, 0, 1};
    net_address address = net_address_ipv4(loopback, 0);
    socket_facts facts;
    from->srtp = srtp_sender_create(SRTP_AEAD_AES_128_GCM, key, salt);
    require(from->srtp, "srtp_sender_create");
    from->stream = srtp_sender_stream(from->srtp, 1);
    from->buffers = udp_buffers_create();
    from->arena = malloc(s->receivers * s->run * SLOT_BYTES);
    require(from->stream && from->buffers && from->arena, "allocation");
    from->socket = (udp_socket){.fd = socket_open_udp(&address, BUFFER_BYTES, &facts), .gso = true};
    require(from->socket.fd >= 0, "opening the sender's socket");
}

static size_t number(const char *text, size_t least, size_t most) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*end || end == text || value < least || value > most) {
        fprintf(stderr, "bench_limit: %s is not a number from %zu to %zu\n", text, least, most);
        exit(2);
    }
    return value;
}

static settings parse(int argc, char **argv) {
    settings s = {.receivers = 50, .bytes = 1216, .run = 10, .seconds = 2, .gro = true, .encrypt = true};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--no-gro") == 0) {
            s.gro = false;
        } else if (strcmp(argv[i], "--no-encryption") == 0) {
            s.encrypt = false;
        } else if (strcmp(argv[i], "--receivers") == 0) {
            s.receivers = number(value, 1, MAX_RECEIVERS), i++;
        } else if (strcmp(argv[i], "--bytes") == 0) {
            s.bytes = number(value, HEADER_BYTES + 17, SLOT_BYTES), i++;
        } else if (strcmp(argv[i], "--run") == 0) {
            s.run = number(value, 1, MAX_RUN), i++;
        } else if (strcmp(argv[i], "--seconds") == 0) {
            s.seconds = (double)number(value, 1, 3600), i++;
        } else {
            fprintf(stderr, "bench_limit: unknown option %s\n", argv[i]);
            exit(2);
        }
    }
    if (s.run * s.bytes > 63000) s.run = 63000 / s.bytes;
    return s;
}

int main(int argc, char **argv) {
    settings s = parse(argc, argv);
    shared *common = mmap(NULL, sizeof *common, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    require(common != MAP_FAILED, "mmap");
    pid_t child = fork();
    require(child >= 0, "fork");
    if (child == 0) {
        receive(&s, common);
        _exit(0);
    }
    while (!common->ready && waitpid(child, NULL, WNOHANG) == 0)
        usleep(1000);
    require(common->ready, "starting the receivers");

    static sender from;
    open_sender(&from, &s);
    double before = cpu_seconds();
    uint64_t packets = send_for(&from, &s, common);
    double cpu = cpu_seconds() - before;
    common->stop = true;
    waitpid(child, NULL, 0);

    printf("%s, loopback, %zu receivers %s UDP_GRO, runs of %zu × %zu bytes, %s\n", cipher_backend(), s.receivers,
           s.gro ? "with" : "without", s.run, s.bytes, s.encrypt ? "AEAD_AES_128_GCM" : "no encryption");
    printf("sender    %6.0f ns a packet   %9.0f packets per CPU-second\n", cpu * 1e9 / (double)packets,
           (double)packets / cpu);
    printf("receivers %6.0f ns a packet   %5.1f %% arrived, %.1f datagrams a read\n",
           common->sink_cpu_s * 1e9 / (double)(common->counts.datagrams ? common->counts.datagrams : 1),
           100.0 * (double)common->counts.datagrams / (double)packets,
           (double)common->counts.datagrams / (double)(common->counts.messages ? common->counts.messages : 1));
    return 0;
}
