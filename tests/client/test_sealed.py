"""Profiles and chat lines against the vectors, in both directions, and mutated."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.client import chat, profile
from sfu.client.chat import ChatOpener, ChatRate, Line
from sfu.client.keys import Source
from sfu.client.numbers import LastNumbers
from sfu.client.profile import Profile, SourceState
from sfu.client.sealed import Kind, MessageCount, MessageError, open_sealed, seal
from sfu.errors import LocalError
from tests.client.vectors import VECTORS, named, room_keys

KEYS = room_keys()
SALT = bytes(range(24))
SENDER = bytes(range(16))
OWN = bytes(range(16, 32))


def _opener(own: bytes = OWN) -> ChatOpener:
    return ChatOpener(KEYS, LastNumbers(own, lambda _: False))


def _open(kind: str, data: bytes) -> object:
    return _opener().open(data) if kind == "chat" else profile.open_profile(data, KEYS)


@pytest.mark.parametrize("vector", named(VECTORS["profiles"] + VECTORS["chat"]))
def test_json_is_sealed_as_the_vectors_have_it(vector: dict[str, Any]) -> None:
    is_chat = "text" in vector["value"]
    kind, key = (Kind.CHAT, KEYS.chat) if is_chat else (Kind.PROFILE, KEYS.profile)
    json = vector["json"].encode()
    sealed = seal(kind, key, KEYS.room_id, json, bytes.fromhex(vector["salt"]))
    assert sealed.hex() == vector["sealed"]
    assert open_sealed(kind, key, KEYS.room_id, sealed) == json


@pytest.mark.parametrize("vector", named(VECTORS["profiles"]))
def test_profile_of_the_vectors_opens(vector: dict[str, Any]) -> None:
    told, opened = vector["value"], profile.open_profile(bytes.fromhex(vector["sealed"]), KEYS)
    assert profile.encode_sender(opened.sender) == told["sender"]
    assert (opened.n, opened.at_ms, opened.name, opened.recording) == (
        told["n"], told["at"], told["name"], told["recording"]
    )  # fmt: skip
    sources = [{"kid": f"{s.kid:016x}", "kind": s.source, "muted": s.muted} for s in opened.sources]
    assert sources == told["sources"]


def test_profile_comes_back() -> None:
    sources = tuple(SourceState(kid, source, muted=kid == 2) for kid, source in enumerate(Source))
    sent = Profile(SENDER, 3, 12345, "Ana \U0001f3a7", sources, recording=True)
    assert profile.open_profile(profile.seal_profile(sent, KEYS, SALT), KEYS) == sent


@pytest.mark.parametrize("vector", named(VECTORS["profiles_invalid"]))
def test_bad_profile_is_dropped_under_its_name(vector: dict[str, Any]) -> None:
    with pytest.raises(MessageError) as raised:
        profile.open_profile(bytes.fromhex(vector["sealed"]), KEYS)
    assert raised.value.count == vector["count"]


@pytest.mark.parametrize("vector", named(VECTORS["chat_invalid"]))
def test_bad_line_is_dropped_under_its_name(vector: dict[str, Any]) -> None:
    with pytest.raises(MessageError) as raised:
        _opener().open(bytes.fromhex(vector["sealed"]))
    assert raised.value.count == vector["count"]


def test_lines_of_the_vectors_come_in_order_once() -> None:
    opener = _opener()
    for vector in VECTORS["chat"]:
        line = opener.open(bytes.fromhex(vector["sealed"]))
        assert (line.n, line.text, line.missing) == (vector["value"]["n"], vector["value"]["text"], 0)
    for vector in VECTORS["chat"]:
        with pytest.raises(MessageError) as raised:
            opener.open(bytes.fromhex(vector["sealed"]))
        assert raised.value.count is MessageCount.REPLAYED


def test_own_line_brought_back_is_a_replay() -> None:
    line = chat.seal_line(Line(OWN, 1, 0, "mine"), KEYS, SALT)
    with pytest.raises(MessageError) as raised:
        _opener().open(line)
    assert raised.value.count is MessageCount.REPLAYED
    assert _opener(SENDER).open(line).text == "mine"


def test_gap_is_told_and_newcomers_miss_nothing() -> None:
    opener = _opener()
    lines = [chat.seal_line(Line(SENDER, n, 0, f"line {n}"), KEYS, SALT) for n in (5, 6, 9)]
    assert [opener.open(line).missing for line in lines] == [0, 0, 2]


@given(st.sampled_from(["profiles", "chat"]), st.data())
def test_mutated_message_does_not_open(kind: str, data: st.DataObject) -> None:
    sealed = bytearray.fromhex(VECTORS[kind][0]["sealed"])
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(MessageError):
        _open(kind, bytes(sealed))


@pytest.mark.parametrize("kind", ["profiles", "chat"])
def test_message_cut_anywhere_does_not_open(kind: str) -> None:
    sealed = bytes.fromhex(VECTORS[kind][0]["sealed"])
    for end in range(len(sealed)):
        with pytest.raises(MessageError) as raised:
            _open(kind, sealed[:end])
        assert raised.value.count is MessageCount.FORGED


def test_size_tells_little() -> None:
    sizes = {len(chat.seal_line(Line(SENDER, 1, 0, "x" * length), KEYS, SALT)) for length in range(1, 120)}
    assert len(sizes) == 1


def test_longest_line_and_profile_fit() -> None:
    chat.seal_line(Line(SENDER, profile.SAFE_INTEGER, profile.SAFE_INTEGER, "\U0001f3a7" * 2000), KEYS, SALT)
    sources = tuple(SourceState(kid, Source.SCREEN_AUDIO) for kid in range(8))
    sent = Profile(SENDER, profile.SAFE_INTEGER, profile.SAFE_INTEGER, "\U0001f3a7" * 64, sources)
    profile.seal_profile(sent, KEYS, SALT)
    with pytest.raises(LocalError, match="too long"):
        seal(Kind.PROFILE, KEYS.profile, KEYS.room_id, bytes(3839), SALT)
    with pytest.raises(LocalError, match="too long"):
        seal(Kind.CHAT, KEYS.chat, KEYS.room_id, bytes(70_000), SALT)


@pytest.mark.parametrize("name", ["x" * 65, "a\nb", "\u202eb"])
def test_bad_name_is_refused_before_it_is_sent(name: str) -> None:
    with pytest.raises(LocalError):
        profile.check_name(name)


@pytest.mark.parametrize("text", ["", "x" * 2001, "a\rb"])
def test_bad_line_is_refused_before_it_is_sent(text: str) -> None:
    with pytest.raises(LocalError):
        chat.check_text(text)


def test_rate_is_a_burst_and_then_five_a_second() -> None:
    rate = ChatRate()
    assert [rate.take(0) for _ in range(20)] == [0] * 20
    wait_us = rate.take(0)
    assert 0 < wait_us <= 200_001
    assert rate.take(wait_us) == 0
    sent = sum(rate.take(wait_us + ms * 1000) == 0 for ms in range(10_000))
    assert sent in {49, 50}
