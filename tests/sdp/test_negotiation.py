"""What the media plane is told."""

import pytest

from sfu.errors import LocalError
from sfu.sdp import AUDIO, VIDEO, Negotiation, OfferedSlot, OfferedTrack, OfferError, negotiate, parse_offer
from sfu.sdp.negotiation import MAX_TRACKS
from tests.sdp import text
from tests.sdp.golden import ALL_CODECS, NAMES, offered

_TRANSPORT_CC = "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"


def _negotiate(*sections: list[str], codecs: tuple[str, ...] = ALL_CODECS) -> Negotiation:
    mids = " ".join(line[6:] for section in sections for line in section if line.startswith("a=mid:"))
    return negotiate(parse_offer(text.joined(text.session(mids), *sections)), codecs)


def _refused(*sections: list[str], codecs: tuple[str, ...] = ALL_CODECS) -> OfferError:
    with pytest.raises(OfferError) as caught:
        _negotiate(*sections, codecs=codecs)
    return caught.value


def _golden(name: str) -> Negotiation:
    return negotiate(parse_offer(offered(name)), ALL_CODECS)


def test_chromium() -> None:
    result = _golden("chromium_publisher")
    assert (result.ufrag, result.password, result.setup) == ("KUgf", "LcFGUfXDU+ypuskCCm1ayXw3", "actpass")
    assert result.fingerprint[0] == "sha-256"
    assert result.fingerprint[1].startswith("1F:E7:4D:57:")
    assert result.tracks == (
        OfferedTrack("0", AUDIO, (), (3918252570,), (0,)),
        OfferedTrack("1", VIDEO, ("q", "h", "f"), (), ()),
    )
    assert result.slots == (
        OfferedSlot("2", VIDEO),
        OfferedSlot("3", AUDIO),
        OfferedSlot("4", VIDEO),
        OfferedSlot("5", AUDIO),
        OfferedSlot("6", AUDIO),
    )
    assert set(result.payloads) == {
        (111, 0, 0, "opaque", 48000),
        (96, 97, 1, "vp8", 90000),
        (98, 99, 2, "vp9", 90000),
        (108, 109, 3, "h264", 90000),
        (45, 46, 4, "av1", 90000),
    }
    assert result.extension_ids == {
        "audio-level": 1,
        "transport-cc": 3,
        "mid": 4,
        "playout-delay": 5,
        "color-space": 8,
        "rid": 10,
        "repaired-rid": 11,
        "dependency-descriptor": 12,
        "orientation": 13,
    }
    assert result.send_extensions == {
        "audio-level",
        "transport-cc",
        "playout-delay",
        "color-space",
        "orientation",
    }


def test_chromium_without_slots_is_sent_nothing() -> None:
    result = _golden("chromium_simple")
    assert [(track.kind, track.ssrcs, track.rtx_ssrcs) for track in result.tracks] == [
        (AUDIO, (3701370147,), (0,)),
        (VIDEO, (3279233578,), (571432617,)),
    ]
    assert result.slots == ()
    assert result.send_extensions == frozenset()


def test_firefox() -> None:
    result = _golden("firefox_publisher")
    assert result.tracks == (
        OfferedTrack("0", AUDIO, (), (923122054,), (0,)),
        OfferedTrack("1", VIDEO, ("q", "h", "f"), (), ()),
    )
    assert [slot.mid for slot in result.slots] == ["2", "3", "4", "5", "6"]
    assert set(result.payloads) == {
        (109, 0, 0, "opaque", 48000),
        (120, 124, 1, "vp8", 90000),
        (121, 125, 2, "vp9", 90000),
        (99, 100, 4, "av1", 90000),
    }
    assert result.extension_ids == {
        "audio-level": 1,
        "mid": 3,
        "playout-delay": 6,
        "transport-cc": 7,
        "dependency-descriptor": 8,
        "rid": 9,
        "repaired-rid": 10,
    }
    assert result.send_extensions == {"audio-level", "transport-cc", "playout-delay"}


def test_firefox_after_codec_preferences_publishes_vp8_alone() -> None:
    media = _golden("firefox_codec_preferences").media
    assert [codec.codec.name for codec in media[1].codecs] == ["VP8"]
    assert [codec.codec.name for codec in media[2].codecs] == ["VP8", "VP9", "AV1"]


def test_aiortc() -> None:
    result = _golden("aiortc")
    assert result.tracks == (
        OfferedTrack("0", AUDIO, (), (1063428789,), (0,)),
        OfferedTrack("1", VIDEO, (), (3208418247,), (1700913230,)),
    )
    assert set(result.payloads) == {
        (96, 0, 0, "opaque", 48000),
        (97, 98, 1, "vp8", 90000),
        (101, 102, 3, "h264", 90000),
    }
    # It has no transport-cc.
    assert result.send_extensions == {"audio-level", "abs-send-time"}


@pytest.mark.parametrize("name", NAMES)
def test_the_engine_can_take_it(name: str) -> None:
    result = _golden(name)
    numbers = [number for payload in result.payloads for number in payload[:2] if number]
    assert len(set(numbers)) == len(numbers)
    assert len(result.payloads) <= 8
    assert len(set(result.extension_ids.values())) == len(result.extension_ids)
    assert result.send_extensions <= result.extension_ids.keys()
    assert not result.send_extensions & {"mid", "rid", "repaired-rid", "dependency-descriptor"}


def test_only_what_the_room_has_in_its_order() -> None:
    result = negotiate(parse_offer(offered("chromium_publisher")), ["H264", "VP8", "opus"])
    for media in result.media:
        expected = ["H264", "VP8"] if media.offered.media == "video" else ["opus"]
        assert [accepted.codec.name for accepted in media.codecs] == expected


def test_a_kind_without_codecs_is_refused_and_its_slots_do_not_count() -> None:
    result = negotiate(parse_offer(offered("chromium_publisher")), ["opus"])
    assert [track.kind for track in result.tracks] == [AUDIO]
    assert [slot.mid for slot in result.slots] == ["3", "5", "6"]
    assert [bool(media.codecs) for media in result.media] == [True, False, False, True, False, True, True]


def test_an_m_line_without_a_codec_of_the_room_is_an_error_that_names_them() -> None:
    error = _refused(text.audio("0", "sendonly"), text.video("1", "sendonly"), codecs=("opus", "AV1", "VP9"))
    assert "offer one of AV1, VP9" in error.message
    assert error.line.value.startswith("video 9")


def test_an_unknown_codec_is_our_own_fault() -> None:
    with pytest.raises(LocalError, match="'VP10' is no codec"):
        _negotiate(text.audio("0", "sendonly"), codecs=("VP10",))


def test_sendrecv_is_a_track_and_inactive_is_neither() -> None:
    result = _negotiate(text.audio("0", "sendrecv"), text.video("1", "inactive"), text.audio("2", "recvonly"))
    assert [track.mid for track in result.tracks] == ["0"]
    assert [slot.mid for slot in result.slots] == ["2"]
    assert [media.direction for media in result.media] == ["recvonly", "inactive", "sendonly"]


def test_ssrcs_of_a_receiving_m_line_say_nothing() -> None:
    result = _negotiate(
        text.audio("0", "sendonly", "a=ssrc:7 cname:x"), text.audio("1", "recvonly", "a=ssrc:7 cname:x")
    )
    assert result.tracks[0].ssrcs == (7,)


def test_the_repairing_ssrc_is_not_the_primary_wherever_it_stands() -> None:
    lines = ("a=ssrc:6 cname:x", "a=ssrc:5 cname:x", "a=ssrc-group:FID 5 6")
    assert _negotiate(text.video("0", "sendonly", *lines)).tracks == (
        OfferedTrack("0", VIDEO, (), (5,), (6,)),
    )


def test_without_ssrc_it_is_learnt() -> None:
    assert _negotiate(text.video("0", "sendonly")).tracks == (OfferedTrack("0", VIDEO, (), (), ()),)


def test_an_ssrc_belongs_to_one_track() -> None:
    error = _refused(
        text.audio("0", "sendonly", "a=ssrc:7 cname:x"), text.video("1", "sendonly", "a=ssrc:7 cname:x")
    )
    assert "SSRC 7 is another track's" in error.message


def _vp8(mid: str, direction: str, payload_type: int, rtx: int) -> list[str]:
    return text.media(
        f"video 9 UDP/TLS/RTP/SAVPF {payload_type} {rtx}",
        mid,
        direction,
        f"a=rtpmap:{payload_type} VP8/90000",
        f"a=rtpmap:{rtx} rtx/90000",
        f"a=fmtp:{rtx} apt={payload_type}",
    )


def test_payload_types_may_differ_between_what_is_sent_and_received() -> None:
    result = _negotiate(
        _vp8("0", "sendonly", 96, 97), _vp8("1", "recvonly", 120, 124), _vp8("2", "recvonly", 120, 124)
    )
    assert result.payloads == ((120, 124, 1, "vp8", 90000), (96, 97, 1, "vp8", 90000))


def test_slots_share_a_codecs_payload_type() -> None:
    error = _refused(_vp8("0", "recvonly", 96, 97), _vp8("1", "recvonly", 120, 124))
    assert "slots use one payload type for a codec" in error.message


def test_a_payload_type_means_the_same_everywhere() -> None:
    other = text.media("video 9 UDP/TLS/RTP/SAVPF 96", "1", "sendonly", "a=rtpmap:96 VP9/90000")
    error = _refused(text.video("0", "sendonly"), other)
    assert "payload type 96 is another codec" in error.message
    assert error.line.value == "rtpmap:96 VP9/90000"
    rtx = "payload type 97 is another codec"
    assert rtx in _refused(_vp8("0", "sendonly", 96, 97), _vp8("1", "sendonly", 98, 97)).message
    assert (
        "has another RTX payload type"
        in _refused(_vp8("0", "sendonly", 96, 97), _vp8("1", "sendonly", 96, 98)).message
    )


def test_an_extension_id_means_the_same_everywhere() -> None:
    error = _refused(
        text.audio("0", "sendonly", "a=extmap:3 urn:x"), text.video("1", "sendonly", "a=extmap:3 urn:y")
    )
    assert "id 3 is another extension" in error.message
    assert error.line.value == "extmap:3 urn:y"


def test_payload_types_that_look_like_rtcp_are_not_taken() -> None:
    result = _negotiate(
        text.media(
            "video 9 UDP/TLS/RTP/SAVPF 72 96 73",
            "0",
            "sendonly",
            "a=rtpmap:72 VP8/90000",
            "a=rtpmap:73 rtx/90000",
            "a=fmtp:73 apt=96",
            "a=rtpmap:96 VP8/90000",
        )
    )
    assert result.payloads == ((96, 0, 1, "vp8", 90000),)


def test_too_many_payload_types() -> None:
    tracks = [_vp8(str(index), "sendonly", 100 + 2 * index, 101 + 2 * index) for index in range(9)]
    assert len(_negotiate(*tracks[:8]).payloads) == 8
    error = _refused(*tracks)
    assert "at most 8 payload types are taken" in error.message
    assert error.line.value == "rtpmap:116 VP8/90000"


@pytest.mark.parametrize("direction,what", [("sendonly", "tracks"), ("recvonly", "slots")])
def test_too_many_tracks_or_slots(direction: str, what: str) -> None:
    lines = [text.audio(str(index), direction) for index in range(4)]
    mids = "0 1 2 3"
    offer = parse_offer(text.joined(text.session(mids), *lines))
    assert len(getattr(negotiate(offer, ALL_CODECS, max_tracks=4, max_slots=4), what)) == 4
    with pytest.raises(OfferError, match=f"at most 2 {what} are taken, not 4") as refusal:
        negotiate(
            offer, ALL_CODECS, max_tracks=2 if what == "tracks" else 9, max_slots=2 if what == "slots" else 9
        )
    assert refusal.value.line == offer.media[2].line


def test_the_engine_takes_no_more_tracks_than_it_has_room_for() -> None:
    tracks = [text.audio(str(index), "sendonly") for index in range(MAX_TRACKS + 1)]
    assert len(_negotiate(*tracks[:-1]).tracks) == MAX_TRACKS
    assert f"at most {MAX_TRACKS} tracks" in _refused(*tracks).message


def test_the_same_extension_under_two_ids_has_the_first() -> None:
    mid = "urn:ietf:params:rtp-hdrext:sdes:mid"
    result = _negotiate(
        text.audio("0", "sendonly", f"a=extmap:4 {mid}"), text.video("1", "sendonly", f"a=extmap:5 {mid}")
    )
    assert result.extension_ids == {"mid": 4}
    assert result.media[1].extensions == ()


def test_feedback_is_what_the_server_honours() -> None:
    offered_feedback = [
        f"a=rtcp-fb:96 {name}"
        for name in ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli", "nack sli")
    ]
    result = _negotiate(
        text.video("0", "sendonly", *offered_feedback, _TRANSPORT_CC),
        text.video("1", "recvonly", *offered_feedback),
    )
    assert result.media[0].codecs[0].feedback == ("transport-cc", "ccm fir", "nack", "nack pli")
    assert result.media[1].codecs[0].feedback == ("ccm fir", "nack", "nack pli")
    nothing = _negotiate(text.video("0", "sendonly"), text.audio("1", "sendonly", "a=rtcp-fb:111 nack pli"))
    assert [media.codecs[0].feedback for media in nothing.media] == [(), ()]


def test_a_slot_answers_nacks_over_rtx_only() -> None:
    bare = text.media(
        "video 9 UDP/TLS/RTP/SAVPF 96",
        "0",
        "recvonly",
        "a=rtpmap:96 VP8/90000",
        "a=rtcp-fb:96 nack",
        "a=rtcp-fb:96 nack pli",
    )
    assert _negotiate(bare).media[0].codecs[0].feedback == ("nack pli",)


def test_the_strongest_common_digest_wins() -> None:
    sha_384 = f"a=fingerprint:SHA-384 {':'.join(['cd'] * 48)}"
    both = [*text.audio("0", "sendonly", sha_384)]
    assert _negotiate(both).fingerprint == ("sha-256", text.DIGEST)
    alone = [line for line in both if "sha-256" not in line]
    assert _negotiate(alone).fingerprint == ("sha-384", ":".join(["CD"] * 48))


def test_passwords_do_not_show() -> None:
    assert "passwordpassword" not in repr(_negotiate(text.audio("0", "sendonly")))


def test_an_offer_of_which_nothing_is_left_is_an_error() -> None:
    other = ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:1"]
    error = _refused(other, text.video("0", "sendonly"), codecs=("opus",))
    assert "nothing of it is served here: the room has opus" in error.message
    assert error.line.value.startswith("video 9")
    assert "no codecs" in _refused(text.video("0", "sendonly"), codecs=()).message


def _again(*sections: list[str], slots: tuple[OfferedSlot, ...]) -> Negotiation:
    mids = " ".join(line[6:] for section in sections for line in section if line.startswith("a=mid:"))
    return negotiate(parse_offer(text.joined(text.session(mids), *sections)), ALL_CODECS, slots)


def test_slots_keep_their_numbers_when_more_are_offered() -> None:
    before = _negotiate(
        text.audio("0", "sendonly"), text.video("1", "recvonly"), text.audio("2", "recvonly")
    ).slots
    # The track was stopped and its m-line has been used for a new slot.
    after = _again(
        text.audio("3", "recvonly"),
        text.video("1", "recvonly"),
        text.audio("2", "recvonly"),
        text.video("4", "recvonly"),
        slots=before,
    ).slots
    assert [slot.mid for slot in before] == ["1", "2"]
    assert [slot.mid for slot in after] == ["1", "2", "3", "4"]


def test_a_slot_that_goes_is_an_error() -> None:
    slots = _negotiate(text.video("0", "recvonly"), text.audio("1", "recvonly")).slots
    for second in (text.audio("1", "inactive"), text.audio("1", "sendonly"), text.audio("2", "recvonly")):
        with pytest.raises(
            OfferError, match="m-line 1 was offered as a slot: it stays, with a=recvonly"
        ) as refusal:
            _again(text.video("0", "recvonly"), second, slots=slots)
        assert refusal.value.line.value.startswith("audio 9")


def test_payload_type_0_is_no_dynamic_one() -> None:
    zero = text.media(
        "video 9 UDP/TLS/RTP/SAVPF 0 96", "0", "sendonly", "a=rtpmap:0 VP8/90000", "a=rtpmap:96 VP8/90000"
    )
    assert [payload[0] for payload in _negotiate(zero).payloads] == [96]
