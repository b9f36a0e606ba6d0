"""extmap lines, their directions and what is answered where."""

import pytest

from sfu.sdp.extensions import EXTENSIONS, OfferedExtension, accept_extensions, parse_extmap
from sfu.sdp.lexer import Line, OfferError

_LINE = Line(1, "a", "")
_URIS = {extension.name: extension.uri for extension in EXTENSIONS}


def _accept(
    *offered: str, is_slot: bool = False, has_rids: bool = False, allow_mixed: bool = True
) -> list[str]:
    """`4/sendonly mid` → the same, as answered."""
    lines = [
        parse_extmap(f"{one.split()[0]} {_URIS.get(one.split()[1], one.split()[1])}", _LINE)
        for one in offered
    ]
    accepted = accept_extensions(lines, is_slot=is_slot, has_rids=has_rids, allow_mixed=allow_mixed)
    return [f"{a.id}{'/' if a.suffix else ''}{a.suffix} {a.extension.name}" for a in accepted]


def test_id_direction_and_uri() -> None:
    assert parse_extmap("4 urn:x", _LINE) == OfferedExtension(4, "", "urn:x", _LINE)
    assert parse_extmap("8/sendonly urn:x a=1 b", _LINE) == OfferedExtension(8, "sendonly", "urn:x", _LINE)


@pytest.mark.parametrize("value", ["", "4", "urn:x", "0 urn:x", "4352 urn:x", "4/both urn:x", "-1 urn:x"])
def test_malformed(value: str) -> None:
    with pytest.raises(OfferError):
        parse_extmap(value, _LINE)


def test_a_suffix_is_turned_around() -> None:
    assert _accept("1/sendonly mid", "2/sendrecv audio-level") == ["1/recvonly mid", "2/sendrecv audio-level"]
    assert _accept("1/recvonly mid", is_slot=True) == ["1/sendonly mid"]


def test_what_a_suffix_forbids_is_not_answered() -> None:
    assert _accept("1/recvonly mid", "2/inactive audio-level") == []
    assert _accept("1/sendonly mid", is_slot=True) == []


def test_a_slot_gets_what_may_be_sent_and_a_track_what_is_read() -> None:
    offer = [f"{number} {name}" for number, name in enumerate(_URIS, 1) if name != "abs-send-time"]
    names = [one.split()[1] for one in offer]
    # A publisher that may not send its orientation turns the picture itself: not every receiver could.
    assert [one.split()[1] for one in _accept(*offer, has_rids=True)] == [
        n for n in names if n != "orientation"
    ]
    only_read = {"rid", "repaired-rid", "dependency-descriptor"}
    assert [one.split()[1] for one in _accept(*offer, is_slot=True)] == [
        n for n in names if n not in only_read
    ]


def test_rids_only_with_simulcast() -> None:
    offer = ("10 rid", "11 repaired-rid", "4 mid")
    assert _accept(*offer) == ["4 mid"]
    assert _accept(*offer, has_rids=True) == [*offer]


@pytest.mark.parametrize("is_slot", [False, True])
def test_abs_send_time_only_where_transport_cc_is_not(is_slot: bool) -> None:
    assert _accept("2 abs-send-time", "3 transport-cc", is_slot=is_slot) == ["3 transport-cc"]
    assert _accept("2 abs-send-time", is_slot=is_slot) == ["2 abs-send-time"]


def test_transport_cc_that_cannot_be_used_does_not_displace_abs_send_time() -> None:
    assert _accept("2 abs-send-time", "3/recvonly transport-cc") == ["2 abs-send-time"]


def test_long_elements_and_high_ids_need_mixed_blocks() -> None:
    offer = ("8 color-space", "12 dependency-descriptor", "16 playout-delay", "14 transport-cc")
    assert _accept(*offer) == [*offer]
    assert _accept(*offer, allow_mixed=False) == ["14 transport-cc"]


def test_ids_that_no_packet_can_carry_are_not_answered() -> None:
    assert _accept("15 mid", "256 audio-level", "4096 playout-delay", "255 transport-cc") == [
        "255 transport-cc"
    ]


def test_unknown_and_encrypted_extensions_are_not_answered() -> None:
    assert _accept("6 http://www.webrtc.org/experiments/rtp-hdrext/video-timing") == []
    assert _accept("9 urn:ietf:params:rtp-hdrext:encrypt") == []


def test_of_two_ids_the_first_is_answered() -> None:
    assert _accept("4 mid", "5 mid") == ["4 mid"]
