#include "net/socket_options.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

#ifndef UDP_GRO
#define UDP_GRO 104 // linux/udp.h; glibc 2.36 lacks it in netinet/udp.h
#endif

enum { LISTEN_BACKLOG = 64 };

socklen_t socket_address_out(const net_address *address, struct sockaddr_storage *out) {
    memset(out, 0, sizeof *out);
    if (address->is_ipv6) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(address->port);
        memcpy(&v6->sin6_addr, address->ip, 16);
        return sizeof *v6;
    }
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address->port);
    memcpy(&v4->sin_addr, address->ip + 12, 4);
    return sizeof *v4;
}

net_address socket_address_in(const struct sockaddr_storage *in) {
    if (in->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)in;
        return net_address_ipv6((const uint8_t *)&v6->sin6_addr, ntohs(v6->sin6_port));
    }
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)in;
    return net_address_ipv4((const uint8_t *)&v4->sin_addr, ntohs(v4->sin_port));
}

static int set(int fd, int level, int option, int value) {
    return setsockopt(fd, level, option, &value, sizeof value) == 0 ? 0 : -errno;
}

static uint32_t get(int fd, int option) {
    int value = 0;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value > 0 ? (uint32_t)value : 0;
}

static int bind_to(int fd, const net_address *address) {
    struct sockaddr_storage storage;
    socklen_t size = socket_address_out(address, &storage);
    if (address->is_ipv6) {
        int status = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
        if (status < 0) return status;
    }
    return bind(fd, (const struct sockaddr *)&storage, size) == 0 ? 0 : -errno;
}

static int configure_udp(int fd, const net_address *address, uint32_t buffer_bytes, socket_facts *facts) {
    // Path MTU discovery on: DF is set and what is too long is refused, never fragmented.
    int status = address->is_ipv6 ? set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO)
                                  : set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
    if (status == 0) status = set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    if (status == 0) status = set(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
    if (status < 0) return status;
    // Wishes: what was granted is read back and told.
    (void)set(fd, SOL_SOCKET, SO_RCVBUF, (int)buffer_bytes);
    (void)set(fd, SOL_SOCKET, SO_SNDBUF, (int)buffer_bytes);
    facts->receive_buffer = get(fd, SO_RCVBUF);
    facts->send_buffer = get(fd, SO_SNDBUF);
    facts->gro = set(fd, IPPROTO_UDP, UDP_GRO, 1) == 0;
    return bind_to(fd, address);
}

int socket_open_udp(const net_address *address, uint32_t buffer_bytes, socket_facts *facts) {
    int fd = socket(address->is_ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    int status = configure_udp(fd, address, buffer_bytes, facts);
    if (status == 0) return fd;
    close(fd);
    return status;
}

int socket_open_tcp(const net_address *address) {
    int fd = socket(address->is_ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    int status = set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (status == 0) status = bind_to(fd, address);
    if (status == 0 && listen(fd, LISTEN_BACKLOG) < 0) status = -errno;
    if (status == 0) return fd;
    close(fd);
    return status;
}

int socket_disable_gro(int fd) {
    return set(fd, IPPROTO_UDP, UDP_GRO, 0);
}

int socket_local_address(int fd, net_address *address) {
    struct sockaddr_storage storage = {0};
    socklen_t size = sizeof storage;
    if (getsockname(fd, (struct sockaddr *)&storage, &size) < 0) return -errno;
    *address = socket_address_in(&storage);
    return 0;
}
