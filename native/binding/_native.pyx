# cython: language_level=3
"""The media plane's workers: commands down, events up, a snapshot of counters on request. Thin: it decides nothing."""

include "binding/commands.pxi"

import errno
import os

cdef extern from "core/cipher.h":
    const char *cipher_backend()

cdef extern from "net/worker.h":
    enum:
        WORKERS_MAX
        WORKER_MAX_ADDRESSES
    ctypedef struct workers:
        pass
    ctypedef struct workers_config:
        uint8_t count
        uint8_t address_count
        net_address addresses[8]
        bint tcp
        uint32_t socket_buffer_bytes
        uint32_t max_transports
        uint32_t packets
        uint64_t pacing_bps
        uint8_t seed[16]
    ctypedef struct worker_event:
        event happened "event"
        int refused
        int refused_type
    ctypedef struct worker_stats:
        engine_stats engine
        uint64_t receive_calls
        uint64_t send_calls
        uint64_t send_errors
        uint64_t send_blocked
        uint64_t gso_fallbacks
        uint64_t socket_drops
        uint64_t tcp_connections
        uint64_t tcp_dropped
        uint64_t turns
        uint64_t cpu_ns
    int workers_create(workers **made, const workers_config *config, net_address *failed) nogil
    int workers_start(workers *self) nogil
    void workers_destroy(workers *self) nogil
    int workers_local_address(const workers *self, uint8_t index, uint8_t address, bint tcp, net_address *local)
    void workers_buffer_bytes(const workers *self, uint32_t *receive, uint32_t *send)
    int workers_event_fd(const workers *self)
    void workers_acknowledge(workers *self)
    bint workers_command(workers *self, uint8_t index, const command *given)
    bint workers_next_event(workers *self, uint8_t index, worker_event *out)
    void workers_get_stats(workers *self, uint8_t index, worker_stats *stats) nogil

COMMANDS = (
    "none", "transport_open", "transport_restart", "transport_keys", "transport_dtls", "transport_payloads",
    "transport_pacing", "transport_close", "track_add", "track_remove", "slot_add", "slot_source",
    "transport_trace",
)  # fmt: skip

Refusal = namedtuple("Refusal", "command transport errno")


def backend():
    """Name and version of the cipher library that media is encrypted with."""
    return cipher_backend().decode()


cdef class Workers:
    """Worker threads with their sockets. All methods are for one thread: the event loop's."""

    cdef workers *group
    cdef readonly int count
    cdef readonly int address_count
    cdef readonly bint tcp

    def __cinit__(self, *, count, addresses, tcp, socket_buffer_bytes, max_transports, packets, pacing_bps, seed):
        cdef workers_config config
        cdef net_address failed
        cdef int status
        memset(&config, 0, sizeof(config))
        memset(&failed, 0, sizeof(failed))
        if not 1 <= count <= WORKERS_MAX:
            raise ValueError(f"{count} workers: 1 to {WORKERS_MAX} are possible")
        if not 1 <= len(addresses) <= WORKER_MAX_ADDRESSES:
            raise ValueError(f"{len(addresses)} addresses: 1 to {WORKER_MAX_ADDRESSES} are possible")
        config.count = count
        config.address_count = len(addresses)
        for i, (ip, port) in enumerate(addresses):
            packed, is_ipv6 = _pack_ip(ip)
            _set_bytes(config.addresses[<size_t>i].ip, 16, packed)
            config.addresses[<size_t>i].port = port
            config.addresses[<size_t>i].is_ipv6 = is_ipv6
        config.tcp = tcp
        config.socket_buffer_bytes = socket_buffer_bytes
        config.max_transports = max_transports
        config.packets = packets
        config.pacing_bps = pacing_bps
        _set_bytes(config.seed, 16, seed)
        with nogil:
            status = workers_create(&self.group, &config, &failed)
        if status < 0:
            where = _unpack_ip((<const char *>failed.ip)[:16], failed.is_ipv6) if failed.port or any(failed.ip) else ""
            raise OSError(-status, os.strerror(-status), where)
        self.count = count
        self.address_count = len(addresses)
        self.tcp = tcp

    def __dealloc__(self):
        self.stop()

    cdef workers *_open(self) except NULL:
        if self.group == NULL:
            raise RuntimeError("the workers have been stopped")
        return self.group

    def start(self):
        """Starts the threads."""
        cdef workers *group = self._open()
        cdef int status
        with nogil:
            status = workers_start(group)
        if status < 0:
            raise OSError(-status, os.strerror(-status))

    def stop(self):
        """Stops and joins the threads and closes the sockets. Once is enough; more does nothing."""
        cdef workers *group = self.group
        self.group = NULL
        if group != NULL:
            with nogil:
                workers_destroy(group)

    def fileno(self):
        """Readable while events wait."""
        return workers_event_fd(self._open())

    def local_address(self, worker, address, tcp=False):
        """(ip, port) where a worker listens for the address of that index in the configuration."""
        cdef net_address local
        cdef int status = workers_local_address(self._open(), worker, address, tcp, &local)
        if status < 0:
            raise OSError(-status, os.strerror(-status))
        return _unpack_ip((<const char *>local.ip)[:16], local.is_ipv6), local.port

    def buffer_bytes(self):
        """(receive, send) socket buffers that the kernel granted, in bytes."""
        cdef uint32_t receive = 0, send = 0
        workers_buffer_bytes(self._open(), &receive, &send)
        return receive, send

    # ---- commands ----

    cdef int _send(self, worker, command *order) except -1:
        if not workers_command(self._open(), worker, order):
            raise BlockingIOError(errno.EAGAIN, f"worker {worker} takes no commands")
        return 0

    def transport_open(self, worker, transport, local_ufrag, local_password, remote_ufrag, remote_password):
        cdef command order
        _fill_ice(&order, COMMAND_TRANSPORT_OPEN, transport, local_ufrag, local_password, remote_ufrag, remote_password)
        self._send(worker, &order)

    def transport_restart(self, worker, transport, local_ufrag, local_password, remote_ufrag, remote_password):
        cdef command order
        _fill_ice(&order, COMMAND_TRANSPORT_RESTART, transport, local_ufrag, local_password, remote_ufrag, remote_password)
        self._send(worker, &order)

    def transport_keys(self, worker, transport, profile, local_key, local_salt, remote_key, remote_salt):
        cdef command order
        _fill_keys(&order, transport, profile, local_key, local_salt, remote_key, remote_salt)
        self._send(worker, &order)
        memset(&order, 0, sizeof(order))

    def transport_dtls(self, worker, transport, data):
        cdef command order
        _fill_dtls(&order, transport, data, len(data))
        self._send(worker, &order)

    def transport_payloads(self, worker, transport, mappings, extension_ids, send_extensions):
        """`mappings`: (payload type, RTX payload type or 0, codec, envelope, clock rate); extensions by name."""
        cdef command order
        _fill_payloads(&order, transport, mappings, extension_ids, send_extensions, len(mappings))
        self._send(worker, &order)

    def transport_pacing(self, worker, transport, bps):
        cdef command order
        _fill_pacing(&order, transport, bps)
        self._send(worker, &order)

    def transport_trace(self, worker, transport, mode):
        """`mode`: off, events or packets; what is recorded comes up in events of type trace."""
        cdef command order
        _fill_trace(&order, transport, mode)
        self._send(worker, &order)

    def transport_close(self, worker, transport):
        cdef command order
        _begin(&order, COMMAND_TRANSPORT_CLOSE, transport)
        self._send(worker, &order)

    def track_add(self, worker, transport, source, kind, mid, rids=(), ssrcs=(), rtx_ssrcs=()):
        """`kind`: 0 audio, 1 video; `rids` in ascending quality."""
        cdef command order
        _fill_track(&order, transport, source, kind, mid, rids, ssrcs, rtx_ssrcs, None)
        self._send(worker, &order)

    def track_remove(self, worker, transport, source):
        cdef command order
        _fill_untrack(&order, transport, source)
        self._send(worker, &order)

    def slot_add(self, worker, transport, slot, kind, ssrc, rtx_ssrc, cname):
        cdef command order
        _fill_slot(&order, transport, slot, kind, ssrc, rtx_ssrc, cname)
        self._send(worker, &order)

    def slot_source(self, worker, transport, slot, source, home, max_layer):
        """Fills the slot with a source that worker `home` receives, in the highest layer up to `max_layer` that it sends;
        source 0 empties it.
        """
        cdef command order
        _fill_source(&order, transport, slot, source, home, max_layer)
        self._send(worker, &order)

    # ---- events ----

    def drain(self):
        """All that has happened since the last call: (worker, Event or Refusal) in the order of each worker."""
        cdef worker_event happened
        cdef uint8_t index
        cdef workers *group = self._open()
        workers_acknowledge(group)
        drained = []
        for index in range(self.count):
            while workers_next_event(group, index, &happened):
                if happened.refused:
                    name = COMMANDS[happened.refused_type] if happened.refused_type < len(COMMANDS) else "unknown"
                    drained.append((index, Refusal(name, happened.happened.transport, happened.refused)))
                else:
                    drained.append((index, _event(&happened.happened)))
        return drained

    def stats(self, worker):
        """Counters of one worker by name, at most about 100 ms old."""
        cdef worker_stats taken
        cdef workers *group = self._open()
        cdef uint8_t index = worker
        if not 0 <= worker < self.count:
            raise IndexError(worker)
        with nogil:
            workers_get_stats(group, index, &taken)
        counters = dict(taken.engine)
        counters["run_lengths"] = tuple(taken.engine.run_lengths)
        for name, value in dict(taken).items():
            if name != "engine":
                counters[name] = value
        return counters
