"""core/tcp_framing.c: datagrams in a byte stream (RFC 4571)."""

import errno
import random

import pytest

from sfu._testing.wire import FRAME_MAX_BYTES, TcpFraming, tcp_frame


def test_golden() -> None:
    assert tcp_frame(b"abc") == b"\x00\x03abc"
    assert tcp_frame(bytes(0x0123))[:2] == b"\x01\x23"
    assert TcpFraming().receive(b"\x00\x03abc\x00\x01d") == [b"abc", b"d"]


def test_empty_frames_are_passed_over() -> None:
    assert TcpFraming().receive(b"\x00\x00" * 1000 + b"\x00\x01a") == [b"a"]


@pytest.mark.parametrize("cut", range(9))
def test_cut_anywhere(cut: int) -> None:
    stream = tcp_frame(b"abc") + tcp_frame(b"de")
    framing = TcpFraming()
    assert framing.receive(stream[:cut]) + framing.receive(stream[cut:]) == [b"abc", b"de"]


@pytest.mark.parametrize("piece", [1, 2, 3, 1499, 1500, 1501, 1502, 1503, 5000])
def test_frames_of_every_size_in_pieces_of_every_size(piece: int) -> None:
    sizes = [*range(1, FRAME_MAX_BYTES + 1, 37), FRAME_MAX_BYTES]
    frames = [random.Random(size).randbytes(size) for size in sizes]
    stream = b"".join(map(tcp_frame, frames))
    framing = TcpFraming()
    found = [
        frame for at in range(0, len(stream), piece) for frame in framing.receive(stream[at : at + piece])
    ]
    assert found == frames


@pytest.mark.parametrize("header", [b"\x05\xdd", b"\xff\xff", b"GE"])
def test_a_frame_that_is_too_long_ends_it(header: bytes) -> None:
    with pytest.raises(OSError) as caught:  # noqa: PT011  its number is what is looked at
        TcpFraming().receive(tcp_frame(b"a") + header)
    assert caught.value.errno == errno.EMSGSIZE
