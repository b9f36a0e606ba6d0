"""The bounds-checked cursor and writer, against int.from_bytes and at every shortage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu._testing.wire import Cursor, Writer

WIDTHS = {"u8": 1, "u16": 2, "u24": 3, "u32": 4, "u64": 8}
BYTES = bytes([0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10])


@pytest.mark.parametrize("name, width", WIDTHS.items())
def test_reads_big_endian(name: str, width: int) -> None:
    cursor = Cursor(BYTES)
    assert getattr(cursor, name)() == int.from_bytes(BYTES[:width], "big")
    assert cursor.ok()
    assert cursor.left == len(BYTES) - width


@pytest.mark.parametrize("name, width", WIDTHS.items())
def test_short_read_is_zero_or_partial_and_fails_for_good(name: str, width: int) -> None:
    for length in range(width):
        cursor = Cursor(b"\xff" * length)
        value = getattr(cursor, name)()
        assert not cursor.ok()
        if name != "u64":  # read as two halves, of which the first may have been there
            assert value == 0
            assert cursor.left == length
        assert cursor.u8() == 0  # also where a byte is left
        assert cursor.read(0) is None
        assert not cursor.ok()


def test_read_and_skip_end_exactly_at_the_end() -> None:
    cursor = Cursor(BYTES)
    assert cursor.read(3) == BYTES[:3]
    cursor.skip(5)
    assert cursor.ok()
    assert cursor.left == 0
    assert cursor.read(0) == b""
    assert cursor.ok()
    cursor.skip(1)
    assert not cursor.ok()


@pytest.mark.parametrize("length", [9, 1 << 31, 1 << 63, (1 << 64) - 1])
def test_huge_lengths_do_not_wrap(length: int) -> None:
    cursor = Cursor(BYTES)
    assert cursor.read(length) is None
    assert not cursor.ok()
    writer = Writer(8)
    assert not writer.reserve(length)
    assert not writer.ok()
    assert writer.output == b""


def test_empty() -> None:
    cursor = Cursor(b"")
    assert cursor.ok()
    assert cursor.left == 0
    assert cursor.u8() == 0
    assert not cursor.ok()


@pytest.mark.parametrize("name, width", WIDTHS.items())
def test_writes_big_endian(name: str, width: int) -> None:
    writer = Writer(width)
    getattr(writer, name)(int.from_bytes(BYTES[:width], "big"))
    assert writer.ok()
    assert writer.output == BYTES[:width]


@pytest.mark.parametrize("name, width", WIDTHS.items())
def test_short_write_fails_for_good(name: str, width: int) -> None:
    for capacity in range(width):
        writer = Writer(capacity)
        getattr(writer, name)(0)
        assert not writer.ok()
        written = len(writer.output)
        writer.write(b"")
        writer.zeros(0)
        assert not writer.reserve(0)
        assert not writer.ok()
        assert len(writer.output) == written <= capacity


def test_u24_drops_the_top_byte() -> None:
    writer = Writer(3)
    writer.u24(0xFF123456)
    assert writer.output == b"\x12\x34\x56"


def test_bytes_and_zeros() -> None:
    writer = Writer(6)
    writer.write(b"abc")
    writer.zeros(2)
    assert writer.reserve(1)
    assert writer.ok()
    assert writer.output[:5] == b"abc\0\0"
    writer.write(b"x")
    assert not writer.ok()
    assert len(writer.output) == 6


FIELD = st.sampled_from(sorted(WIDTHS)).flatmap(
    lambda name: st.tuples(st.just(name), st.integers(0, (1 << 8 * WIDTHS[name]) - 1))
)


@given(st.lists(FIELD, max_size=30))
def test_round_trip(fields: list[tuple[str, int]]) -> None:
    writer = Writer(sum(WIDTHS[name] for name, _ in fields))
    for name, value in fields:
        getattr(writer, name)(value)
    assert writer.ok()
    cursor = Cursor(writer.output)
    assert [(name, getattr(cursor, name)()) for name, _ in fields] == fields
    assert cursor.ok()
    assert cursor.left == 0
