from hypothesis import given
from hypothesis import strategies as st

from sfu.client.replay import WINDOW, ReplayWindow
from tests.client.vectors import VECTORS


def _take(window: ReplayWindow, counter: int) -> bool:
    if not window.fresh(counter):
        return False
    window.add(counter)
    return True


def test_counters_of_the_vectors() -> None:
    window = ReplayWindow()
    for step in VECTORS["replay"]:
        assert _take(window, int(step["counter"])) == (step["count"] is None), step


def test_asking_moves_nothing() -> None:
    window = ReplayWindow()
    window.add(0)
    assert window.fresh(5000)
    assert window.fresh(1)


@given(st.integers(0, (1 << 64) - 5000), st.lists(st.integers(0, 3 * WINDOW), max_size=200))
def test_as_a_set_of_all_that_was_had(base: int, offsets: list[int]) -> None:
    window, had, highest = ReplayWindow(), set[int](), -1
    for offset in offsets:
        counter = base + offset
        expected = counter not in had and counter > highest - WINDOW
        assert _take(window, counter) == expected
        if expected:
            had.add(counter)
            highest = max(highest, counter)
