"""Where transports go: a room stays together until its worker is filled."""

import random
from collections import Counter

from sfu.media.placement import Placement


def join(placement: Placement, room: str) -> int:
    worker = placement.choose(room)
    placement.add(room, worker)
    return worker


def test_a_room_fills_one_worker_then_the_next() -> None:
    placement = Placement(workers=3, fill=4)
    assert [join(placement, "a") for _ in range(12)] == [0] * 4 + [1] * 4 + [2] * 4


def test_when_all_are_filled_the_least_loaded_takes_it() -> None:
    placement = Placement(workers=2, fill=2)
    assert [join(placement, "a") for _ in range(8)] == [0, 0, 1, 1, 0, 1, 0, 1]


def test_a_new_room_begins_where_least_is() -> None:
    placement = Placement(workers=3, fill=10)
    assert [join(placement, room) for room in "aaabbc"] == [0, 0, 0, 1, 1, 2]
    assert join(placement, "d") == 2


def test_rooms_that_share_a_worker_fill_it_together() -> None:
    placement = Placement(workers=2, fill=4)
    assert [join(placement, room) for room in "abca"] == [0, 1, 0, 0]
    assert [join(placement, "c"), join(placement, "c")] == [0, 1]


def test_who_leaves_makes_room_and_the_room_comes_back() -> None:
    placement = Placement(workers=2, fill=2)
    assert [join(placement, "a") for _ in range(3)] == [0, 0, 1]
    placement.remove("a", 0)
    assert join(placement, "a") == 0, "or 1: as many are there, and the first is taken"
    for worker in (0, 0, 1):
        placement.remove("a", worker)
    assert join(placement, "a") == 0


def test_a_fill_of_one_spreads_every_room() -> None:
    placement = Placement(workers=2, fill=1)
    assert [join(placement, "a") for _ in range(4)] == [0, 1, 0, 1]


def test_nothing_is_kept_of_rooms_that_are_gone() -> None:
    placement = Placement(workers=4, fill=3)
    generator = random.Random(1)
    there: list[tuple[str, int]] = []
    for _ in range(2000):
        if there and generator.random() < 0.5:
            placement.remove(*there.pop(generator.randrange(len(there))))
        else:
            room = generator.choice("abcdefgh")
            there.append((room, join(placement, room)))
    for room, worker in there:
        placement.remove(room, worker)
    assert Counter(join(placement, room) for room in "abcd") == Counter(range(4)), "all are as new"
