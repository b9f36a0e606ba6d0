"""The answer's text, and what aiortc makes of it."""

import re
from dataclasses import replace

import pytest

from sfu.errors import LocalError
from sfu.sdp import build_answer, negotiate, parse_offer
from tests.sdp import text
from tests.sdp.golden import ALL_CODECS, NAMES, answer, local, offered, read


def _sections(sdp: str) -> list[list[str]]:
    """Session, then one list of lines for each m-line."""
    assert sdp.endswith("\r\n")
    return [part.rstrip("\r\n").split("\r\n") for part in re.split(r"(?m)^(?=m=)", sdp)]


def _answered(name: str) -> list[list[str]]:
    offer = parse_offer(offered(name))
    return _sections(answer(offer, negotiate(offer, ALL_CODECS)))


@pytest.mark.parametrize("name", NAMES)
def test_golden(name: str) -> None:
    offer = parse_offer(offered(name))
    assert answer(offer, negotiate(offer, ALL_CODECS)) == read(f"{name}.answer")


@pytest.mark.parametrize("name", NAMES)
def test_every_answer(name: str) -> None:
    session, *media = _answered(name)
    offered_media = _sections(offered(name))[1:]
    assert len(media) == len(offered_media)
    assert "a=ice-lite" in session
    accepted = [lines for lines in media if lines[0].split()[1] != "0"]
    mids = [line[6:] for lines in accepted for line in lines if line.startswith("a=mid:")]
    assert f"a=group:BUNDLE {' '.join(mids)}" in session
    assert "a=sendrecv" not in sum(media, session)
    for lines, offer_lines in zip(media, offered_media, strict=True):
        assert lines[0].split()[0] == offer_lines[0].split()[0]
        assert set(lines[0].split()[3:]) <= set(offer_lines[0].split()[3:])
        assert {line for line in lines if line.startswith("a=mid:")} == {
            line for line in offer_lines if line.startswith("a=mid:")
        }
    for lines in accepted:
        assert "a=setup:passive" in lines
        assert "a=rtcp-mux" in lines
        assert "a=ice-ufrag:srvu" in lines
        assert ("a=end-of-candidates" in lines) == (lines is accepted[0])


def test_directions_turn_around() -> None:
    directions = [
        line
        for lines in _answered("chromium_publisher")[1:]
        for line in lines
        if line in ("a=recvonly", "a=sendonly")
    ]
    assert directions == ["a=recvonly"] * 2 + ["a=sendonly"] * 5


def test_data_channels_are_refused_outside_the_bundle() -> None:
    session, *media = _answered("chromium_simple")
    assert media[2][0] == "m=application 0 UDP/DTLS/SCTP webrtc-datachannel"
    assert "a=group:BUNDLE 0 1" in session


def test_a_stopped_m_line_stays_refused() -> None:
    stopped = text.media("video 0 UDP/TLS/RTP/SAVPF 96 97", "1", "inactive", *text.VP8)
    offer = parse_offer(text.joined(text.session("0"), text.audio("0", "sendonly"), stopped))
    lines = _sections(answer(offer, negotiate(offer, ALL_CODECS)))[2]
    assert lines == ["m=video 0 UDP/TLS/RTP/SAVPF 96 97", "c=IN IP4 0.0.0.0", "a=mid:1", "a=inactive"]


def test_mixed_extension_blocks_are_allowed_where_the_offer_says_it() -> None:
    mixed = "a=extmap-allow-mixed"
    chromium, firefox, aiortc = (
        _answered(name) for name in ("chromium_publisher", "firefox_publisher", "aiortc")
    )
    assert [mixed in lines for lines in chromium] == [True] + [False] * 7
    assert [mixed in lines for lines in firefox] == [False] + [True] * 7
    assert [mixed in lines for lines in aiortc] == [False] * 5


def test_extension_directions_are_answered_in_kind() -> None:
    _, _, video, slot, *_ = _answered("firefox_publisher")
    assert [line.split()[0] for line in video if line.startswith("a=extmap:")] == [
        "a=extmap:3",
        "a=extmap:7",
        "a=extmap:8/recvonly",
        "a=extmap:9/recvonly",
        "a=extmap:10/recvonly",
    ]
    assert [line.split()[0] for line in slot if line.startswith("a=extmap:")] == [
        "a=extmap:3",
        "a=extmap:6/sendonly",
        "a=extmap:7",
    ]


def test_orphan_feedback_is_not_echoed() -> None:
    assert "a=rtcp-fb:121 nack" in offered("firefox_codec_preferences").split("m=video")[1]
    video = _answered("firefox_codec_preferences")[2]
    assert {line.split()[0] for line in video if line.startswith("a=rtcp-fb")} == {"a=rtcp-fb:120"}


@pytest.mark.parametrize("name", ["chromium_publisher", "firefox_publisher", "safari_unmeasured"])
def test_simulcast_is_taken_in_the_offers_order(name: str) -> None:
    video = _answered(name)[2]
    position = video.index("a=rid:q recv")
    assert video[position:] == ["a=rid:q recv", "a=rid:h recv", "a=rid:f recv", "a=simulcast:recv q;h;f"]


def test_a_slot_takes_no_simulcast() -> None:
    slot = text.video("0", "recvonly", "a=rid:q send", "a=rid:h send", "a=simulcast:send q;h")
    offer = parse_offer(text.joined(text.session("0"), slot))
    answered = answer(offer, negotiate(offer, ALL_CODECS))
    assert "a=rid:" not in answered
    assert "a=simulcast:" not in answered


def test_a_track_that_stops_keeps_its_layers() -> None:
    """A browser takes an answer without them for a refusal, and has one layer left when it sends again."""
    stopped = text.video(
        "0", "inactive", "a=rid:h send", "a=rid:f send", "a=simulcast:send h;f",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    )  # fmt: skip
    offer = parse_offer(text.joined(text.session("0"), stopped))
    negotiation = negotiate(offer, ALL_CODECS)
    answered = answer(offer, negotiation)
    for line in ("a=inactive", "a=rid:h recv", "a=rid:f recv", "a=simulcast:recv h;f"):
        assert f"{line}\r\n" in answered
    assert "rtp-stream-id" in answered
    assert negotiation.tracks == ()


def test_slots_have_ssrcs_and_the_pair_has_one_stream() -> None:
    media = _answered("chromium_publisher")[3:]
    streams = [next(line for line in lines if line.startswith("a=msid:")) for lines in media]
    assert streams == [
        "a=msid:slot-0 slot-0-video",
        "a=msid:slot-0 slot-0-audio",
        "a=msid:slot-1 slot-1-video",
        "a=msid:slot-1 slot-1-audio",
        "a=msid:slot-2 slot-2-audio",
    ]
    assert media[0][-3:] == [
        "a=ssrc-group:FID 1000 2000",
        "a=ssrc:1000 cname:server",
        "a=ssrc:2000 cname:server",
    ]
    assert media[1][-1] == "a=ssrc:1001 cname:server"


def test_without_rtx_in_the_offer_there_is_no_rtx_ssrc() -> None:
    bare = text.media("video 9 UDP/TLS/RTP/SAVPF 96", "0", "recvonly", text.VP8[0])
    offer = parse_offer(text.joined(text.session("0"), bare))
    assert "a=ssrc-group" not in answer(offer, negotiate(offer, ALL_CODECS))


def test_candidates_stand_in_the_first_m_line_of_the_bundle() -> None:
    candidates = [line for line in _answered("chromium_publisher")[1] if line.startswith("a=candidate:")]
    assert candidates == [
        "a=candidate:1 1 udp 2130706431 192.0.2.1 40000 typ host",
        "a=candidate:2 1 udp 2130706175 2001:db8::1 40001 typ host",
        "a=candidate:3 1 tcp 1671430143 192.0.2.1 40000 typ host tcptype passive",
    ]


def test_candidates_do_not_go_to_a_refused_m_line() -> None:
    application = ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:0"]
    offer = parse_offer(text.joined(text.session("0 1"), application, text.audio("1", "sendonly")))
    session, refused, audio = _sections(answer(offer, negotiate(offer, ALL_CODECS)))
    assert "a=group:BUNDLE 1" in session
    assert not [line for line in refused if line.startswith("a=candidate:")]
    assert "a=end-of-candidates" in audio


def test_opus_is_asked_for_without_dtx() -> None:
    for name in NAMES:
        audio = _answered(name)[1]
        assert [line.split()[1] for line in audio if line.startswith("a=fmtp:")] == [
            "minptime=10;useinbandfec=1;usedtx=0"
        ]


def test_a_slot_without_ssrc_is_our_own_fault() -> None:
    offer = parse_offer(text.joined(text.session("0"), text.audio("0", "recvonly")))
    negotiation = negotiate(offer, ALL_CODECS)
    with pytest.raises(LocalError, match="slot 0 has no SSRC"):
        build_answer(offer, negotiation, replace(local(negotiation), slot_ssrcs={}))


def test_many_slots() -> None:
    slots = [text.video(f"v{k}", "recvonly") + text.audio(f"a{k}", "recvonly") for k in range(49)]
    mids = " ".join(f"v{k} a{k}" for k in range(49))
    offer = parse_offer(text.joined(text.session(mids), *slots))
    negotiation = negotiate(offer, ALL_CODECS)
    assert len(negotiation.slots) == 98
    assert answer(offer, negotiation).count("a=sendonly\r\n") == 98


def test_neither_password_nor_address_shows() -> None:
    offer = parse_offer(offered("chromium_publisher"))
    shown = repr(local(negotiate(offer, ALL_CODECS)))
    assert "serverpassword" not in shown
    assert "192.0.2.1" not in shown
