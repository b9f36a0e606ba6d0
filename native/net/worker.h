// Workers: each is a thread with sockets of its own around an engine (media/engine.h). The control plane talks to them
// through rings: commands down, events up, one eventfd in each direction.
#ifndef SFU_NET_WORKER_H
#define SFU_NET_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"
#include "media/engine.h"

enum {
    WORKERS_MAX = ENGINE_MAX_ENGINES,
    WORKER_MAX_ADDRESSES = 8, // local addresses, each with a UDP and an ICE-TCP port
    WORKER_COMMANDS = 512,    // ring sizes
    WORKER_EVENTS = 512,
};

typedef struct workers workers;

typedef struct workers_config {
    uint8_t count;                               // of workers
    uint8_t address_count;                       // at least 1
    net_address addresses[WORKER_MAX_ADDRESSES]; // to bind; port 0: the system picks, else worker i takes port + i
    bool tcp;                                    // listen for ICE-TCP too
    uint32_t socket_buffer_bytes;                // asked of SO_RCVBUF and SO_SNDBUF
    uint32_t max_transports;                     // of each worker
    uint32_t packets;                            // of each worker's pool
    uint64_t pacing_bps;
    uint8_t seed[16];
} workers_config;

// Opens all sockets and makes all engines; no thread runs yet. 0, -EINVAL, -ENOMEM, or the error of a system call
// (-EADDRINUSE, -EADDRNOTAVAIL …), and then `failed` names the address.
int workers_create(workers **made, const workers_config *config, net_address *failed);
// Starts the threads. 0 or -errno.
int workers_start(workers *self);
// Stops and joins the threads, closes what is open. Safe on workers that were never started.
void workers_destroy(workers *self);

// Where worker `index` really listens, by address of the configuration. `tcp` false: UDP.
int workers_local_address(const workers *self, uint8_t index, uint8_t address, bool tcp, net_address *local);
// The receive and send buffer that the kernel granted (it doubles what is asked, up to net.core.rmem_max and wmem_max).
void workers_buffer_bytes(const workers *self, uint32_t *receive, uint32_t *send);

// Readable while there are events to take.
int workers_event_fd(const workers *self);
// Resets the event fd; then take events until there are none.
void workers_acknowledge(workers *self);
// From the control plane's thread only. False: the ring is full, the worker is stuck or swamped; try later.
bool workers_command(workers *self, uint8_t index, const command *command);
typedef struct worker_event {
    event event;
    int refused; // errno of a refused command (event.type is EVENT_NONE), else 0
    command_type refused_type;
} worker_event;
bool workers_next_event(workers *self, uint8_t index, worker_event *event);

// A snapshot, at most about 100 ms old.
typedef struct worker_stats {
    engine_stats engine;
    uint64_t receive_calls;
    uint64_t send_calls;
    uint64_t send_errors;     // datagrams that the kernel refused, or that found a full socket's backlog full
    uint64_t send_blocked;    // times that a socket's buffer was full
    uint64_t gso_fallbacks;   // local addresses on which GSO was given up
    uint64_t socket_drops;    // SO_RXQ_OVFL
    uint64_t tcp_connections; // open now
    uint64_t tcp_dropped;     // frames dropped because a connection's queue was full
    uint64_t turns;
    uint64_t cpu_ns; // of the thread
} worker_stats;
void workers_get_stats(workers *self, uint8_t index, worker_stats *stats);

#endif
