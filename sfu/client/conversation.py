"""The chat of a conference: one's own lines no faster than others will read them, and theirs as they come."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from sfu.client import clock
from sfu.client.chat import KEPT, ChatRate, Line, check_text
from sfu.errors import LocalError


class Chat:
    """Lines to all and from all. `lines` keeps the last 1,000, one's own among them."""

    def __init__(self, sender: bytes, send: Callable[[Line], Awaitable[None]]) -> None:
        """`send` returns when the server has taken a line."""
        self.lines: deque[Line] = deque(maxlen=KEPT)
        self._sender = sender
        self._send = send
        self._rate = ChatRate()
        self._unread: deque[Line] = deque(maxlen=KEPT)
        self._wake = asyncio.Event()
        self._over = False
        self._n = 0
        self._lock = asyncio.Lock()

    async def send(self, text: str) -> None:
        """When it returns, the server has taken the line. Waits where the rate asks for it; raises SfuError."""
        check_text(text)
        async with self._lock:
            while wait_us := self._rate.take(clock.now_us()):  # noqa: ASYNC110  a rate raises no event
                await asyncio.sleep(wait_us / 1e6)
            self._n += 1
            line = Line(self._sender, self._n, clock.now_ms(), text)
            await self._send(line)
            self.lines.append(line)

    async def receive(self) -> Line:
        """The next line of somebody else; `Conference.person` says whose. Raises LocalError when the conference is over."""
        while not self._unread:
            if self._over:
                raise LocalError("the conference is over")
            self._wake.clear()
            await self._wake.wait()
        return self._unread.popleft()

    def take(self, line: Line) -> None:
        self.lines.append(line)
        self._unread.append(line)
        self._wake.set()

    def end(self) -> None:
        self._over = True
        self._wake.set()
