"""Where the server's word about a slot and the key's differ (PROTOCOL.md, "Receiving", rule 10)."""

PATIENCE_US = 1_000_000


class Attribution:
    """Of one slot. The key is right in any case; this says when the server has been wrong for too long."""

    def __init__(self) -> None:
        self._since_us: int | None = None
        self._told = False

    def on_frame(self, owner: int, said: int, now_us: int) -> bool:
        """`owner` and `said` are participants. True once for each time that they differ for more than 1 s."""
        if owner == said:
            self._since_us, self._told = None, False
            return False
        if self._since_us is None:
            self._since_us = now_us
        if self._told or now_us - self._since_us <= PATIENCE_US:
            return False
        self._told = True
        return True
