"""Tests of native/core/srtp_kdf.c. The 256-bit derivation is shown by interoperation in test_srtp.py too."""

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from sfu._testing import srtp

# RFC 3711 appendix B.3.
KEY = bytes.fromhex("e1f97a0d3e018be0d64fa32c06de4139")
SALT = bytes.fromhex("0ec675ad498afeebb6960b3aabe6")
CIPHER_KEY = "c61e7a93744f39ee10734afe3ff7a087"
CIPHER_SALT = "30cbbc08863d8c85d49db34a9ae1"
# The six blocks that it is cut from: the key itself has 94 bytes.
AUTH_BLOCKS = (
    "cebe321f6ff7716b6fd4ab49af256a156d38baa48f0a0acf3c34e2359e6cdbcee049646c43d9327ad175578ef72270986371c10c"
    "9a369ac2f94a8c5fbcdddc256d6e919a48b610ef17c2041e474035766b68642c59bbfc2f34db60dbdfb2dc68"
)


def test_rfc_3711_appendix_b3() -> None:
    assert srtp.kdf_derive(KEY, SALT, 0, 16).hex() == CIPHER_KEY
    assert srtp.kdf_derive(KEY, SALT, 2, 14).hex() == CIPHER_SALT
    for length in range(97):
        assert srtp.kdf_derive(KEY, SALT, 1, length).hex() == AUTH_BLOCKS[: length * 2]


# RFC 3711 section 4.3.3 and RFC 7714 section 11, written once more: x = label * 2^48 XOR salt, of 112 bits, and the key
# stream of AES-CM with x * 2^16 as its first counter block.
@pytest.mark.parametrize("key_length", [16, 32])
@pytest.mark.parametrize("salt_length", [12, 14])
@pytest.mark.parametrize("label", range(6))
def test_is_the_key_stream_of_the_master_key(key_length: int, salt_length: int, label: int) -> None:
    key, salt = bytes(range(50, 50 + key_length)), bytes(range(200, 200 + salt_length))
    x = int.from_bytes(salt.ljust(14, b"\0"), "big") ^ label << 48
    encryptor = Cipher(algorithms.AES(key), modes.CTR((x << 16).to_bytes(16, "big"))).encryptor()
    assert srtp.kdf_derive(key, salt, label, 70) == encryptor.update(bytes(70))


def test_refuses_other_key_lengths() -> None:
    with pytest.raises(OSError, match="srtp_kdf_derive"):
        srtp.kdf_derive(bytes(24), SALT, 0, 16)
