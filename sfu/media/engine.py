"""The media plane: transports of participants on the worker threads, from ICE credentials to keys and slots."""

import asyncio
import errno
import itertools
import secrets
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from sfu import log
from sfu._native import Event, Refusal, Workers
from sfu.errors import LocalError
from sfu.media.candidates import Listener, host_candidates
from sfu.media.certificate import Certificate, make_certificate
from sfu.media.dtls import make_context
from sfu.media.events import EventPump, MediaEvent
from sfu.media.placement import Placement
from sfu.media.snapshot import Snapshot, take_snapshot
from sfu.media.transport import Transport
from sfu.sdp import Negotiation

BACKLOG_MAX = 16384  # commands waiting for one worker, 32 times what its ring holds: it does not keep up
_RETRY_S = 0.002  # a full command ring: the worker takes what is there within one turn

_log = log.get("media")


@dataclass(frozen=True)
class MediaSettings:
    """What `MediaPlane` is made of."""

    workers: int
    addresses: tuple[tuple[str, int], ...]  # to bind; port 0: any, else worker i takes port + i
    advertised: Mapping[str, str] = field(default_factory=dict)  # bound address → the one clients reach it by
    tcp: bool = True
    socket_buffer_bytes: int = 4 << 20
    max_transports: int = 1024  # of each worker
    fill: int = 100  # transports that a worker has before its rooms spill into the next
    packets: int = 16384  # of each worker's pool, about 1.7 kB each
    pacing_bps: int = 10_000_000
    connect_timeout_s: float = 30.0  # from `open` until keys are there
    dtls_grace_s: float = (
        10.0  # the DTLS association is kept so long after the first packet, to repeat its last flight
    )


class MediaPlane:
    """All workers of the process. Everything here is called in one event loop."""

    def __init__(self, settings: MediaSettings, certificate: Certificate | None = None) -> None:
        """Opens all sockets. LocalError names the address that cannot be had."""
        self.settings = settings
        self.certificate = certificate or make_certificate()
        self.refusals = 0
        self._context = make_context(self.certificate)
        self._workers = _open_workers(settings)
        self._candidates = [
            host_candidates(list(self._listeners(worker)), settings.advertised)
            for worker in range(settings.workers)
        ]
        self._free = [deque(range(settings.max_transports)) for _ in range(settings.workers)]
        self._transports: list[dict[int, Transport]] = [{} for _ in range(settings.workers)]
        self._rooms: list[dict[int, str]] = [{} for _ in range(settings.workers)]  # of the same
        self._placement = Placement(settings.workers, min(settings.fill, settings.max_transports))
        self._backlog: list[deque[tuple[str, tuple[Any, ...]]]] = [deque() for _ in range(settings.workers)]
        self._retry: list[asyncio.TimerHandle | None] = [None] * settings.workers
        self._source_ids = itertools.count(1)
        self._pump: EventPump | None = None

    @classmethod
    def start(cls, settings: MediaSettings, certificate: Certificate | None = None) -> Self:
        """Opens the sockets and starts the threads, in the running loop."""
        plane = cls(settings, certificate)
        plane._pump = EventPump(plane._workers, plane._on_happened)
        plane._workers.start()
        return plane

    def stop(self) -> None:
        """Ends everything at once; transports hear no more. Once is enough; more does nothing."""
        if self._pump:
            self._pump.stop()
            self._pump = None
        for handle in self._retry:
            if handle:
                handle.cancel()
        for transports in self._transports:
            for transport in list(transports.values()):
                transport.forget()
            transports.clear()
        self._workers.stop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def open(
        self,
        negotiation: Negotiation,
        on_event: Callable[[MediaEvent], None],
        *,
        room: str = "",
        worker: int | None = None,
    ) -> Transport:
        """A transport for one offer, on its room's worker (`placement`) unless one is named. LocalError: no place left, or the
        worker does not keep up.
        """
        if worker is None:
            worker = self._placement.choose(room)
        if not self._free[worker]:
            raise LocalError(f"worker {worker} has all {self.settings.max_transports} transports open")
        if self._is_behind(worker):
            raise LocalError(f"worker {worker} does not keep up: {BACKLOG_MAX} commands wait for it")
        index = self._free[worker].popleft()
        transport = Transport(
            self,
            worker=worker,
            index=index,
            candidates=self._candidates[worker],
            context=self._context,
            negotiation=negotiation,
            on_event=on_event,
        )
        self._transports[worker][index] = transport
        self._rooms[worker][index] = room
        self._placement.add(room, worker)
        transport.start(negotiation)
        return transport

    def load(self, worker: int) -> int:
        """Transports open on a worker."""
        return len(self._transports[worker])

    def snapshot(self) -> Snapshot:
        return take_snapshot(self._workers)

    def server_address(self, worker: int, local: int, *, ipv6: bool) -> tuple[str, int]:
        """Where the worker listens at that local index; for a TCP connection, which has none, at its first address of the
        family.
        """
        addresses = [
            self._workers.local_address(worker, index) for index in range(self._workers.address_count)
        ]
        if local < len(addresses):
            return addresses[local]
        of_family = (address for address in addresses if (":" in address[0]) == ipv6)
        return next(of_family, ("::" if ipv6 else "0.0.0.0", 0))  # noqa: S104  nothing binds to it

    def buffer_bytes(self) -> tuple[int, int]:
        """Socket buffers that the kernel granted, receive and send."""
        return self._workers.buffer_bytes()

    # ---- for transports ----

    def new_source_id(self) -> int:
        return next(self._source_ids)

    def command(self, worker: int, name: str, *arguments: Any) -> bool:
        """Commands of one worker keep their order; a full ring delays them. False: too many wait, and this one was not
        taken. A transport can always be closed.
        """
        if self._is_behind(worker) and name != "transport_close":
            return False
        backlog = self._backlog[worker]
        backlog.append((name, arguments))
        if len(backlog) == 1:
            self._flush(worker)
        return True

    def _is_behind(self, worker: int) -> bool:
        return len(self._backlog[worker]) >= BACKLOG_MAX

    def _flush(self, worker: int) -> None:
        backlog = self._backlog[worker]
        self._retry[worker] = None
        while backlog:
            name, arguments = backlog[0]
            try:
                getattr(self._workers, name)(worker, *arguments)
            except BlockingIOError:
                self._retry[worker] = asyncio.get_running_loop().call_later(_RETRY_S, self._flush, worker)
                return
            except BaseException:
                backlog.popleft()
                raise
            backlog.popleft()

    # ---- events ----

    def _on_happened(self, worker: int, happened: Event | Refusal) -> None:
        if isinstance(happened, Refusal):
            self.refusals += 1
            _log.warning(
                "command refused",
                command=happened.command,
                worker=worker,
                transport=happened.transport,
                error=errno.errorcode.get(happened.errno, str(happened.errno)),
            )
            return
        transport = self._transports[worker].get(happened.transport)
        if transport is None:
            return
        if happened.type == "closed":
            del self._transports[worker][happened.transport]
            self._placement.remove(self._rooms[worker].pop(happened.transport), worker)
            self._free[worker].append(happened.transport)
        transport.on_event(happened)

    def _listeners(self, worker: int) -> Iterator[Listener]:
        for address in range(self._workers.address_count):
            yield Listener(*self._workers.local_address(worker, address), "udp")
        for address in range(self._workers.address_count if self._workers.tcp else 0):
            yield Listener(*self._workers.local_address(worker, address, tcp=True), "tcp")


def _open_workers(settings: MediaSettings) -> Workers:
    try:
        return Workers(
            count=settings.workers,
            addresses=settings.addresses,
            tcp=settings.tcp,
            socket_buffer_bytes=settings.socket_buffer_bytes,
            max_transports=settings.max_transports,
            packets=settings.packets,
            pacing_bps=settings.pacing_bps,
            seed=secrets.token_bytes(16),
        )
    except OSError as error:
        # Too many addresses or workers are ValueErrors of the binding: the configuration has refused them before.
        place = error.filename or ", ".join(ip for ip, _ in settings.addresses)
        raise LocalError(f"media: cannot listen on {place}: {error.strerror}") from None
