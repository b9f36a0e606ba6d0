import pytest

from sfu.client.numbers import LastNumbers
from sfu.client.sealed import MessageCount, MessageError

ANA, BOB, OWN = b"ana", b"bob", b"own"


def _is_replayed(numbers: LastNumbers, sender: bytes, n: int) -> bool:
    try:
        numbers.check(sender, n)
    except MessageError as error:
        return error.count is MessageCount.REPLAYED
    return False


def _crowd(numbers: LastNumbers, which: range) -> None:
    """Senders that somebody makes up."""
    for number in which:
        sender = b"made up %d" % number
        numbers.check(sender, 1)
        numbers.remember(sender, 1)


def test_number_is_taken_once_and_the_one_before_is_told() -> None:
    numbers = LastNumbers(OWN, lambda _: False)
    assert numbers.check(ANA, 5) is None
    numbers.remember(ANA, 5)
    assert numbers.check(ANA, 8) == 5
    assert all(_is_replayed(numbers, ANA, n) for n in (1, 4, 5))
    assert _is_replayed(numbers, OWN, 1)


def test_who_was_silent_for_longest_is_forgotten() -> None:
    numbers = LastNumbers(OWN, lambda _: False, bound=10)
    for sender in (ANA, BOB):
        numbers.remember(sender, 1)
    _crowd(numbers, range(8))
    numbers.remember(ANA, 2)  # seen first, heard last
    _crowd(numbers, range(8, 17))
    assert _is_replayed(numbers, ANA, 2)
    assert not _is_replayed(numbers, BOB, 1)


@pytest.mark.parametrize("present", [{ANA}, {ANA, BOB}])
def test_nobody_who_is_present_is_pushed_out(present: set[bytes]) -> None:
    numbers = LastNumbers(OWN, present.__contains__, bound=10)
    for sender in (ANA, BOB):
        numbers.remember(sender, 3)
    _crowd(numbers, range(1000))
    assert [sender for sender in (ANA, BOB) if _is_replayed(numbers, sender, 3)] == sorted(present)
    assert sum(_is_replayed(numbers, b"made up %d" % number, 1) for number in range(1000)) == 10 - len(
        present
    )
