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


def parse_envelope(codec: Codec, data: bytes) -> Envelope:
    """Of a frame as it comes from the network. Raises EnvelopeError."""
    if codec is not Codec.VP8:
        return _NOTHING
    if data[:1] == VP8_KEY_FRAME:
        return _VP8_KEY
    if data[:1] == VP8_DELTA_FRAME:
        return _VP8_DELTA
    raise EnvelopeError("VP8 begins with 0x10 or 0x11")
