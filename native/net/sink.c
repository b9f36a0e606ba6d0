#include "net/sink.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/socket_options.h"
#include "net/udp.h"

enum { READY_AT_ONCE = 64, WAIT_MS = 10 };

struct sink {
    udp_socket *sockets;
    size_t count;
    int epoll;
    udp_buffers *buffers;
    datagram batch[UDP_MAX_DATAGRAMS];
    udp_counters counters;
    sink_counts counts;
};

static uint64_t now_us(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int open_socket(sink *self, const net_address *address, bool gro, uint32_t buffer_bytes) {
    socket_facts facts;
    int fd = socket_open_udp(address, buffer_bytes, &facts);
    if (fd < 0) return fd;
    self->sockets[self->count] = (udp_socket){.fd = fd, .local = (uint32_t)self->count, .gso = true};
    struct epoll_event interest = {.events = EPOLLIN, .data.u64 = self->count};
    self->count++;
    if (epoll_ctl(self->epoll, EPOLL_CTL_ADD, fd, &interest) < 0) return -errno;
    return gro ? 0 : socket_disable_gro(fd);
}

int sink_create(sink **made, const net_address *address, size_t count, bool gro, uint32_t buffer_bytes) {
    sink *self = calloc(1, sizeof *self);
    if (!self) return -ENOMEM;
    self->sockets = calloc(count ? count : 1, sizeof *self->sockets);
    self->buffers = udp_buffers_create();
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    int status = self->epoll < 0 ? -errno : self->sockets && self->buffers ? 0 : -ENOMEM;
    for (size_t i = 0; status == 0 && i < count; i++)
        status = open_socket(self, address, gro, buffer_bytes);
    if (status == 0)
        *made = self;
    else
        sink_destroy(self);
    return status;
}

void sink_destroy(sink *self) {
    if (!self) return;
    for (size_t i = 0; i < self->count; i++)
        close(self->sockets[i].fd);
    if (self->epoll >= 0) close(self->epoll);
    udp_buffers_destroy(self->buffers);
    free(self->sockets);
    free(self);
}

int sink_address(const sink *self, size_t index, net_address *address) {
    return index < self->count ? socket_local_address(self->sockets[index].fd, address) : -EINVAL;
}

static void read_socket(sink *self, udp_socket *from) {
    size_t count = udp_receive(from, self->buffers, UINT64_MAX / 2, 0, self->batch, &self->counters);
    for (size_t i = 0; i < count; i++)
        self->counts.bytes += self->batch[i].length;
    self->counts.datagrams += count;
}

void sink_run(sink *self, uint64_t duration_us, const volatile bool *stop) {
    struct epoll_event ready[READY_AT_ONCE];
    uint64_t end_us = now_us(CLOCK_MONOTONIC) + duration_us;
    while (!(stop && *stop) && now_us(CLOCK_MONOTONIC) < end_us) {
        int count = epoll_wait(self->epoll, ready, READY_AT_ONCE, WAIT_MS);
        for (int i = 0; i < count; i++)
            read_socket(self, &self->sockets[ready[i].data.u64]);
    }
    self->counts.messages = self->counters.receive_messages;
    self->counts.dropped = self->counters.socket_drops;
}

sink_counts sink_get_counts(const sink *self) {
    return self->counts;
}
