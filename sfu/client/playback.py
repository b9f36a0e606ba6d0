"""Opened frames into decoded ones, for one person's source. A decoder belongs to a KID, never to a slot."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from fractions import Fraction
from typing import Any

import av
from av import AudioFrame, VideoFrame

from sfu.client.envelope import Codec
from sfu.client.frames import Opened

QUEUED_FRAMES = 60  # still encoded
DECODED_FRAMES = 30
TIME_BASE = Fraction(1, 1000)
_DECODERS = {Codec.VP8: "libvpx", Codec.VP9: "libvpx-vp9", Codec.OPUS: "libopus"}


class Playback:
    """An iterator of decoded frames, whose time is the sender's capture time in ms. Slow readers lose the oldest."""

    def __init__(
        self, want_key_frame: Callable[[object], None], on_close: Callable[["Playback"], None]
    ) -> None:
        self.decoded = 0
        self.dropped = 0
        self._want_key_frame = want_key_frame
        self._on_close = on_close
        self._queue: deque[Opened] = deque()
        self._frames: deque[AudioFrame | VideoFrame] = deque()
        self._wake = asyncio.Event()
        self._ready = asyncio.Event()
        self._closed = False
        self._kid: int | None = None
        self._decoder: Any = None
        self._needs_key = True
        self._task = asyncio.create_task(self._run())

    def put(self, opened: Opened) -> None:
        if self._closed:
            return
        if len(self._queue) >= QUEUED_FRAMES:
            self.dropped += len(self._queue)
            self._queue.clear()
            self._needs_key = True
        self._queue.append(opened)
        self._wake.set()

    def __aiter__(self) -> AsyncIterator[AudioFrame | VideoFrame]:
        return self

    async def __anext__(self) -> AudioFrame | VideoFrame:
        while not self._frames:
            if self._closed:
                raise StopAsyncIteration
            self._ready.clear()
            await self._ready.wait()
        return self._frames.popleft()

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._ready.set()
        self._on_close(self)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while not self._queue:
                self._wake.clear()
                await self._wake.wait()
            opened = self._queue.popleft()
            if not self._wanted(opened):
                continue
            try:
                frames = await loop.run_in_executor(None, self._decode, opened)
            except av.FFmpegError:
                self.dropped += 1
                self._needs_key = True
                self._want_key_frame(opened.line)
                continue
            for frame in frames:
                self._hand_out(frame)

    def _wanted(self, opened: Opened) -> bool:
        """A decoder begins with a key frame: nothing before it is of use."""
        if opened.kid != self._kid:
            self._kid = opened.kid
            self._decoder = av.CodecContext.create(_DECODERS[opened.codec], "r")
            self._needs_key = True
        if self._needs_key and not opened.is_key:
            self.dropped += 1
            self._want_key_frame(opened.line)
            return False
        self._needs_key = False
        return True

    def _decode(self, opened: Opened) -> list[Any]:
        packet = av.Packet(opened.frame)
        packet.pts, packet.time_base = opened.time_ms or 0, TIME_BASE
        frames = list(self._decoder.decode(packet))
        for frame in frames:
            frame.pts, frame.time_base = opened.time_ms or 0, TIME_BASE
        return frames

    def _hand_out(self, frame: AudioFrame | VideoFrame) -> None:
        self.decoded += 1
        if len(self._frames) >= DECODED_FRAMES:
            self._frames.popleft()
            self.dropped += 1
        self._frames.append(frame)
        self._ready.set()
