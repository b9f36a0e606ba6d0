"""The address table against a dict: every add, find and removal, at any load, for any seed."""

import errno
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu._testing.ice import MAX_UFRAG, Path, Table


def path(number: int) -> Path:
    """A different path for every number: ports, hosts, sockets and families differ."""
    port, rest = 1024 + number % 7, number // 7
    local, rest = rest % 3, rest // 3
    host = f"2001:db8::{rest:x}" if rest % 2 else f"10.0.{rest >> 8}.{rest & 255}"
    return Path(host, port, local)


def test_finds_what_was_added_and_nothing_else() -> None:
    table = Table(4)
    table.add_path(Path("192.0.2.1", 1000), 7)
    table.add_path(Path("2001:db8::1", 1000), 8)
    assert table.find_path(Path("192.0.2.1", 1000)) == 7
    assert table.find_path(Path("2001:db8::1", 1000)) == 8
    assert table.find_path(Path("192.0.2.2", 1000)) is None
    assert table.find_path(Path("192.0.2.1", 1001)) is None
    assert table.find_path(Path("192.0.2.1", 1000, local=1)) is None
    assert table.find_path(Path("::ffff:192.0.2.1", 1000)) is None, "the same bytes, in the other family"


def test_the_first_transport_keeps_a_path() -> None:
    table = Table(4)
    table.add_path(path(1), 7)
    table.add_path(path(1), 7)
    with pytest.raises(OSError) as raised:
        table.add_path(path(1), 8)
    assert raised.value.errno == errno.EEXIST
    assert table.find_path(path(1)) == 7


@pytest.mark.parametrize("capacity", [0, 1, 2, 3, 64, 100])
def test_takes_what_was_promised_and_no_more(capacity: int) -> None:
    table = Table(capacity)
    for number in range(capacity):
        table.add_path(path(number), number)
        table.add_ufrag(f"user{number}", number)
    with pytest.raises(OSError) as raised:
        table.add_path(path(capacity), 0)
    assert raised.value.errno == errno.ENOSPC
    with pytest.raises(OSError) as raised:
        table.add_ufrag("another", 0)
    assert raised.value.errno == errno.ENOSPC
    if capacity:
        table.add_path(path(0), 0)  # there already: needs no room
    assert [table.find_path(path(number)) for number in range(capacity)] == list(range(capacity))
    assert [table.find_username(b"user%d:x" % number) for number in range(capacity)] == list(range(capacity))
    assert table.find_path(path(capacity)) is None


def test_a_capacity_beyond_all_memory_is_refused() -> None:
    with pytest.raises(MemoryError):
        Table(2**63)


def test_the_mark_of_nobody_is_no_transport() -> None:
    table = Table(1)
    with pytest.raises(OSError) as raised:
        table.add_path(path(0), 2**32 - 1)
    assert raised.value.errno == errno.EINVAL
    with pytest.raises(OSError) as raised:
        table.add_ufrag("abcd", 2**32 - 1)
    assert raised.value.errno == errno.EINVAL
    table.add_path(path(0), 2**32 - 2)
    assert table.find_path(path(0)) == 2**32 - 2


def test_removal_of_what_is_not_there_changes_nothing() -> None:
    table = Table(2)
    table.remove_path(path(0))
    table.add_path(path(0), 5)
    table.remove_path(path(1))
    table.remove_ufrag("abcd")
    table.remove_ufrag("")
    assert table.find_path(path(0)) == 5


@given(
    seed=st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)),
    steps=st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=120),
)
def test_agrees_with_a_dict(seed: tuple[int, int], steps: list[tuple[bool, int]]) -> None:
    table = Table(24, seed)
    expected: dict[int, int] = {}
    for turn, (adds, number) in enumerate(steps):
        if not adds:
            table.remove_path(path(number))
            table.remove_ufrag(f"user{number}")
            expected.pop(number, None)
        elif number not in expected and len(expected) < 24:
            table.add_path(path(number), turn)
            table.add_ufrag(f"user{number}", turn)
            expected[number] = turn
        assert [table.find_path(path(n)) for n in range(41)] == [expected.get(n) for n in range(41)]
        names = [table.find_username(b"user%d:peer" % n) for n in range(41)]
        assert names == [expected.get(n) for n in range(41)]


def test_years_of_coming_and_going_leave_the_table_usable() -> None:
    """Deletion leaves no marks: with any, a table of this size would have none of its slots empty long before."""
    generator = random.Random(11)
    table = Table(16)
    present: dict[int, int] = {}
    for turn in range(20_000):
        if len(present) == 16:
            gone = generator.choice(list(present))
            table.remove_path(path(gone))
            del present[gone]
            assert table.find_path(path(gone)) is None
        number = generator.randrange(100_000)
        if number not in present:
            table.add_path(path(number), turn)
            present[number] = turn
    assert {number: table.find_path(path(number)) for number in present} == present


@pytest.mark.parametrize("length", [4, 5, 8, 31, MAX_UFRAG])
def test_finds_a_user_name_by_the_part_before_the_colon(length: int) -> None:
    ufrag = "u" * length
    table = Table(2)
    table.add_ufrag(ufrag, 3)
    name = ufrag.encode()
    assert table.find_username(name + b":peer") == 3
    assert table.find_username(name + b":") == 3
    assert table.find_username(name + b":a:b:c") == 3, "the agent, not the table, refuses the rest"
    assert table.find_username(name + b":" + b"x" * 500) == 3
    assert table.find_username(name) is None
    assert table.find_username(name[:-1] + b":peer") is None
    assert table.find_username(name + b"u:peer") is None
    assert table.find_username(name + b"\0:peer") is None, "the padding of the key"
    assert table.find_username(b"x:" + name) is None
    table.remove_ufrag(ufrag)
    assert table.find_username(name + b":peer") is None


@pytest.mark.parametrize("username", [b"", b":", b"::", b"x" * 33 + b":", b"x" * 600, b"\xff\xfe:\x00"])
def test_odd_user_names_lead_nowhere(username: bytes) -> None:
    table = Table(2)
    table.add_ufrag("abcd", 3)
    assert table.find_username(username) is None


@pytest.mark.parametrize("ufrag", ["", "abc", "a:cd", "ab cd", "ä" * 4, "u" * (MAX_UFRAG + 1)])
def test_refuses_what_is_no_fragment(ufrag: str) -> None:
    with pytest.raises(OSError) as raised:
        Table(2).add_ufrag(ufrag, 1)
    assert raised.value.errno == errno.EINVAL


def test_the_first_transport_keeps_a_fragment() -> None:
    table = Table(2)
    table.add_ufrag("abcd", 1)
    table.add_ufrag("abcd", 1)
    with pytest.raises(OSError) as raised:
        table.add_ufrag("abcd", 2)
    assert raised.value.errno == errno.EEXIST
    assert table.find_username(b"abcd:peer") == 1
