"""What one connection may send and have waiting, and the bucket that counts it. The clock is an argument."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what clients make the server hold or do. Sizes are of whole WebSocket messages."""

    text_bytes: int = 256 * 1024  # an offer with 100 m-lines is about 150 kB
    binary_bytes: int = 64 * 1024
    messages_per_second: float = 20.0
    message_burst: int = 60
    # An offer that starts or stops a track has the seats of all in the room looked at.
    offers_per_second: float = 0.5
    offer_burst: int = 16
    relay_bytes_per_second: float = 64 * 1024
    relay_burst_bytes: int = 256 * 1024
    # So many messages in a row beyond the rate, and the connection is closed: it is not going to slow down.
    refusals_in_a_row: int = 64
    # Waiting for a reader that is too slow, beyond what the kernel takes. Then the connection is dropped.
    queue_messages: int = 512
    queue_bytes: int = 1024 * 1024
    # Kept of a session for a client that comes back.
    resume_seconds: float = 30.0
    away_seconds: float = 1.0  # until the others are told: most come back sooner, from another network
    replay_events: int = 256
    replay_bytes: int = 512 * 1024
    answers: int = 64
    answer_bytes: int = 512 * 1024
    # From the opening of a connection to its `joined`.
    greeting_seconds: float = 15.0
    connections_per_address: int = 128


@dataclass(slots=True)
class TokenBucket:
    """Lets `burst` through at once and `rate` in a second on average."""

    rate_per_second: float
    burst: float
    _tokens: float = field(init=False)
    _at_us: int | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._tokens = self.burst

    def take(self, amount: float, now_us: int) -> bool:
        """Whether there was enough; if not, nothing is taken."""
        if self._at_us is not None:
            elapsed_us = max(0, now_us - self._at_us)
            self._tokens = min(self.burst, self._tokens + elapsed_us * self.rate_per_second / 1_000_000)
        self._at_us = now_us
        if amount > self._tokens:
            return False
        self._tokens -= amount
        return True
