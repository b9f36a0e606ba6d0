"""Writes what people send into files, one for each person and source, as it was encoded: decrypted, not re-encoded.

WebM, whose parts stand for themselves: what was written before a crash plays. All files share one beginning, so that
they can be laid side by side. Names on disk are made here; what people call themselves lends only letters and digits.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av

from sfu.client.envelope import Codec
from sfu.client.frames import Opened
from sfu.client.keys import Source
from sfu.client.people import Person
from sfu.errors import LocalError

FILES = 256  # senders are made by members at will
NAME_LETTERS = 32
CLUSTER_MS = 1000  # at most so much is lost in a crash
JUMP_MS = 10_000  # a sender's clock that was set; anchored anew
TIME_BASE = Fraction(1, 1000)


class _File:
    """Writes all or raises. Without a buffer of Python's, so that a crash leaves what was written; and the muxer does not
    look at how much of a write was done, which on a disk that fills up is not all.
    """

    def __init__(self, path: Path) -> None:
        self._raw = path.open("xb", buffering=0)

    def write(self, data: bytes) -> int:
        rest = memoryview(data)
        while rest:
            rest = rest[self._raw.write(rest) :]
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        return self._raw.tell()

    def close(self) -> None:
        self._raw.close()


@dataclass
class Recording:
    """One file. `error` ends it."""

    path: Path
    source: Source
    frames: int = 0
    bytes: int = 0
    error: str | None = None
    _file: _File | None = None
    _container: Any = None
    _stream: Any = None
    _last_ms: int = -1

    def begin(self, opened: Opened) -> None:
        """With the first frame that a file can begin with."""
        self._file = _File(self.path)
        self._container = av.open(
            cast("Any", self._file),
            "w",
            format="webm",
            options={"flush_packets": "1", "cluster_time_limit": str(CLUSTER_MS)},
        )
        if opened.codec is Codec.OPUS:
            # An encoder's stream, for the header that opus needs; nothing is encoded with it.
            self._stream = self._container.add_stream("libopus", rate=48_000, layout="stereo")
        else:
            width, height = vp8_size(opened.frame)
            self._stream = self._container.add_mux_stream(
                "vp8", rate=30, width=width, height=height, time_base=TIME_BASE
            )
        self._container.start_encoding()

    @property
    def begun(self) -> bool:
        return self._container is not None

    def write(self, opened: Opened, at_ms: int) -> None:
        at_ms = max(at_ms, self._last_ms + 1)
        self._last_ms = at_ms
        packet = av.Packet(opened.frame)
        packet.pts = packet.dts = at_ms
        packet.time_base = TIME_BASE
        packet.is_keyframe = opened.is_key
        packet.stream = self._stream
        self._container.mux(packet)
        self.frames += 1
        self.bytes += len(opened.frame)

    def close(self) -> None:
        container, self._container = self._container, None
        file, self._file = self._file, None
        try:
            if container is not None:
                container.close()
        except (OSError, av.FFmpegError) as error:
            self.error = self.error or _words(error)
        finally:
            if file is not None:
                try:
                    file.close()
                except OSError as error:
                    self.error = self.error or _words(error)


@dataclass
class _Clock:
    """A sender's time laid on ours, so that their sound and pictures stay together."""

    offset_ms: int | None = None

    def at_ms(self, time_ms: int | None, now_ms: int) -> int:
        if time_ms is None:
            return now_ms
        if self.offset_ms is None or abs(time_ms + self.offset_ms - now_ms) > JUMP_MS:
            self.offset_ms = now_ms - time_ms
        return max(0, time_ms + self.offset_ms)


@dataclass
class Recorder:
    """A sink of `Conference.add_sink`. A full disk ends all: `error` says so, and `on_error` is called once."""

    folder: Path
    want_key_frame: Callable[[object], None]
    on_error: Callable[[LocalError], None]
    error: LocalError | None = None
    recordings: dict[tuple[bytes, Source], Recording] = field(default_factory=dict)
    finished: list[Recording] = field(default_factory=list)
    _clocks: dict[bytes, _Clock] = field(default_factory=dict)
    _began_s: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LocalError(f"{self.folder} cannot be made: {_words(error)}") from None

    def __call__(self, person: Person, opened: Opened) -> None:
        if self.error is not None:
            return
        recording = self._recording(person, opened)
        if recording is None:
            return
        now_ms = int((time.monotonic() - self._began_s) * 1000)
        clock = self._clocks.setdefault(person.sender, _Clock())
        try:
            if not recording.begun:
                if not opened.is_key:
                    self.want_key_frame(opened.line)
                    return
                recording.begin(opened)
            recording.write(opened, clock.at_ms(opened.time_ms, now_ms))
        except (OSError, av.FFmpegError) as error:
            self._fail(recording, error)

    def finish(self, person: Person) -> None:
        """Who has left gets another file if they come back."""
        for key in [key for key in self.recordings if key[0] == person.sender]:
            recording = self.recordings.pop(key)
            recording.close()
            self.finished.append(recording)

    def close(self) -> None:
        for recording in self.recordings.values():
            recording.close()

    def all(self) -> list[Recording]:
        """That have anything in them."""
        return [one for one in (*self.finished, *self.recordings.values()) if one.frames]

    def _recording(self, person: Person, opened: Opened) -> Recording | None:
        key = (person.sender, opened.source)
        found = self.recordings.get(key)
        if found is None and len(self.recordings) + len(self.finished) < FILES:
            path = self._free(file_name(person.name, person.sender, opened.source))
            found = self.recordings[key] = Recording(path, opened.source)
        return found

    def _free(self, stem: str) -> Path:
        taken = {one.path for one in (*self.finished, *self.recordings.values())}
        number = 1
        while True:
            path = self.folder / (f"{stem}.webm" if number == 1 else f"{stem}-{number}.webm")
            if path not in taken and not path.exists():
                return path
            number += 1

    def _fail(self, recording: Recording, error: BaseException) -> None:
        recording.error = _words(error)
        self.error = LocalError(f"{recording.path} cannot be written: {_words(error)}")
        self.close()
        self.on_error(self.error)


def file_name(name: str, sender: bytes, source: Source) -> str:
    """Without suffix. Letters and digits of ASCII from the name, so that no name leads out of the folder."""
    letters = re.sub(r"[^A-Za-z0-9]+", "-", name)[:NAME_LETTERS].strip("-").lower() or "somebody"
    return f"{letters}-{sender[:4].hex()}-{source.value}"


def vp8_size(frame: bytes) -> tuple[int, int]:
    """Of a key frame: width and height (RFC 6386 section 9.1)."""
    if len(frame) < 10 or frame[0] & 1 or frame[3:6] != b"\x9d\x01\x2a":
        raise LocalError("what was opened is no key frame of VP8")
    return int.from_bytes(frame[6:8], "little") & 0x3FFF, int.from_bytes(frame[8:10], "little") & 0x3FFF


def _words(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error)
