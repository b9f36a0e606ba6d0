"""The answer, as text: ICE-lite, one bundle, passive DTLS, and for each slot the SSRCs that it will have for good."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Literal

from sfu.errors import LocalError
from sfu.sdp import simulcast
from sfu.sdp.negotiation import AcceptedCodec, AnsweredMedia, Negotiation
from sfu.sdp.offer import Offer


@dataclass(frozen=True, slots=True)
class Candidate:
    """A host candidate (RFC 8839 section 5.1); over TCP it is passive (RFC 6544 section 4.5)."""

    ip: str = field(repr=False)
    port: int
    protocol: Literal["udp", "tcp"]
    priority: int
    foundation: str


@dataclass(frozen=True, slots=True)
class Local:
    """The server's side of a transport. `slot_ssrcs`: mid of a slot → its SSRC and RTX SSRC, 0 for none."""

    ufrag: str
    password: str = field(repr=False)
    fingerprint: tuple[str, str]  # algorithm and digest of the server's certificate
    candidates: tuple[Candidate, ...]
    slot_ssrcs: Mapping[str, tuple[int, int]]
    cname: str
    session_id: int
    session_version: int


def build_answer(offer: Offer, negotiation: Negotiation, local: Local) -> str:
    """The answer to `offer`. LocalError where `local` has no SSRC for a slot."""
    bundle = [media.offered.mid for media in negotiation.media if media.codecs]
    lines = [
        "v=0",
        f"o=- {local.session_id} {local.session_version} IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        f"a=group:BUNDLE {' '.join(bundle)}",
        *(["a=extmap-allow-mixed"] if offer.allow_mixed else []),
        "a=msid-semantic: WMS *",
    ]
    # Slot k of video and slot k of audio hold the same person: the same stream, so that they are played in sync.
    numbers = {0: count(), 1: count()}
    slots = {slot.mid: f"slot-{next(numbers[slot.kind])}" for slot in negotiation.slots}
    for media in negotiation.media:
        if not media.codecs:
            lines += _refused(media)
            continue
        lines += _head(media)
        if stream := slots.get(media.offered.mid):
            lines.append(f"a=msid:{stream} {stream}-{media.offered.media}")
        lines += _association(local, is_tagged=media.offered.mid == bundle[0])
        lines += _rtp(media)
        # Of a track that has stopped too: a browser keeps no layers that an answer leaves out.
        lines += simulcast.answer_lines(media.offered.rids if media.direction != "sendonly" else ())
        if stream:
            lines += _ssrcs(media, local)
    return "\r\n".join(lines) + "\r\n"


def _refused(media: AnsweredMedia) -> list[str]:
    offered = media.offered
    return [
        f"m={offered.media} 0 {offered.protocol} {' '.join(offered.formats)}",
        "c=IN IP4 0.0.0.0",
        *([f"a=mid:{offered.mid}"] if offered.mid else []),
        "a=inactive",
    ]


def _head(media: AnsweredMedia) -> list[str]:
    offered = media.offered
    payload_types: list[int] = []
    for codec in media.codecs:
        payload_types += (
            [codec.payload_type, codec.rtx_payload_type] if codec.rtx_payload_type else [codec.payload_type]
        )
    # Port 9 (discard): where to send is what the candidates say.
    return [
        f"m={offered.media} 9 {offered.protocol} {' '.join(map(str, payload_types))}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{offered.mid}",
        f"a={media.direction}",
    ]


def _association(local: Local, *, is_tagged: bool) -> list[str]:
    # On every m-line, though one would do: aiortc takes credentials from each.
    lines = [
        f"a=ice-ufrag:{local.ufrag}",
        f"a=ice-pwd:{local.password}",
        f"a=fingerprint:{' '.join(local.fingerprint)}",
        "a=setup:passive",
    ]
    if is_tagged:
        lines += [_candidate(candidate) for candidate in local.candidates]
        lines.append("a=end-of-candidates")
    return lines


def _candidate(candidate: Candidate) -> str:
    line = (
        f"a=candidate:{candidate.foundation} 1 {candidate.protocol} {candidate.priority} "
        f"{candidate.ip} {candidate.port} typ host"
    )
    return f"{line} tcptype passive" if candidate.protocol == "tcp" else line


def _rtp(media: AnsweredMedia) -> list[str]:
    lines = ["a=rtcp-mux"]
    if media.offered.rtcp_rsize:
        lines.append("a=rtcp-rsize")
    if media.offered.allow_mixed:
        lines.append("a=extmap-allow-mixed")
    for accepted in media.extensions:
        suffix = f"/{accepted.suffix}" if accepted.suffix else ""
        lines.append(f"a=extmap:{accepted.id}{suffix} {accepted.extension.uri}")
    for codec in media.codecs:
        lines += _codec(codec)
    return lines


def _codec(accepted: AcceptedCodec) -> list[str]:
    codec, payload_type = accepted.codec, accepted.payload_type
    channels = f"/{codec.channels}" if codec.channels > 1 else ""
    lines = [f"a=rtpmap:{payload_type} {codec.name}/{codec.clock_rate}{channels}"]
    lines += [f"a=rtcp-fb:{payload_type} {feedback}" for feedback in accepted.feedback]
    if accepted.fmtp:
        lines.append(f"a=fmtp:{payload_type} {accepted.fmtp}")
    if rtx := accepted.rtx_payload_type:
        lines += [f"a=rtpmap:{rtx} rtx/{codec.clock_rate}", f"a=fmtp:{rtx} apt={payload_type}"]
    return lines


def _ssrcs(media: AnsweredMedia, local: Local) -> list[str]:
    mid = media.offered.mid
    if mid not in local.slot_ssrcs:
        raise LocalError(f"slot {mid} has no SSRC")
    ssrc, rtx_ssrc = local.slot_ssrcs[mid]
    if not rtx_ssrc or not any(codec.rtx_payload_type for codec in media.codecs):
        return [f"a=ssrc:{ssrc} cname:{local.cname}"]
    return [
        f"a=ssrc-group:FID {ssrc} {rtx_ssrc}",
        f"a=ssrc:{ssrc} cname:{local.cname}",
        f"a=ssrc:{rtx_ssrc} cname:{local.cname}",
    ]
