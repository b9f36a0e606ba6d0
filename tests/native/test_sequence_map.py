import errno

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu._testing.sending import MAP_RUNS, SequenceMap

WRAPS = [0, 1, 127, 128, 255, 256, 32767, 32768, 65534, 65535, 1 << 40]


def test_an_empty_map_knows_nothing() -> None:
    numbers = SequenceMap()
    assert numbers.current is None
    assert numbers.find_out(0) is None
    numbers.truncate(0)
    assert numbers.current is None


@pytest.mark.parametrize("start", WRAPS)
def test_a_run_maps_both_ways(start: int) -> None:
    numbers = SequenceMap()
    numbers.begin(start, 1000, timestamp_offset=0xFFFFFFFF, source=7, layer=2)
    assert numbers.current == (start, 1000, 0xFFFFFFFF, 7, 2)
    assert numbers.to_in(start) == 1000
    assert numbers.to_in(start + 70000) == 71000
    assert numbers.to_out(71000) == start + 70000
    assert numbers.find_out(start - 1) is None


@pytest.mark.parametrize("start", WRAPS)
def test_each_number_falls_in_the_run_it_was_sent_in(start: int) -> None:
    numbers = SequenceMap()
    numbers.begin(start, 50_000, source=1)
    numbers.begin(start + 10, 3, source=2)
    numbers.begin(start + 11, 100_000, source=3)
    assert [numbers.to_in(start + n) for n in (0, 9, 10, 11, 12)] == [50_000, 50_009, 3, 100_000, 100_001]


def test_a_run_cannot_begin_below_the_newest() -> None:
    numbers = SequenceMap()
    numbers.begin(10, 0)
    numbers.begin(20, 0, source=1)
    with pytest.raises(OSError) as refused:
        numbers.begin(19, 5)
    assert refused.value.errno == errno.EINVAL
    assert numbers.current == (20, 0, 0, 1, 0)


def test_a_run_at_the_same_number_replaces_the_one_under_which_nothing_went_out() -> None:
    numbers = SequenceMap()
    numbers.begin(10, 0, source=1)
    numbers.begin(20, 500, source=2)
    numbers.begin(20, 900, source=3)
    assert numbers.find_out(20) == (20, 900, 0, 3, 0)
    assert numbers.find_out(19) == (10, 0, 0, 1, 0)


def test_runs_under_which_nothing_went_out_push_no_other_out() -> None:
    numbers = SequenceMap()
    numbers.begin(10, 0, source=1)
    for n in range(2 * MAP_RUNS):
        numbers.begin(20, n)
    assert numbers.find_out(15) == (10, 0, 0, 1, 0)


def test_the_oldest_run_is_forgotten() -> None:
    numbers = SequenceMap()
    for n in range(MAP_RUNS):
        numbers.begin(n * 10, n * 1000)
    assert numbers.to_in(5) == 5
    numbers.begin(MAP_RUNS * 10, 7)
    assert numbers.find_out(9) is None
    assert numbers.to_in(10) == 1000
    assert numbers.to_in(MAP_RUNS * 10) == 7


def test_a_run_may_be_begun_from_the_map_itself() -> None:
    numbers = SequenceMap()
    for n in range(MAP_RUNS + 5):
        numbers.begin(n, 2 * n)
        numbers.begin_current_again()
        assert numbers.current == (n, 2 * n, 0, 0, 0)
    assert numbers.to_in(MAP_RUNS) == 2 * MAP_RUNS


def test_truncation_takes_back_runs_from_a_number_on() -> None:
    numbers = SequenceMap()
    numbers.begin(10, 0, source=1)
    numbers.begin(20, 0, source=2)
    numbers.begin(30, 0, source=3)
    numbers.truncate(31)
    assert numbers.current == (30, 0, 0, 3, 0)
    numbers.truncate(30)
    assert numbers.current == (20, 0, 0, 2, 0)
    numbers.begin(25, 0, source=4)  # below what was taken back
    assert numbers.find_out(30) == (25, 0, 0, 4, 0)
    numbers.truncate(0)
    assert numbers.find_out(1 << 40) is None
    numbers.begin(5, 0)
    assert numbers.to_in(6) == 1


@settings(deadline=None)
@given(
    start=st.sampled_from(WRAPS),
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("send"), st.integers(1, 5)),
            st.tuples(st.just("splice"), st.integers(0, 1 << 20)),
            st.tuples(st.just("truncate"), st.integers(1, 12)),
        ),
        max_size=150,
    ),
)
def test_the_map_agrees_with_a_table_of_all_that_was_sent(start: int, steps: list[tuple[str, int]]) -> None:
    numbers = SequenceMap()
    sent: dict[int, tuple[int, int]] = {}
    begun: list[int] = []
    next_out, next_in, source = start, 0, 0

    def splice(to: int) -> None:
        nonlocal next_in, source
        next_in = to
        source += 1
        numbers.begin(next_out, next_in, source=source)
        begun[:] = [*[out for out in begun if out < next_out][-(MAP_RUNS - 1) :], next_out]

    splice(0)
    for step, value in steps:
        if step == "send":
            for _ in range(value):
                assert numbers.to_out(next_in) == next_out
                sent[next_out] = (next_in, source)
                next_out += 1
                next_in += 1
        elif step == "splice":
            splice(value)
        else:
            next_out = max(start, next_out - value)
            sent = {out: packet for out, packet in sent.items() if out < next_out}
            numbers.truncate(next_out)
            begun[:] = [out for out in begun if out < next_out]
            splice(next_in)  # the slot goes on with what comes next
    for out, (seq_in, of) in sent.items():
        run = numbers.find_out(out)
        if out < begun[0]:
            assert run is None
        else:
            assert run is not None
            assert (numbers.to_in(out), run[3]) == (seq_in, of)


def test_a_late_packet_finds_the_run_that_the_newest_one_continues() -> None:
    numbers = SequenceMap()
    numbers.begin(100, 1000, source=1)
    numbers.begin(110, 1011, source=1, continues=True)  # 1010 was closed up
    numbers.begin(120, 1022, source=1, continues=True)
    for seq_in, out_first in ((1022, 120), (1021, None), (1020, 110), (1011, 110), (1010, None), (1009, 100)):
        found = numbers.find_in(seq_in)
        assert (found and found[0]) == out_first
    assert numbers.find_in(999) is None


def test_a_number_is_held_by_the_run_that_gave_it_one() -> None:
    numbers = SequenceMap()
    numbers.begin(100, 1000, source=1)
    numbers.begin(110, 1000, source=2)
    numbers.begin(120, 1050, source=1)
    held = [seq_in for seq_in in range(990, 1070) if numbers.holds(1, 0, seq_in, 125)]
    assert held == [*range(1000, 1010), *range(1050, 1055)]
    assert [seq_in for seq_in in range(990, 1070) if numbers.holds(2, 0, seq_in, 125)] == [*range(1000, 1010)]
    assert not numbers.holds(1, 1, 1000, 125)
    assert not numbers.holds(3, 0, 1000, 125)


def test_a_late_packet_finds_nothing_before_a_splice() -> None:
    numbers = SequenceMap()
    numbers.begin(100, 1000, source=1)
    numbers.begin(110, 1010, source=2)
    assert numbers.find_in(1010) is not None
    assert numbers.find_in(1009) is None
