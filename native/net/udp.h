// One UDP socket of a worker: batches in (recvmmsg, GRO, kernel time stamps) and out (sendmmsg, GSO).
#ifndef SFU_NET_UDP_H
#define SFU_NET_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/engine.h"
#include "net/backlog.h"

enum {
    UDP_RECEIVE_MESSAGES = 16, // of one recvmmsg; with GRO each may hold up to 64 datagrams
    UDP_MAX_DATAGRAMS = UDP_RECEIVE_MESSAGES * 64,
    UDP_SEND_MESSAGES = 128, // of one sendmmsg
};

typedef struct udp_counters {
    uint64_t receive_calls;
    uint64_t receive_messages; // with GRO one may hold many datagrams
    uint64_t send_calls;
    uint64_t send_errors; // datagrams that the kernel refused, or that found the backlog full
    uint64_t send_blocked;
    uint64_t gso_fallbacks;
    uint64_t socket_drops;
} udp_counters;

typedef struct udp_socket {
    int fd;
    uint32_t local;        // its index in ice_path
    bool gso;              // not given up
    engine *media;         // is told what the kernel refuses; NULL: nobody is
    uint32_t dropped_seen; // SO_RXQ_OVFL's counter, which wraps
    bool blocked;          // its buffer is full
    backlog waiting;       // while it is
} udp_socket;

// Buffers of a worker for all its sockets.
typedef struct udp_buffers udp_buffers;
udp_buffers *udp_buffers_create(void);
void udp_buffers_destroy(udp_buffers *buffers);

// One batch: fills `batch` (UDP_MAX_DATAGRAMS) with views into the buffers, valid until the next call, and returns how
// many; 0 when there is nothing to read. `realtime_offset_us` is CLOCK_REALTIME minus CLOCK_MONOTONIC; arrival times
// are clamped to `now_us`.
size_t udp_receive(udp_socket *socket, udp_buffers *buffers, uint64_t now_us, int64_t realtime_offset_us,
                   datagram *batch, udp_counters *counters);

// Sends messages that all go out by this socket, in order. Returns how many are done with: sent, or skipped because the
// kernel refused just that one; fewer than `count` means that the socket's buffer is full.
size_t udp_send_now(udp_socket *socket, udp_buffers *buffers, const transmit *messages, size_t count, uint64_t now_us,
                    udp_counters *counters);
// The same, but once the buffer is full `socket->blocked` is set, and what is left waits for udp_on_writable.
void udp_send(udp_socket *socket, udp_buffers *buffers, const transmit *messages, size_t count, uint64_t now_us,
              udp_counters *counters);
// The socket takes something again. True when all that waited has gone and it is not blocked any longer.
bool udp_on_writable(udp_socket *socket, udp_buffers *buffers, uint64_t now_us, udp_counters *counters);

#endif
