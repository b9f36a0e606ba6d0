"""How fast rooms may be made from one network. Time is an argument."""

from collections import OrderedDict

from sfu.errors import Code, RemoteError

NETWORKS_MAX = 65_536


class CreationLimit:
    """How many rooms come from one network: a bucket for each, of one minute's worth, that refills evenly."""

    def __init__(self, per_minute: float, *, networks_max: int = NETWORKS_MAX) -> None:
        self._per_minute = per_minute
        self._networks_max = networks_max
        # Network → (rooms left, as of when). The one used longest ago comes first and is the first to be forgotten.
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def set_rate(self, per_minute: float) -> None:
        self._per_minute = per_minute

    def take(self, network: str, now_us: int) -> None:
        """Count one room of what counts as one network. Raises RemoteError if that is one too many."""
        capacity = max(1.0, self._per_minute)
        left, since_us = self._buckets.pop(network, (capacity, now_us))
        left = min(capacity, left + max(0, now_us - since_us) * self._per_minute / 60e6)
        allowed = left >= 1
        self._buckets[network] = (left - 1 if allowed else left, now_us)
        if len(self._buckets) > self._networks_max:
            self._buckets.popitem(last=False)
        if not allowed:
            raise RemoteError(
                Code.TOO_MANY_ROOMS, "too many rooms were made from your network; wait a minute"
            )
