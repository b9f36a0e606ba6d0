"""The header within the ciphertext (PROTOCOL.md, "Frames"): when the frame was captured, and padding."""

from typing import NamedTuple

TIME = 0x01
PADDING = 0x02

_TIME_BYTES = 6
_PADDING_BYTES = 2


class InnerError(ValueError):
    """Too short for its flags."""


class NewerError(InnerError):
    """A flag or a version that this one does not know: its sender's is another."""


class Inner(NamedTuple):
    frame: bytes
    time_ms: int | None  # since 1970, by the sender's clock


def encode_inner(frame: bytes, time_ms: int, padding: int | None = None) -> bytes:
    """`padding` zero bytes go to the end; None: the field is not there either."""
    time = max(0, min(time_ms, (1 << 8 * _TIME_BYTES) - 1)).to_bytes(_TIME_BYTES, "big")
    if padding is None:
        return bytes((TIME,)) + time + frame
    return bytes((TIME | PADDING,)) + time + padding.to_bytes(_PADDING_BYTES, "big") + frame + bytes(padding)


def parse_inner(plaintext: bytes) -> Inner:
    """Raises InnerError. A frame without a byte is none: no decoder wants it."""
    if not plaintext:
        raise InnerError("nothing within")
    if plaintext[0] & ~(TIME | PADDING):
        raise NewerError("unknown flags")
    begin, end = 1, len(plaintext)
    time_ms = None
    if plaintext[0] & TIME:
        time_ms = int.from_bytes(plaintext[begin : begin + _TIME_BYTES], "big")
        begin += _TIME_BYTES
    if plaintext[0] & PADDING:
        end -= int.from_bytes(plaintext[begin : begin + _PADDING_BYTES], "big")
        begin += _PADDING_BYTES
    if begin >= end:
        raise InnerError("shorter than its flags say")
    return Inner(plaintext[begin:end], time_ms)
