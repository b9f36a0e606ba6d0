"""Messages that the kernel does not take: each is skipped and counted against its receiver, and none is fragmented."""

import errno
import json
import sys

import pytest

from tests.net import refused
from tests.net.namespace import network

ADDRESSES = {
    "ipv4": ("10.9.0.1", "10.9.0.2", "10.9.0.3"),
    "ipv6": ("fd09::1", "fd09::2", "fd09::3"),
}
NO_WAY_THERE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL}


@pytest.mark.parametrize("family", ADDRESSES)
def test_a_refused_message_is_its_receivers_loss_alone(family: str) -> None:
    with network("server") as (server,):
        told = json.loads(server.run(sys.executable, "-m", refused.__name__, *ADDRESSES[family]))
    (gone, datagrams, error), *of_the_other = told["refused"]
    assert (gone, datagrams) == (refused.CUT_OFF, 1)
    assert error in NO_WAY_THERE
    # What is too long is refused whole, not cut into fragments.
    assert of_the_other == [[refused.STAYS, 1, errno.EMSGSIZE]]
    assert told["received"] == [len(refused.SHORT)] * 2
