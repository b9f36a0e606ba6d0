"""The client role of libsfu on the wire: a UDP socket, ICE and media by the peer, its SRTP keys from DTLS in Python."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Protocol, Self

from sfu.media.dtls import DtlsAssociation, DtlsState

_DTLS = range(20, 64)  # first bytes (RFC 7983, section 7)
_NEVER = 2**64 - 1
_LOCAL = 0  # its one socket

Address = tuple[str, int]


class ClientRole(Protocol):
    """What the wire asks of a participant without I/O: `sfu._testing.peer.Peer`, or who has the same calls."""

    def on_datagram(self, now_us: int, local: int, address: Address, data: bytes) -> None: ...
    def poll(self, now_us: int) -> list[tuple[int, Address, bytes]]: ...
    def next_deadline_us(self) -> int: ...
    def set_keys(
        self, profile: int, local_key: bytes, local_salt: bytes, remote_key: bytes, remote_salt: bytes
    ) -> None: ...
    def stats(self) -> Any: ...


def now_us() -> int:
    """The clock of a peer on the wire."""
    return time.monotonic_ns() // 1000


@dataclass
class WirePeer(asyncio.DatagramProtocol):
    """`dtls` is the client's side of an association. It begins once the server has answered a check: before that, what
    we send is for whoever took the address."""

    role: ClientRole
    dtls: DtlsAssociation
    server: Address

    def __post_init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._turn_timer: asyncio.TimerHandle | None = None
        self._dtls_timer: asyncio.TimerHandle | None = None
        self._begun = False

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, remote_addr=self.server)
        self._turn()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._send(self.dtls.close())
        for timer in (self._turn_timer, self._dtls_timer):
            if timer:
                timer.cancel()
        if self._transport:
            self._transport.close()
            self._transport = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if data and data[0] in _DTLS:
            self._after_dtls(self.dtls.receive_datagram(data))
        else:
            self.role.on_datagram(now_us(), _LOCAL, addr[:2], data)
        self._turn()

    def _turn(self) -> None:
        """Sends what is due, and comes again when more will be."""
        if self._transport is None:
            return
        self._send([data for _, _, data in self.role.poll(now_us())])
        if not self._begun and self.role.stats()["connected"]:
            self._begun = True
            self._after_dtls(self.dtls.start())
        if self._turn_timer:
            self._turn_timer.cancel()
            self._turn_timer = None
        deadline_us = self.role.next_deadline_us()
        if deadline_us != _NEVER:
            wait_s = max(0, deadline_us - now_us()) / 1e6
            self._turn_timer = asyncio.get_running_loop().call_later(wait_s, self._turn)

    def _after_dtls(self, output: list[bytes]) -> None:
        if self.dtls.state is DtlsState.SECURED and (keys := self.dtls.keys):
            self.role.set_keys(
                keys.profile, keys.local_key, keys.local_salt, keys.remote_key, keys.remote_salt
            )
            self.dtls.keys = None
        self._send(output)
        if self._dtls_timer:
            self._dtls_timer.cancel()
            self._dtls_timer = None
        due_s = self.dtls.timeout_s()
        if due_s is not None:
            # OpenSSL does nothing where it is called a moment early.
            self._dtls_timer = asyncio.get_running_loop().call_later(due_s + 0.001, self._on_dtls_timeout)

    def _on_dtls_timeout(self) -> None:
        self._after_dtls(self.dtls.handle_timeout())

    def _send(self, datagrams: list[bytes]) -> None:
        if self._transport:
            for datagram in datagrams:
                self._transport.sendto(datagram)
