"""A full socket keeps what it is given, within bounds, until the network takes it."""

import json
import sys

from sfu._testing.udp import MAX_WAITING
from tests.net import full
from tests.net.namespace import network


def test_a_full_socket_loses_and_repeats_nothing() -> None:
    with network("server") as (server,):
        told = json.loads(server.run(sys.executable, "-m", full.__name__))
    assert told["blocked"]
    assert told["waited"] > 0
    assert told["lost"] == 0
    # Beyond the bound the newest are lost, and counted.
    assert told["waited_at_most"] == MAX_WAITING
    taken = full.MESSAGES + full.MORE - told["lost_then"]
    assert told["arrived"] == list(range(taken))
    assert not told["still_blocked"]
