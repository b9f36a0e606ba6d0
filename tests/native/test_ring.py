"""media/ring: order and bounds; what two threads see of it is the stress program's part."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu._testing.parts import Ring


@pytest.mark.parametrize("capacity", [0, 3, 6, 100])
def test_capacity_is_a_power_of_two(capacity: int) -> None:
    with pytest.raises(OSError, match="Invalid") as refused:
        Ring(capacity)
    assert refused.value.errno == errno.EINVAL


@pytest.mark.parametrize("capacity", [1, 2, 64])
def test_full_refuses_and_empty_gives_nothing(capacity: int) -> None:
    ring = Ring(capacity)
    for round_ in range(3):
        assert ring.pop() is None
        assert all(ring.push(round_ * 100 + i) for i in range(capacity))
        assert not ring.push(999)
        assert [ring.pop() for _ in range(capacity)] == [round_ * 100 + i for i in range(capacity)]


@given(st.lists(st.booleans(), max_size=200), st.sampled_from([1, 4, 16]))
def test_first_in_first_out(pushes: list[bool], capacity: int) -> None:
    ring, model = Ring(capacity), list[int]()
    for i, push in enumerate(pushes):
        if push:
            assert ring.push(i) == (len(model) < capacity)
            if len(model) < capacity:
                model.append(i)
        else:
            assert ring.pop() == (model.pop(0) if model else None)
