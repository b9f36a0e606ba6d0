"""Whatever text comes: an answer in line with the offer, or OfferError."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sfu.sdp import Negotiation, Offer, OfferError, negotiate, parse_offer
from sfu.sdp.lexer import lex
from tests.sdp import text
from tests.sdp.golden import ALL_CODECS, NAMES, answer, offered

_OFFERS = {name: offered(name) for name in NAMES}
_LINES = sorted({line for offer in _OFFERS.values() for line in offer.splitlines()})
_ODD = (
    "",
    "0",
    "-1",
    "65536",
    "4294967296",
    "99999999999",
    "\x00",
    "\r",
    "\u2028",
    " ",
    "*",
    "~",
    ";;",
    "é",
    "\ud800",
)


def _negotiated(offer_text: str) -> tuple[Offer, Negotiation] | OfferError:
    try:
        offer = parse_offer(offer_text)
        return offer, negotiate(offer, ALL_CODECS)
    except OfferError as error:
        return error


def _served(offer_text: str) -> bool:
    """Whether the offer is served; if so its answer is held to what any answer owes to its offer."""
    served = _negotiated(offer_text)
    if isinstance(served, OfferError):
        assert served.code == "bad_offer"
        assert served.message.isprintable()
        return False
    offer, negotiation = served
    answered = answer(offer, negotiation)
    # Nothing of the offer has become a line of its own, and nothing is there that was not offered.
    assert "\n" not in answered.replace("\r\n", "")
    assert "\r" not in answered.replace("\r\n", "")
    offer_heads = [line for line in lex(offer_text) if line.type == "m"]
    heads = [line for line in lex(answered) if line.type == "m"]
    assert [head.value.split()[0] for head in heads] == [head.value.split()[0] for head in offer_heads]
    for head, offer_head in zip(heads, offer_heads, strict=True):
        assert set(head.value.split()[3:]) <= set(offer_head.value.split()[3:])
    offered_ids = {extension.id for media in offer.live for extension in media.extensions}
    assert set(negotiation.extension_ids.values()) <= offered_ids
    assert len(negotiation.payloads) <= 8
    assert "a=sendrecv\r\n" not in answered
    return True


@pytest.mark.needs_shared("vectors/corpora/sdp")
def test_the_corpus(shared: Path) -> None:
    paths = sorted(shared.iterdir())
    assert paths
    for path in paths:
        for encoding in ("utf-8", "latin-1"):
            _served(path.read_bytes().decode(encoding, "replace"))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "chromium_again"])
def test_cut_after_any_line(name: str) -> None:
    lines = _OFFERS[name].splitlines(keepends=True)
    assert not _served("".join(lines[:8]))
    for count in range(len(lines)):
        _served("".join(lines[:count]))


@pytest.mark.parametrize("name", ["aiortc", "firefox_simple"])
def test_cut_anywhere(name: str) -> None:
    for length in range(len(_OFFERS[name])):
        _served(_OFFERS[name][:length])


@pytest.mark.parametrize("name", ["aiortc", "chromium_simple", "firefox_publisher", "firefox_simple"])
def test_without_any_one_line(name: str) -> None:
    lines = _OFFERS[name].splitlines(keepends=True)
    served = sum(_served("".join(lines[:index] + lines[index + 1 :])) for index in range(len(lines)))
    assert served > len(lines) // 2


@given(st.text())
@example("v=0\nm=audio 9 UDP/TLS/RTP/SAVPF 111\n")
def test_any_text(garbage: str) -> None:
    assert not _served(garbage)
    _served("v=0\n" + garbage)


@st.composite
def _mutated(draw: st.DrawFn) -> str:
    lines = draw(st.sampled_from([*_OFFERS.values()])).splitlines()
    for _ in range(draw(st.integers(1, 6))):
        index = draw(st.integers(0, len(lines) - 1))
        change = draw(st.sampled_from(("delete", "repeat", "swap", "borrow", "cut", "field", "odd")))
        line = lines[index]
        if change == "delete" and len(lines) > 1:
            del lines[index]
        elif change == "repeat":
            lines.insert(draw(st.integers(0, len(lines))), line)
        elif change == "swap":
            other = draw(st.integers(0, len(lines) - 1))
            lines[index], lines[other] = lines[other], line
        elif change == "borrow":
            lines[index] = draw(st.sampled_from(_LINES))
        elif change == "cut":
            lines[index] = line[: draw(st.integers(0, len(line)))]
        elif change == "field":
            fields = line.split(" ")
            fields[draw(st.integers(0, len(fields) - 1))] = draw(st.sampled_from(_ODD))
            lines[index] = " ".join(fields)
        else:
            position = draw(st.integers(0, len(line)))
            lines[index] = line[:position] + draw(st.sampled_from(_ODD)) + line[position:]
    return "\r\n".join(lines) + "\r\n"


@settings(max_examples=500)
@given(_mutated())
def test_mutated_offers(mutated: str) -> None:
    _served(mutated)


_VALUES = st.one_of(
    st.sampled_from(
        ("0", "1", "96", "97", "111", "q", "send q;h;f", "BUNDLE 0 1", "96 nack pli", "4 urn:x", "FID 1 2")
    ),
    st.text(max_size=20).map(lambda value: value.replace("\n", "")),
)
_ATTRIBUTES = st.sampled_from(
    sorted(
        {line[2:].partition(":")[0] for line in _LINES if line.startswith("a=")} | {"ice-lite", "bundle-only"}
    )
)


@given(st.lists(st.tuples(_ATTRIBUTES, _VALUES), max_size=12))
def test_any_attributes(attributes: list[tuple[str, str]]) -> None:
    lines = [f"a={name}:{value}" for name, value in attributes]
    whole = (text.session("0 1"), text.audio("0", "sendonly"), text.video("1", "recvonly"))
    _served(text.joined(*whole, lines))
    _served(text.joined(whole[0], lines, *whole[1:]))
