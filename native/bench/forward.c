// What the engine spends on forwarding, without sockets: one publisher's frames to many receivers, in virtual time.
//
//   bench_forward [receivers] [packets of a frame] [payload bytes]
//
// accept is per packet received, depart per packet sent; own is what forwarding costs beyond encryption for each packet
// sent: (accept / receivers) + depart - protect.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/lib/batch.h"
#include "bench/lib/room.h"
#include "core/cipher.h"

enum { FRAMES = 3000, WARM_UP = 300, PROTECT_ROUNDS = 20000, PROTECT_BATCH = 10 };

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

// The part of the cipher: the same bytes protected in a loop.
static double protect_ns(size_t payload) {
    bench_batch *batch = bench_batch_open(SRTP_AEAD_AES_128_GCM, payload, PROTECT_BATCH);
    double start = now_ns();
    for (int round = 0; round < PROTECT_ROUNDS; round++)
        bench_batch_protect(batch);
    double ns = (now_ns() - start) / (PROTECT_ROUNDS * (double)PROTECT_BATCH);
    bench_batch_close(batch);
    return ns;
}

int main(int argc, char **argv) {
    uint32_t receivers = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 50;
    uint32_t packets = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 10;
    size_t payload = argc > 3 ? strtoul(argv[3], NULL, 10) : 1160;
    bench_room *room = bench_room_open(receivers, packets, payload);
    if (!room) {
        fprintf(stderr, "bench_forward: receivers 1–500, packets 1–64, payload 2–1180\n");
        return 2;
    }

    double accept = 0, depart = 0;
    uint64_t sent = 0, received = 0;
    for (int frame = 0; frame < FRAMES + WARM_UP; frame++) {
        if (frame == WARM_UP) accept = depart = 0, sent = received = 0;
        bench_room_next_frame(room);
        double start = now_ns();
        bench_room_accept(room);
        double middle = now_ns();
        sent += bench_room_depart(room);
        double end = now_ns();
        accept += middle - start;
        depart += end - middle;
        received += packets;
    }
    const engine_stats *stats = bench_room_stats(room);
    double cipher = protect_ns(payload);
    double a = accept / (double)received, d = depart / (double)sent;
    printf("%s, %u receivers, frames of %u × %zu bytes, %.1f packets a message, %.1f %% forwarded\n", cipher_backend(),
           receivers, packets, payload, (double)stats->packets_sent / (double)stats->messages_sent,
           100.0 * (double)sent / (double)(received * receivers));
    printf("accept %5.0f ns a packet received\ndepart %5.0f ns a packet sent, of which the cipher %.0f\n", a, d,
           cipher);
    printf("own    %5.0f ns a packet forwarded\n", a / receivers + d - cipher);
    bench_room_close(room);
    return 0;
}
