// Opening sockets and reading back what the kernel made of our wishes.
#ifndef SFU_NET_SOCKET_OPTIONS_H
#define SFU_NET_SOCKET_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/address.h"

typedef struct socket_facts {
    uint32_t receive_buffer; // bytes granted
    uint32_t send_buffer;
    bool gro; // UDP_GRO took
} socket_facts;

socklen_t socket_address_out(const net_address *address, struct sockaddr_storage *out);
net_address socket_address_in(const struct sockaddr_storage *in);

// Non-blocking, bound, with time stamps, drop counts, GRO where there is any, DF set and never fragmented. The
// descriptor, or -errno.
int socket_open_udp(const net_address *address, uint32_t buffer_bytes, socket_facts *facts);
// Non-blocking and listening. The descriptor, or -errno.
int socket_open_tcp(const net_address *address);
// 0 or -errno.
int socket_disable_gro(int fd);
// Where it is bound. 0 or -errno.
int socket_local_address(int fd, net_address *address);

#endif
