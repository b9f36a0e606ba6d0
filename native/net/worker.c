#include "net/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "media/handoff.h"
#include "media/ring.h"
#include "net/socket_options.h"
#include "net/tcp.h"
#include "net/udp.h"

enum {
    MESSAGES = 512, // of one engine_poll
    EPOLL_EVENTS = 64,
    READS_A_TURN = 4, // batches of one socket before the others have their turn
    SNAPSHOT_US = 100000,
    TIMEOUTS_US = 1000000, // between looks at idle TCP connections
    POLLS_A_TURN = 16,
};

// Upper half of epoll's data: what became ready; the lower half says which.
enum { TAG_WAKE, TAG_UDP, TAG_LISTENER, TAG_CONNECTION };

typedef struct worker {
    ring commands; // first: aligned to a cache line
    ring events;
    workers *group;
    uint8_t index;
    pthread_t thread;
    engine *media;
    int epoll;
    int wake; // eventfd: commands or hand-offs are there, or it is time to stop
    udp_socket sockets[WORKER_MAX_ADDRESSES];
    int listeners[WORKER_MAX_ADDRESSES];
    tcp_server *tcp;
    udp_buffers *buffers;
    datagram batch[UDP_MAX_DATAGRAMS];

    transmit messages[MESSAGES];

    worker_event held; // an event that the ring had no room for
    bool holding;
    command taken;

    uint64_t snapshot_us;
    uint64_t timeouts_us;
    int64_t realtime_offset_us; // CLOCK_REALTIME minus CLOCK_MONOTONIC, in this turn
    udp_counters counters;
    uint64_t turns;
    pthread_mutex_t snapshot_lock; // of `snapshot` only: taken ten times a second
    worker_stats snapshot;
} worker;

struct workers {
    workers_config config;
    handoff *links;
    worker **all;
    uint8_t made;
    uint8_t started;
    atomic_bool stopping;
    int event_fd;
    socket_facts facts;
};

static uint64_t clock_us(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void signal_fd(int fd) {
    uint64_t one = 1;
    // Fails only when the counter is full, and then it is readable already.
    ssize_t written = write(fd, &one, sizeof one);
    (void)written;
}

static void reset_fd(int fd) {
    uint64_t count;
    ssize_t got = read(fd, &count, sizeof count);
    (void)got;
}

// ---- one turn of a worker ----

static void pass_events(worker *w) {
    bool passed = false;
    for (;;) {
        if (!w->holding) {
            w->held = (worker_event){0};
            if (!engine_next_event(w->media, &w->held.event)) break;
            w->holding = true;
        }
        if (!ring_push(&w->events, &w->held)) break;
        w->holding = false;
        passed = true;
    }
    if (passed) signal_fd(w->group->event_fd);
}

// Half of the ring is for what must come through: a trace that is read slowly waits in the engine, which counts what it
// drops.
static void pass_trace(worker *w) {
    worker_event traced = {0};
    bool passed = false;
    while (!w->holding && ring_has_room(&w->events, WORKER_EVENTS / 2) && engine_next_trace(w->media, &traced.event))
        passed = ring_push(&w->events, &traced) || passed;
    if (passed) signal_fd(w->group->event_fd);
}

static void refuse(worker *w, const command *refused, int error) {
    worker_event told = {.refused = -error, .refused_type = refused->type};
    told.event.transport = refused->transport;
    if (ring_push(&w->events, &told)) signal_fd(w->group->event_fd);
}

static void take_commands(worker *w, uint64_t now_us) {
    while (!w->holding && ring_pop(&w->commands, &w->taken)) {
        int status = engine_on_command(w->media, now_us, &w->taken);
        if (status < 0) refuse(w, &w->taken, status);
        // Each may raise events that its issuer waits for.
        pass_events(w);
    }
}

static void receive(worker *w, udp_socket *from, uint64_t now_us) {
    for (int i = 0; i < READS_A_TURN; i++) {
        size_t count = udp_receive(from, w->buffers, now_us, w->realtime_offset_us, w->batch, &w->counters);
        if (count == 0) return;
        engine_on_datagrams(w->media, now_us, w->batch, count);
    }
}

static void watch_writable(const worker *w, uint32_t local, bool writable) {
    struct epoll_event interest = {
        .events = writable ? EPOLLIN | EPOLLOUT : EPOLLIN,
        .data.u64 = (uint64_t)TAG_UDP << 32 | local,
    };
    (void)epoll_ctl(w->epoll, EPOLL_CTL_MOD, w->sockets[local].fd, &interest);
}

// Sends what the engine made, in order, by stretches that leave through one socket.
static void send_messages(worker *w, const transmit *messages, size_t count, uint64_t now_us) {
    for (size_t next = 0, stretch; next < count; next += stretch) {
        const transmit *first = &messages[next];
        uint32_t local = first->path.local;
        stretch = 1;
        if (local >= TCP_FIRST_LOCAL) {
            if (w->tcp) tcp_send(w->tcp, first, now_us);
            continue;
        }
        while (next + stretch < count && first[stretch].path.local == local)
            stretch++;
        bool was_blocked = w->sockets[local].blocked;
        udp_send(&w->sockets[local], w->buffers, first, stretch, now_us, &w->counters);
        if (was_blocked || !w->sockets[local].blocked) continue;
        engine_on_blocked(w->media, local);
        watch_writable(w, local, true);
    }
}

static void on_writable(worker *w, uint32_t local, uint64_t now_us) {
    udp_socket *socket = &w->sockets[local];
    if (!socket->blocked || !udp_on_writable(socket, w->buffers, now_us, &w->counters)) return;
    watch_writable(w, local, false);
    engine_on_writable(w->media, local);
}

static void wake_others(worker *w) {
    for (uint64_t left = engine_take_wakeups(w->media); left != 0; left &= left - 1)
        signal_fd(w->group->all[__builtin_ctzll(left)]->wake);
}

static void depart(worker *w) {
    // At once, so that they work while this one encrypts.
    wake_others(w);
    for (int i = 0; i < POLLS_A_TURN; i++) {
        uint64_t now_us = clock_us(CLOCK_MONOTONIC);
        size_t count = engine_poll(w->media, now_us, w->messages, MESSAGES);
        wake_others(w);
        if (count == 0) break;
        send_messages(w, w->messages, count, now_us);
    }
}

static void take_snapshot(worker *w, uint64_t now_us) {
    if (now_us < w->snapshot_us) return;
    w->snapshot_us = now_us + SNAPSHOT_US;
    tcp_counters tcp = w->tcp ? tcp_get_counters(w->tcp) : (tcp_counters){0};
    struct timespec cpu;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    pthread_mutex_lock(&w->snapshot_lock);
    w->snapshot = (worker_stats){
        .engine = *engine_get_stats(w->media),
        .receive_calls = w->counters.receive_calls,
        .send_calls = w->counters.send_calls,
        .send_errors = w->counters.send_errors,
        .send_blocked = w->counters.send_blocked,
        .gso_fallbacks = w->counters.gso_fallbacks,
        .socket_drops = w->counters.socket_drops,
        .tcp_connections = tcp.open,
        .tcp_dropped = tcp.dropped,
        .turns = w->turns,
        .cpu_ns = (uint64_t)cpu.tv_sec * 1000000000 + (uint64_t)cpu.tv_nsec,
    };
    pthread_mutex_unlock(&w->snapshot_lock);
}

static void on_ready(worker *w, const struct epoll_event *ready, uint64_t now_us) {
    uint32_t which = (uint32_t)ready->data.u64;
    switch (ready->data.u64 >> 32) {
    case TAG_WAKE:
        reset_fd(w->wake);
        break;
    case TAG_UDP:
        if (ready->events & EPOLLOUT) on_writable(w, which, now_us);
        if (ready->events & ~(uint32_t)EPOLLOUT) receive(w, &w->sockets[which], now_us);
        break;
    case TAG_LISTENER:
        tcp_accept(w->tcp, w->listeners[which], w->media, now_us);
        break;
    case TAG_CONNECTION:
        tcp_on_ready(w->tcp, which, ready->events, w->media, now_us);
        break;
    default:
        break;
    }
}

static struct timespec wait_for(const worker *w, uint64_t now_us) {
    uint64_t until = engine_next_deadline_us(w->media);
    if (w->timeouts_us < until) until = w->timeouts_us;
    if (w->snapshot_us < until) until = w->snapshot_us;
    uint64_t wait_us = until > now_us ? until - now_us : 0;
    return (struct timespec){.tv_sec = (time_t)(wait_us / 1000000), .tv_nsec = (long)(wait_us % 1000000) * 1000};
}

static void *run(void *argument) {
    worker *w = argument;
    struct epoll_event ready[EPOLL_EVENTS];
    while (!atomic_load_explicit(&w->group->stopping, memory_order_relaxed)) {
        struct timespec wait = wait_for(w, clock_us(CLOCK_MONOTONIC));
        int count = epoll_pwait2(w->epoll, ready, EPOLL_EVENTS, &wait, NULL);
        uint64_t now_us = clock_us(CLOCK_MONOTONIC);
        // Read together: whatever passes between the two would make arrivals seem earlier by so much.
        w->realtime_offset_us = (int64_t)clock_us(CLOCK_REALTIME) - (int64_t)now_us;
        w->turns++;
        for (int i = 0; i < count; i++)
            on_ready(w, &ready[i], now_us);
        take_commands(w, now_us);
        engine_on_handoff(w->media, now_us);
        depart(w);
        pass_events(w);
        pass_trace(w);
        if (w->tcp && now_us >= w->timeouts_us) tcp_on_timeout(w->tcp, w->media, now_us);
        if (now_us >= w->timeouts_us) w->timeouts_us = now_us + TIMEOUTS_US;
        take_snapshot(w, now_us);
    }
    return NULL;
}

// ---- making and ending ----

static int watch(int epoll, int fd, uint32_t tag, uint32_t which) {
    struct epoll_event interest = {.events = EPOLLIN, .data.u64 = (uint64_t)tag << 32 | which};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &interest) == 0 ? 0 : -errno;
}

static int open_address(worker *w, uint8_t index) {
    net_address address = w->group->config.addresses[index];
    if (address.port) address.port = (uint16_t)(address.port + w->index);
    int fd = socket_open_udp(&address, w->group->config.socket_buffer_bytes, &w->group->facts);
    if (fd < 0) return fd;
    w->sockets[index] = (udp_socket){.fd = fd, .local = index, .gso = true, .media = w->media};
    int status = watch(w->epoll, fd, TAG_UDP, index);
    if (status < 0 || !w->group->config.tcp) return status;
    status = socket_local_address(fd, &address); // TCP on the port that UDP got
    if (status < 0) return status;
    w->listeners[index] = socket_open_tcp(&address);
    if (w->listeners[index] == -EADDRINUSE && w->group->config.addresses[index].port == 0) {
        address.port = 0; // the number was free for UDP only
        w->listeners[index] = socket_open_tcp(&address);
    }
    if (w->listeners[index] < 0) return w->listeners[index];
    return watch(w->epoll, w->listeners[index], TAG_LISTENER, index);
}

static engine *make_engine(const worker *w) {
    const workers_config *c = &w->group->config;
    engine_config config = {
        .index = w->index,
        .max_transports = c->max_transports,
        .packets = c->packets,
        .max_payload_bytes = 1232,
        .pacing_bps = c->pacing_bps,
    };
    memcpy(config.seed, c->seed, sizeof config.seed);
    config.seed[1] ^= w->index;
    return engine_create(&config, w->group->links);
}

static int open_worker(worker *w, net_address *failed) {
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    w->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (w->epoll < 0 || w->wake < 0) return -errno;
    if (ring_init(&w->commands, WORKER_COMMANDS, sizeof(command)) < 0 ||
        ring_init(&w->events, WORKER_EVENTS, sizeof(worker_event)) < 0)
        return -ENOMEM;
    w->buffers = udp_buffers_create();
    w->tcp = w->group->config.tcp ? tcp_server_create(w->epoll, TAG_CONNECTION) : NULL;
    w->media = make_engine(w);
    if (!w->buffers || !w->media || (w->group->config.tcp && !w->tcp)) return -ENOMEM;
    int status = watch(w->epoll, w->wake, TAG_WAKE, 0);
    for (uint8_t i = 0; status == 0 && i < w->group->config.address_count; i++) {
        status = open_address(w, i);
        if (status < 0) *failed = w->group->config.addresses[i];
    }
    return status;
}

static worker *new_worker(workers *group, uint8_t index) {
    worker *w = aligned_alloc(RING_CACHE_LINE, (sizeof *w + RING_CACHE_LINE - 1) / RING_CACHE_LINE * RING_CACHE_LINE);
    if (!w) return NULL;
    memset(w, 0, sizeof *w);
    w->group = group;
    w->index = index;
    w->epoll = w->wake = -1;
    for (size_t i = 0; i < WORKER_MAX_ADDRESSES; i++)
        w->sockets[i].fd = w->listeners[i] = -1;
    pthread_mutex_init(&w->snapshot_lock, NULL);
    return w;
}

int workers_create(workers **made, const workers_config *config, net_address *failed) {
    if (config->count == 0 || config->count > WORKERS_MAX || config->address_count == 0 ||
        config->address_count > WORKER_MAX_ADDRESSES)
        return -EINVAL;
    workers *self = calloc(1, sizeof *self);
    if (!self) return -ENOMEM;
    self->config = *config;
    self->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    self->links = handoff_create(config->count, HANDOFF_PACKETS, HANDOFF_RETURNS, HANDOFF_CONTROLS);
    self->all = calloc(config->count, sizeof *self->all);
    int status = self->event_fd < 0 ? -errno : self->links && self->all ? 0 : -ENOMEM;
    for (uint8_t i = 0; status == 0 && i < config->count; i++) {
        self->all[i] = new_worker(self, i);
        if (self->all[i]) self->made++;
        status = self->all[i] ? open_worker(self->all[i], failed) : -ENOMEM;
    }
    if (status == 0) {
        *made = self;
        return 0;
    }
    workers_destroy(self);
    return status;
}

int workers_start(workers *self) {
    for (uint8_t i = 0; i < self->made; i++) {
        int status = pthread_create(&self->all[i]->thread, NULL, run, self->all[i]);
        if (status != 0) return -status;
        self->started++;
    }
    return 0;
}

static void close_fd(int fd) {
    if (fd >= 0) close(fd);
}

static void close_worker(worker *w) {
    engine_destroy(w->media);
    tcp_server_destroy(w->tcp);
    for (size_t i = 0; i < WORKER_MAX_ADDRESSES; i++) {
        close_fd(w->sockets[i].fd);
        backlog_free(&w->sockets[i].waiting);
        close_fd(w->listeners[i]);
    }
    close_fd(w->epoll);
    close_fd(w->wake);
    udp_buffers_destroy(w->buffers);
    ring_free(&w->commands);
    ring_free(&w->events);
    pthread_mutex_destroy(&w->snapshot_lock);
    free(w);
}

void workers_destroy(workers *self) {
    if (!self) return;
    atomic_store(&self->stopping, true);
    for (uint8_t i = 0; i < self->started; i++)
        signal_fd(self->all[i]->wake);
    for (uint8_t i = 0; i < self->started; i++)
        pthread_join(self->all[i]->thread, NULL);
    // Every engine lets go of what it borrowed before any pool goes.
    uint64_t now_us = clock_us(CLOCK_MONOTONIC);
    for (uint8_t i = 0; i < self->made; i++)
        if (self->all[i]->media) engine_shut_down(self->all[i]->media, now_us);
    for (int round = 0; round < 4; round++)
        for (uint8_t i = 0; i < self->made; i++)
            if (self->all[i]->media) engine_on_handoff(self->all[i]->media, now_us);
    for (uint8_t i = 0; i < self->made; i++)
        close_worker(self->all[i]);
    free(self->all);
    handoff_destroy(self->links);
    close_fd(self->event_fd);
    free(self);
}

// ---- the control plane's side ----

int workers_local_address(const workers *self, uint8_t index, uint8_t address, bool tcp, net_address *local) {
    if (index >= self->made || address >= self->config.address_count) return -EINVAL;
    int fd = tcp ? self->all[index]->listeners[address] : self->all[index]->sockets[address].fd;
    return fd < 0 ? -ENOENT : socket_local_address(fd, local);
}

void workers_buffer_bytes(const workers *self, uint32_t *receive, uint32_t *send) {
    *receive = self->facts.receive_buffer;
    *send = self->facts.send_buffer;
}

int workers_event_fd(const workers *self) {
    return self->event_fd;
}

void workers_acknowledge(workers *self) {
    reset_fd(self->event_fd);
}

bool workers_command(workers *self, uint8_t index, const command *given) {
    if (index >= self->made || !ring_push(&self->all[index]->commands, given)) return false;
    signal_fd(self->all[index]->wake);
    return true;
}

bool workers_next_event(workers *self, uint8_t index, worker_event *out) {
    return index < self->made && ring_pop(&self->all[index]->events, out);
}

void workers_get_stats(workers *self, uint8_t index, worker_stats *stats) {
    worker *w = self->all[index];
    pthread_mutex_lock(&w->snapshot_lock);
    *stats = w->snapshot;
    pthread_mutex_unlock(&w->snapshot_lock);
}
