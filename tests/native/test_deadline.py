"""media/deadline: the heap against a dict."""

from hypothesis import given
from hypothesis import strategies as st

from sfu._testing.parts import NEVER, Deadlines

_TIMES = st.one_of(st.integers(0, 50), st.just(NEVER), st.integers(0, NEVER))


def test_nothing_is_first_of_none() -> None:
    assert Deadlines(3).first() is None


@given(st.lists(st.tuples(st.integers(0, 7), _TIMES), max_size=60))
def test_first_is_the_earliest(steps: list[tuple[int, int]]) -> None:
    heap, model = Deadlines(8), dict[int, int]()
    for owner, at_us in steps:
        heap.set(owner, at_us)
        model.pop(owner, None)
        if at_us != NEVER:
            model[owner] = at_us
        assert len(heap) == len(model)
        first = heap.first()
        if first is None:
            assert not model
        else:
            assert first[0] == min(model.values())
            assert model[first[1]] == first[0]


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=40))
def test_owners_come_out_in_order_of_time(times: list[int]) -> None:
    heap = Deadlines(len(times))
    for owner, at_us in enumerate(times):
        heap.set(owner, at_us)
    out = []
    while (first := heap.first()) is not None:
        out.append(first[0])
        heap.set(first[1], NEVER)
    assert out == sorted(times)
