"""The HTTP server: one listener, started and stopped by the application."""

import errno
import ipaddress
import ssl
from collections.abc import Collection
from dataclasses import dataclass, field

from aiohttp import web

from sfu.errors import LocalError
from sfu.http import headers, static
from sfu.http.health import Health
from sfu.http.metrics import Metrics

BODY_BYTES_MAX = 65_536
BACKLOG = 1024
# A connection without a whole request for so long is closed; the library's own hour lets anybody hold as many as they like.
IDLE_S = 30.0


@dataclass(frozen=True)
class Routes:
    """What is served. `app` takes further routes until the server starts."""

    health: Health
    metrics: Metrics
    web: static.Bundle = field(default_factory=dict)
    origins: Collection[str] = ("*",)


def application(routes: Routes, *, tls: bool) -> web.Application:
    app = web.Application(client_max_size=BODY_BYTES_MAX)
    headers.install(app, origins=routes.origins, tls=tls)
    routes.health.install(app)
    routes.metrics.install(app)
    return app


class Server:
    """An application that listens, at `url`."""

    def __init__(
        self,
        app: web.Application,
        address: str,
        port: int,
        context: ssl.SSLContext | None,
        *,
        idle_s: float = IDLE_S,
    ) -> None:
        self._runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=2.0, keepalive_timeout=idle_s
        )
        self._address = address
        self._port = port
        self._context = context

    async def start(self) -> None:
        await self._runner.setup()
        site = web.TCPSite(
            self._runner, self._address, self._port, ssl_context=self._context, backlog=BACKLOG
        )
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise LocalError(f"http: {self._place(self._port)} {_reason(error)}") from None

    async def stop(self) -> None:
        await self._runner.cleanup()

    @property
    def port(self) -> int:
        port: int = self._runner.addresses[0][1]
        return port

    @property
    def url(self) -> str:
        scheme = "http" if self._context is None else "https"
        return f"{scheme}://{self._place(self.port)}"

    def _place(self, port: int) -> str:
        is_ipv6 = ipaddress.ip_address(self._address).version == 6
        return f"[{self._address}]:{port}" if is_ipv6 else f"{self._address}:{port}"


def _reason(error: OSError) -> str:
    reasons = {
        errno.EADDRINUSE: "is taken by another program",
        errno.EADDRNOTAVAIL: "is not an address of this machine",
        errno.EACCES: "needs more rights (ports below 1024 do)",
    }
    return reasons.get(error.errno or 0, f"cannot be listened on: {error.strerror}")
