"""rid and simulcast lines."""

import pytest

from sfu.sdp.lexer import Line, OfferError
from sfu.sdp.simulcast import answer_lines, described_rids, parse_rid, parse_simulcast

_LINE = Line(1, "a", "")


@pytest.mark.parametrize(
    "value, rids",
    [
        ("send q;h;f", ("q", "h", "f")),
        ("send 1;2", ("1", "2")),
        ("send q", ("q",)),
        ("send q,x;~h;~f,y", ("q", "h", "f")),
        ("recv a;b", ()),
        ("recv a send q;h", ("q", "h")),
        ("send q;h recv a", ("q", "h")),
    ],
)
def test_rids_to_be_sent_in_the_offers_order(value: str, rids: tuple[str, ...]) -> None:
    assert parse_simulcast(value, _LINE) == rids


@pytest.mark.parametrize(
    "value, problem",
    [
        ("", "direction and rids"),
        ("send", "direction and rids"),
        ("send q h f", "direction and rids"),
        ("both q;h", "direction and rids"),
        ("send q;;f", "1 to 16"),
        ("send q;h!", "1 to 16"),
        ("send rid=q;h", "1 to 16"),
        (f"send {'q' * 17}", "1 to 16"),
        ("send q;h;f;g", "at most 3 rids are taken, not 4"),
        ("send q;h;q", "stands once"),
    ],
)
def test_malformed_simulcast(value: str, problem: str) -> None:
    with pytest.raises(OfferError, match=problem):
        parse_simulcast(value, _LINE)


def test_rids() -> None:
    assert parse_rid("q send", _LINE) == ("q", "send")
    assert parse_rid("hi recv pt=96,97;max-width=1280", _LINE) == ("hi", "recv")


@pytest.mark.parametrize("value", ["", "q", "q sendonly", "q! send", f"{'q' * 17} send", "ü send"])
def test_malformed_rids(value: str) -> None:
    with pytest.raises(OfferError, match="a=rid:q send"):
        parse_rid(value, _LINE)


def test_a_rid_without_description_is_not_there() -> None:
    assert described_rids(("q", "h", "f"), [("f", "send"), ("q", "send"), ("h", "recv")]) == ("q", "f")


def test_the_answer_keeps_the_order() -> None:
    assert answer_lines(("q", "h")) == ["a=rid:q recv", "a=rid:h recv", "a=simulcast:recv q;h"]
    assert answer_lines(()) == []
