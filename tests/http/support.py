"""A server on a port that the system picks, and a client for it."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from sfu.http import server, static
from sfu.http.health import Health
from sfu.http.metrics import Figure, Metrics
from sfu.redact import Secret


def nothing() -> Iterable[Figure]:
    return ()


def application(
    *,
    bundle: static.Bundle | None = None,
    health: Health | None = None,
    metrics: Metrics | None = None,
    origins: tuple[str, ...] = ("*",),
    tls: bool = False,
) -> web.Application:
    routes = server.Routes(
        health=health or Health(),
        metrics=metrics or Metrics(nothing, Secret("")),
        web=bundle or {},
        origins=origins,
    )
    app = server.application(routes, tls=tls)

    async def echo(request: web.Request) -> web.Response:
        return web.Response(text=request.method)

    app.router.add_route("*", "/api/echo", echo)
    static.install(app, routes.web)
    return app


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[aiohttp.ClientSession]:
    """A session whose URLs are relative to the server's."""
    running = server.Server(app, "127.0.0.1", 0, None)
    await running.start()
    try:
        async with aiohttp.ClientSession(running.url, auto_decompress=False) as session:
            yield session
    finally:
        await running.stop()


async def raw(app: web.Application, request: bytes) -> bytes:
    """The answer to bytes that no client library would send."""
    running = server.Server(app, "127.0.0.1", 0, None)
    await running.start()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer
    finally:
        await running.stop()
