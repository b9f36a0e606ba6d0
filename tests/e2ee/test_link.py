import base64
import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.e2ee import link
from sfu.e2ee.link import Link, LinkError
from sfu.errors import LocalError
from tests.client.vectors import VECTORS, named

SECRET = bytes(range(32))


def _fragment(secret: bytes = SECRET, version: int = 0) -> str:
    body = bytes([version, 1, 0]) + secret + bytes(16)
    return base64.urlsafe_b64encode(body + hashlib.sha256(body).digest()[:4]).rstrip(b"=").decode()


def test_link_and_room_id_name_the_same_room() -> None:
    room = link.room_of(f"https://host/#{_fragment()}")
    assert room == link.room_id(SECRET) == link.room_of(room)
    assert len(room) == 22


def test_room_id_is_hkdf_of_the_secret() -> None:
    # Written out from RFC 5869, so that a changed label or salt does not go unnoticed.
    extracted = hmac.digest(bytes(32), SECRET, "sha256")
    expanded = hmac.digest(extracted, b"sfu/0 room\x01", "sha256")[:16]
    assert link.room_id(SECRET) == base64.urlsafe_b64encode(expanded).rstrip(b"=").decode()


def test_page_and_server_do_not_change_the_room() -> None:
    room = link.room_id(SECRET)
    assert link.room_of(f"https://elsewhere/x/#{_fragment()}@sfu.example.org") == room


@given(st.integers(0, 73))
def test_cut_link_is_found(length: int) -> None:
    with pytest.raises(LocalError):
        link.room_of("https://host/#" + _fragment()[:length])


@given(st.integers(0, 439))
def test_changed_bit_is_found(bit: int) -> None:
    data = bytearray(base64.urlsafe_b64decode(_fragment() + "=="))
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(LocalError):
        link.room_of("https://host/#" + base64.urlsafe_b64encode(data).rstrip(b"=").decode())


@pytest.mark.parametrize(
    "text,expected",
    [
        ("", "a room id has"),
        ("a room", "a room id has"),
        ("r" * 129, "a room id has"),
        ("https://host/", "a room id has"),
        ("https://host/#", "incomplete"),
        ("https://host/#é", "not base64url"),
        ("https://host/#a", "not base64url"),
        (f"#{_fragment(version=1)}", "version 1"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(text: str, expected: str) -> None:
    with pytest.raises(LocalError, match=expected):
        link.room_of(text)


def test_refusal_does_not_repeat_the_secret() -> None:
    assert not _fragment().endswith("B")
    with pytest.raises(LocalError) as raised:
        link.room_of(f"https://host/#{_fragment()[:-1]}B")
    assert _fragment()[4:20] not in str(raised.value)


@pytest.mark.parametrize("vector", VECTORS["link"]["accepted"], ids=lambda vector: vector["link"][:40])
def test_link_of_the_vectors_is_read(vector: dict[str, Any]) -> None:
    parsed = Link.parse(f" {vector['link']}\n")
    assert parsed.secret.reveal().hex() == VECTORS["link"]["secret"]
    assert parsed.room_id == VECTORS["link"]["room"]
    assert parsed.server == vector["server"]


@pytest.mark.parametrize("vector", named(VECTORS["link"]["refused"]))
def test_link_of_the_vectors_is_refused_with_its_code(vector: dict[str, Any]) -> None:
    with pytest.raises(LinkError) as raised:
        Link.parse(vector["link"])
    assert raised.value.code == vector["code"]


@pytest.mark.parametrize("text", ["", "https://sfu.example.org/", "https://sfu.example.org/join"])
def test_address_without_a_secret_is_no_link(text: str) -> None:
    with pytest.raises(LinkError):
        Link.parse(text)


def test_made_link_comes_back_and_is_another_each_time() -> None:
    made = Link.make("https://page.example.org/", "sfu.example.org:8443")
    assert Link.parse(made.reveal()) == made
    assert Link.make("https://page.example.org/") != Link.make("https://page.example.org/")
    assert Link.make().server is None


def test_link_does_not_print_its_secret() -> None:
    made = Link.make("https://sfu.example.org/")
    secret = made.secret.reveal()
    for shown in (repr(made), str(made)):
        assert made.reveal().partition("#")[2][4:20] not in shown
        assert secret.hex() not in shown
        assert repr(secret)[4:20] not in shown


@pytest.mark.parametrize("page", ["", "file:///tmp/x", "https://[", "page"])
def test_page_that_names_no_server(page: str) -> None:
    assert Link.parse(f"{page}#{_fragment()}").server is None


# ---- link and key apart ----


@pytest.mark.parametrize("vector", VECTORS["apart"]["joined"], ids=lambda vector: vector["link"][-20:])
def test_link_without_key_and_its_key_make_the_whole_link(vector: dict[str, Any]) -> None:
    assert link.needs_key(f" {vector['link']}\n")
    assert not link.needs_key(vector["whole"])
    joined = Link.join(f" {vector['link']}\n", f"\t{vector['key']} ")
    assert joined.reveal() == vector["whole"]
    assert joined == Link.parse(vector["whole"])
    with pytest.raises(LinkError) as raised:
        Link.parse(vector["link"])
    assert raised.value.code == "link_apart"


@pytest.mark.parametrize("vector", named(VECTORS["apart"]["refused"]))
def test_key_of_the_vectors_is_refused_with_its_code(vector: dict[str, Any]) -> None:
    with pytest.raises(LinkError) as raised:
        Link.join(vector["link"], vector["key"])
    assert raised.value.code == vector["code"]


@given(st.integers(0, 287))
def test_key_with_a_bit_changed_does_not_fit(bit: int) -> None:
    vector = VECTORS["apart"]["joined"][0]
    data = bytearray(base64.urlsafe_b64decode(vector["key"]))
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(LinkError) as raised:
        Link.join(vector["link"], base64.urlsafe_b64encode(data).decode())
    assert raised.value.code == "key_wrong"


def test_split_link_is_whole_again_with_its_own_key_alone() -> None:
    made = Link.make("https://page.example.org/", "sfu.example.org")
    one, other = made.split(), made.split()
    assert Link.join(*one) == Link.join(*other) == made
    assert one[0] != other[0]
    assert one[1] != other[1]
    with pytest.raises(LinkError):
        Link.join(one[0], other[1])
    secret = made.secret.reveal()
    for part in (one[0].partition("#")[2].partition("@")[0], one[1]):
        data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        assert not any(secret[at : at + 4] in data for at in range(29))


def test_owner_of_a_link_is_kept() -> None:
    owned = VECTORS["link"]["accepted"][-1]["link"]
    parsed = Link.parse(owned)
    assert (parsed.reveal(), parsed.owner) == (owned, bytes(range(16)))
    assert Link.join(*parsed.split()) == parsed
