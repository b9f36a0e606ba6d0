"""aiortc as a client of MediaPlane without signalling: its offer is read with its own parser and answered by hand, with
just what one test needs.
"""

from dataclasses import dataclass

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import MediaDescription, SessionDescription

from sfu.media.certificate import Certificate
from sfu.media.transport import Transport

KINDS = ("audio", "video")
EXTENSIONS = {
    "urn:ietf:params:rtp-hdrext:sdes:mid": "mid",
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level": "audio-level",
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time": "abs-send-time",
}


@dataclass(frozen=True)
class Track:
    mid: str
    kind: int
    ssrcs: tuple[int, ...]
    rids: tuple[str, ...] = ()
    rtx_ssrcs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Slot:
    mid: str
    kind: int


@dataclass(frozen=True)
class Negotiation:
    ufrag: str
    fingerprint: tuple[str, str]
    tracks: tuple[Track, ...]
    slots: tuple[Slot, ...]
    payloads: tuple[tuple[int, int, int, str, int], ...]
    extension_ids: dict[str, int]
    send_extensions: frozenset[str]


def _number(value: int | str | None) -> int:
    assert isinstance(value, int)
    return value


def _payload_type(media: MediaDescription, name: str) -> int:
    return next(_number(codec.payloadType) for codec in media.rtp.codecs if codec.mimeType.lower() == name)


def _rtx_of(media: MediaDescription, payload_type: int) -> int:
    repairs = [c for c in media.rtp.codecs if c.name == "rtx" and c.parameters.get("apt") == payload_type]
    return _number(repairs[0].payloadType) if repairs else 0


def read_offer(text: str) -> Negotiation:
    session = SessionDescription.parse(text)
    tracks, slots, payloads, extensions = [], [], {}, {}
    for media in session.media:
        kind = KINDS.index(media.kind)
        if media.direction in {"sendonly", "sendrecv"}:
            repairs = [_number(g.items[1]) for g in media.ssrc_group if g.semantic == "FID"]
            ssrcs = tuple(entry.ssrc for entry in media.ssrc if entry.ssrc not in repairs)
            tracks.append(Track(media.rtp.muxId, kind, ssrcs, rtx_ssrcs=tuple(repairs)))
        else:
            slots.append(Slot(media.rtp.muxId, kind))
        if kind == 0:
            payloads[kind] = (_payload_type(media, "audio/opus"), 0, 0, "opaque", 48000)
        else:
            vp8 = _payload_type(media, "video/vp8")
            payloads[kind] = (vp8, _rtx_of(media, vp8), 1, "vp8", 90000)
        for extension in media.rtp.headerExtensions:
            if extension.uri in EXTENSIONS:
                extensions[EXTENSIONS[extension.uri]] = extension.id
    first = session.media[0]
    assert first.dtls
    assert first.ice
    fingerprint = next(f for f in first.dtls.fingerprints if f.algorithm == "sha-256")
    assert first.ice.usernameFragment
    return Negotiation(
        ufrag=first.ice.usernameFragment,
        fingerprint=(fingerprint.algorithm, fingerprint.value),
        tracks=tuple(tracks),
        slots=tuple(slots),
        payloads=tuple(payloads[kind] for kind in sorted(payloads)),
        extension_ids=extensions,
        send_extensions=frozenset({"abs-send-time", "audio-level"} & set(extensions)),
    )


def write_answer(
    offer: str,
    negotiation: Negotiation,
    transport: Transport,
    ssrcs: dict[str, tuple[int, int]],
    certificate: Certificate,
    protocol: str,
) -> str:
    session = SessionDescription.parse(offer)
    mids = " ".join(media.rtp.muxId for media in session.media)
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {mids}", "a=ice-lite"]
    by_kind = {0 if payload[3] == "opaque" else 1: payload for payload in negotiation.payloads}
    for media in session.media:
        kind = KINDS.index(media.kind)
        payload_type, rtx, *_ = by_kind[kind]
        types = f"{payload_type} {rtx}" if rtx else f"{payload_type}"
        lines += [
            f"m={media.kind} 9 UDP/TLS/RTP/SAVPF {types}",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{media.rtp.muxId}",
            "a=rtcp-mux",
            "a=setup:passive",
            f"a=ice-ufrag:{transport.ufrag}",
            f"a=ice-pwd:{transport.password}",
            "a=fingerprint:{} {}".format(*certificate.fingerprint),
            "a=rtpmap:" + (f"{payload_type} opus/48000/2" if kind == 0 else f"{payload_type} VP8/90000"),
        ]
        if kind == 1:
            lines += [f"a=rtcp-fb:{payload_type} nack", f"a=rtcp-fb:{payload_type} nack pli"]
        if rtx:
            lines += [f"a=rtpmap:{rtx} rtx/90000", f"a=fmtp:{rtx} apt={payload_type}"]
        lines += [
            f"a=extmap:{extension.id} {extension.uri}"
            for extension in media.rtp.headerExtensions
            if extension.uri in EXTENSIONS
        ]
        if media.rtp.muxId in ssrcs:
            ssrc, rtx_ssrc = ssrcs[media.rtp.muxId]
            lines += ["a=sendonly", f"a=msid:{transport.cname} {media.rtp.muxId}"]
            lines += [f"a=ssrc-group:FID {ssrc} {rtx_ssrc}"] if rtx_ssrc else []
            lines += [f"a=ssrc:{each} cname:{transport.cname}" for each in (ssrc, rtx_ssrc) if each]
        else:
            lines.append("a=recvonly")
        for c in transport.candidates:
            if c.protocol == protocol:
                kind_of_tcp = " tcptype passive" if protocol == "tcp" else ""
                lines.append(
                    f"a=candidate:{c.foundation} 1 {c.protocol} {c.priority} {c.ip} {c.port} typ host{kind_of_tcp}"
                )
        lines.append("a=end-of-candidates")
    return "\r\n".join(lines) + "\r\n"


async def make_offer(peer: RTCPeerConnection) -> str:
    await peer.setLocalDescription(await peer.createOffer())
    return str(peer.localDescription.sdp)


async def take_answer(peer: RTCPeerConnection, answer: str) -> None:
    await peer.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))
