"""The last `n` of each sender (PROTOCOL.md, "Sealed messages"), so that no profile and no line of chat is taken twice."""

from collections import OrderedDict
from collections.abc import Callable

from sfu.client.sealed import MessageCount, MessageError

SENDERS = 1 << 16  # more are not remembered


class LastNumbers:
    """Beyond the bound who has been silent for longest is forgotten, and nobody who is present: whoever makes up senders
    pushes nobody out whose old messages could then be brought again.
    """

    def __init__(self, own: bytes, is_present: Callable[[bytes], bool], bound: int = SENDERS) -> None:
        """`own` is this client's sender id, whose messages nobody has a reason to bring. Less than `bound` are present."""
        self._own = own
        self._is_present = is_present
        self._bound = bound
        self._last: OrderedDict[bytes, int] = OrderedDict()  # who was heard last is last

    def check(self, sender: bytes, n: int) -> int | None:
        """The number that came before this one. Raises MessageError: it was had, or is one's own."""
        last = self._last.get(sender)
        if sender == self._own or (last is not None and n <= last):
            raise MessageError(MessageCount.REPLAYED)
        return last

    def remember(self, sender: bytes, n: int) -> None:
        self._last[sender] = n
        self._last.move_to_end(sender)
        while len(self._last) > self._bound:
            oldest, number = self._last.popitem(last=False)
            if self._is_present(oldest):
                self._last[oldest] = number
