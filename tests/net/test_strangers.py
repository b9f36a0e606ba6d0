"""Who opens TCP connections and sends no check has few of them, and takes the place of nobody else."""

import sys

import pytest

from tests.net import strangers
from tests.net.namespace import network

ADDRESSES = {
    "ipv4": ("10.9.0.1", "10.9.0.2", "10.9.0.2", "10.9.0.3"),
    "ipv6": ("fd09::1", "fd09:0:0:1::2", "fd09:0:0:1:ffff::3", "fd09:0:0:2::2"),
}
OF_ONE_SOURCE = 8


@pytest.mark.parametrize("family", ADDRESSES)
def test_a_source_puts_out_its_own_oldest(family: str) -> None:
    with network("server") as (server,):
        server.run(sys.executable, "-m", strangers.__name__, str(OF_ONE_SOURCE), *ADDRESSES[family])
