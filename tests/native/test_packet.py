"""media/packet: bodies are counted, lent and brought home, and the last are kept for audio."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu._testing.parts import Pools

AUDIO, VIDEO = 0, 1
BODIES = 64
RESERVE = BODIES // 8


def test_last_eighth_is_for_audio() -> None:
    pools = Pools(1, BODIES)
    names = iter(range(BODIES + 1))
    assert all(pools.take(0, next(names), VIDEO) for _ in range(BODIES - RESERVE))
    assert not pools.take(0, 1000, VIDEO)
    assert all(pools.take(0, next(names), AUDIO) for _ in range(RESERVE))
    assert not pools.take(0, 1001, AUDIO)
    assert pools.free(0) == 0
    for name in range(BODIES):
        pools.unref(0, name)
    assert pools.free(0) == BODIES


def test_low_is_below_twice_the_reserve() -> None:
    pools = Pools(1, BODIES)
    taken = 0
    while not pools.is_low(0):
        assert pools.take(0, taken, VIDEO)
        taken += 1
    assert pools.free(0) == 2 * RESERVE - 1


def test_a_body_stays_until_its_last_reference() -> None:
    pools = Pools(1, BODIES)
    assert pools.take(0, 7, VIDEO)
    pools.ref(0, 7)
    pools.unref(0, 7)
    assert pools.free(0) == BODIES - 1
    pools.unref(0, 7)
    assert pools.free(0) == BODIES


@pytest.mark.parametrize("home_first", [True, False])
def test_a_lent_body_comes_home_when_all_have_let_go(home_first: bool) -> None:
    pools = Pools(3, BODIES)
    assert pools.take(0, 5, VIDEO)
    assert pools.lend(0, 5, 1)
    assert pools.lend(0, 5, 2)
    if home_first:
        pools.unref(0, 5)
    for borrower in (1, 2):
        assert pools.receive(borrower, 0) == 5
        pools.collect(0)
        assert pools.free(0) == BODIES - 1
        pools.unref(borrower, 5)
    pools.collect(0)
    if not home_first:
        assert pools.free(0) == BODIES - 1
        pools.unref(0, 5)
    assert pools.free(0) == BODIES


def test_a_full_return_ring_keeps_handles_until_there_is_room() -> None:
    pools = Pools(2, BODIES, packets=64, returns=2)
    for name in range(5):
        assert pools.take(0, name, VIDEO)
        assert pools.lend(0, name, 1)
        pools.unref(0, name)
        assert pools.receive(1, 0) == name
    for name in range(5):
        pools.unref(1, name)
    assert pools.waits(1)
    for _ in range(3):
        pools.collect(0)
        pools.collect(1)
    assert not pools.waits(1)
    assert pools.free(0) == BODIES


def test_video_leaves_room_in_a_ring_for_audio() -> None:
    pools = Pools(2, BODIES, packets=16)
    lent = 0
    while pools.take(0, lent, VIDEO) and pools.lend(0, lent, 1):
        lent += 1
    assert lent < 16
    assert pools.take(0, 1000, AUDIO)
    assert pools.lend(0, 1000, 1)


@given(
    st.lists(
        st.tuples(st.sampled_from(["take", "lend", "drop", "receive", "collect"]), st.integers(0, 5)),
        max_size=120,
    )
)
def test_every_body_is_somewhere(steps: list[tuple[str, int]]) -> None:
    pools = Pools(2, 32, packets=8, returns=2)
    mine, lent, theirs, named = list[int](), list[int](), list[int](), 0
    for step, pick in steps:
        if step == "take" and pools.take(0, named, VIDEO):
            mine.append(named)
            named += 1
        elif step == "lend" and mine and (name := mine[pick % len(mine)]) not in (*lent, *theirs):
            if pools.lend(0, name, 1):
                lent.append(name)
        elif step == "drop" and mine:
            pools.unref(0, mine.pop(pick % len(mine)))
        elif step == "receive":
            name_or_none = pools.receive(1, 0)
            assert name_or_none == (lent.pop(0) if lent else None)
            if name_or_none is not None:
                theirs.append(name_or_none)
        elif step == "collect" and theirs:
            pools.unref(1, theirs.pop(pick % len(theirs)))
    for name in mine:
        pools.unref(0, name)
    while (name_or_none := pools.receive(1, 0)) is not None:
        theirs.append(name_or_none)
    for name in theirs:
        pools.unref(1, name)
    for _ in range(32):
        pools.collect(0)
        pools.collect(1)
    assert pools.free(0) == 32
