"""What the tests of RTCP's parts share."""

from collections.abc import Callable

import pytest

from sfu._testing import rtcp
from sfu._testing.rtcp import Packet, Writer


def only(datagram: bytes) -> Packet:
    """The one packet of the datagram."""
    packets, error = rtcp.walk(datagram)
    assert error == 0
    assert len(packets) == 1
    return packets[0]


def written(write: Callable[[Writer], None]) -> bytes:
    """What `write` writes, having shown that no smaller buffer is enough or written past."""
    w = Writer(2000)
    write(w)
    assert w.ok
    for smaller in range(len(w.data)):
        small = Writer(smaller)
        write(small)
        assert not small.ok
        assert len(small.data) <= smaller
    exact = Writer(len(w.data))
    write(exact)
    assert exact.ok
    return w.data


def refused(error: int, parse: Callable[[Packet], object], packet: Packet) -> None:
    """`parse` raises the errno `error` for the packet."""
    with pytest.raises(OSError) as caught:
        parse(packet)
    assert caught.value.errno == error
