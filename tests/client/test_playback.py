import asyncio
from dataclasses import replace

import pytest

from sfu.client import playback as playback_module
from sfu.client.envelope import Codec
from sfu.client.frames import Opened
from sfu.client.keys import Source
from sfu.client.playback import Playback
from sfu.client.tracks import identity_of
from tests.client.test_record import _frames


class _Played:
    def __init__(self) -> None:
        self.lines: list[object] = []
        self.closed: list[Playback] = []
        self.playback = Playback(self.lines.append, self.closed.append)

    async def take(self, count: int) -> list[int]:
        return [identity_of(await anext(self.playback)) for _ in range(count)]  # type: ignore[arg-type]


async def test_frames_come_decoded_with_their_capture_time() -> None:
    played = _Played()
    for frame in _frames(count=3):
        played.playback.put(frame)
    times = [(await anext(played.playback)).time for _ in range(3)]
    assert times == pytest.approx([5000.0, 5000.066, 5000.132])
    await played.playback.close()
    assert played.closed == [played.playback]
    with pytest.raises(StopAsyncIteration):
        await anext(played.playback)


async def test_decoding_begins_with_a_key_frame_and_asks_for_one() -> None:
    played = _Played()
    frames = _frames(count=4)
    for frame in frames[2:] + frames:
        played.playback.put(frame)
    assert await played.take(4) == [4] * 4
    assert played.lines == ["line", "line"]
    assert (played.playback.decoded, played.playback.dropped) == (4, 2)
    await played.playback.close()


async def test_another_kid_gets_another_decoder() -> None:
    played = _Played()
    for kid, identity in ((1, 4), (2, 9)):
        for frame in _frames(identity, 2):
            played.playback.put(replace(frame, kid=kid))
    assert await played.take(4) == [4, 4, 9, 9]
    await played.playback.close()


async def test_broken_frame_is_dropped_and_a_key_frame_asked_for() -> None:
    played = _Played()
    good = _frames(count=2)
    broken = Opened(
        1, good[0].sender, Source.CAMERA, b"\x10\x00\x00\x00", 0, Codec.VP8, "line", 0, is_key=True
    )
    for frame in (broken, *good):
        played.playback.put(frame)
    assert await played.take(2) == [4, 4]
    assert played.lines == ["line"]
    await played.playback.close()


async def test_queues_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playback_module, "QUEUED_FRAMES", 5)
    monkeypatch.setattr(playback_module, "DECODED_FRAMES", 3)
    played = _Played()
    for frame in _frames(count=12):
        played.playback.put(frame)
    assert len(played.playback._queue) <= 5
    for frame in _frames(9, 5):
        played.playback.put(frame)
    while played.playback._queue:  # noqa: ASYNC110  nothing tells when it is empty
        await asyncio.sleep(0.01)
    assert len(played.playback._frames) <= 3
    await played.playback.close()
    assert played.playback.dropped > 0
