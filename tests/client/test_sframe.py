import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from sfu.client.ciphers import CtrHmac
from sfu.client.sframe import (
    AES_128_GCM_SHA256_128,
    SUITES,
    Header,
    SframeError,
    derive,
    derive_bytes,
    encode_header,
    parse_header,
)
from sfu.redact import SecretBytes
from tests.client.vectors import VECTORS, room_keys

BOUNDARIES = sorted({
    value
    for power in (0, 3, 8, 16, 24, 32, 40, 48, 56, 64)
    for value in ((1 << power) - 1, 1 << power)
    if value < 1 << 64
})  # fmt: skip
NUMBERS = st.one_of(st.sampled_from(BOUNDARIES), st.integers(0, (1 << 64) - 1))
KEY = derive(AES_128_GCM_SHA256_128, 7, SecretBytes(bytes(32)))

needs_rfc_9605 = pytest.mark.needs_shared("vectors/sframe-rfc9605.json")


@pytest.fixture
def rfc_9605(shared: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shared.read_text(encoding="utf-8"))
    return found


@needs_rfc_9605
def test_headers_are_those_of_the_rfc(rfc_9605: dict[str, Any]) -> None:
    for vector in rfc_9605["header"]:
        encoded = bytes.fromhex(vector["encoded"])
        assert encode_header(vector["kid"], vector["ctr"]) == encoded
        assert parse_header(encoded) == (Header(vector["kid"], vector["ctr"]), len(encoded))


@needs_rfc_9605
def test_keys_and_ciphertexts_are_those_of_the_rfc(rfc_9605: dict[str, Any]) -> None:
    vectors = rfc_9605["sframe"]
    assert {vector["cipher_suite"] for vector in vectors} == set(SUITES)
    for vector in vectors:
        suite, base_key = SUITES[vector["cipher_suite"]], SecretBytes(bytes.fromhex(vector["base_key"]))
        key, salt = derive_bytes(suite, vector["kid"], base_key)
        assert (key.reveal().hex(), salt.reveal().hex()) == (vector["sframe_key"], vector["sframe_salt"])
        header = Header(vector["kid"], vector["ctr"])
        metadata, plaintext = bytes.fromhex(vector["metadata"]), bytes.fromhex(vector["pt"])
        sealed = derive(suite, vector["kid"], base_key).seal(header, metadata, plaintext)
        assert sealed.hex() == vector["ct"]
        parsed, begin = parse_header(sealed)
        assert parsed == header
        assert derive(suite, vector["kid"], base_key).open(header, metadata, sealed[begin:]) == plaintext


@needs_rfc_9605
@pytest.mark.parametrize("name,cipher_bytes", [("aes_ctr_hmac", 16), ("aes_256_ctr_hmac", 32)])
def test_counter_mode_with_hmac_is_that_of_the_rfc(
    rfc_9605: dict[str, Any], name: str, cipher_bytes: int
) -> None:
    hash_name = {16: "sha256", 32: "sha512"}[cipher_bytes]
    for vector in rfc_9605[name]:
        key, nonce, aad, plaintext, sealed = (
            bytes.fromhex(vector[field]) for field in ("key", "nonce", "aad", "pt", "ct")
        )
        aead = CtrHmac(key, cipher_bytes, hash_name, len(sealed) - len(plaintext))
        assert aead.seal(nonce, aad, plaintext) == sealed
        assert aead.open(nonce, aad, sealed) == plaintext
        for end in range(len(sealed)):
            with pytest.raises(InvalidTag):
                aead.open(nonce, aad, sealed[:end])


def test_keys_of_kids_are_those_of_the_vectors() -> None:
    keys = room_keys()
    for vector in VECTORS["keys"]["kids"]:
        key, salt = derive_bytes(AES_128_GCM_SHA256_128, int(vector["kid"], 16), keys.frames)
        assert (key.reveal().hex(), salt.reveal().hex()) == (vector["key"], vector["salt"])


@given(NUMBERS, NUMBERS, st.binary(max_size=4))
def test_header_comes_back(kid: int, counter: int, rest: bytes) -> None:
    encoded = encode_header(kid, counter)
    assert parse_header(encoded + rest) == (Header(kid, counter), len(encoded))
    for end in range(len(encoded)):
        with pytest.raises(SframeError):
            parse_header(encoded[:end])


@given(st.binary(max_size=20))
def test_what_parses_is_the_shortest_form(data: bytes) -> None:
    try:
        header, end = parse_header(data)
    except SframeError:
        return
    assert encode_header(header.kid, header.counter) == data[:end]


def test_number_of_more_than_64_bits_has_no_header() -> None:
    for kid, counter in ((1 << 64, 0), (0, 1 << 64), (-1, 0)):
        with pytest.raises(ValueError, match="64 bits"):
            encode_header(kid, counter)


@given(st.data())
def test_mutation_does_not_open(data: st.DataObject) -> None:
    header = Header(7, data.draw(NUMBERS))
    sealed = KEY.seal(header, b"metadata", data.draw(st.binary(max_size=50)))
    _, begin = parse_header(sealed)
    bit = data.draw(st.integers(0, len(sealed[begin:]) * 8 - 1))
    changed = bytearray(sealed[begin:])
    changed[bit // 8] ^= 1 << bit % 8
    for ciphertext, metadata, of in (
        (bytes(changed), b"metadata", header),
        (sealed[begin:], b"metadatA", header),
        (sealed[begin:], b"metadata", Header(7, header.counter ^ 1)),
        (sealed[begin:], b"metadata", Header(6, header.counter)),
    ):
        with pytest.raises(InvalidTag):
            KEY.open(of, metadata, ciphertext)


def test_cut_ciphertext_does_not_open() -> None:
    sealed = KEY.seal(Header(7, 1), b"", b"frame")
    for end in range(1, len(sealed)):
        with pytest.raises(InvalidTag):
            KEY.open(Header(7, 1), b"", sealed[1:end])


def test_key_does_not_print_itself() -> None:
    assert repr(KEY) == "Key(secret)"
