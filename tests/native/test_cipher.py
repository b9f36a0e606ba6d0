"""Tests of native/core/cipher*.c, with whichever backend was built.

Buffers end at unreadable pages, so each of these also shows that the backend reads and writes nothing beyond them.
"""

import errno
import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu._testing import srtp

KEY_128 = bytes(range(16))
KEY_256 = bytes(range(32))
NONCE = bytes.fromhex("51753c6580c2726f20718414")
RTCP_NONCE = bytes.fromhex("517524055203726f207170bb")

# RFC 7714 section 16: RTP header and "Gallia est omnis divisa in partes tres".
RTP = bytes.fromhex(
    "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573"
)
SRTP = {
    KEY_128: bytes.fromhex(
        "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf"
        "8833899d7f27beb16a9152cf765ee4390cce"
    ),
    KEY_256: bytes.fromhex(
        "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799"
        "b87b7aa3db36dfffd6b0f9bb7878d7a76c13"
    ),
}

# RFC 7714 section 17.
RTCP = bytes.fromhex(
    "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef"
)
SRTCP = {
    KEY_128: bytes.fromhex(
        "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded"
        "0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4"
    ),
    KEY_256: bytes.fromhex(
        "81c8000d4d617273d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de047"
        "6f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be800005d4"
    ),
}
KEYS = pytest.mark.parametrize("key", [KEY_128, KEY_256], ids=["128", "256"])
PLACES = pytest.mark.parametrize("in_place", [False, True], ids=["out-of-place", "in-place"])


def pattern(length: int) -> bytes:
    return bytes((7 * i + 3) % 256 for i in range(length))


def test_backend_names_library_and_version() -> None:
    assert srtp.backend().startswith(("intel-ipsec-mb ", "OpenSSL 3."))


@KEYS
@PLACES
def test_gcm_rfc_7714_section_16(key: bytes, in_place: bool) -> None:
    gcm = srtp.Gcm(key)
    assert gcm.seal(NONCE, RTP[:12], RTP[12:], in_place=in_place) == SRTP[key][12:]
    assert gcm.open(NONCE, RTP[:12], SRTP[key][12:], in_place=in_place) == (0, RTP[12:])


@KEYS
@PLACES
def test_gcm_rfc_7714_section_17(key: bytes, in_place: bool) -> None:
    gcm = srtp.Gcm(key)
    aad = RTCP[:8] + SRTCP[key][-4:]
    assert gcm.seal(RTCP_NONCE, aad, RTCP[8:], in_place=in_place) == SRTCP[key][8:-4]
    assert gcm.open(RTCP_NONCE, aad, SRTCP[key][8:-4], in_place=in_place) == (0, RTCP[8:])


@KEYS
def test_gcm_agrees_with_another_implementation_at_every_length(key: bytes) -> None:
    gcm = srtp.Gcm(key)
    for length in [*range(300), 1199, 1200, 1201, 1460, 65000]:
        body, aad = pattern(length), pattern(12 + 4 * (length % 20))
        sealed = AESGCM(key).encrypt(NONCE, body, aad)
        assert gcm.seal(NONCE, aad, body) == sealed
        assert gcm.open(NONCE, aad, sealed) == (0, body)


@KEYS
def test_gcm_seals_pieces_as_if_they_were_one(key: bytes) -> None:
    gcm = srtp.Gcm(key)
    for prefix in [0, 1, 2, 15, 16]:
        for suffix in [0, 1, 17, 255]:
            for length in [0, 1, 15, 16, 17, 31, 160, 1183]:
                text = pattern(prefix + length + suffix)
                sealed = gcm.seal(
                    NONCE,
                    RTP[:12],
                    text[prefix : prefix + length],
                    prefix=text[:prefix],
                    suffix=text[prefix + length :],
                )
                assert sealed == AESGCM(key).encrypt(NONCE, text, RTP[:12])


@KEYS
@PLACES
def test_gcm_refuses_every_flipped_bit_and_leaves_no_plaintext(key: bytes, in_place: bool) -> None:
    gcm = srtp.Gcm(key)
    body = pattern(40)
    sealed = gcm.seal(NONCE, RTP[:12], body)
    for bit in range(len(sealed) * 8):
        forged = bytearray(sealed)
        forged[bit // 8] ^= 1 << bit % 8
        assert gcm.open(NONCE, RTP[:12], bytes(forged), in_place=in_place) == (-errno.EBADMSG, bytes(40))
    for bit in range(96):
        aad = bytearray(RTP[:12])
        aad[bit // 8] ^= 1 << bit % 8
        assert gcm.open(NONCE, bytes(aad), sealed, in_place=in_place)[0] == -errno.EBADMSG
        nonce = bytearray(NONCE)
        nonce[bit // 8] ^= 1 << bit % 8
        assert gcm.open(bytes(nonce), RTP[:12], sealed, in_place=in_place)[0] == -errno.EBADMSG
    assert gcm.open(NONCE, RTP[:12], sealed, in_place=in_place) == (0, body)


@KEYS
def test_gcm_refuses_every_truncation(key: bytes) -> None:
    gcm = srtp.Gcm(key)
    sealed = gcm.seal(NONCE, b"", pattern(33))
    for length in range(len(sealed)):
        assert gcm.open(NONCE, b"", sealed[:length])[0] == -errno.EBADMSG


@pytest.mark.parametrize("length", [0, 1, 15, 17, 24, 31, 33])
def test_gcm_refuses_other_key_lengths(length: int) -> None:
    with pytest.raises(ValueError):
        srtp.Gcm(bytes(length))


@settings(max_examples=200, deadline=None)
@given(
    st.binary(min_size=16, max_size=16) | st.binary(min_size=32, max_size=32),
    st.binary(min_size=12, max_size=12),
    st.binary(max_size=100),
    st.binary(max_size=16),
    st.binary(max_size=300),
    st.binary(max_size=255),
)
def test_gcm_round_trip(
    key: bytes, nonce: bytes, aad: bytes, prefix: bytes, body: bytes, suffix: bytes
) -> None:
    gcm = srtp.Gcm(key)
    text = prefix + body + suffix
    sealed = gcm.seal(nonce, aad, body, prefix=prefix, suffix=suffix)
    assert sealed == AESGCM(key).encrypt(nonce, text, aad)
    assert gcm.open(nonce, aad, sealed) == (0, text)


CM_KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
CM_SALT = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9fafbfcfd0000")
# RFC 3711 appendix B.2: key stream by counter.
CM_STREAM = {
    0x0000: "e03ead0935c95e80e166b16dd92b4eb4",
    0x0001: "d23513162b02d0f72a43a2fe4a5f97ab",
    0x0002: "41e95b3bb0a2e8dd477901e4fca894c0",
    0xFEFF: "ec8cdf7398607cb0f2d21675ea9ea1e4",
    0xFF00: "362b7c3c6773516318a077d7fc5073ae",
    0xFF01: "6a2cc3787889374fbeb4c81b17ba6c44",
}


def test_cm_rfc_3711_appendix_b2() -> None:
    stream = srtp.Cm(CM_KEY, bytes(20)).crypt(CM_SALT, bytes(1044512))
    for counter, block in CM_STREAM.items():
        assert stream[counter * 16 : counter * 16 + 16].hex() == block


def aes_ctr(key: bytes, iv: bytes, text: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor()
    return encryptor.update(text) + encryptor.finalize()


@PLACES
def test_cm_crypts_every_length(in_place: bool) -> None:
    cm = srtp.Cm(CM_KEY, bytes(20))
    for length in [*range(200), 1200, 1460]:
        assert cm.crypt(CM_SALT, pattern(length), in_place=in_place) == aes_ctr(
            CM_KEY, CM_SALT, pattern(length)
        )


def test_cm_crypts_pieces_as_if_they_were_one() -> None:
    cm = srtp.Cm(CM_KEY, bytes(20))
    for prefix in [0, 1, 2, 15, 16]:
        for suffix in [0, 1, 17, 255]:
            for length in [0, 1, 15, 16, 17, 31, 160, 1183]:
                text = pattern(prefix + length + suffix)
                crypted = cm.crypt(
                    CM_SALT,
                    text[prefix : prefix + length],
                    prefix=text[:prefix],
                    suffix=text[prefix + length :],
                )
                assert crypted == aes_ctr(CM_KEY, CM_SALT, text)


def test_cm_authenticates_as_hmac_sha1_at_every_length() -> None:
    for key in [b"", bytes(range(20)), bytes(range(64))]:
        cm = srtp.Cm(CM_KEY, key)
        for length in [*range(200), 1200, 1460]:
            text = pattern(length)
            expected = hmac.new(key, text, hashlib.sha1).digest()
            assert cm.authenticate(text) == expected
            assert cm.authenticate(text[: length // 3], text[length // 3 :]) == expected


def test_cm_refuses_other_key_lengths() -> None:
    for key, auth_key in [(15, 20), (17, 20), (32, 20), (0, 20), (16, 65)]:
        with pytest.raises(ValueError):
            srtp.Cm(bytes(key), bytes(auth_key))


def test_aes_block_fips_197() -> None:
    block = bytes.fromhex("00112233445566778899aabbccddeeff")
    assert srtp.aes_block(KEY_128, block).hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"
    assert srtp.aes_block(KEY_256, block).hex() == "8ea2b7ca516745bfeafc49904b496089"
    with pytest.raises(OSError, match="cipher_aes_block"):
        srtp.aes_block(bytes(24), block)
