"""What a test does to be sure of what came: read frames until enough are there, and look at what is in them."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pytest
from av import AudioFrame, VideoFrame

from sfu.client import events
from sfu.client.conference import Conference
from sfu.client.keys import Source
from sfu.client.people import Person
from sfu.client.tracks import identity_of

Decoded = TypeVar("Decoded", AudioFrame, VideoFrame)

PATIENCE_S = 120  # for a machine that is loaded; nothing is measured


async def until(holds: Callable[[], bool], state: Callable[[], object]) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():  # noqa: ASYNC110  what is waited for raises no event
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"in vain: {state()}")


async def somebody(conference: Conference, name: str) -> Person:
    """The one of this name, as soon as they are there."""
    await until(lambda: any(one.name == name for one in conference.people), lambda: conference.people)
    return next(one for one in conference.people if one.name == name)


async def seen(conference: Conference, person: Person, frames: int = 10) -> list[int]:
    """The identities of a person's test pattern in so many pictures."""
    found = await _frames(conference, person, Source.CAMERA, VideoFrame, frames)
    return [identity_of(frame) for frame in found]


async def heard(conference: Conference, person: Person, frames: int = 50) -> float:
    """The loudest frequency of a person's sound, in Hz, after a moment for codec and jitter buffer to settle."""
    found = await _frames(conference, person, Source.MICROPHONE, AudioFrame, frames)
    return loudest(np.concatenate([samples(frame) for frame in found[10:]]))


async def _frames(
    conference: Conference, person: Person, source: Source, kind: type[Decoded], count: int
) -> list[Decoded]:
    """The next decoded frames of a person."""
    playback = conference.frames(person, source)
    found: list[Decoded] = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            async for frame in playback:
                assert isinstance(frame, kind)
                found.append(frame)
                if len(found) >= count:
                    break
    finally:
        await playback.close()
    return found


def samples(frame: AudioFrame) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    array = frame.to_ndarray().astype(np.float64)
    channels = len(frame.layout.channels)
    return array.reshape(-1)[::channels] if not frame.format.is_planar else array[0]


def loudest(wave: "np.ndarray[tuple[int], np.dtype[np.float64]]", rate: int = 48_000) -> float:
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    return float(spectrum.argmax() * rate / len(wave))


class Diary:
    """All events of a conference, kept as they come."""

    def __init__(self, conference: Conference) -> None:
        self.events: list[events.Event] = []
        self._task = asyncio.create_task(self._read(conference))

    async def _read(self, conference: Conference) -> None:
        async for event in conference:
            self.events.append(event)

    def of(self, kind: type[events.Event]) -> list[events.Event]:
        return [event for event in self.events if isinstance(event, kind)]

    async def close(self) -> None:
        await self._task


def cut(conference: Conference) -> None:
    """What a network does to the WebSocket: no farewell."""
    ws = conference._signaling._ws
    assert ws is not None
    connection = ws._response.connection
    assert connection is not None
    assert connection.transport is not None
    connection.transport.abort()
