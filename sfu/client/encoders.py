"""Frames of a source into encoded frames: VP8 by aiortc's encoder, opus at constant bit rate.

Encoding takes milliseconds and runs in a thread; what comes out is whole frames, not yet sealed.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple, Protocol

import av
from aiortc.codecs.vpx import Vp8Encoder
from av import AudioFrame, AudioResampler, VideoFrame

from sfu.client.envelope import Codec

AUDIO_RATE = 48_000
AUDIO_FRAME = 960  # samples: 20 ms
AUDIO_BPS = 64_000
VIDEO_RATE = 90_000


class Encoded(NamedTuple):
    """`timestamp` in the codec's RTP clock, from where the source counts. `level` is that of RFC 6464, for sound."""

    data: bytes
    timestamp: int


class Encoder(Protocol):
    codec: Codec
    clock_rate: int

    def encode(self, frame: AudioFrame | VideoFrame, key_frame: bool) -> Sequence[Encoded]: ...


class Vp8:
    codec = Codec.VP8
    clock_rate = VIDEO_RATE

    def __init__(self) -> None:
        self.aiortc = _WholeFrames()

    def encode(self, frame: AudioFrame | VideoFrame, key_frame: bool) -> Sequence[Encoded]:
        assert isinstance(frame, VideoFrame)
        frames, timestamp = self.aiortc.encode(frame, key_frame)
        return [Encoded(data, timestamp) for data in frames]


class _WholeFrames(Vp8Encoder):
    """Without its packetiser: that comes after sealing."""

    @classmethod
    def _packetize(cls, buffer: bytes, picture_id: int) -> list[bytes]:  # noqa: ARG003  aiortc's signature
        return [buffer] if buffer else []


class Opus:
    """At constant bit rate and without DTX, so that sizes do not tell what is said."""

    codec = Codec.OPUS
    clock_rate = AUDIO_RATE

    def __init__(self) -> None:
        context = av.CodecContext.create("libopus", "w")
        assert isinstance(context, av.AudioCodecContext)
        context.bit_rate = AUDIO_BPS
        context.format = av.AudioFormat("s16")
        context.layout = "stereo"
        context.sample_rate = AUDIO_RATE
        context.time_base = Fraction(1, AUDIO_RATE)
        context.options = {"vbr": "off", "dtx": "0", "application": "audio"}
        self._context = context
        self._resampler: AudioResampler | None = None
        self._format: tuple[str, str, int] | None = None
        self._samples = 0
        self._first: int | None = None

    def encode(self, frame: AudioFrame | VideoFrame, key_frame: bool) -> Sequence[Encoded]:  # noqa: ARG002  pictures only
        assert isinstance(frame, AudioFrame)
        packets: list[Encoded] = []
        for piece in self._resample(frame):
            # The encoder looks ahead; its own time is the source's, a constant apart.
            piece.pts, piece.time_base = self._samples, Fraction(1, AUDIO_RATE)
            self._samples += AUDIO_FRAME
            for packet in self._context.encode(piece):
                assert packet.pts is not None
                self._first = packet.pts if self._first is None else self._first
                packets.append(Encoded(bytes(packet), packet.pts - self._first))
        return packets

    def _resample(self, frame: AudioFrame) -> list[AudioFrame]:
        described = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._resampler is None or self._format != described:
            self._resampler = AudioResampler("s16", "stereo", AUDIO_RATE, AUDIO_FRAME)
            self._format = described
        return self._resampler.resample(frame)
