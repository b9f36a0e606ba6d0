"""What an offer says, in whatever order, and the errors that name a line."""

import pytest

from sfu.sdp import OfferError, parse_offer
from sfu.sdp.offer import MAX_EXTENSIONS, MAX_MEDIA, MAX_SSRCS
from tests.sdp import text


def _refused(offer: str) -> OfferError:
    with pytest.raises(OfferError) as caught:
        parse_offer(offer)
    return caught.value


def _pair(*lines: str) -> str:
    return text.joined(text.session("0 1"), text.audio("0", "sendonly"), text.video("1", "sendonly", *lines))


def test_order_within_an_m_line_means_nothing() -> None:
    lines = text.video(
        "1",
        "sendonly",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=rtcp-fb:96 nack",
        "a=ssrc-group:FID 5 6",
        "a=ssrc:5 cname:x",
        "a=ssrc:6 cname:x",
        "a=rid:q send",
        "a=rid:h send",
        "a=simulcast:send q;h",
        "a=extmap-allow-mixed",
    )
    straight = parse_offer(text.joined(text.session("1"), lines)).media[0]
    alphabetical = parse_offer(text.joined(text.session("1"), [lines[0], *sorted(lines[1:])])).media[0]
    assert straight.rids == alphabetical.rids == ("q", "h")
    assert straight.fmtps == alphabetical.fmtps == {97: "apt=96"}
    assert straight.rtpmaps.keys() == alphabetical.rtpmaps.keys() == {96, 97}
    assert straight.feedback == alphabetical.feedback == {96: {"nack"}, 97: set()}
    assert straight.rtx_ssrcs == alphabetical.rtx_ssrcs == {5: 6}
    assert (
        (straight.ssrcs, straight.allow_mixed)
        == (alphabetical.ssrcs, alphabetical.allow_mixed)
        == ((5, 6), True)
    )


def test_lines_about_payload_types_that_are_not_listed_are_dropped() -> None:
    media = parse_offer(
        _pair("a=rtpmap:98 VP9/90000", "a=fmtp:98 profile-id=0", "a=rtcp-fb:98 nack pli")
    ).media[1]
    assert 98 not in {*media.rtpmaps, *media.fmtps, *media.feedback}


def test_feedback_for_all_payload_types() -> None:
    media = parse_offer(_pair("a=rtcp-fb:* nack pli", "a=rtcp-fb:96  ccm  fir")).media[1]
    assert media.feedback == {96: {"nack pli", "ccm fir"}, 97: {"nack pli"}}


def test_the_session_speaks_for_m_lines_that_say_nothing() -> None:
    head = text.media("audio 9 UDP/TLS/RTP/SAVPF 111", "0", "sendonly", *text.OPUS, association=())
    offer = parse_offer(text.joined(text.session("0", *text.ASSOCIATION), head))
    assert offer.association.ufrag == "Ufra"
    assert f"a=ice-pwd:{offer.association.password}" in text.ASSOCIATION
    assert offer.association.fingerprints == {"sha-256": text.DIGEST}
    assert offer.association.setup == "actpass"


def test_user_name_fragment_and_password_come_from_the_same_place() -> None:
    half = text.media(
        "audio 9 UDP/TLS/RTP/SAVPF 111",
        "0",
        "sendonly",
        "a=ice-pwd:otherotherotherotherother",
        association=(),
    )
    assert "are needed" in _refused(text.joined(text.session("0", *text.ASSOCIATION), half)).message


def test_the_first_live_m_line_of_the_bundle_speaks_for_all() -> None:
    other = ["a=ice-ufrag:Othr", "a=ice-pwd:otherotherotherotherother", *text.ASSOCIATION[2:]]
    application = ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:0", "a=ice-ufrag:Data"]
    audio = text.media("audio 9 UDP/TLS/RTP/SAVPF 111", "1", "sendonly", *text.OPUS, association=other)
    offer = parse_offer(text.joined(text.session("0 2 1"), application, audio, text.video("2", "sendonly")))
    assert offer.association.ufrag == "Ufra"
    assert [media.mid for media in offer.live] == ["1", "2"]


def test_bundle_only_with_port_0_is_live_and_port_0_alone_is_not() -> None:
    bundled = text.media("audio 0 UDP/TLS/RTP/SAVPF 111", "1", "recvonly", *text.OPUS, "a=bundle-only")
    stopped = text.media("audio 0 UDP/TLS/RTP/SAVPF 111", "2", "inactive", *text.OPUS)
    offer = parse_offer(text.joined(text.session("0 1"), text.audio("0", "sendonly"), bundled, stopped))
    assert [media.mid for media in offer.live] == ["0", "1"]


def test_without_direction_the_sessions_holds_and_then_sendrecv() -> None:
    undirected = [line for line in text.audio("0", "sendonly") if line != "a=sendonly"]
    assert parse_offer(text.joined(text.session("0"), undirected)).media[0].direction == "sendrecv"
    assert (
        parse_offer(text.joined(text.session("0", "a=inactive"), undirected)).media[0].direction == "inactive"
    )


def test_passwords_do_not_show() -> None:
    assert "passwordpassword" not in repr(parse_offer(_pair()))


@pytest.mark.parametrize(
    "line, problem",
    [
        ("a=ice-ufrag:abc", "4 to 32"),
        ("a=ice-ufrag:" + "a" * 33, "4 to 32"),
        ("a=ice-ufrag:ab cd", "4 to 32"),
        ("a=ice-pwd:" + "a" * 21, "22 to 64"),
        ("a=ice-pwd:" + "a" * 65, "22 to 64"),
        ("a=ice-lite", "the client is a full agent"),
        ("a=fingerprint:sha-256 AB:CD", "32 bytes"),
        ("a=fingerprint:sha-256 " + "A:BB" * 24, "32 bytes"),
        ("a=fingerprint:sha-512 " + text.DIGEST, "64 bytes"),
        ("a=setup:both", "actpass or active"),
        ("a=mid:", "1 to 16"),
        ("a=mid:" + "m" * 17, "1 to 16"),
        ("a=mid:a b", "without spaces"),
        ("a=mid:0", "another m-line's"),
        ("a=rtpmap:96", "a=rtpmap:96 VP8/90000"),
        ("a=rtpmap:96 VP8", "a=rtpmap:96 VP8/90000"),
        ("a=rtpmap:96 /90000", "a=rtpmap:96 VP8/90000"),
        ("a=rtpmap:128 VP8/90000", "0 to 127"),
        ("a=rtpmap:96 V P8/90000", "without spaces"),
        ("a=rtpmap:96 VP8/x", "a clock rate is a number"),
        ("a=rtpmap:96 opus/48000/0", "channels is a number from 1"),
        ("a=fmtp:x y", "0 to 127"),
        ("a=rtcp-fb:x nack", "0 to 127"),
        ("a=extmap:0 urn:x", "from 1 to 4351"),
        ("a=ssrc:", "an SSRC"),
        ("a=ssrc:0 cname:x", "an SSRC"),
        ("a=ssrc:4294967296 cname:x", "an SSRC"),
        ("a=ssrc-group:FID 1", "FID group names"),
        ("a=ssrc-group:FID 1 2 3", "FID group names"),
        ("a=ssrc-group:FID 1 1", "FID group names"),
        ("a=ssrc-group:SIM 1 2 3", "simulcast goes by rid"),
        ("a=rid:q", "a=rid:q send"),
        ("a=simulcast:send q;h;f;x", "at most 3 rids"),
    ],
)
def test_an_error_names_the_line(line: str, problem: str) -> None:
    offer = _pair(line)
    error = _refused(offer)
    assert problem in error.message
    if "another" not in problem:
        assert error.line.number == len(offer.splitlines())
        assert f"a={error.line.value}" == line


@pytest.mark.parametrize(
    "head, problem",
    [
        ("video 9 UDP/TLS/RTP/SAVPF", "media, port, protocol and formats"),
        ("video x UDP/TLS/RTP/SAVPF 96", "the port is a number"),
        ("video 65536 UDP/TLS/RTP/SAVPF 96", "the port is a number"),
        ("video 9 UDP/TLS/RTP/SAVPF 128", "a payload type is a number"),
        ("video 9 UDP/TLS/RTP/SAVPF VP8", "a payload type is a number"),
        ("video 9 RTP/AVP 96", "UDP/TLS/RTP/SAVPF"),
        ("video 9 RTP/SAVPF 96", "UDP/TLS/RTP/SAVPF"),
        ("video 9 UDP/TLS/RTP/SAVP 96", "UDP/TLS/RTP/SAVPF"),
        ("vid@eo 9 UDP/TLS/RTP/SAVPF 96", "each field"),
    ],
)
def test_an_error_names_the_m_line(head: str, problem: str) -> None:
    error = _refused(
        text.joined(text.session("0 1"), text.audio("0", "sendonly"), text.media(head, "1", "sendonly"))
    )
    assert problem in error.message
    assert error.line.value == head


@pytest.mark.parametrize(
    "missing, problem",
    [
        ("a=mid:", "each m-line has a name"),
        ("a=ice-ufrag:", "a=ice-ufrag and a=ice-pwd are needed"),
        ("a=ice-pwd:", "a=ice-ufrag and a=ice-pwd are needed"),
        ("a=fingerprint:", "a=fingerprint is needed"),
        ("a=setup:", "a=setup:actpass or a=setup:active"),
        ("a=rtcp-mux", "a=rtcp-mux is needed"),
        ("a=group:", "a=group:BUNDLE names every mid, also 0"),
    ],
)
def test_what_is_missing_is_named_with_its_m_line(missing: str, problem: str) -> None:
    lines = [*text.session("0"), *text.audio("0", "sendonly")]
    error = _refused(text.joined([line for line in lines if not line.startswith(missing)]))
    assert problem in error.message
    assert error.line.type == "m"


@pytest.mark.parametrize("setup", ["passive", "holdconn"])
def test_the_client_begins_the_handshake(setup: str) -> None:
    error = _refused(_pair().replace("a=setup:actpass", f"a=setup:{setup}"))
    assert "a=setup:actpass or a=setup:active" in error.message
    assert error.line.value == f"setup:{setup}"
    assert parse_offer(_pair().replace("a=setup:actpass", "a=setup:active")).association.setup == "active"


def test_the_sessions_line_is_named_where_it_is_the_one() -> None:
    lines = [line.replace("actpass", "passive") for line in text.ASSOCIATION]
    head = text.media("audio 9 UDP/TLS/RTP/SAVPF 111", "0", "sendonly", association=())
    error = _refused(text.joined(text.session("0", *lines), head))
    assert (error.line.number, error.line.value) == (9, "setup:passive")


def test_weak_digests_do_not_count() -> None:
    weak = f"a=fingerprint:sha-1 {text.DIGEST[: 20 * 3 - 1]}"
    assert "one of sha-256" in _refused(_pair().replace(text.ASSOCIATION[2], weak)).message


def test_every_live_mid_is_in_the_bundle() -> None:
    error = _refused(_pair().replace("BUNDLE 0 1", "BUNDLE 0"))
    assert "names every mid, also 1" in error.message
    assert error.line.value == "group:BUNDLE 0"


@pytest.mark.parametrize(
    "sections",
    [
        [],
        [["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:0"]],
        [text.media("audio 0 UDP/TLS/RTP/SAVPF 111", "0", "inactive", *text.OPUS)],
    ],
)
def test_something_has_to_be_served(sections: list[list[str]]) -> None:
    assert "no m-line of audio or video" in _refused(text.joined(text.session("0"), *sections)).message


def test_bounds() -> None:
    application = ["m=application 0 UDP/DTLS/SCTP webrtc-datachannel"]
    most = text.joined(text.session("0"), text.audio("0", "sendonly"), *[application] * (MAX_MEDIA - 1))
    assert len(parse_offer(most).media) == MAX_MEDIA
    assert f"at most {MAX_MEDIA} m-lines" in _refused(most + text.joined(application)).message
    ssrcs = [f"a=ssrc:{ssrc} cname:x" for ssrc in range(1, MAX_SSRCS + 2)]
    assert len(parse_offer(_pair(*ssrcs[:-1])).media[1].ssrcs) == MAX_SSRCS
    assert f"at most {MAX_SSRCS} SSRCs" in _refused(_pair(*ssrcs)).message
    extensions = [f"a=extmap:{number} urn:x:{number}" for number in range(1, MAX_EXTENSIONS + 2)]
    assert len(parse_offer(_pair(*extensions[:-1])).media[1].extensions) == MAX_EXTENSIONS
    assert f"at most {MAX_EXTENSIONS} extensions" in _refused(_pair(*extensions)).message
