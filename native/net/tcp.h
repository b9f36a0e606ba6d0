// ICE-TCP (RFC 6544, passive side) with RFC 4571 framing: a worker's listeners and connections. A connection looks to
// the engine like a socket of its own with one remote address.
#ifndef SFU_NET_TCP_H
#define SFU_NET_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/engine.h"

enum {
    TCP_FIRST_LOCAL = 0x10000,       // ice_path.local of connections begins here; below are UDP sockets
    TCP_MAX_CONNECTIONS = 1024,      // of a worker
    TCP_MAX_STRANGERS = 64,          // connections on which no check has been valid yet: one more closes the oldest
    TCP_MAX_STRANGERS_OF_SOURCE = 8, // of one IPv4 address or IPv6 /64: one more closes its oldest
    TCP_STRANGER_US = 10 * 1000000,  // and they are closed after so long
    TCP_QUEUE_BYTES = 256 * 1024,    // waiting to be written; beyond it whole frames are dropped
    TCP_VIDEO_BYTES = 128 * 1024,    // and video already beyond this
    TCP_QUEUE_US = 2 * 1000000,      // the same in time: what comes later than that helps nobody
    TCP_VIDEO_US = 300 * 1000,
};

typedef struct tcp_server tcp_server;
typedef struct tcp_counters {
    uint64_t open;
    uint64_t dropped;
} tcp_counters;

// `epoll` is the worker's; connections are registered there with `tag` in the upper half of the data and their slot in
// the lower.
tcp_server *tcp_server_create(int epoll, uint32_t tag);
void tcp_server_destroy(tcp_server *server);

// Takes what waits on a listener.
void tcp_accept(tcp_server *server, int listener, engine *media, uint64_t now_us);
// A connection is ready, as epoll says.
void tcp_on_ready(tcp_server *server, uint32_t slot, uint32_t events, engine *media, uint64_t now_us);
// One message of the engine, in frames of its segment size. Never blocks; drops whole frames when the connection does
// not take them.
void tcp_send(tcp_server *server, const transmit *message, uint64_t now_us);
// Closes strangers that have had their time.
void tcp_on_timeout(tcp_server *server, engine *media, uint64_t now_us);
tcp_counters tcp_get_counters(const tcp_server *server);

#endif
