import resource
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import av
import pytest

from sfu.client.encoders import Vp8
from sfu.client.envelope import Codec
from sfu.client.frames import Opened
from sfu.client.keys import Source
from sfu.client.people import Person
from sfu.client.profile import Profile
from sfu.client.record import Recorder, file_name
from sfu.client.tracks import TestPattern, identity_of
from sfu.errors import LocalError

ANA = b"\x01\x02\x03\x04" + bytes(12)


def _person(name: str = "Ana", sender: bytes = ANA) -> Person:
    return Person(Profile(sender, 1, 0, name), 7)


def _frames(identity: int = 4, count: int = 10, begin_ms: int = 5_000_000) -> list[Opened]:
    encoder, pattern = Vp8(), TestPattern(identity)
    return [
        Opened(1, ANA, Source.CAMERA, encoded.data, begin_ms + number * 66, Codec.VP8, "line", 0, number == 0)
        for number in range(count)
        for encoded in encoder.encode(pattern.picture(number), key_frame=number == 0)
    ]


class _Asked:
    def __init__(self) -> None:
        self.lines: list[object] = []
        self.errors: list[LocalError] = []

    def recorder(self, folder: Path) -> Recorder:
        return Recorder(folder, self.lines.append, self.errors.append)


def _decoded(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def test_file_begins_with_a_key_frame_and_asks_for_one(tmp_path: Path) -> None:
    asked = _Asked()
    recorder = asked.recorder(tmp_path / "new" / "folder")
    frames = _frames()
    for frame in frames[1:3] + frames:
        recorder(_person(), frame)
    recorder.close()
    assert asked.lines == ["line", "line"]
    (path,) = (tmp_path / "new" / "folder").iterdir()
    decoded = _decoded(path)
    assert [identity_of(frame) for frame in decoded] == [4] * 10
    times = [frame.time for frame in decoded]
    assert [round((b - a) * 1000) for a, b in pairwise(times)] == [66] * 9


def test_what_a_crash_leaves_plays(tmp_path: Path) -> None:
    """Without close: all but the last second is in the file."""
    recorder = _Asked().recorder(tmp_path)
    for frame in _frames(count=60):
        recorder(_person(), frame)
    (path,) = tmp_path.iterdir()
    copy = tmp_path / "copy.webm"
    copy.write_bytes(path.read_bytes())
    assert len(_decoded(copy)) >= 60 - 17
    recorder.close()
    assert len(_decoded(path)) == 60


def test_clock_that_jumps_does_not_make_hours(tmp_path: Path) -> None:
    recorder = _Asked().recorder(tmp_path)
    for frame in _frames(count=3) + _frames(count=3, begin_ms=90_000_000) + _frames(count=3, begin_ms=1000):
        recorder(_person(), frame)
    recorder.close()
    (path,) = tmp_path.iterdir()
    times = [frame.time for frame in _decoded(path)]
    assert len(times) == 9
    assert max(times) < 60
    assert times == sorted(times)


def test_who_comes_back_gets_another_file(tmp_path: Path) -> None:
    recorder = _Asked().recorder(tmp_path)
    for _ in range(2):
        for frame in _frames(count=3):
            recorder(_person(), frame)
        recorder.finish(_person())
    recorder.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "ana-01020304-camera-2.webm",
        "ana-01020304-camera.webm",
    ]
    assert [len(_decoded(path)) for path in tmp_path.iterdir()] == [3, 3]
    assert len(recorder.all()) == 2


def test_file_that_is_there_stays(tmp_path: Path) -> None:
    there = tmp_path / "ana-01020304-camera.webm"
    there.write_text("mine", encoding="utf-8")
    recorder = _Asked().recorder(tmp_path)
    recorder(_person(), _frames(count=1)[0])
    recorder.close()
    assert there.read_text(encoding="utf-8") == "mine"
    assert (tmp_path / "ana-01020304-camera-2.webm").exists()


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "..", "a\x00b", "CON", "é" * 64, "", "x" * 64, "a/../../b"]
)
def test_name_leads_out_of_no_folder(name: str, tmp_path: Path) -> None:
    stem = file_name(name, ANA, Source.SCREEN)
    assert stem.endswith("-01020304-screen")
    assert set(stem) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_")
    assert len(stem) < 80
    assert (tmp_path / stem).parent == tmp_path


@contextmanager
def _file_size(limit: int) -> Iterator[None]:
    """Python ignores the signal; writing beyond fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_full_disk_ends_the_recording_with_a_sentence(tmp_path: Path) -> None:
    asked = _Asked()
    recorder = asked.recorder(tmp_path)
    frames = _frames(count=60)
    with _file_size(4000):
        for frame in frames:
            recorder(_person(), frame)
    recorder.close()
    (error,) = asked.errors
    assert str(tmp_path) in str(error)
    assert "cannot be written" in str(error)
    assert recorder.error is error


def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LocalError, match="cannot be made"):
        _Asked().recorder(tmp_path / "file" / "folder")
