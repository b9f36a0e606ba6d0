#include "net/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "net/socket_options.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103 // linux/udp.h; glibc 2.36 lacks both in netinet/udp.h
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum { RECEIVE_BYTES = 65536, CONTROL_BYTES = 128 };

typedef struct message_space {
    struct sockaddr_storage address;
    struct iovec iov;
    _Alignas(struct cmsghdr) uint8_t control[CONTROL_BYTES];
} message_space;

struct udp_buffers {
    struct mmsghdr in[UDP_RECEIVE_MESSAGES];
    message_space in_space[UDP_RECEIVE_MESSAGES];
    struct mmsghdr out[UDP_SEND_MESSAGES];
    message_space out_space[UDP_SEND_MESSAGES];
    uint8_t bytes[UDP_RECEIVE_MESSAGES][RECEIVE_BYTES];
};

udp_buffers *udp_buffers_create(void) {
    return calloc(1, sizeof(udp_buffers));
}

void udp_buffers_destroy(udp_buffers *buffers) {
    free(buffers);
}

// ---- in ----

typedef struct ancillary {
    uint64_t arrival_us;
    uint32_t segment; // of a GRO super-packet; 0: one datagram
} ancillary;

static void read_drops(udp_socket *socket, const struct cmsghdr *c, udp_counters *counters) {
    uint32_t dropped;
    memcpy(&dropped, CMSG_DATA(c), sizeof dropped);
    counters->socket_drops += dropped - socket->dropped_seen;
    socket->dropped_seen = dropped;
}

static ancillary read_ancillary(udp_socket *socket, struct msghdr *header, uint64_t now_us, int64_t offset_us,
                                udp_counters *counters) {
    ancillary found = {.arrival_us = now_us};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
            struct timespec at;
            memcpy(&at, CMSG_DATA(c), sizeof at);
            int64_t us = (int64_t)at.tv_sec * 1000000 + at.tv_nsec / 1000 - offset_us;
            // A stepped wall clock must not send packets through time.
            if (us > 0 && (uint64_t)us <= now_us && now_us - (uint64_t)us < 1000000) found.arrival_us = (uint64_t)us;
        } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
            read_drops(socket, c, counters);
        } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
            int segment;
            memcpy(&segment, CMSG_DATA(c), sizeof segment);
            found.segment = segment > 0 ? (uint32_t)segment : 0;
        }
    }
    return found;
}

static void prepare_receive(udp_buffers *buffers) {
    for (size_t i = 0; i < UDP_RECEIVE_MESSAGES; i++) {
        message_space *space = &buffers->in_space[i];
        space->iov = (struct iovec){.iov_base = buffers->bytes[i], .iov_len = RECEIVE_BYTES};
        buffers->in[i].msg_hdr = (struct msghdr){
            .msg_name = &space->address,
            .msg_namelen = sizeof space->address,
            .msg_iov = &space->iov,
            .msg_iovlen = 1,
            .msg_control = space->control,
            .msg_controllen = sizeof space->control,
        };
    }
}

// Datagrams that one message holds go to `batch`; returns how many.
static size_t split(const udp_socket *socket, udp_buffers *buffers, size_t index, const ancillary *facts,
                    datagram *batch, size_t room) {
    size_t length = buffers->in[index].msg_len;
    size_t segment = facts->segment ? facts->segment : length;
    ice_path path = {.remote = socket_address_in(&buffers->in_space[index].address), .local = socket->local};
    size_t count = 0;
    for (size_t at = 0; at < length && count < room; at += segment) {
        size_t left = length - at;
        batch[count++] = (datagram){
            .bytes = buffers->bytes[index] + at,
            .length = (uint32_t)(left < segment ? left : segment),
            .path = path,
            .arrival_us = facts->arrival_us,
        };
    }
    return count;
}

size_t udp_receive(udp_socket *socket, udp_buffers *buffers, uint64_t now_us, int64_t realtime_offset_us,
                   datagram *batch, udp_counters *counters) {
    prepare_receive(buffers);
    int messages = recvmmsg(socket->fd, buffers->in, UDP_RECEIVE_MESSAGES, MSG_DONTWAIT, NULL);
    counters->receive_calls++;
    size_t count = 0;
    if (messages > 0) counters->receive_messages += (uint64_t)messages;
    for (int i = 0; i < messages; i++) {
        ancillary facts = read_ancillary(socket, &buffers->in[i].msg_hdr, now_us, realtime_offset_us, counters);
        count += split(socket, buffers, (size_t)i, &facts, batch + count, UDP_MAX_DATAGRAMS - count);
    }
    return count;
}

// ---- out ----

static void prepare_message(udp_buffers *buffers, size_t index, const transmit *message) {
    message_space *space = &buffers->out_space[index];
    // The kernel does not write to what it sends; iovec has no const.
    space->iov = (struct iovec){.iov_base = (void *)(uintptr_t)message->bytes, .iov_len = message->length};
    struct msghdr *header = &buffers->out[index].msg_hdr;
    *header = (struct msghdr){.msg_name = &space->address, .msg_iov = &space->iov, .msg_iovlen = 1};
    header->msg_namelen = socket_address_out(&message->path.remote, &space->address);
    if (message->segments <= 1) return;
    header->msg_control = space->control;
    header->msg_controllen = CMSG_SPACE(sizeof(uint16_t));
    struct cmsghdr *c = CMSG_FIRSTHDR(header);
    c->cmsg_level = IPPROTO_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    memcpy(CMSG_DATA(c), &message->segment_bytes, sizeof(uint16_t));
}

static bool is_full(int error) {
    return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS;
}

static void count_refused(const udp_socket *socket, const transmit *message, uint32_t datagrams, int error,
                          uint64_t now_us, udp_counters *counters) {
    counters->send_errors += datagrams;
    if (socket->media) engine_on_refused(socket->media, now_us, message->transport, datagrams, error);
}

// One run as single datagrams: after GSO has failed, and where it was given up. Returns how many were sent. Where the
// socket's buffer is full, what is left of the run is lost, as on any full queue; it is never sent twice.
static size_t send_singly(const udp_socket *socket, const transmit *message, uint64_t now_us, udp_counters *counters) {
    struct sockaddr_storage address;
    socklen_t size = socket_address_out(&message->path.remote, &address);
    uint32_t sent = 0;
    int error = 0;
    for (uint32_t at = 0; at < message->length && !is_full(error); at += message->segment_bytes) {
        uint32_t left = message->length - at;
        size_t length = left < message->segment_bytes ? left : message->segment_bytes;
        counters->send_calls++;
        if (sendto(socket->fd, message->bytes + at, length, MSG_DONTWAIT, (struct sockaddr *)&address, size) >= 0)
            sent++;
        else
            error = errno;
    }
    if (error) count_refused(socket, message, message->segments - sent, error, now_us, counters);
    return sent;
}

// The first message of a batch failed: what becomes of it. True when it is done with.
static bool settle_failure(udp_socket *socket, const transmit *message, int error, uint64_t now_us,
                           udp_counters *counters) {
    if (is_full(error)) {
        counters->send_blocked++;
        return false;
    }
    if (message->segments > 1 && (error == EIO || error == EINVAL)) {
        // GSO can pass a probe and fail later, on another route: off for this local address. Where single datagrams
        // fail too, it is the route that is at fault (EINVAL: a black hole), and only this receiver's.
        if (send_singly(socket, message, now_us, counters) > 0) {
            counters->gso_fallbacks += socket->gso;
            socket->gso = false;
        }
        return true;
    }
    count_refused(socket, message, message->segments, error, now_us, counters);
    return true;
}

size_t udp_send_now(udp_socket *socket, udp_buffers *buffers, const transmit *messages, size_t count, uint64_t now_us,
                    udp_counters *counters) {
    size_t done = 0;
    while (done < count) {
        if (!socket->gso && messages[done].segments > 1) {
            (void)send_singly(socket, &messages[done++], now_us, counters);
            continue;
        }
        size_t batch = 0;
        for (; batch < UDP_SEND_MESSAGES && done + batch < count; batch++) {
            if (!socket->gso && messages[done + batch].segments > 1) break;
            prepare_message(buffers, batch, &messages[done + batch]);
        }
        int sent = sendmmsg(socket->fd, buffers->out, (unsigned)batch, MSG_DONTWAIT);
        counters->send_calls++;
        if (sent > 0) {
            done += (size_t)sent; // fewer than asked: the next call says what is wrong with the first that is left
        } else if (errno != EINTR) {
            if (!settle_failure(socket, &messages[done], errno, now_us, counters)) return done;
            done++;
        }
    }
    return done;
}

void udp_send(udp_socket *socket, udp_buffers *buffers, const transmit *messages, size_t count, uint64_t now_us,
              udp_counters *counters) {
    size_t done = socket->blocked ? 0 : udp_send_now(socket, buffers, messages, count, now_us, counters);
    if (done == count) return;
    socket->blocked = true;
    done += backlog_keep(&socket->waiting, messages + done, count - done);
    for (; done < count; done++)
        count_refused(socket, &messages[done], messages[done].segments, EAGAIN, now_us, counters);
}

bool udp_on_writable(udp_socket *socket, udp_buffers *buffers, uint64_t now_us, udp_counters *counters) {
    size_t count = socket->waiting.count;
    size_t done = udp_send_now(socket, buffers, backlog_messages(&socket->waiting), count, now_us, counters);
    backlog_remove(&socket->waiting, done);
    socket->blocked = done < count;
    return !socket->blocked;
}
