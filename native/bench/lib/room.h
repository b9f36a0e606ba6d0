// What benchmarks forward in: one engine with a publisher and its receivers, without sockets, in virtual time. Whatever
// goes wrong while it is set up ends the program: a benchmark has nothing to say about half a room.
#ifndef SFU_BENCH_LIB_ROOM_H
#define SFU_BENCH_LIB_ROOM_H

#include <stddef.h>
#include <stdint.h>

#include "media/engine.h"

enum { BENCH_MAX_RECEIVERS = 500, BENCH_MAX_FRAME = 64, BENCH_MAX_PAYLOAD = 1180 };

typedef struct bench_room bench_room;

// A room whose publisher sends frames of `packets` packets (1 to BENCH_MAX_FRAME) with `payload` bytes each (2 to
// BENCH_MAX_PAYLOAD) to `receivers` (1 to BENCH_MAX_RECEIVERS). NULL when an argument is out of its range.
bench_room *bench_room_open(uint32_t receivers, uint32_t packets, size_t payload);
void bench_room_close(bench_room *self);

// The publisher makes its next frame; virtual time goes on. Not part of what is measured.
void bench_room_next_frame(bench_room *self);

// The frame is received: the accept stage.
void bench_room_accept(bench_room *self);

// Everything is sent: the depart stage. Returns how many packets that were.
uint64_t bench_room_depart(bench_room *self);

const engine_stats *bench_room_stats(const bench_room *self);

#endif
