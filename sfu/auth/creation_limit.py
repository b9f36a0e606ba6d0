"""How fast rooms may be made from one network. Time is an argument."""

import ipaddress
from collections import OrderedDict

from sfu.errors import Code, RemoteError

ADDRESSES_MAX = 65_536


class CreationLimit:
    """How many rooms come from one address: a bucket for each, of one minute's worth, that refills evenly.

    IPv6 is counted by /64, which is what one customer has.
    """

    def __init__(self, per_minute: float, *, addresses_max: int = ADDRESSES_MAX) -> None:
        self._per_minute = per_minute
        self._addresses_max = addresses_max
        # Network → (rooms left, as of when). The one used longest ago comes first and is the first to be forgotten.
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def set_rate(self, per_minute: float) -> None:
        self._per_minute = per_minute

    def take(self, address: str, now_us: int) -> None:
        """Count one room. Raises RemoteError if that is one too many."""
        network = network_of(address)
        capacity = max(1.0, self._per_minute)
        left, since_us = self._buckets.pop(network, (capacity, now_us))
        left = min(capacity, left + max(0, now_us - since_us) * self._per_minute / 60e6)
        allowed = left >= 1
        self._buckets[network] = (left - 1 if allowed else left, now_us)
        if len(self._buckets) > self._addresses_max:
            self._buckets.popitem(last=False)
        if not allowed:
            raise RemoteError(
                Code.TOO_MANY_ROOMS, "too many rooms were made from your network; wait a minute"
            )


def network_of(address: str) -> str:
    """What is counted as one: an IPv4 address or an IPv6 /64."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((int(ip) >> 64 << 64, 64)))
    return str(ip)
