"""Between browsers and the server: breaks connections, and lies as a hostile server may."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import WSMsgType, web

from tests.e2e.server import Server

Message = dict[str, Any]
# What becomes of a text message: it may be changed, or answered with None to swallow it.
Change = Callable[[Message], Message | None]


def _as_it_is(message: Message) -> Message | None:
    return message


class Proxy:
    """HTTP and signalling of one server, at a URL of its own. Media passes by it."""

    def __init__(self, server: Server) -> None:
        self.url = ""
        self.to_client: Change = _as_it_is
        self.to_server: Change = _as_it_is
        self.files: Callable[[str, str], str] = lambda _path, text: text  # scripts as they are served
        self.is_down = False  # no connection is let through
        self.connections = 0  # so far
        self.asked: list[
            bytes
        ] = []  # all that has come from browsers: requests with their headers, and messages
        self.server = server  # may be another in its course
        self._open: list[web.Request] = []
        self._servers: list[aiohttp.ClientWebSocketResponse] = []
        self._session: aiohttp.ClientSession

    @asynccontextmanager
    async def run(self) -> AsyncIterator["Proxy"]:
        app = web.Application()
        app.router.add_get("/ws", self._signaling)
        app.router.add_get("/{path:.*}", self._file)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        async with aiohttp.ClientSession() as self._session:
            await site.start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            try:
                yield self
            finally:
                self.cut()
                await runner.cleanup()

    def cut(self) -> None:
        """As a network does it: without good-bye, on both sides."""
        for request in self._open:
            if request.transport is not None:
                request.transport.abort()

    async def say(self, message: Message) -> None:
        """To the server, as if the client that came last had."""
        await self._servers[-1].send_str(json.dumps(message))

    async def _file(self, request: web.Request) -> web.StreamResponse:
        self._note(request)
        try:
            fetching = await self._session.get(self.server.url + request.path)
        except aiohttp.ClientConnectionError:
            raise web.HTTPBadGateway from None
        async with fetching as response:
            body = await response.read()
            if request.path.endswith(".js"):
                body = self.files(request.path, body.decode()).encode()
            kept = ("Content-Type", "Content-Security-Policy", "Permissions-Policy", "Referrer-Policy")
            headers = {name: response.headers[name] for name in kept if name in response.headers}
            return web.Response(status=response.status, body=body, headers=headers)

    async def _signaling(self, request: web.Request) -> web.StreamResponse:
        self._note(request)
        if self.is_down:
            raise web.HTTPServiceUnavailable
        client = web.WebSocketResponse(protocols=("sfu.0",))
        await client.prepare(request)
        self.connections += 1
        self._open.append(request)
        try:
            async with self._session.ws_connect(self.server.signaling, protocols=("sfu.0",)) as server:
                self._servers.append(server)
                down = asyncio.create_task(self._pass(server, client, "to_client"))
                await self._pass(client, server, "to_server")
                if client.close_code not in {1000, 1001, 4000}:
                    # The server must see what the network did, not a good-bye of ours.
                    connection = server._response.connection
                    if connection is not None and connection.transport is not None:
                        connection.transport.abort()
                else:
                    await server.close(code=client.close_code)
                await down
        except (aiohttp.ClientConnectionError, aiohttp.WSServerHandshakeError):
            if request.transport is not None:  # there is no server, or it takes nobody in
                request.transport.abort()
        finally:
            self._open.remove(request)
        return client

    def _note(self, request: web.Request) -> None:
        self.asked.append(
            request.raw_path.encode() + b"\n" + b"\n".join(b": ".join(pair) for pair in request.raw_headers)
        )

    async def _pass(
        self,
        source: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
        sink: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
        change: str,
    ) -> None:
        async for message in source:
            if change == "to_server":
                self.asked.append(message.data.encode() if isinstance(message.data, str) else message.data)
            try:
                if message.type is WSMsgType.TEXT:
                    changed = getattr(self, change)(json.loads(message.data))  # what it is now
                    if changed is not None:
                        await sink.send_str(json.dumps(changed))
                elif message.type is WSMsgType.BINARY:
                    await sink.send_bytes(message.data)
            except (ConnectionError, aiohttp.ClientError):
                return
        if isinstance(sink, web.WebSocketResponse) and not sink.closed:
            await sink.close(code=source.close_code or 1011)
