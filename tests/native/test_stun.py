"""STUN against RFC 5769's vectors, against aioice both ways, and malformed in every way the header promises."""

import errno
import hmac
import ipaddress
import zlib
from struct import pack
from typing import Any

import pytest
from aioice import stun as aioice_stun
from hypothesis import given
from hypothesis import strategies as st

from sfu._testing import stun

REQUEST, INDICATION, SUCCESS, ERROR = 0x0001, 0x0011, 0x0101, 0x0111
USERNAME, INTEGRITY, ERROR_CODE, UNKNOWN_ATTRIBUTES = 0x0006, 0x0008, 0x0009, 0x000A
XOR_MAPPED_ADDRESS, PRIORITY, USE_CANDIDATE = 0x0020, 0x0024, 0x0025
FINGERPRINT, ICE_CONTROLLED, ICE_CONTROLLING = 0x8028, 0x8029, 0x802A

TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
KEY = b"VOkJxbRl1RmTxUk/WvJxBt"

# RFC 5769 sections 2.1, 2.2 and 2.3.
RFC_REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae"
    "802200105354554e207465737420636c69656e74"
    "002400046e0001ff"
    "80290008932ff9b151263b36"
    "000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004e57a3bcf"
)
RFC_RESPONSE_IPV4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004c07d4c96"
)
RFC_RESPONSE_IPV6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014a382954e4be67bf11784c97c8292c275bfe3ed41"
    "80280004c8fb0b4c"
)


def attribute(kind: int, value: bytes = b"") -> bytes:
    """One attribute with its padding."""
    return pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def message(*attributes: bytes, kind: int = REQUEST) -> bytes:
    """A message, made without any of our code."""
    body = b"".join(attributes)
    return pack("!HHI", kind, len(body), 0x2112A442) + TRANSACTION + body


def integrity_of(data: bytes, key: bytes = KEY) -> bytes:
    """The MESSAGE-INTEGRITY attribute for what is in `data`."""
    covered = data[:2] + pack("!H", len(data) - 20 + 24) + data[4:]
    return attribute(INTEGRITY, hmac.digest(key, covered, "sha1"))


def fingerprint_of(data: bytes) -> bytes:
    """The FINGERPRINT attribute for what is in `data`."""
    covered = data[:2] + pack("!H", len(data) - 20 + 8) + data[4:]
    return attribute(FINGERPRINT, pack("!I", zlib.crc32(covered) ^ 0x5354554E))


def refused(data: bytes) -> bool:
    """Whether stun_parse refuses it as bad."""
    try:
        stun.parse(data)
    except OSError as error:
        if error.errno != errno.EBADMSG:
            raise
        return True
    return False


def test_rfc_5769_request() -> None:
    assert stun.parse(RFC_REQUEST) == {
        "type": REQUEST,
        "transaction_id": TRANSACTION,
        "username": b"evtj:h6vY",
        "priority": 0x6E0001FF,
        "use_candidate": False,
        "role": stun.ROLE_CONTROLLED,
        "tie_breaker": 0x932FF9B151263B36,
        "mapped_address": None,
        "error_code": 0,
        "integrity_offset": 76,
        "has_fingerprint": True,
        "unknown": [],
    }
    assert stun.check_integrity(RFC_REQUEST, KEY)


@pytest.mark.parametrize(
    "data, address",
    [(RFC_RESPONSE_IPV4, "192.0.2.1"), (RFC_RESPONSE_IPV6, "2001:db8:1234:5678:11:2233:4455:6677")],
)
def test_rfc_5769_responses(data: bytes, address: str) -> None:
    parsed = stun.parse(data)
    assert parsed["type"] == SUCCESS
    assert parsed["mapped_address"] == (address, 32853)
    assert parsed["has_fingerprint"]
    assert stun.check_integrity(data, KEY)


@pytest.mark.parametrize("data", [RFC_REQUEST, RFC_RESPONSE_IPV4, RFC_RESPONSE_IPV6])
@pytest.mark.parametrize("key", [b"", KEY[:-1], KEY + b"\0", KEY + b"x", KEY.lower(), KEY * 4])
def test_another_key_is_refused(data: bytes, key: bytes) -> None:
    """A key with a NUL behind it is the same to HMAC (RFC 2104 pads with zeros), and to nothing else."""
    assert stun.check_integrity(data, key) == (key == KEY + b"\0")


@pytest.mark.parametrize("data", [RFC_REQUEST, RFC_RESPONSE_IPV4, RFC_RESPONSE_IPV6])
def test_truncated_or_lengthened(data: bytes) -> None:
    for length in range(len(data)):
        assert refused(data[:length]), length
    for extra in range(1, 9):
        assert refused(data + bytes(extra))


@pytest.mark.parametrize("data", [RFC_REQUEST, RFC_RESPONSE_IPV4, RFC_RESPONSE_IPV6])
def test_every_flipped_bit_is_noticed(data: bytes) -> None:
    for position in range(len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[position] ^= 1 << bit
            if refused(bytes(flipped)):
                continue
            # A changed length or type can make FINGERPRINT part of another attribute, or another attribute.
            assert not stun.parse(bytes(flipped))["has_fingerprint"]
            in_fingerprint_header = len(data) - 8 <= position < len(data) - 4
            assert stun.check_integrity(bytes(flipped), KEY) == in_fingerprint_header, position


@pytest.mark.parametrize("data", [RFC_REQUEST, RFC_RESPONSE_IPV4, RFC_RESPONSE_IPV6])
def test_every_flipped_bit_fails_integrity_without_fingerprint(data: bytes) -> None:
    bare = data[:2] + pack("!H", len(data) - 28) + data[4:-8]
    assert stun.check_integrity(bare, KEY)
    assert not stun.parse(bare)["has_fingerprint"]
    for position in range(len(bare)):
        for bit in range(8):
            flipped = bytearray(bare)
            flipped[position] ^= 1 << bit
            assert refused(bytes(flipped)) or not stun.check_integrity(bytes(flipped), KEY), position


def test_no_attributes() -> None:
    parsed = stun.parse(message(kind=INDICATION))
    assert parsed["type"] == INDICATION
    assert parsed["username"] is None
    assert parsed["integrity_offset"] == 0
    assert not stun.check_integrity(message(), KEY)
    assert not stun.check_integrity(message(), b"")


@pytest.mark.parametrize("kind", [0, 2, 3, 4, 0x0021, 0x0102, 0x0112, 0x1001, 0x4001, 0x8001, 0xC101, 0xFFFF])
def test_only_binding(kind: int) -> None:
    assert refused(message(kind=kind))


@pytest.mark.parametrize(
    "data",
    [
        message()[:4] + b"\x21\x12\xa4\x43" + message()[8:],
        pack("!HHI", REQUEST, 2, 0x2112A442) + TRANSACTION + bytes(2),
        pack("!HHI", REQUEST, 4, 0x2112A442) + TRANSACTION,
        pack("!HHI", REQUEST, 0, 0x2112A442) + TRANSACTION + bytes(4),
        message(pack("!HH", USERNAME, 8) + b"user"),  # past the end
        message(pack("!HH", 0x8022, 0xFFFF) + b"user"),
        message(
            attribute(USERNAME, b"abcd"), bytes.fromhex("00240005") + bytes(4)
        ),  # its padding past the end
        message(attribute(PRIORITY, bytes(3))),
        message(attribute(PRIORITY, bytes(5))),
        message(attribute(PRIORITY)),
        message(attribute(USE_CANDIDATE, b"\1")),
        message(attribute(ICE_CONTROLLED, bytes(4))),
        message(attribute(ICE_CONTROLLING, bytes(9))),
        message(attribute(INTEGRITY, bytes(19))),
        message(attribute(INTEGRITY, bytes(32))),
        message(attribute(FINGERPRINT, bytes(4))),
        message(attribute(FINGERPRINT)),
        message(attribute(FINGERPRINT, bytes(8))),
        message(attribute(XOR_MAPPED_ADDRESS)),
        message(attribute(XOR_MAPPED_ADDRESS, b"\0\3" + bytes(6))),
        message(attribute(XOR_MAPPED_ADDRESS, b"\0\0" + bytes(6))),
        message(attribute(XOR_MAPPED_ADDRESS, b"\0\1" + bytes(5))),
        message(attribute(XOR_MAPPED_ADDRESS, b"\0\1" + bytes(18))),
        message(attribute(XOR_MAPPED_ADDRESS, b"\0\2" + bytes(6))),
        message(attribute(XOR_MAPPED_ADDRESS, b"\0\2" + bytes(19))),
        message(attribute(ERROR_CODE, bytes(3))),
        message(attribute(ERROR_CODE, b"\0\0\2\0")),
        message(attribute(ERROR_CODE, b"\0\0\7\0")),
        message(attribute(ERROR_CODE, b"\0\0\4\x64")),
    ],
)
def test_malformed(data: bytes) -> None:
    assert refused(data)


def test_nothing_comes_after_fingerprint() -> None:
    bare = message(attribute(PRIORITY, bytes(4)))
    good = message(bare[20:], fingerprint_of(bare))
    assert stun.parse(good)["has_fingerprint"]
    # With the length that the whole message has, so that only the order is wrong.
    for follower in (attribute(0x8022, b"late"), attribute(INTEGRITY, bytes(20)), good[-8:]):
        longer = bare[:2] + pack("!H", len(bare) - 20 + 8 + len(follower)) + bare[4:]
        crc = pack("!I", zlib.crc32(longer) ^ 0x5354554E)
        assert refused(longer + attribute(FINGERPRINT, crc) + follower)
        assert refused(message(good[20:], follower))


def test_what_follows_integrity_is_ignored() -> None:
    """Also what would be malformed or unknown: it is not authenticated, so it must not matter."""
    start = message(attribute(USERNAME, b"a:b"))
    late = [
        attribute(USE_CANDIDATE),
        attribute(PRIORITY, b"x"),
        attribute(0x7F00),
        attribute(USERNAME, b"eve"),
    ]
    late += [attribute(ICE_CONTROLLING, bytes(8)), attribute(INTEGRITY, bytes(20))]
    longer = message(start[20:], integrity_of(start), *late)
    data = message(longer[20:], fingerprint_of(longer))
    parsed = stun.parse(data)
    assert parsed["username"] == b"a:b"
    assert not parsed["use_candidate"]
    assert parsed["priority"] is None
    assert parsed["role"] == stun.ROLE_NONE
    assert parsed["unknown"] == []
    assert parsed["integrity_offset"] == len(start)
    assert parsed["has_fingerprint"]
    assert stun.check_integrity(data, KEY)


def test_of_a_repeated_attribute_the_first_counts() -> None:
    parsed = stun.parse(
        message(
            attribute(USERNAME, b"first"),
            attribute(USERNAME, b"second"),
            attribute(PRIORITY, pack("!I", 1)),
            attribute(PRIORITY, pack("!I", 2)),
            attribute(ICE_CONTROLLED, pack("!Q", 1)),
            attribute(ICE_CONTROLLING, pack("!Q", 2)),
            attribute(XOR_MAPPED_ADDRESS, b"\0\1" + bytes(6)),
            attribute(XOR_MAPPED_ADDRESS, b"\0\2" + bytes(18)),
            attribute(ERROR_CODE, b"\0\0\4\x57"),
            attribute(ERROR_CODE, b"\0\0\4\0"),
        )
    )
    assert parsed["username"] == b"first"
    assert parsed["priority"] == 1
    assert (parsed["role"], parsed["tie_breaker"]) == (stun.ROLE_CONTROLLED, 1)
    assert parsed["mapped_address"] == ("33.18.164.66", 0x2112)
    assert parsed["error_code"] == 487


def test_empty_username_is_not_an_absent_one() -> None:
    assert stun.parse(message(attribute(USERNAME)))["username"] == b""


def test_unknown_attributes_that_must_be_understood() -> None:
    optional = attribute(0x8000, b"abc") + attribute(0xC057, bytes(4)) + attribute(0xFFFF)
    known = (
        attribute(0x0001, bytes(8)) + attribute(UNKNOWN_ATTRIBUTES, bytes(2)) + attribute(0x001C, bytes(32))
    )
    assert stun.parse(message(optional, known))["unknown"] == []
    kinds = [0x7FFF, 0x0002, 0x0014, 0x001E, 0x4000]
    for count in range(len(kinds) + 1):
        parsed = stun.parse(message(optional, *(attribute(kind, b"abc") for kind in kinds[:count])))
        assert parsed["unknown"] == kinds[: min(count, stun.MAX_UNKNOWN_ATTRIBUTES)]


def test_longest_message() -> None:
    room = stun.MAX_BYTES - 20 - 4
    assert stun.parse(message(attribute(0x8022, bytes(room))))["type"] == REQUEST
    assert refused(message(attribute(0x8022, bytes(room + 4))))


@given(st.sampled_from([REQUEST, INDICATION, SUCCESS, ERROR]), st.binary(max_size=540))
def test_any_body(kind: int, body: bytes) -> None:
    refused(message(body, kind=kind))


ATTRIBUTE = st.builds(
    attribute,
    st.sampled_from([1, USERNAME, INTEGRITY, ERROR_CODE, 0x20, 0x24, 0x25, FINGERPRINT, 0x8029, 0x802A]),
    st.binary(max_size=24),
)


@given(st.lists(ATTRIBUTE, max_size=10))
def test_any_attributes(attributes: list[bytes]) -> None:
    data = message(*attributes)
    if not refused(data):
        assert not stun.check_integrity(data, KEY)


@given(st.binary(max_size=600))
def test_any_bytes(data: bytes) -> None:
    refused(data)


KEYS = st.binary(min_size=1, max_size=100)
U32, U64 = st.integers(0, (1 << 32) - 1), st.integers(0, (1 << 64) - 1)
TRANSACTIONS = st.binary(min_size=12, max_size=12)
ADDRESSES = st.tuples(st.ip_addresses().map(str), st.integers(0, 65535))


def read_by_aioice(data: bytes, key: bytes) -> Any:
    """The message as aioice sees it, integrity checked."""
    parsed = aioice_stun.parse_message(data)
    assert parsed.check_message_integrity(key)
    assert not parsed.check_message_integrity(key + b"x")
    assert "FINGERPRINT" in parsed.attributes  # whose value parse_message has compared
    return parsed


def made_by_aioice(
    kind: aioice_stun.Class, transaction: bytes, attributes: dict[str, Any], key: bytes
) -> bytes:
    """A message that aioice made and signed."""
    made = aioice_stun.Message(aioice_stun.Method.BINDING, kind, transaction, attributes)
    made.add_message_integrity(key)
    return bytes(made)


@given(TRANSACTIONS, st.text(max_size=60), U32, KEYS, st.booleans(), st.integers(0, 2), U64)
def test_request_to_aioice(
    transaction: bytes, username: str, priority: int, key: bytes, nominate: bool, role: int, tie_breaker: int
) -> None:
    data = stun.build_request(transaction, username.encode(), priority, key, nominate, role, tie_breaker)
    parsed = read_by_aioice(data, key)
    assert (parsed.message_method, parsed.message_class) == (1, aioice_stun.Class.REQUEST)
    assert parsed.transaction_id == transaction
    expected: dict[str, Any] = {"USERNAME": username, "PRIORITY": priority}
    if nominate:
        expected["USE-CANDIDATE"] = None
    if role:
        expected["ICE-CONTROLLING" if role == stun.ROLE_CONTROLLING else "ICE-CONTROLLED"] = tie_breaker
    assert {
        k: v for k, v in parsed.attributes.items() if k not in ("MESSAGE-INTEGRITY", "FINGERPRINT")
    } == expected
    assert list(parsed.attributes)[-2:] == ["MESSAGE-INTEGRITY", "FINGERPRINT"]
    ours = stun.parse(data)
    assert (ours["username"], ours["priority"], ours["use_candidate"]) == (
        username.encode(),
        priority,
        nominate,
    )
    assert (ours["role"], ours["tie_breaker"]) == (role, tie_breaker if role else 0)
    assert stun.check_integrity(data, key)


@given(TRANSACTIONS, st.text(max_size=60), U32, KEYS, st.booleans(), st.booleans(), U64)
def test_request_from_aioice(
    transaction: bytes,
    username: str,
    priority: int,
    key: bytes,
    nominate: bool,
    controlling: bool,
    tie_breaker: int,
) -> None:
    attributes: dict[str, Any] = {"USERNAME": username, "PRIORITY": priority}
    attributes["ICE-CONTROLLING" if controlling else "ICE-CONTROLLED"] = tie_breaker
    if nominate:
        attributes["USE-CANDIDATE"] = None
    data = made_by_aioice(aioice_stun.Class.REQUEST, transaction, attributes, key)
    parsed = stun.parse(data)
    assert parsed["type"] == REQUEST
    assert parsed["transaction_id"] == transaction
    assert parsed["username"] == username.encode()
    assert (parsed["priority"], parsed["use_candidate"]) == (priority, nominate)
    assert parsed["role"] == (stun.ROLE_CONTROLLING if controlling else stun.ROLE_CONTROLLED)
    assert parsed["tie_breaker"] == tie_breaker
    assert stun.check_integrity(data, key)
    assert not stun.check_integrity(data, key + b"x")


@given(TRANSACTIONS, ADDRESSES, KEYS)
def test_success_to_and_from_aioice(transaction: bytes, address: tuple[str, int], key: bytes) -> None:
    data = stun.build_success(transaction, address, key)
    parsed = read_by_aioice(data, key)
    assert parsed.message_class == aioice_stun.Class.RESPONSE
    assert parsed.transaction_id == transaction
    seen, port = parsed.attributes["XOR-MAPPED-ADDRESS"]
    assert (ipaddress.ip_address(seen), port) == (ipaddress.ip_address(address[0]), address[1])
    theirs = made_by_aioice(aioice_stun.Class.RESPONSE, transaction, {"XOR-MAPPED-ADDRESS": address}, key)
    assert theirs == data
    mapped = stun.parse(theirs)["mapped_address"]
    assert mapped is not None
    assert (ipaddress.ip_address(mapped[0]), mapped[1]) == (ipaddress.ip_address(address[0]), address[1])


@pytest.mark.parametrize(
    "code, reason",
    [
        (400, "Bad Request"),
        (401, "Unauthenticated"),
        (420, "Unknown Attribute"),
        (487, "Role Conflict"),
        (300, ""),
        (699, ""),
    ],
)
def test_error_to_and_from_aioice(code: int, reason: str) -> None:
    data = stun.build_error(TRANSACTION, code, [], KEY)
    parsed = read_by_aioice(data, KEY)
    assert parsed.message_class == aioice_stun.Class.ERROR
    assert parsed.attributes["ERROR-CODE"] == (code, reason)
    theirs = made_by_aioice(aioice_stun.Class.ERROR, TRANSACTION, {"ERROR-CODE": (code, reason)}, KEY)
    assert theirs == data
    assert stun.parse(theirs)["error_code"] == code


@pytest.mark.parametrize("unknown", [[0x7FFF], [0x7FFF, 2], [1, 2, 3], [1, 2, 3, 4]])
def test_error_lists_unknown_attributes(unknown: list[int]) -> None:
    data = stun.build_error(TRANSACTION, 420, unknown, KEY)
    assert stun.parse(data)["error_code"] == 420
    assert stun.check_integrity(data, KEY)
    assert attribute(UNKNOWN_ATTRIBUTES, pack(f"!{len(unknown)}H", *unknown)) in data


def test_no_message_where_it_does_not_fit() -> None:
    def build(capacity: int) -> list[bytes]:
        return [
            stun.build_request(TRANSACTION, b"user:name", 1, KEY, True, stun.ROLE_CONTROLLING, 2, capacity),
            stun.build_success(TRANSACTION, ("192.0.2.1", 1), KEY, capacity),
            stun.build_success(TRANSACTION, ("2001:db8::1", 1), KEY, capacity),
            stun.build_error(TRANSACTION, 420, [1, 2, 3], KEY, capacity),
        ]

    full = build(stun.MAX_BYTES)
    assert all(full)
    for capacity in range(max(map(len, full)) + 1):
        assert build(capacity) == [data if len(data) <= capacity else b"" for data in full]


def test_nothing_longer_than_the_maximum_is_built() -> None:
    """What is built is what we would accept, however much room there is."""
    fixed = len(stun.build_request(TRANSACTION, b"", 1, KEY))
    longest = stun.MAX_BYTES - fixed
    data = stun.build_request(TRANSACTION, b"u" * longest, 1, KEY, capacity=2000)
    assert len(data) == stun.MAX_BYTES
    assert not refused(data)
    assert stun.build_request(TRANSACTION, b"u" * (longest + 1), 1, KEY, capacity=2000) == b""
    assert stun.build_error(TRANSACTION, 420, [1] * 300, KEY, capacity=2000) == b""
