import pytest

from sfu.signaling.limits import TokenBucket

S = 1_000_000


def test_burst_then_rate() -> None:
    bucket = TokenBucket(2, 3)
    assert [bucket.take(1, 0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(1, S // 2 - 1)
    assert bucket.take(1, S // 2)
    assert not bucket.take(1, S // 2)


def test_rest_is_kept_up_to_the_burst() -> None:
    bucket = TokenBucket(2, 3)
    bucket.take(3, 0)
    assert [bucket.take(1, 1000 * S) for _ in range(4)] == [True, True, True, False]


def test_more_than_the_burst_never_passes() -> None:
    bucket = TokenBucket(2, 3)
    assert not bucket.take(4, 0)
    assert not bucket.take(4, 1000 * S)
    assert bucket.take(3, 1000 * S)


@pytest.mark.parametrize("back", [1, S])
def test_clock_that_goes_back_gives_nothing(back: int) -> None:
    bucket = TokenBucket(2, 3)
    bucket.take(3, S)
    assert not bucket.take(1, S - back)
