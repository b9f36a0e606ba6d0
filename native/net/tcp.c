#include "net/tcp.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/tcp_framing.h"
#include "net/socket_options.h"

enum { READS_AT_ONCE = 16 };
static_assert((int)TCP_FRAME_MAX_BYTES == (int)ENGINE_MAX_DATAGRAM, "what a frame may hold");

// What the kernel holds cannot be taken back: what waits shall wait here.
enum { KERNEL_UNSENT_BYTES = 8192 };

typedef struct connection {
    int fd; // -1: free
    ice_path path;
    uint64_t opened_us;
    tcp_framing in;
    uint8_t *out; // made when the kernel first does not take all
    size_t out_first;
    size_t out_used;
    size_t mark_bytes; // to be written until the marked byte has gone; 0: none is marked
    uint64_t mark_us;  // when that was queued
    uint64_t delay_us; // how long the last marked byte waited
} connection;

struct tcp_server {
    int epoll;
    uint32_t tag;
    int spare; // a file descriptor to give up when there are no more, see turn_away
    uint32_t
        made; // counts connections: `local` is made of it and of the slot, so that an old path never means a new one
    connection *slots;
    tcp_counters counters;
};

tcp_server *tcp_server_create(int epoll, uint32_t tag) {
    tcp_server *server = calloc(1, sizeof *server);
    if (!server) return NULL;
    server->epoll = epoll;
    server->tag = tag;
    server->spare = eventfd(0, EFD_CLOEXEC);
    server->slots = calloc(TCP_MAX_CONNECTIONS, sizeof *server->slots);
    if (!server->slots) {
        if (server->spare >= 0) close(server->spare);
        free(server);
        return NULL;
    }
    for (size_t i = 0; i < TCP_MAX_CONNECTIONS; i++)
        server->slots[i].fd = -1;
    return server;
}

static void release(tcp_server *server, connection *c) {
    close(c->fd);
    free(c->out);
    c->fd = -1;
    c->out = NULL;
    server->counters.open--;
}

void tcp_server_destroy(tcp_server *server) {
    if (!server) return;
    for (size_t i = 0; i < TCP_MAX_CONNECTIONS; i++)
        if (server->slots[i].fd >= 0) release(server, &server->slots[i]);
    if (server->spare >= 0) close(server->spare);
    free(server->slots);
    free(server);
}

static void hang_up(tcp_server *server, connection *c, engine *media, uint64_t now_us) {
    engine_on_path_closed(media, now_us, &c->path);
    release(server, c);
}

static bool is_stranger(const connection *c, const engine *media) {
    return c->fd >= 0 && !engine_knows_path(media, &c->path);
}

typedef struct stranger_count {
    connection *oldest;
    size_t count;
} stranger_count;

static void count_stranger(stranger_count *of, connection *c) {
    of->count++;
    if (!of->oldest || c->opened_us < of->oldest->opened_us) of->oldest = c;
}

// Where a new connection goes: a free slot, and not more strangers than are suffered, of one source and in all. Who
// opens many puts out its own first.
static connection *make_place(tcp_server *server, const net_address *from, engine *media, uint64_t now_us) {
    connection *place = NULL;
    stranger_count all = {0}, of_source = {0};
    for (size_t i = 0; i < TCP_MAX_CONNECTIONS; i++) {
        connection *c = &server->slots[i];
        if (c->fd < 0 && !place) place = c;
        if (!is_stranger(c, media)) continue;
        count_stranger(&all, c);
        if (net_address_same_source(&c->path.remote, from)) count_stranger(&of_source, c);
    }
    connection *out = NULL;
    if (of_source.count >= TCP_MAX_STRANGERS_OF_SOURCE)
        out = of_source.oldest;
    else if (all.count >= TCP_MAX_STRANGERS || !place)
        out = all.oldest;
    if (!out) return place;
    hang_up(server, out, media, now_us);
    return place ? place : out;
}

static uint32_t make_local(tcp_server *server, const connection *c) {
    uint32_t generation =
        server->made++ % (UINT32_MAX / TCP_MAX_CONNECTIONS - TCP_FIRST_LOCAL / TCP_MAX_CONNECTIONS - 1);
    return TCP_FIRST_LOCAL + generation * TCP_MAX_CONNECTIONS + (uint32_t)(c - server->slots);
}

// The process has no file descriptors left. A connection that is not accepted would make its listener ready for ever.
static void turn_away(tcp_server *server, int listener) {
    if (server->spare < 0) server->spare = eventfd(0, EFD_CLOEXEC); // another thread was faster the last time
    if (server->spare < 0) return;
    close(server->spare);
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) close(fd);
    server->spare = eventfd(0, EFD_CLOEXEC);
}

void tcp_accept(tcp_server *server, int listener, engine *media, uint64_t now_us) {
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    int fd;
    while ((fd = accept4(listener, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        net_address remote = socket_address_in(&address);
        connection *c = make_place(server, &remote, media, now_us);
        if (!c) {
            close(fd);
            return;
        }
        int one = 1, unsent = KERNEL_UNSENT_BYTES;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
        *c = (connection){.fd = fd, .opened_us = now_us};
        c->path = (ice_path){.remote = remote, .local = make_local(server, c)};
        server->counters.open++;
        struct epoll_event interest = {.events = EPOLLIN,
                                       .data.u64 = (uint64_t)server->tag << 32 | (uint64_t)(c - server->slots)};
        if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &interest) < 0) release(server, c);
        size = sizeof address;
    }
    if (errno == EMFILE || errno == ENFILE) turn_away(server, listener);
}

// Whole frames of what has come go to the engine. False: the peer does not speak RFC 4571.
static bool take_frames(connection *c, engine *media, uint64_t now_us) {
    datagram frame = {.path = c->path, .arrival_us = now_us};
    size_t length = 0;
    int status;
    while ((status = tcp_framing_next(&c->in, &frame.bytes, &length)) > 0) {
        frame.length = (uint32_t)length;
        engine_on_datagrams(media, now_us, &frame, 1);
    }
    return status == 0;
}

// False when the connection is over.
static bool read_some(connection *c, engine *media, uint64_t now_us) {
    for (int i = 0; i < READS_AT_ONCE; i++) {
        size_t capacity;
        uint8_t *room = tcp_framing_room(&c->in, &capacity);
        ssize_t got = recv(c->fd, room, capacity, 0);
        if (got < 0) return errno == EAGAIN || errno == EINTR;
        if (got == 0) return false;
        tcp_framing_received(&c->in, (size_t)got);
        if (!take_frames(c, media, now_us)) return false;
    }
    return true;
}

static void watch(const tcp_server *server, const connection *c) {
    struct epoll_event interest = {
        .events = c->out_used ? EPOLLIN | EPOLLOUT : EPOLLIN,
        .data.u64 = (uint64_t)server->tag << 32 | (uint64_t)(c - server->slots),
    };
    (void)epoll_ctl(server->epoll, EPOLL_CTL_MOD, c->fd, &interest);
}

// One byte at a time is followed through the queue: how long it takes is how late all is.
static void mark_last(connection *c, uint64_t now_us) {
    if (c->mark_bytes > 0) return;
    c->mark_bytes = c->out_used;
    c->mark_us = now_us;
}

static void mark_on_written(connection *c, size_t written, uint64_t now_us) {
    if (c->mark_bytes == 0) return;
    c->mark_bytes -= written < c->mark_bytes ? written : c->mark_bytes;
    if (c->mark_bytes == 0) c->delay_us = now_us - c->mark_us;
}

static uint64_t queue_delay_us(const connection *c, uint64_t now_us) {
    if (c->out_used == 0) return 0;
    uint64_t waiting_us = c->mark_bytes > 0 ? now_us - c->mark_us : 0;
    return waiting_us > c->delay_us ? waiting_us : c->delay_us;
}

// How much more the kernel may hold that it has not sent once. TCP_NOTSENT_LOWAT says when to come back, but lets a
// segment grow to 64 kB before it says stop.
static size_t kernel_room(const connection *c) {
    int unsent = 0;
    if (ioctl(c->fd, SIOCOUTQNSD, &unsent) < 0) return KERNEL_UNSENT_BYTES;
    return unsent < KERNEL_UNSENT_BYTES ? (size_t)(KERNEL_UNSENT_BYTES - unsent) : 0;
}

// False when the connection is over.
static bool write_queued(const tcp_server *server, connection *c, uint64_t now_us) {
    size_t room = kernel_room(c);
    while (c->out_used > 0) {
        if (room == 0) return true;
        size_t straight = TCP_QUEUE_BYTES - c->out_first;
        size_t length = c->out_used < straight ? c->out_used : straight;
        if (length > room) length = room;
        ssize_t sent = send(c->fd, c->out + c->out_first, length, MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN || errno == EINTR;
        c->out_first = (c->out_first + (size_t)sent) % TCP_QUEUE_BYTES;
        c->out_used -= (size_t)sent;
        room -= (size_t)sent;
        mark_on_written(c, (size_t)sent, now_us);
    }
    watch(server, c);
    return true;
}

void tcp_on_ready(tcp_server *server, uint32_t slot, uint32_t events, engine *media, uint64_t now_us) {
    connection *c = &server->slots[slot % TCP_MAX_CONNECTIONS];
    if (c->fd < 0) return;
    bool alive = true;
    if (events & EPOLLOUT) alive = write_queued(server, c, now_us);
    if (alive && (events & (EPOLLIN | EPOLLHUP | EPOLLERR))) alive = read_some(c, media, now_us);
    if (!alive) hang_up(server, c, media, now_us);
}

static void queue_bytes(connection *c, const uint8_t *bytes, size_t length) {
    size_t at = (c->out_first + c->out_used) % TCP_QUEUE_BYTES;
    size_t straight = TCP_QUEUE_BYTES - at;
    size_t first = length < straight ? length : straight;
    memcpy(c->out + at, bytes, first);
    memcpy(c->out, bytes + first, length - first);
    c->out_used += length;
}

static bool has_room(const connection *c, size_t length, bool droppable, uint64_t now_us) {
    size_t limit = droppable ? TCP_VIDEO_BYTES : TCP_QUEUE_BYTES;
    uint64_t limit_us = droppable ? TCP_VIDEO_US : TCP_QUEUE_US;
    return c->out_used + TCP_FRAME_HEADER_BYTES + length <= limit && queue_delay_us(c, now_us) <= limit_us;
}

// One frame, whole or not at all.
static void send_frame(tcp_server *server, connection *c, const uint8_t *bytes, size_t length, bool droppable,
                       uint64_t now_us) {
    uint8_t head[TCP_FRAME_HEADER_BYTES];
    tcp_framing_write_header(head, length);
    if (!has_room(c, length, droppable, now_us) || (!c->out && !(c->out = malloc(TCP_QUEUE_BYTES)))) {
        server->counters.dropped++;
        return;
    }
    bool idle = c->out_used == 0;
    queue_bytes(c, head, sizeof head);
    queue_bytes(c, bytes, length);
    mark_last(c, now_us);
    if (idle) watch(server, c);
}

void tcp_send(tcp_server *server, const transmit *message, uint64_t now_us) {
    connection *c = &server->slots[(message->path.local - TCP_FIRST_LOCAL) % TCP_MAX_CONNECTIONS];
    if (c->fd < 0 || c->path.local != message->path.local) return;
    for (uint32_t at = 0; at < message->length; at += message->segment_bytes) {
        uint32_t left = message->length - at;
        size_t length = left < message->segment_bytes ? left : message->segment_bytes;
        send_frame(server, c, message->bytes + at, length, message->droppable, now_us);
    }
    // What failed here shows as a hang-up on the next wake-up.
    (void)write_queued(server, c, now_us);
}

void tcp_on_timeout(tcp_server *server, engine *media, uint64_t now_us) {
    for (size_t i = 0; i < TCP_MAX_CONNECTIONS; i++) {
        connection *c = &server->slots[i];
        if (c->fd >= 0 && now_us - c->opened_us > TCP_STRANGER_US && is_stranger(c, media))
            hang_up(server, c, media, now_us);
    }
}

tcp_counters tcp_get_counters(const tcp_server *server) {
    return server->counters;
}
