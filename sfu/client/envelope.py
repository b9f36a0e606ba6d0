"""The bytes of an encoded frame that stay in clear, by codec (PROTOCOL.md, "Frames")."""

from enum import Enum
from typing import NamedTuple

METADATA_VERSION = 0
VP8_KEY_FRAME = b"\x10"
VP8_DELTA_FRAME = b"\x11"


class Codec(Enum):
    """Name as in SDP, in capitals."""

    OPUS = "OPUS"
    VP9 = "VP9"
    VP8 = "VP8"


class EnvelopeError(ValueError):
    """Clear bytes that cannot be."""


class Envelope(NamedTuple):
    id: int
    clear: bytes

    @property
    def metadata(self) -> bytes:
        """What SFrame authenticates besides its header."""
        return bytes((METADATA_VERSION, self.id)) + self.clear


_NOTHING = Envelope(0, b"")
_VP8_KEY = Envelope(1, VP8_KEY_FRAME)
_VP8_DELTA = Envelope(1, VP8_DELTA_FRAME)


def envelope_of(codec: Codec, frame: bytes) -> Envelope:
    """For a frame fresh from the encoder, which must not be empty."""
    if codec is not Codec.VP8:
        return _NOTHING
    # RFC 6386 section 9.1: the first bit of the frame tag is 0 in a key frame.
    return _VP8_DELTA if frame[0] & 1 else _VP8_KEY


def is_key_frame(codec: Codec, clear: bytes, frame: bytes) -> bool:
    """Whether a decoder can begin with this frame, by what was authenticated: `clear` or, where that says nothing, the frame
    itself, which is not empty.
    """
    if codec is Codec.OPUS:
        return True  # each stands for itself
    if codec is Codec.VP8:
        return clear == VP8_KEY_FRAME
    # VP9 bitstream section 6.2, the uncompressed header: marker (2 bits), profile (2, or 3 where they are set), then two bits
    # that are 0: no frame of before is shown, and this is a key frame.
    begin = 5 if frame[0] & 0x30 == 0x30 else 4
    return frame[0] >> 6 == 2 and frame[0] << begin & 0xC0 == 0


def parse_envelope(codec: Codec, data: bytes) -> Envelope:
    """Of a frame as it comes from the network. Raises EnvelopeError."""
    if codec is not Codec.VP8:
        return _NOTHING
    if data[:1] == VP8_KEY_FRAME:
        return _VP8_KEY
    if data[:1] == VP8_DELTA_FRAME:
        return _VP8_DELTA
    raise EnvelopeError("VP8 begins with 0x10 or 0x11")
