"""CRC-32 against zlib's."""

import zlib

from hypothesis import given
from hypothesis import strategies as st

from sfu._testing import stun


def test_check_value() -> None:
    assert stun.crc32_of(b"123456789") == 0xCBF43926


def test_every_byte_value_and_nothing() -> None:
    assert stun.crc32_of(b"") == 0
    for value in range(256):
        assert stun.crc32_of(bytes([value])) == zlib.crc32(bytes([value]))


@given(st.binary(max_size=600))
def test_like_zlib(data: bytes) -> None:
    assert stun.crc32_of(data) == zlib.crc32(data)
