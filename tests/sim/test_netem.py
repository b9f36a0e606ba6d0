"""The emulator does what its settings say, and the same again from the same seed."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from tests.sim.netem import HEADER_BYTES, NEVER, Conditions, Gilbert, Link

MS = 1000
EVERYTHING = Conditions(
    delay_us=20 * MS,
    jitter_us=30 * MS,
    reorder=True,
    loss=0.05,
    burst=Gilbert(enter=0.01, leave=0.3),
    duplicate=0.02,
    rate_bps=2_000_000,
    queue_bytes=40_000,
    outages=((3_000 * MS, 3_200 * MS),),
)


def drain(link: Link[int]) -> list[tuple[int, int]]:
    """All that is still to arrive, as (time, item)."""
    arrived = []
    while (at := link.next_deadline_us()) != NEVER:
        arrived += [(at, item) for item in link.receive(at)]
    return arrived


def run(
    seed: int, conditions: Conditions, count: int = 10_000, gap_us: int = 1000, length: int = 972
) -> Link[int]:
    link: Link[int] = Link(seed, conditions)
    for i in range(count):
        link.send(i * gap_us, i, length)
    return link


def test_a_plain_link_delays_and_keeps_order() -> None:
    link = run(1, Conditions(delay_us=25 * MS), count=5)
    assert link.receive(25 * MS - 1) == []
    assert drain(link) == [(25 * MS + i * MS, i) for i in range(5)]
    assert link.next_deadline_us() == NEVER


def test_datagrams_of_one_microsecond_arrive_together_in_order() -> None:
    link = run(1, Conditions(delay_us=7), count=4, gap_us=0)
    assert link.receive(7) == [0, 1, 2, 3]


def test_replay_is_identical_and_another_seed_differs() -> None:
    assert drain(run(7, EVERYTHING)) == drain(run(7, EVERYTHING))
    assert drain(run(7, EVERYTHING)) != drain(run(8, EVERYTHING))
    assert run(7, EVERYTHING).counters == run(7, EVERYTHING).counters


def test_every_datagram_is_accounted_for() -> None:
    link = run(3, EVERYTHING)
    arrived = drain(link)
    counted = link.counters
    assert counted.sent == 10_000
    assert counted.delivered == len(arrived)
    assert counted.sent + counted.duplicated == (
        counted.delivered + counted.lost + counted.cut_off + counted.overflowed
    )
    assert min(counted.lost, counted.cut_off, counted.overflowed, counted.duplicated, counted.reordered) > 0


@pytest.mark.parametrize("loss", [0.02, 0.1, 0.5])
def test_random_loss(loss: float) -> None:
    lost = run(5, Conditions(loss=loss)).counters.lost
    deviation = (10_000 * loss * (1 - loss)) ** 0.5
    assert abs(lost - 10_000 * loss) < 4 * deviation


def test_loss_all_and_none() -> None:
    assert run(5, Conditions(loss=1.0)).counters.lost == 10_000
    assert run(5, Conditions(loss=0.0)).counters.lost == 0


def test_losses_nest_when_the_rate_rises() -> None:
    """The same seed draws the same values: what is lost at 2 % is lost at 10 % too."""
    few = {item for _, item in drain(run(9, Conditions(loss=0.02)))}
    many = {item for _, item in drain(run(9, Conditions(loss=0.10)))}
    assert many < few


def test_burst_loss_has_the_mean_and_the_burst_length_of_its_chain() -> None:
    burst = Gilbert(enter=0.01, leave=0.25)
    received = {item for _, item in drain(run(11, Conditions(burst=burst), count=50_000))}
    lost = [i not in received for i in range(50_000)]
    assert sum(lost) / 50_000 == pytest.approx(burst.mean_loss(), rel=0.1)
    bursts = [len(list(group)) for is_lost, group in itertools.groupby(lost) if is_lost]
    assert sum(bursts) / len(bursts) == pytest.approx(1 / burst.leave, rel=0.1)


def test_duplicates() -> None:
    link = run(13, Conditions(duplicate=0.1))
    arrived = [item for _, item in drain(link)]
    assert abs(link.counters.duplicated - 1000) < 4 * 30
    assert len(arrived) == 10_000 + link.counters.duplicated
    assert set(arrived) == set(range(10_000))


@pytest.mark.parametrize("reorder", [False, True])
def test_jitter_reorders_only_where_it_may(reorder: bool) -> None:
    link = run(17, Conditions(delay_us=10 * MS, jitter_us=8 * MS, reorder=reorder))
    arrived = drain(link)
    delays = [at - item * MS for at, item in arrived]
    assert min(delays) < 11 * MS
    assert max(delays) > 17 * MS
    assert all(10 * MS <= delay <= 18 * MS for delay in delays)
    assert ([item for _, item in arrived] == list(range(10_000))) is not reorder
    assert (link.counters.reordered > 1000) is reorder


def test_rate_spaces_a_burst_without_drift() -> None:
    length = 1000 - HEADER_BYTES
    link = run(19, Conditions(delay_us=0, rate_bps=3_000_000), count=3000, gap_us=0, length=length)
    arrived = drain(link)
    assert arrived[0][0] == -(-8000 // 3)  # 1000 bytes at 3 Mbit/s
    assert arrived[-1][0] == 8_000_000  # 3000 of them, to the microsecond


def test_queue_bounds_drop_the_tail() -> None:
    base = Conditions(delay_us=0, rate_bps=8_000_000)  # 1000 bytes in 1 ms
    for bound in ({"queue_bytes": 10_000}, {"queue_packets": 10}):
        link = run(23, dataclasses.replace(base, **bound), count=100, gap_us=0)  # type: ignore[arg-type]
        assert [item for _, item in drain(link)] == list(range(10))
        assert link.counters.overflowed == 90
        assert link.counters.max_queue_bytes == 10_000
    link = run(23, dataclasses.replace(base, queue_us=10 * MS), count=100, gap_us=0)
    assert [item for _, item in drain(link)] == list(range(11))  # the last waits exactly 10 ms


def test_queue_drains() -> None:
    link = run(29, Conditions(delay_us=0, rate_bps=8_000_000, queue_packets=10), count=100, gap_us=500)
    kept = [item for _, item in drain(link)]
    assert kept[:10] == list(range(10))
    assert all(b - a == 2 for a, b in itertools.pairwise(kept[20:]))  # a steady state of every other one


def test_outage_cuts_its_window_only() -> None:
    link = run(31, Conditions(outages=((100 * MS, 200 * MS), (500 * MS, 501 * MS))), count=1000)
    gone = set(range(1000)) - {item for _, item in drain(link)}
    assert gone == set(range(100, 200)) | {500}


def test_conditions_may_change_on_the_way() -> None:
    link = run(37, Conditions(), count=10)
    link.conditions = Conditions(loss=1.0)
    link.send(10 * MS, 10, 100)
    link.conditions = Conditions()
    link.send(11 * MS, 11, 100)
    assert [item for _, item in drain(link)] == [*range(10), 11]
