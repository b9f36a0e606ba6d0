"""What can be published: a file, a test pattern, frames of one's own. `recv` gives each frame when it is due."""

import asyncio
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av import AudioFrame, VideoFrame

from sfu.errors import LocalError

AUDIO_RATE = 48_000
AUDIO_SAMPLES = 960
VIDEO_RATE = 90_000
PUBLISH_S = 5.0  # within which both tracks of a file are published
READ_AHEAD = 8  # decoded frames of a file, per kind


class Pace:
    """Waits for the time that a frame is for. A source that lags by more than 1 s begins its clock anew."""

    def __init__(self) -> None:
        self._origin_s: float | None = None

    async def until(self, at_s: float) -> None:
        now_s = time.monotonic()
        if self._origin_s is None or now_s - (self._origin_s + at_s) > 1:
            self._origin_s = now_s - at_s
        wait_s = self._origin_s + at_s - now_s
        if wait_s > 0:
            await asyncio.sleep(wait_s)


class TestPattern:
    """Moving pictures that can be told apart: the middle has the brightness and colour of `identity` (0 to 15)."""

    __test__ = False  # for pytest
    media = "video"

    def __init__(self, identity: int = 0, *, width: int = 320, height: int = 180, fps: int = 15) -> None:
        self.identity = identity % 16
        self._size = (width, height)
        self._fps = fps
        self._number = 0
        self._pace = Pace()

    async def recv(self) -> VideoFrame | None:
        await self._pace.until(self._number / self._fps)
        frame = self.picture(self._number)
        self._number += 1
        return frame

    def picture(self, number: int) -> VideoFrame:
        width, height = self._size
        luma = np.full((height, width), 40, np.uint8)
        luma[height // 4 : height * 3 // 4, width // 4 : width * 3 // 4] = brightness(self.identity)
        bar = number * 4 % width
        luma[: height // 8, bar : bar + width // 10] = 220
        chroma = np.full((height // 2, width // 2), 128, np.uint8)
        frame = VideoFrame(width, height, "yuv420p")
        for plane, values in zip(frame.planes, (luma, chroma, chroma), strict=True):
            padded = np.zeros((plane.height, plane.line_size), np.uint8)
            padded[:, : plane.width] = values[: plane.height, : plane.width]
            plane.update(padded.tobytes())
        frame.pts = number * VIDEO_RATE // self._fps
        frame.time_base = Fraction(1, VIDEO_RATE)
        return frame


class Tone:
    """A sine of `hertz`, so that hearing can be told from noise."""

    media = "audio"

    def __init__(self, hertz: float = 440.0) -> None:
        self.hertz = hertz
        self._samples = 0
        self._pace = Pace()

    async def recv(self) -> AudioFrame | None:
        await self._pace.until(self._samples / AUDIO_RATE)
        at = (np.arange(AUDIO_SAMPLES) + self._samples) / AUDIO_RATE
        wave = (np.sin(2 * np.pi * self.hertz * at) * 8000).astype(np.int16)
        frame = audio_frame(wave.reshape(1, -1), AUDIO_RATE, self._samples)
        self._samples += AUDIO_SAMPLES
        return frame


class OwnFrames:
    """Frames that the program pushes. One that comes while the last has not gone is dropped, oldest first."""

    def __init__(self, media: str, *, ahead: int = 4) -> None:
        if media not in {"audio", "video"}:
            raise LocalError(f'frames are "audio" or "video", not "{media}"')
        self.media = media
        self._queue: asyncio.Queue[AudioFrame | VideoFrame | None] = asyncio.Queue()
        self._ahead = ahead
        self._began_s = time.monotonic()

    def push(self, frame: AudioFrame | VideoFrame) -> None:
        """A frame without time is of now."""
        if (self.media == "audio") is not isinstance(frame, AudioFrame):
            raise LocalError(f"this track takes {self.media}")
        if frame.pts is None:
            rate = frame.sample_rate if isinstance(frame, AudioFrame) else VIDEO_RATE
            frame.pts = int((time.monotonic() - self._began_s) * rate)
            frame.time_base = Fraction(1, rate)
        while self._queue.qsize() >= self._ahead:
            self._queue.get_nowait()
        self._queue.put_nowait(frame)

    def end(self) -> None:
        self._queue.put_nowait(None)

    async def recv(self) -> AudioFrame | VideoFrame | None:
        return await self._queue.get()


class FileTrack:
    """One kind of a `FilePlayer`. `over` is set when its last frame was given away."""

    def __init__(self, player: "FilePlayer", media: str) -> None:
        self.media = media
        self.frames: asyncio.Queue[AudioFrame | VideoFrame | None] = asyncio.Queue(READ_AHEAD)
        self.asked = asyncio.Event()
        self.over = asyncio.Event()
        self._player = player

    async def recv(self) -> AudioFrame | VideoFrame | None:
        self.asked.set()
        if self.over.is_set():
            return None
        self._player.start()
        frame = await self.frames.get()
        if frame is None or frame.time is None:
            self.over.set()
            return None
        await self._player.pace.until(frame.time)
        return frame


class FilePlayer:
    """Plays a file at its own speed, once. `tracks`: one for sound and one for pictures, as far as they are there.

    Raises LocalError if the file is not there, or has nothing that can be decoded.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.pace = Pace()
        self.progress_s = 0.0
        try:
            self._container: Any = av.open(str(self.path))
        except FileNotFoundError:
            raise LocalError(f"{self.path} is not there") from None
        except (OSError, av.FFmpegError) as error:
            raise LocalError(f"{self.path} cannot be played: {_words(error)}") from None
        streams = self._container.streams
        self._streams = [found[0] for found in (streams.audio, streams.video) if found]
        if not self._streams:
            self._container.close()
            raise LocalError(f"{self.path} has neither sound nor pictures")
        duration = self._container.duration
        self.duration_s: float | None = duration / av.time_base if duration else None
        self.tracks = [FileTrack(self, stream.type) for stream in self._streams]
        self.error: LocalError | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._read())

    async def wait_over(self) -> None:
        """Until the last frame has been given away. A track that nobody published counts as over."""
        self.start()
        await asyncio.gather(*(track.over.wait() for track in self.tracks))

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._container.close()

    async def _read(self) -> None:
        tracks = await self._wanted()
        frames = self._decode()
        loop = asyncio.get_running_loop()
        try:
            while (frame := await loop.run_in_executor(None, next, frames, None)) is not None:
                self.progress_s = frame.time or self.progress_s
                track = tracks.get("audio" if isinstance(frame, AudioFrame) else "video")
                if track is not None:
                    await track.frames.put(frame)
        except (av.FFmpegError, OSError) as error:
            self.error = LocalError(f"{self.path} cannot be played further: {_words(error)}")
        for track in self.tracks:
            if track.media in tracks:
                await track.frames.put(None)
            else:
                track.over.set()

    async def _wanted(self) -> "dict[str, FileTrack]":
        """Tracks are published one after the other, and shall begin together. One that nobody wants is not waited for."""
        waits = [asyncio.create_task(track.asked.wait()) for track in self.tracks]
        try:
            await asyncio.wait(waits, timeout=PUBLISH_S)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        return {track.media: track for track in self.tracks if track.asked.is_set()}

    def _decode(self) -> Iterator[AudioFrame | VideoFrame]:
        yield from self._container.decode(*self._streams)


def audio_frame(samples: "np.ndarray[Any, np.dtype[np.int16]]", rate: int, pts: int) -> AudioFrame:
    """Mono, of an array of shape (1, samples)."""
    frame = AudioFrame.from_ndarray(samples, format="s16", layout="mono")
    frame.sample_rate = rate
    frame.pts = pts
    frame.time_base = Fraction(1, rate)
    return frame


def brightness(identity: int) -> int:
    """What the middle of a `TestPattern` has as luma."""
    return 16 + identity % 16 * 14


def identity_of(frame: VideoFrame) -> int:
    """The nearest identity for the middle of a picture that was encoded and decoded."""
    gray = frame.to_ndarray(format="gray")
    height, width = gray.shape
    middle = gray[height * 3 // 8 : height * 5 // 8, width * 3 // 8 : width * 5 // 8]
    # to_ndarray gives full range, where the pattern is written in that of television (16 to 235).
    luma = 16 + float(middle.mean()) * 219 / 255
    return min(range(16), key=lambda identity: abs(brightness(identity) - luma))


def _words(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error)
