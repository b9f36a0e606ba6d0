"""The clocks of a client: its own, which never goes back, and the one that it shares with others."""

import time


def now_us() -> int:
    return time.monotonic_ns() // 1000


def now_ms() -> int:
    """Since 1970."""
    return int(exact_ms())


def exact_ms() -> float:
    """As `now_ms`, with what comes behind the point."""
    return time.time() * 1000
