"""HMAC-SHA1 against RFC 2202 and Python's hmac."""

import hmac

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sfu._testing import stun

RFC_2202 = [
    (b"\x0b" * 20, b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"),
    (b"Jefe", b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
    (b"\xaa" * 20, b"\xdd" * 50, "125d7342b9ac11cd91a39af48aa17b4f63f175d3"),
    (
        b"\xaa" * 80,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "aa4ae5e15272d00e95705637ce8a3b55ed402112",
    ),
]


@pytest.mark.parametrize("key, message, mac", RFC_2202)
def test_rfc_2202(key: bytes, message: bytes, mac: str) -> None:
    assert stun.hmac_sha1(key, message).hex() == mac


@pytest.mark.parametrize("key_length", [0, 1, 63, 64, 65, 128])
def test_key_lengths_around_the_block(key_length: int) -> None:
    key = bytes(range(key_length))
    assert stun.hmac_sha1(key, b"message") == hmac.digest(key, b"message", "sha1")


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=200))
@example(b"", b"", b"")
def test_two_pieces_are_one_message(key: bytes, head: bytes, tail: bytes) -> None:
    assert stun.hmac_sha1(key, head, tail) == hmac.digest(key, head + tail, "sha1")
