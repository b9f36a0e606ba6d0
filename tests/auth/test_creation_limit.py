from hypothesis import given
from hypothesis import strategies as st

from sfu.auth.creation_limit import CreationLimit
from sfu.errors import Code, RemoteError

MINUTE_US = 60_000_000


def _taken(limit: CreationLimit, address: str, now_us: int, tries: int = 100) -> int:
    for count in range(tries):
        try:
            limit.take(address, now_us)
        except RemoteError as error:
            assert error.code == Code.TOO_MANY_ROOMS  # noqa: PT017  the count matters too
            return count
    return tries


def test_rooms_of_an_address_are_limited_and_come_back() -> None:
    limit = CreationLimit(10)
    assert _taken(limit, "10.0.0.1", 0) == 10
    assert _taken(limit, "10.0.0.2", 0) == 10
    assert _taken(limit, "10.0.0.1", MINUTE_US // 2) == 5
    assert _taken(limit, "10.0.0.1", 100 * MINUTE_US) == 10


def test_slow_rates_allow_one_at_once() -> None:
    limit = CreationLimit(0.5)
    assert _taken(limit, "10.0.0.1", 0) == 1
    assert _taken(limit, "10.0.0.1", MINUTE_US) == 0
    assert _taken(limit, "10.0.0.1", 2 * MINUTE_US) == 1


def test_rate_can_change() -> None:
    limit = CreationLimit(1)
    assert _taken(limit, "10.0.0.1", 0) == 1
    limit.set_rate(60)
    assert _taken(limit, "10.0.0.1", MINUTE_US) == 60


def test_table_is_bounded_and_forgets_the_oldest() -> None:
    limit = CreationLimit(1, networks_max=2)
    assert _taken(limit, "10.0.0.1", 0) == 1
    assert _taken(limit, "10.0.0.2", 0) == 1
    assert _taken(limit, "10.0.0.1", 0) == 0  # looked at again, so the other is older
    assert _taken(limit, "10.0.0.3", 0) == 1
    assert _taken(limit, "10.0.0.1", 0) == 0
    assert len(limit._buckets) == 2


@given(st.lists(st.integers(-MINUTE_US, MINUTE_US), max_size=50), st.floats(0.1, 100))
def test_never_more_than_a_bucket_and_the_rate(steps: list[int], rate: float) -> None:
    limit, now_us, latest_us, made = CreationLimit(rate), 0, 0, 0
    for step in steps:
        now_us = max(0, now_us + step)
        latest_us += max(0, step)
        made += _taken(limit, "10.0.0.1", now_us, tries=1)
    assert made <= max(1, rate) + latest_us * rate / MINUTE_US + 1e-6
