// Receivers that count what arrives and do nothing else: the other end of every measurement of sending. They run on the
// caller's thread, so that whoever measures puts them into a process of their own and their cost into that one's
// account.
#ifndef SFU_NET_SINK_H
#define SFU_NET_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"

typedef struct sink sink;

typedef struct sink_counts {
    uint64_t datagrams; // as the network would carry them: a coalesced message counts its segments
    uint64_t messages;  // reads that the kernel needed for them
    uint64_t bytes;     // UDP payload
    uint64_t dropped;   // by the kernel, for want of room (SO_RXQ_OVFL)
} sink_counts;

// `count` sockets on one address with ports that the system picks, with UDP_GRO or without. 0 or -errno.
int sink_create(sink **made, const net_address *address, size_t count, bool gro, uint32_t buffer_bytes);
void sink_destroy(sink *self);
// Where socket `index` listens. 0 or -errno.
int sink_address(const sink *self, size_t index, net_address *address);
// Reads what comes for `duration_us`, or until `stop` (may be NULL) becomes true.
void sink_run(sink *self, uint64_t duration_us, const volatile bool *stop);
sink_counts sink_get_counts(const sink *self);

#endif
