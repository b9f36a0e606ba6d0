"""The server: makes its parts from a configuration, wires them, and stops them in order."""

import asyncio
import ipaddress
import os
import signal
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from sfu import _native, addresses, config, log
from sfu.conferences import Conferences
from sfu.config import Config
from sfu.errors import LocalError
from sfu.gate import Gate
from sfu.http import headers, server, static
from sfu.http.health import Health
from sfu.http.metrics import Figure, Metrics
from sfu.http.remote import remote_of
from sfu.http.tls import TlsFiles
from sfu.http.trace import Trace
from sfu.media.engine import MediaPlane, MediaSettings
from sfu.media.snapshot import Snapshot
from sfu.model.admission import RoomLimits
from sfu.model.rooms import Rooms
from sfu.signaling.limits import Limits
from sfu.signaling.server import SignalingServer

Reload = Callable[[], Config]

# What goes up and down of the workers' counters.
_GAUGES = frozenset({"packets_free", "packets_total", "transports", "departures_queued", "tcp_connections"})
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_log = log.get("app")


async def run(settings: Config, *, reload: Reload | None = None) -> None:
    """Serve until SIGTERM or SIGINT. Raises LocalError if it cannot start; SIGHUP calls `reload` for a new configuration."""
    app = App(settings, reload=reload)
    await app.start()
    try:
        await app.wait()
    finally:
        await app.stop()


class App:
    """One server. `start`, then `wait` for a signal to drain, then `stop`."""

    def __init__(self, settings: Config, *, reload: Reload | None = None) -> None:
        self._settings = settings
        self._reload = reload
        self._leaving = asyncio.Event()  # set by the first signal to stop
        self._at_once = asyncio.Event()  # set by the second
        self._empty = asyncio.Event()  # set while nobody is here
        self._participants = 0
        self._on_terminal = sys.stderr.isatty()
        self.on_participants(0)
        self.health = Health()
        self._rooms = Rooms(_room_limits(settings))
        self.gate = Gate(settings, exists=self._rooms.__contains__, rooms=self._rooms.__len__)
        self._media: MediaPlane | None = None
        self._signaling: SignalingServer | None = None
        tls = settings.tls
        self._tls = TlsFiles(Path(tls.certificate), Path(tls.key)) if tls.certificate else None
        web = static.find(settings.http.web)
        self._lacks_client = web is None
        routes = server.Routes(
            health=self.health,
            metrics=Metrics(self._figures, settings.metrics.token),
            web=web or {},
            origins=settings.http.origins,
        )
        self._web = routes.web
        self._http_app = server.application(routes, tls=self._tls is not None)
        context = self._tls.context if self._tls else None
        self._http = server.Server(self._http_app, settings.http.address, settings.http.port, context)

    @property
    def url(self) -> str:
        return self._http.url

    async def start(self) -> None:
        for section, values in config.effective(self._settings).items():
            _log.info("configuration", **{f"{section}.{key}": value for key, value in values.items()})
        media = addresses.resolve(self._settings.media.addresses)
        workers = worker_count(self._settings)
        _log.info("media addresses", addresses=media, workers=workers, cipher=_native.backend())
        for address in self._settings.media.advertised.keys() - set(media):
            _log.warning("advertised for an address that media is not received on", address=address)
        if not self._tls and not ipaddress.ip_address(self._settings.http.address).is_loopback:
            _log.warning(
                "no camera without HTTPS", advice="set [tls], or let a proxy with HTTPS be the only way in"
            )
        if self._lacks_client:
            _log.warning("the web client is not built: only the API is served", advice="make web")
        self._media = MediaPlane.start(_media_settings(self._settings, media, workers))
        self._warn_of_buffers(self._media)
        conferences = Conferences(self._rooms, self._media, self.on_participants)
        self._signaling = SignalingServer(
            conferences,
            self.gate,
            _signaling_limits(self._settings),
            address_of=remote_of(self._settings.http.trusted_proxies),
            may_call=lambda request: headers.may_call(request, self._settings.http.origins),
        )
        self._signaling.add_to(self._http_app)
        if self._settings.trace.enabled:
            Trace(conferences.transport_of, self._media.server_address, self._settings.trace.token).install(
                self._http_app
            )
        static.install(self._http_app, self._web)  # last: it takes every path that nothing else has
        self._watch_signals()
        await self._http.start()
        _log.info("serving", url=self._http.url, version=_version())

    async def wait(self) -> None:
        """Until a signal asks to stop and those who are here have left, the time for that is over, or a second one comes."""
        await self._leaving.wait()
        self.health.draining = True
        if self._signaling:
            self._signaling.drain()
        if not self._empty.is_set():
            _log.info("draining", participants=self._participants, seconds=self._settings.server.drain_s)
            waits = [asyncio.ensure_future(event.wait()) for event in (self._empty, self._at_once)]
            try:
                await asyncio.wait(
                    waits, timeout=self._settings.server.drain_s, return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                for wait in waits:
                    wait.cancel()

    async def stop(self) -> None:
        if self._signaling:
            await self._signaling.close()
        await self._http.stop()
        if self._media:
            self._media.stop()
        for number in _SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(number)
        _log.info("stopped")

    # ---- what is going on ----

    def on_participants(self, count: int) -> None:
        """To be called with their number whenever somebody joins or leaves."""
        self._participants = count
        if count:
            self._empty.clear()
        else:
            self._empty.set()

    def _figures(self) -> Iterable[Figure]:
        yield Figure("sfu_build", "The version that runs.", "gauge", "version", {_version(): 1})
        yield Figure("sfu_participants", "People in all rooms.", "gauge", "", {"": self._participants})
        yield Figure(
            "sfu_draining",
            "1 while the server waits for people to leave.",
            "gauge",
            "",
            {"": self.health.draining},
        )
        if self._media:
            yield from _media_figures(self._media.snapshot())

    def _warn_of_buffers(self, media: MediaPlane) -> None:
        granted = min(media.buffer_bytes())
        # The kernel doubles what is asked, for its own bookkeeping (socket(7)), and caps it silently.
        if granted < 2 * media.settings.socket_buffer_bytes:
            _log.warning(
                "socket buffers are smaller than asked: packets may be lost in bursts",
                asked=media.settings.socket_buffer_bytes,
                granted=granted // 2,
                advice="raise the sysctls net.core.rmem_max and net.core.wmem_max",
            )

    # ---- signals ----

    def _watch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop, signal.Signals(number).name)
        loop.add_signal_handler(signal.SIGHUP, self._on_reload)

    def _on_stop(self, name: str) -> None:
        if self._leaving.is_set():
            _log.info("stopping at once", signal=name)
            self._at_once.set()
        else:
            _log.info("stopping", signal=name)
            self._leaving.set()

    def _on_reload(self) -> None:
        """Take over what can be; whatever is wrong, go on with what there is."""
        if self._on_terminal and not sys.stderr.isatty():
            # It was closed, which the kernel tells by the same signal. Nobody would know of a server that stays, and lines
            # that cannot be written, still buffered at the end, would make Python's exit status 120.
            with Path(os.devnull).open("wb") as nowhere:
                os.dup2(nowhere.fileno(), sys.stderr.fileno())
            self._on_stop("SIGHUP")
            return
        try:
            new = self._reload() if self._reload else self._settings
            changes = config.reload(self._settings, new)
            if self._tls and changes.config.tls.certificate:
                self._tls.load(Path(changes.config.tls.certificate), Path(changes.config.tls.key))
        except LocalError as error:
            _log.error("not reloaded", reason=str(error))
            return
        restart = list(changes.restart)
        if bool(self._tls) != bool(changes.config.tls.certificate):
            restart.append("tls (between http and https)")
        _log.info("reloaded", changed=changes.reloaded)
        if restart:
            _log.warning("needs a restart", changed=restart)
        self._take_over(changes.config)

    def _take_over(self, settings: Config) -> None:
        self._settings = settings
        self.gate.take_over(settings)
        self._rooms.change_limits(_room_limits(settings))
        if self._signaling:
            self._signaling.limits = _signaling_limits(settings)
        log.set_level(settings.log.level)


def _media_settings(settings: Config, found: Iterable[str], workers: int) -> MediaSettings:
    media = settings.media
    return MediaSettings(
        workers=workers,
        addresses=tuple((address, media.port) for address in found),
        advertised=media.advertised,
        tcp=media.tcp,
        socket_buffer_bytes=media.socket_buffer_bytes,
        max_transports=media.transports,
        fill=media.fill,
        packets=media.packets,
        pacing_bps=media.pacing_bps,
    )


def _room_limits(settings: Config) -> RoomLimits:
    limits = settings.limits
    return RoomLimits(
        participants_per_room=limits.participants_per_room, rooms_per_address=limits.rooms_per_address
    )


def _signaling_limits(settings: Config) -> Limits:
    limits = settings.limits
    return Limits(
        text_bytes=limits.text_bytes,
        binary_bytes=limits.binary_bytes,
        messages_per_second=limits.messages_per_second,
        message_burst=limits.message_burst,
        queue_bytes=limits.queue_bytes,
        resume_seconds=limits.resume_s,
        connections_per_address=limits.connections_per_address,
    )


def _media_figures(taken: Snapshot) -> Iterable[Figure]:
    for name in taken.workers[0]:
        kind: Literal["counter", "gauge"] = "gauge" if name in _GAUGES else "counter"
        values = {str(index): float(worker[name]) for index, worker in enumerate(taken.workers)}
        help_ = f"{name.replace('_', ' ').capitalize()}, as native/media/stats.h and native/net/worker.h say."
        yield Figure(f"sfu_worker_{name}", help_, kind, "worker", values)


def worker_count(settings: Config) -> int:
    """How many media workers there are: as configured, or one for each core that this process may use."""
    return len(os.sched_getaffinity(0)) if settings.media.workers == "cores" else settings.media.workers


def _version() -> str:
    try:
        return version("sfu")
    except PackageNotFoundError:
        return "of a checkout"
