"""A network that loses datagrams between one client and the server, in either direction, by a seeded choice."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

Address = tuple[str, int]


class UdpProxy:
    """Each address that sends here gets a socket of its own towards the server. `loss` may change at any time."""

    def __init__(self, seed: int) -> None:
        self.loss = 0.0
        self.dropped = {"to_server": 0, "to_client": 0}
        self.passed = {"to_server": 0, "to_client": 0}
        self.address: Address = ("127.0.0.1", 0)
        self.server: Address | None = None  # named before the first datagram
        self._random = random.Random(seed)
        self._front: asyncio.DatagramTransport
        self._backs: dict[Address, asyncio.DatagramTransport] = {}
        self._waiting: dict[Address, list[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._front = await _bind(self._on_client, None)
        self.address = self._front.get_extra_info("sockname")[:2]

    def through(self, answer: str) -> str:
        """The server's answer with candidates that lead here, and no other way in."""
        lines = []
        for line in answer.split("\r\n"):
            if not line.startswith("a=candidate"):
                lines.append(line)
                continue
            parts = line.split(" ")
            if parts[2].lower() != "udp":
                continue
            server = (parts[4], int(parts[5]))
            assert self.server in {None, server}, "one server for all who come here"
            self.server = server
            lines.append(" ".join([*parts[:5], str(self.address[1]), *parts[6:]]))
        return "\r\n".join(lines)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for transport in (self._front, *self._backs.values()):
            transport.close()
        await asyncio.sleep(0)

    def _on_client(self, data: bytes, client: Address) -> None:
        if not self._pass("to_server"):
            return
        back = self._backs.get(client)
        if back is not None:
            back.sendto(data)
        elif client in self._waiting:
            self._waiting[client].append(data)
        else:
            self._waiting[client] = [data]
            task = asyncio.ensure_future(self._connect(client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connect(self, client: Address) -> None:
        def on_server(data: bytes, _: Address) -> None:
            if self._pass("to_client"):
                self._front.sendto(data, client)

        self._backs[client] = await _bind(on_server, self.server)
        for data in self._waiting.pop(client):
            self._backs[client].sendto(data)

    def _pass(self, direction: str) -> bool:
        passes = self._random.random() >= self.loss
        (self.passed if passes else self.dropped)[direction] += 1
        return passes


class _Receiver(asyncio.DatagramProtocol):
    def __init__(self, take: Callable[[bytes, Address], None]) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._take(data, addr)


async def _bind(take: Callable[[bytes, Address], None], remote: Address | None) -> asyncio.DatagramTransport:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Receiver(take), local_addr=None if remote else ("127.0.0.1", 0), remote_addr=remote
    )
    return transport


@asynccontextmanager
async def lossy(seed: int) -> AsyncIterator[UdpProxy]:
    proxy = UdpProxy(seed)
    await proxy.open()
    try:
        yield proxy
    finally:
        await proxy.close()
