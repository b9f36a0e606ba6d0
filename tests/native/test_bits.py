"""core/bits: fields that are no whole bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu._testing.descriptors import Bits, bits_written

FIELDS = st.lists(
    st.integers(0, 32).flatmap(lambda width: st.tuples(st.just(width), st.integers(0, (1 << width) - 1))),
    max_size=40,
)


def as_text(fields: list[tuple[int, int]]) -> str:
    return "".join(format(value, f"0{width}b") for width, value in fields if width)


def as_bytes(bits: str) -> bytes:
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))


@given(FIELDS)
def test_fields_are_written_and_read(fields: list[tuple[int, int]]) -> None:
    expected = as_bytes(as_text(fields))
    assert bits_written(fields, len(expected)) == expected
    if expected:
        assert bits_written(fields, len(expected) - 1) is None
    bits = Bits(expected)
    position = 0
    for width, value in fields:
        assert bits.read(width) == value
        position += width
        assert bits.position == position
    assert bits.ok()


@pytest.mark.parametrize("width", range(1, 33))
def test_a_read_past_the_end_fails_and_stays_so(width: int) -> None:
    bits = Bits(b"\xff" * ((width - 1) // 8))
    bits.read(width)
    assert not bits.ok()
    bits.read(0)
    assert not bits.ok()


@given(st.binary(max_size=40), st.integers(0, 32), st.data())
def test_copy(data: bytes, before: int, draw: st.DataObject) -> None:
    skipped = draw.draw(st.integers(0, min(32, 8 * len(data))))
    width = draw.draw(st.integers(0, 8 * len(data) - skipped))
    bits = Bits(data)
    bits.read(skipped)
    text = "".join(format(byte, "08b") for byte in data)[skipped : skipped + width]
    assert bits.copy(width, 64, before) == as_bytes("1" * before + text)


def test_ns_as_the_table_of_the_specification_has_it() -> None:
    """Section A.8.2: n = 5."""
    for code, value in {"00": 0, "01": 1, "10": 2, "110": 3, "111": 4}.items():
        bits = Bits(as_bytes(code))
        assert bits.read_ns(5) == value
        assert bits.position == len(code)


@pytest.mark.parametrize("values", [1, 2, 3, 4, 7, 8, 9, 31, 32, 33, (1 << 31) - 1])
def test_ns_reaches_each_value_once(values: int) -> None:
    width = values.bit_length()
    shorter = (1 << width) - values
    for value in {0, 1, shorter - 1, shorter, values // 2, values - 1}:
        if not 0 <= value < values:
            continue
        length, code = (width - 1, value) if value < shorter else (width, value + shorter)
        bits = Bits(as_bytes(format(code, f"0{length}b") if length else ""))
        assert bits.read_ns(values) == value
        assert bits.position == length
        assert bits.ok()
