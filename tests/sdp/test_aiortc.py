"""An independent reader of SDP: aiortc offers and takes the answer, and its parser reads every golden one as meant."""

import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack, VideoStreamTrack
from aiortc.sdp import SessionDescription

from sfu.sdp import AUDIO, Candidate, build_answer, negotiate, parse_offer
from tests.sdp.golden import ALL_CODECS, CANDIDATES, NAMES, local, offered, read


@pytest.fixture
async def connection() -> AsyncIterator[RTCPeerConnection]:
    # Without a STUN server nothing leaves the machine.
    made = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    yield made
    await made.close()


async def test_offer_and_answer(connection: RTCPeerConnection) -> None:
    connection.addTransceiver(AudioStreamTrack(), direction="sendonly")
    connection.addTransceiver(VideoStreamTrack(), direction="sendonly")
    for _ in range(2):
        connection.addTransceiver("video", direction="recvonly")
        connection.addTransceiver("audio", direction="recvonly")
    received: list[MediaStreamTrack] = []
    connection.on("track", received.append)
    await connection.setLocalDescription(await connection.createOffer())

    offer = parse_offer(connection.localDescription.sdp)
    negotiation = negotiate(offer, ALL_CODECS)
    assert [track.kind for track in negotiation.tracks] == [0, 1]
    assert [slot.kind for slot in negotiation.slots] == [1, 0, 1, 0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        candidates = (Candidate("127.0.0.1", silent.getsockname()[1], "udp", 2130706431, "1"),)
        answer = build_answer(offer, negotiation, replace(local(negotiation), candidates=candidates))
        await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await connection.close()

    directions = [transceiver.currentDirection for transceiver in connection.getTransceivers()]
    assert directions == ["sendonly"] * 2 + ["recvonly"] * 4
    assert [track.kind for track in received] == ["video", "audio", "video", "audio"]


@pytest.mark.parametrize("name", NAMES)
def test_its_parser_reads_the_answers(name: str) -> None:
    negotiation = negotiate(parse_offer(offered(name)), ALL_CODECS)
    expected = local(negotiation)
    description = SessionDescription.parse(read(f"{name}.answer"))
    assert [group.semantic for group in description.group] == ["BUNDLE"]
    accepted = [media for media in description.media if media.port]
    assert [media.rtp.muxId for media in accepted] == description.group[0].items
    for media in accepted:
        assert media.ice is not None
        assert (media.ice.usernameFragment, media.ice.password) == (expected.ufrag, expected.password)
        assert media.ice.iceLite
        assert media.dtls is not None
        assert [(one.algorithm, one.value) for one in media.dtls.fingerprints] == [expected.fingerprint]
        assert media.dtls.role == "server"
        assert media.rtcp_mux
    first = accepted[0]
    assert first.ice_candidates_complete
    assert [
        (one.ip, one.port, one.protocol, one.priority, one.foundation) for one in first.ice_candidates
    ] == [(one.ip, one.port, one.protocol, one.priority, one.foundation) for one in CANDIDATES]
    by_mid = {media.rtp.muxId: media for media in accepted}
    for track in negotiation.tracks:
        assert by_mid[track.mid].direction == "recvonly"
        assert by_mid[track.mid].ssrc == []
    for slot in negotiation.slots:
        media = by_mid[slot.mid]
        ssrc, rtx_ssrc = expected.slot_ssrcs[slot.mid]
        assert media.direction == "sendonly"
        assert [one.ssrc for one in media.ssrc] == ([ssrc] if slot.kind == AUDIO else [ssrc, rtx_ssrc])
        assert {codec.payloadType for codec in media.rtp.codecs} <= {
            number for payload in negotiation.payloads for number in payload[:2] if number
        }
