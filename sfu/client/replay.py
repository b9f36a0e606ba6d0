"""Which counters of a KID have been had: a sliding window (PROTOCOL.md, "Receiving", rule 5)."""

WINDOW = 1024


class ReplayWindow:
    """Ask before opening, add after the tag held: a forgery moves nothing."""

    __slots__ = ("_highest", "_seen")

    def __init__(self) -> None:
        self._highest = -1
        self._seen = 0  # bit n: highest - n was had

    def fresh(self, counter: int) -> bool:
        behind = self._highest - counter
        return behind < 0 or (behind < WINDOW and not self._seen >> behind & 1)

    def add(self, counter: int) -> None:
        ahead = counter - self._highest
        if ahead > 0:
            self._seen = (self._seen << ahead if ahead < WINDOW else 0) & ((1 << WINDOW) - 1) | 1
            self._highest = counter
        elif -ahead < WINDOW:
            self._seen |= 1 << -ahead
