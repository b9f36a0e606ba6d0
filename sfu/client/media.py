"""The connection that sound and pictures go over, made anew whenever it or the participant is lost."""

import asyncio
from collections.abc import Callable

from sfu.client.adapter import Transport
from sfu.client.keys import Source
from sfu.client.publishing import Publishing
from sfu.client.receiving import Receiving
from sfu.client.signaling import Signaling
from sfu.signaling.messages import Answer, Offer, Settings


class Media:
    """`on_lost`: it has come to its end, or the server's side of it has. `reopen` makes another."""

    def __init__(
        self,
        signaling: Signaling,
        publishing: Publishing,
        receiving: Receiving,
        on_lost: Callable[[], None],
        *,
        slots: int | None,
        loopback: bool,
    ) -> None:
        """`slots`: how many others at most are seen at once; what the server advises by default. `loopback`: the server may be on
        this machine.
        """
        self.transport: Transport | None = None
        self._signaling = signaling
        self._publishing = publishing
        self._receiving = receiving
        self._on_lost = on_lost
        self._slots = slots
        self._loopback = loopback
        self._settings = Settings()
        self._lock = asyncio.Lock()

    async def open(self, settings: Settings) -> None:
        """Another transport in place of the one there is, with what is published. Raises SfuError."""
        self._settings = settings
        await self.reopen()

    async def reopen(self) -> None:
        """As `open`, with the settings of before."""
        async with self._lock:
            old, self.transport = self.transport, None
            self._receiving.begin(None)
            if old is not None:
                await old.close()
            transport = Transport(self._receiving.on_frame, self._on_lost, loopback=self._loopback)
            self.transport = transport
            self._receiving.begin(transport)
            settings = self._settings
            pairs = settings.slots if self._slots is None else min(self._slots, settings.slots)
            extra = settings.extra_audio_slots if self._slots is None else 0
            transport.add_slots(max(1, pairs), extra)
            self._publishing.begin(transport)
            await self._negotiate(transport)

    async def send(self, source: Source) -> None:
        """What was published as a source. Raises SfuError."""
        async with self._lock:
            if self.transport is not None and self._publishing.send(source, self.transport):
                await self._negotiate(self.transport)

    async def wait_connected(self) -> None:
        """Raises LocalError if the server's media address cannot be reached."""
        if self.transport is not None:
            await self.transport.wait_connected()

    async def loss(self) -> tuple[int, int]:
        """Packets received and lost."""
        return await self.transport.loss() if self.transport else (0, 0)

    async def close(self) -> None:
        if self.transport is not None:
            await self.transport.close()

    async def _negotiate(self, transport: Transport) -> None:
        sdp = await transport.offer()
        answer = await self._signaling.request(Offer, Answer, sdp=sdp)
        if transport.number not in {None, answer.transport}:
            # The server had lost its side of the connection: what it answers is of another.
            self._on_lost()
            return
        transport.number = answer.transport
        await transport.accept(answer.sdp)
