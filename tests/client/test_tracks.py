import asyncio
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av import AudioFrame, VideoFrame

from sfu.client.encoders import Opus, Vp8
from sfu.client.tracks import FilePlayer, OwnFrames, TestPattern, Tone, audio_frame, identity_of
from sfu.errors import LocalError


def test_identities_of_the_pattern_survive_the_encoder() -> None:
    for identity in range(16):
        encoder, decoder = Vp8(), av.CodecContext.create("libvpx", "r")
        assert isinstance(decoder, av.VideoCodecContext)
        pattern = TestPattern(identity)
        (encoded,) = encoder.encode(pattern.picture(0), key_frame=True)
        (frame,) = decoder.decode(av.Packet(encoded.data))
        assert identity_of(frame) == identity


def test_pattern_moves() -> None:
    pattern = TestPattern(1)
    assert not np.array_equal(pattern.picture(0).to_ndarray(), pattern.picture(5).to_ndarray())


async def test_source_is_paced_and_its_time_grows() -> None:
    tone = Tone()
    begin = time.monotonic()
    frames = [await tone.recv() for _ in range(6)]
    assert time.monotonic() - begin >= 0.1 - 0.005
    assert [frame.pts for frame in frames if frame] == [960 * number for number in range(6)]


def test_opus_has_one_size_whatever_is_said() -> None:
    encoder, sizes, stamps = Opus(), set(), []
    noise = np.random.default_rng(1)
    for number in range(40):
        loud = noise.integers(-20_000, 20_000, 960, np.int16) if number % 3 else np.zeros(960, np.int16)
        for packet in encoder.encode(audio_frame(loud.reshape(1, -1), 48_000, number * 960), key_frame=False):
            sizes.add(len(packet.data))
            stamps.append(packet.timestamp)
    assert len(sizes) == 1
    assert stamps == [960 * number for number in range(len(stamps))]
    assert len(stamps) >= 38


def test_opus_takes_any_rate_and_changes_in_between() -> None:
    encoder = Opus()
    packets: list[object] = []
    for rate, layout in ((8_000, "mono"), (44_100, "stereo"), (48_000, "mono")):
        for number in range(10):
            channels = 2 if layout == "stereo" else 1
            samples = np.zeros((1, rate // 50 * channels), np.int16)
            frame = AudioFrame.from_ndarray(samples, format="s16", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, number * rate // 50, Fraction(1, rate)
            packets += encoder.encode(frame, key_frame=False)
    assert 25 <= len(packets) <= 30


async def test_own_frames_are_stamped_and_the_oldest_dropped() -> None:
    track = OwnFrames("video", ahead=2)
    for number in range(4):
        frame = VideoFrame(64, 48, "yuv420p")
        if number == 3:
            frame.pts, frame.time_base = 7, Fraction(1, 30)
        track.push(frame)
    track.end()
    first, second = await track.recv(), await track.recv()
    assert first is not None
    assert first.pts is not None
    assert second is not None
    assert second.pts == 7
    assert await track.recv() is None


def test_own_frames_are_of_one_kind() -> None:
    with pytest.raises(LocalError, match="takes audio"):
        OwnFrames("audio").push(VideoFrame(64, 48, "yuv420p"))
    with pytest.raises(LocalError, match='"audio" or "video"'):
        OwnFrames("text")


# ---- files ----


def _movie(path: Path, *, sound: bool = True, pictures: bool = True) -> Path:
    with av.open(str(path), "w") as container:
        audio = container.add_stream("libopus", rate=48_000, layout="mono") if sound else None
        video = container.add_stream("libvpx", rate=15) if pictures else None
        if video is not None:
            video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        if audio is not None:
            for number in range(25):
                silence = np.zeros((1, 960), np.int16)
                container.mux(audio.encode(audio_frame(silence, 48_000, number * 960)))
            container.mux(audio.encode(None))
        if video is not None:
            for number in range(8):
                container.mux(video.encode(TestPattern(4).picture(number)))
            container.mux(video.encode(None))
    return path


async def test_file_plays_once_at_its_speed(tmp_path: Path) -> None:
    player = FilePlayer(_movie(tmp_path / "a.webm"))
    begin = time.monotonic()

    async def drain(track: object) -> list[AudioFrame | VideoFrame]:
        found = []
        while (frame := await track.recv()) is not None:  # type: ignore[attr-defined]
            found.append(frame)
        return found

    sound, pictures = await asyncio.gather(*(drain(track) for track in player.tracks))
    await player.wait_over()
    assert time.monotonic() - begin >= 0.4
    assert [track.media for track in player.tracks] == ["audio", "video"]
    assert len(sound) >= 25
    assert [identity_of(frame) for frame in pictures if isinstance(frame, VideoFrame)] == [4] * 8
    assert player.error is None
    assert player.duration_s == pytest.approx(0.5, abs=0.1)
    assert await player.tracks[0].recv() is None
    await player.close()


async def test_track_that_nobody_publishes_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sfu.client.tracks.PUBLISH_S", 0.05)
    player = FilePlayer(_movie(tmp_path / "a.webm"))
    while await player.tracks[1].recv() is not None:
        pass
    await player.wait_over()
    await player.close()


@pytest.mark.parametrize("sound", [True, False])
async def test_file_of_one_kind_has_one_track(sound: bool, tmp_path: Path) -> None:
    player = FilePlayer(_movie(tmp_path / "a.webm", sound=sound, pictures=not sound))
    assert [track.media for track in player.tracks] == ["audio" if sound else "video"]
    await player.close()


def test_file_that_cannot_be_played_is_told(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="is not there"):
        FilePlayer(tmp_path / "nothing.webm")
    (tmp_path / "text.webm").write_text("no movie", encoding="utf-8")
    with pytest.raises(LocalError, match="cannot be played"):
        FilePlayer(tmp_path / "text.webm")
    with pytest.raises(LocalError, match="cannot be played"):
        FilePlayer(tmp_path)
