// A transport address as a plain value that can be compared and hashed byte by byte.
#ifndef SFU_CORE_ADDRESS_H
#define SFU_CORE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct net_address {
    uint8_t ip[16];   // network order; IPv4 as ::ffff:a.b.c.d
    uint16_t port;    // host order
    uint16_t is_ipv6; // 0 or 1: which family it has on the wire
} net_address;

static inline net_address net_address_ipv4(const uint8_t ip[4], uint16_t port) {
    net_address a = {.ip = {[10] = 0xFF, [11] = 0xFF}, .port = port, .is_ipv6 = 0};
    memcpy(a.ip + 12, ip, 4);
    return a;
}

static inline net_address net_address_ipv6(const uint8_t ip[16], uint16_t port) {
    net_address a = {.port = port, .is_ipv6 = 1};
    memcpy(a.ip, ip, 16);
    return a;
}

static inline bool net_address_equal(const net_address *a, const net_address *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

// Whether both may be one host's: an IPv4 address, or an IPv6 /64, of which a host has all.
static inline bool net_address_same_source(const net_address *a, const net_address *b) {
    return a->is_ipv6 == b->is_ipv6 && memcmp(a->ip, b->ip, a->is_ipv6 ? 8 : 16) == 0;
}

#endif
