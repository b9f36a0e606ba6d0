"""One UDP socket of a worker, net/udp.h, as pytest sees it: the stub says what each takes."""

include "binding/commands.pxi"

from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc

import os

cdef extern from "media/engine.h":
    ctypedef struct engine:
        pass
    ctypedef struct datagram:
        const uint8_t *bytes
        uint32_t length
        ice_path path
        uint64_t arrival_us
    ctypedef struct transmit:
        const uint8_t *bytes
        uint32_t length
        uint16_t segment_bytes
        uint16_t segments
        ice_path path

cdef extern from "net/backlog.h":
    enum:
        BACKLOG_MESSAGES
    ctypedef struct backlog:
        size_t count
    void backlog_free(backlog *self)

cdef extern from "net/socket_options.h":
    ctypedef struct socket_facts:
        pass
    int socket_open_udp(const net_address *address, uint32_t buffer_bytes, socket_facts *facts)
    int socket_local_address(int fd, net_address *address)

cdef extern from "net/udp.h":
    enum:
        UDP_MAX_DATAGRAMS
    ctypedef struct udp_counters:
        uint64_t receive_calls
        uint64_t receive_messages
        uint64_t send_calls
        uint64_t send_errors
        uint64_t send_blocked
        uint64_t gso_fallbacks
        uint64_t socket_drops
    ctypedef struct udp_socket:
        int fd
        bint gso
        bint blocked
        backlog waiting
    ctypedef struct udp_buffers:
        pass
    udp_buffers *udp_buffers_create()
    void udp_buffers_destroy(udp_buffers *buffers)
    size_t udp_receive(udp_socket *of, udp_buffers *buffers, uint64_t now_us, int64_t realtime_offset_us,
                       datagram *batch, udp_counters *counters)
    void udp_send(udp_socket *of, udp_buffers *buffers, const transmit *messages, size_t count, uint64_t now_us,
                  udp_counters *counters)
    bint udp_on_writable(udp_socket *of, udp_buffers *buffers, uint64_t now_us, udp_counters *counters)

MAX_WAITING = BACKLOG_MESSAGES


cdef class UdpSocket:
    cdef udp_socket of
    cdef udp_buffers *buffers
    cdef udp_counters counted

    def __cinit__(self, address=("127.0.0.1", 0), uint32_t buffer_bytes=1 << 20):
        cdef ice_path path
        cdef socket_facts facts
        memset(&self.of, 0, sizeof(udp_socket))
        memset(&self.counted, 0, sizeof(udp_counters))
        self.of.fd = -1
        self.of.gso = True
        self.buffers = udp_buffers_create()
        if self.buffers == NULL:
            raise MemoryError
        _set_path(&path, 0, address)
        self.of.fd = socket_open_udp(&path.remote, buffer_bytes, &facts)
        if self.of.fd < 0:
            raise OSError(-self.of.fd, os.strerror(-self.of.fd))

    def __dealloc__(self):
        if self.of.fd >= 0:
            os.close(self.of.fd)
        backlog_free(&self.of.waiting)
        udp_buffers_destroy(self.buffers)

    def fileno(self):
        return self.of.fd

    @property
    def address(self):
        cdef ice_path path
        cdef int status = socket_local_address(self.of.fd, &path.remote)
        if status < 0:
            raise OSError(-status, os.strerror(-status))
        return _remote(&path)

    @property
    def blocked(self):
        return self.of.blocked

    @property
    def waiting(self):
        return self.of.waiting.count

    @property
    def counters(self):
        return self.counted

    def receive(self, uint64_t now_us, int64_t realtime_offset_us):
        cdef datagram *batch = <datagram *>malloc(UDP_MAX_DATAGRAMS * sizeof(datagram))
        if batch == NULL:
            raise MemoryError
        try:
            count = udp_receive(&self.of, self.buffers, now_us, realtime_offset_us, batch, &self.counted)
            return [(batch[i].bytes[:batch[i].length], _remote(&batch[i].path), batch[i].arrival_us)
                    for i in range(count)]
        finally:
            free(batch)

    def send(self, messages, uint64_t now_us=0):
        cdef transmit *made = <transmit *>malloc((len(messages) or 1) * sizeof(transmit))
        if made == NULL:
            raise MemoryError
        try:
            memset(made, 0, len(messages) * sizeof(transmit))
            for i, (remote, data, segment_bytes) in enumerate(messages):
                _set_path(&made[i].path, 0, remote)
                made[i].bytes = data
                made[i].length = len(data)
                made[i].segment_bytes = segment_bytes or len(data)
                made[i].segments = -(-len(data) // made[i].segment_bytes)
            udp_send(&self.of, self.buffers, made, len(messages), now_us, &self.counted)
        finally:
            free(made)

    def on_writable(self, uint64_t now_us=0):
        return udp_on_writable(&self.of, self.buffers, now_us, &self.counted)
