"""Frames sealed and opened by the rules of PROTOCOL.md, "Frames". Pure: time is an argument, in the unit of its name.

encoder → SendingSource.seal → packetiser        depacketiser → FrameOpener.open → decoder
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from cryptography.exceptions import InvalidTag

from sfu.client.envelope import Codec, Envelope, EnvelopeError, envelope_of, is_key_frame, parse_envelope
from sfu.client.inner import InnerError, NewerError, encode_inner, parse_inner
from sfu.client.keys import FrameKeys, Opening, Source
from sfu.client.replay import ReplayWindow
from sfu.client.sframe import U64_END, Header, SframeError, parse_header

SOURCE_FRAMES = 1 << 32  # that one KID seals at most (RFC 9605 section 9.3)

HELD_FRAMES = 64  # of a KID
HELD_KIDS = 64
HELD_BYTES = 1 << 20  # in all, of frames as they came
HELD_US = 5_000_000
WINDOWS = 1 << 16  # only members make KIDs that count; yet nothing grows for ever


class Count(StrEnum):
    """Why a frame was dropped."""

    MALFORMED = "malformed"
    NO_KEY = "no_key"
    REPLAYED = "replayed"
    FORGED = "forged"
    WRONG_KIND = "wrong_kind"
    NEWER = "newer"
    NO_KEY_FRAME = "no_key_frame"


class ExhaustedError(Exception):
    """The source has sealed all that one KID may: it needs another."""


class SendingSource:
    """One source of this client's: its KID and its counter, which never goes back."""

    def __init__(self, source: Source, kid: int, keys: FrameKeys, *, counter: int = 0) -> None:
        self.source = source
        self.kid = kid
        self._key = keys.sending(kid)
        self._counter = counter
        self._left = SOURCE_FRAMES

    def seal(self, codec: Codec, frame: bytes, time_ms: int, padding: int | None = None) -> bytes:
        """An encoded frame, not empty. Raises ExhaustedError: then nothing may be sent under this KID."""
        if not frame:
            raise ValueError("an empty frame is not sealed")
        if self._counter >= U64_END - 1 or not self._left:
            raise ExhaustedError
        # First of all: whatever fails below, this counter does not come again.
        header = Header(self.kid, self._counter)
        self._counter += 1
        self._left -= 1
        envelope = envelope_of(codec, frame)
        return envelope.clear + self._key.seal(
            header, envelope.metadata, encode_inner(frame, time_ms, padding)
        )


@dataclass(frozen=True)
class Opened:
    """A frame whose key says who sent it. `line` is what the caller gave with it."""

    kid: int
    sender: bytes
    source: Source
    frame: bytes
    time_ms: int | None
    codec: Codec
    line: object
    at_us: int  # when it came
    is_key: bool  # a decoder can begin with it


@dataclass(frozen=True)
class _Held:
    codec: Codec
    media: str
    envelope: Envelope
    header: Header
    ciphertext: bytes
    line: object
    at_us: int
    size: int  # as it came: clear bytes, header and ciphertext


class FrameOpener:
    """All frames that come in, of whatever m-line. `counts` by name, since the beginning.

    `broken`: lines on which a picture was dropped, so that what follows may build on it. Whoever sees another open there
    asks for a key frame, and takes the line out.
    `waiting`: lines on which nothing of a new KID opens before a key frame of it, which is to be asked for at once.
    """

    def __init__(self, keys: FrameKeys) -> None:
        self.counts: Counter[Count] = Counter()
        self.broken: set[object] = set()
        self.waiting: set[object] = set()
        self._keys = keys
        self._windows: OrderedDict[int, ReplayWindow] = OrderedDict()
        self._held: dict[int, deque[_Held]] = {}
        self._held_bytes = 0
        self._shown: dict[object, int] = {}  # by line: the KID of the frame before

    def open(self, codec: Codec, media: str, data: bytes, now_us: int, line: object = None) -> Opened | None:
        """A frame of an m-line of kind `media` ("audio" or "video"). None: dropped, and counted; or held (`release`)."""
        if not data:
            return None
        try:
            envelope = parse_envelope(codec, data)
            header, begin = parse_header(data, len(envelope.clear))
        except (EnvelopeError, SframeError):
            self._drop(Count.MALFORMED, media, line)
            return None
        frame = _Held(codec, media, envelope, header, data[begin:], line, now_us, len(data))
        opening = self._keys.opening(header.kid)
        if opening is None:
            self._hold(frame)
            return None
        return self._open(frame, opening)

    def release(self, kids: Iterable[int]) -> list[Opened]:
        """What was held for these KIDs, which have an owner by now, in its order."""
        found: list[Opened] = []
        for kid in kids:
            if self._keys.opening(kid) is None:
                continue
            for frame in self._take(kid):
                opening = self._keys.opening(kid)
                opened = self._open(frame, opening) if opening else None
                if opened:
                    found.append(opened)
        return found

    def expire(self, now_us: int) -> list[object]:
        """Drops what has waited for too long. Gives the lines on which to ask for a key frame."""
        lines: dict[object, None] = {}
        for kid in list(self._held):
            frames = self._held[kid]
            while frames and now_us - frames[0].at_us >= HELD_US:
                frame = frames.popleft()
                self._held_bytes -= frame.size
                self.counts[Count.NO_KEY] += 1
                lines[frame.line] = None
            if not frames:
                del self._held[kid]
        return list(lines)

    @property
    def held_frames(self) -> int:
        return sum(len(frames) for frames in self._held.values())

    @property
    def held_bytes(self) -> int:
        return self._held_bytes

    def _hold(self, frame: _Held) -> None:
        """What came first stays: there may be a key frame in it, without which the rest is of no use."""
        frames = self._held.get(frame.header.kid)
        if (
            (frames is None and len(self._held) >= HELD_KIDS)
            or (frames is not None and len(frames) >= HELD_FRAMES)
            or self._held_bytes + frame.size > HELD_BYTES
        ):
            self._drop(Count.NO_KEY, frame.media, frame.line)
            return
        self._held.setdefault(frame.header.kid, deque()).append(frame)
        self._held_bytes += frame.size

    def _take(self, kid: int) -> list[_Held]:
        frames = list(self._held.pop(kid, ()))
        self._held_bytes -= sum(frame.size for frame in frames)
        return frames

    def _open(self, frame: _Held, opening: Opening) -> Opened | None:
        """Rules 5 to 10."""
        header = frame.header
        window = self._windows.get(header.kid)
        if window is not None and not window.fresh(header.counter):
            self.counts[Count.REPLAYED] += 1
            return None
        try:
            plaintext = opening.key.open(header, frame.envelope.metadata, frame.ciphertext)
        except InvalidTag:
            self._drop(Count.FORGED, frame.media, frame.line)
            return None
        self._window(header.kid).add(header.counter)
        if opening.source.media != frame.media:
            self._drop(Count.WRONG_KIND, frame.media, frame.line)
            return None
        try:
            inner = parse_inner(plaintext)
        except InnerError as error:
            count = Count.NEWER if isinstance(error, NewerError) else Count.MALFORMED
            self._drop(count, frame.media, frame.line)
            return None
        is_key = is_key_frame(frame.codec, frame.envelope.clear, inner.frame)
        if self._shown.get(frame.line) != header.kid and not is_key:
            self._drop(Count.NO_KEY_FRAME, frame.media, frame.line)
            self.waiting.add(frame.line)
            return None
        self._shown[frame.line] = header.kid
        self.waiting.discard(frame.line)
        return Opened(
            header.kid,
            opening.sender,
            opening.source,
            inner.frame,
            inner.time_ms,
            frame.codec,
            frame.line,
            frame.at_us,
            is_key,
        )

    def _drop(self, count: Count, media: str, line: object) -> None:
        self.counts[count] += 1
        if media == "video":
            self.broken.add(line)

    def _window(self, kid: int) -> ReplayWindow:
        """Kept when its owner leaves: what was had of a KID is had, whoever claims it next."""
        window = self._windows.get(kid)
        if window is None:
            if len(self._windows) >= WINDOWS:
                self._windows.popitem(last=False)
            window = self._windows[kid] = ReplayWindow()
        self._windows.move_to_end(kid)  # new KIDs push out those in use last
        return window
