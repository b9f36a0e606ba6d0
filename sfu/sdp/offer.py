"""An offer: what the client says, checked for shape but not yet for what this server can do with it.

Order inside a section means nothing (Firefox writes attributes in alphabetical order, so fmtp stands before rtpmap);
lines about payload types that the m-line does not list are dropped (Firefox leaves rtcp-fb of removed ones behind).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sfu.sdp.codecs import AUDIO, VIDEO
from sfu.sdp.extensions import OfferedExtension, parse_extmap
from sfu.sdp.lexer import Line, OfferError, attribute, lex, matching, number, token
from sfu.sdp.simulcast import described_rids, parse_rid, parse_simulcast

MAX_MEDIA: Final = 160  # 64 pairs of slots, 16 tracks, 16 extra audio slots
MAX_SSRCS: Final = 64  # of one m-line
MAX_EXTENSIONS: Final = 64  # of one m-line

KINDS: Final[Mapping[str, int]] = {"audio": AUDIO, "video": VIDEO}
_DIRECTIONS = frozenset(("sendrecv", "sendonly", "recvonly", "inactive"))
_PROTOCOLS = frozenset(("UDP/TLS/RTP/SAVPF", "TCP/TLS/RTP/SAVPF"))

# RFC 8839 section 5.4 allows up to 256 of each; the engine keeps what browsers use, and room (media/ice.h).
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,32}")
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,64}")
# RFC 8122 section 5, without what no longer protects: the strongest need not come first, all are equally good here.
_DIGEST_BYTES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
_FINGERPRINT = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2})*")
_MID = re.compile(r".{1,16}")  # as long as a one-byte extension can carry (RFC 8285 section 4.2)
_SETUPS = frozenset(("actpass", "active", "passive", "holdconn"))


@dataclass(frozen=True, slots=True)
class RtpMap:
    """`a=rtpmap`, or one of the payload types that RFC 3551 fixes and nobody here uses."""

    name: str
    clock_rate: int
    channels: int
    line: Line


@dataclass(frozen=True, slots=True)
class Association:
    """What ICE and DTLS need, of one m-line or, where it says nothing, of the session."""

    ufrag: str = ""
    password: str = field(default="", repr=False)
    fingerprints: Mapping[str, str] = field(
        default_factory=dict
    )  # algorithm → digest in capitals, with colons
    setup: str = ""
    setup_line: Line | None = None


@dataclass(frozen=True, slots=True)
class Media:
    """One m-line and its attributes."""

    line: Line
    media: str  # audio, video, application, …
    port: int
    protocol: str
    formats: tuple[str, ...]
    mid: str
    direction: str
    bundle_only: bool
    association: Association
    rtcp_mux: bool
    rtcp_rsize: bool
    allow_mixed: bool  # of this m-line itself
    payload_types: tuple[int, ...]
    rtpmaps: Mapping[int, RtpMap]
    fmtps: Mapping[int, str]
    feedback: Mapping[int, frozenset[str]]  # as in `nack pli`; what stands under `*` is in each
    extensions: tuple[OfferedExtension, ...]
    ssrcs: tuple[int, ...]  # each once, in order of appearance
    rtx_ssrcs: Mapping[int, int]  # by the SSRC that they repair
    rids: tuple[str, ...]  # offered to be sent as a simulcast, in the offer's order

    @property
    def is_live(self) -> bool:
        """Whether it asks for audio or video. With `bundle-only` port 0 is no refusal (RFC 8843 section 6)."""
        return self.media in KINDS and (self.port != 0 or self.bundle_only)

    @property
    def is_sending(self) -> bool:
        return self.direction in ("sendonly", "sendrecv")


@dataclass(frozen=True, slots=True)
class Offer:
    """A whole offer. `live` is never empty and every one of it is in the bundle."""

    media: tuple[Media, ...]
    bundle: tuple[str, ...]
    allow_mixed: bool  # of the session
    association: Association  # of the bundle

    @property
    def live(self) -> tuple[Media, ...]:
        return tuple(media for media in self.media if media.is_live)


@dataclass(slots=True)
class _Section:
    """Lines of the session or of one m-line, gathered in whatever order they come."""

    line: Line
    media: str = ""
    port: int = 0
    protocol: str = ""
    formats: tuple[str, ...] = ()
    payload_types: tuple[int, ...] = ()
    mid: str = ""
    direction: str = ""
    flags: set[str] = field(default_factory=set)
    ufrag: str = ""
    password: str = ""
    fingerprints: dict[str, str] = field(default_factory=dict)
    setup: str = ""
    setup_line: Line | None = None
    bundle: tuple[str, ...] = ()
    bundle_line: Line | None = None
    rtpmaps: dict[int, RtpMap] = field(default_factory=dict)
    fmtps: dict[int, str] = field(default_factory=dict)
    feedback: list[tuple[str, str]] = field(default_factory=list)
    extensions: list[OfferedExtension] = field(default_factory=list)
    ssrcs: dict[int, None] = field(default_factory=dict)
    rtx_ssrcs: dict[int, int] = field(default_factory=dict)
    described: list[tuple[str, str]] = field(default_factory=list)
    simulcast: tuple[str, ...] = ()


def _on_direction(section: _Section, _value: str, line: Line) -> None:
    section.direction = attribute(line)[0]


def _on_flag(section: _Section, _value: str, line: Line) -> None:
    section.flags.add(attribute(line)[0])


def _on_ice_lite(_section: _Section, _value: str, line: Line) -> None:
    raise OfferError("the server is ICE-lite, so the client is a full agent", line)


def _on_ufrag(section: _Section, value: str, line: Line) -> None:
    problem = "a user name fragment has 4 to 32 letters, digits, + or /"
    section.ufrag = matching(_UFRAG.fullmatch, value, problem, line)


def _on_password(section: _Section, value: str, line: Line) -> None:
    problem = "a password has 22 to 64 letters, digits, + or /"
    section.password = matching(_PASSWORD.fullmatch, value, problem, line)


def _on_fingerprint(section: _Section, value: str, line: Line) -> None:
    algorithm, _, digest = value.partition(" ")
    algorithm, digest = algorithm.lower(), digest.strip().upper()
    length = _DIGEST_BYTES.get(algorithm)
    if length is None:
        return
    if len(digest) != 3 * length - 1 or not _FINGERPRINT.fullmatch(digest):
        raise OfferError(
            f"a digest of {algorithm} has {length} bytes in hexadecimal with colons between", line
        )
    section.fingerprints.setdefault(algorithm, digest)


def _on_setup(section: _Section, value: str, line: Line) -> None:
    section.setup = matching(_SETUPS.__contains__, value, "it is actpass or active", line)
    section.setup_line = line


def _on_group(section: _Section, value: str, line: Line) -> None:
    semantics, *mids = value.split() or [""]
    if semantics == "BUNDLE" and not section.bundle:
        section.bundle, section.bundle_line = tuple(mids), line


def _on_mid(section: _Section, value: str, line: Line) -> None:
    matching(_MID.fullmatch, value, "a mid has 1 to 16 characters", line)
    section.mid = token(value, "a mid", line)


def _payload_type(text: str, line: Line) -> int:
    return number(text, "a payload type", line, 0, 127)


def _on_rtpmap(section: _Section, value: str, line: Line) -> None:
    payload_type, _, encoding = value.partition(" ")
    name, _, rest = encoding.strip().partition("/")
    clock_rate, _, channels = rest.partition("/")
    if not name or not clock_rate:
        raise OfferError("it has payload type, name and clock rate, as in a=rtpmap:96 VP8/90000", line)
    mapped = RtpMap(
        token(name, "a codec's name", line),
        number(clock_rate, "a clock rate", line, 1, 1_000_000),
        number(channels or "1", "the number of channels", line, 1, 255),
        line,
    )
    section.rtpmaps.setdefault(_payload_type(payload_type, line), mapped)


def _on_fmtp(section: _Section, value: str, line: Line) -> None:
    payload_type, _, parameters = value.partition(" ")
    section.fmtps.setdefault(_payload_type(payload_type, line), parameters.strip())


def _on_feedback(section: _Section, value: str, line: Line) -> None:
    payload_type, _, feedback = value.partition(" ")
    if payload_type != "*":
        _payload_type(payload_type, line)
    section.feedback.append((payload_type, " ".join(feedback.split())))


def _on_extmap(section: _Section, value: str, line: Line) -> None:
    if len(section.extensions) >= MAX_EXTENSIONS:
        raise OfferError(f"at most {MAX_EXTENSIONS} extensions are taken on an m-line", line)
    section.extensions.append(parse_extmap(value, line))


def _ssrc(text: str, line: Line) -> int:
    return number(text, "an SSRC", line, 1, 0xFFFFFFFF)


def _on_ssrc(section: _Section, value: str, line: Line) -> None:
    section.ssrcs[_ssrc(value.split(maxsplit=1)[0] if value else "", line)] = None
    if len(section.ssrcs) > MAX_SSRCS:
        raise OfferError(f"at most {MAX_SSRCS} SSRCs are taken on an m-line", line)


def _on_ssrc_group(section: _Section, value: str, line: Line) -> None:
    semantics, *ssrcs = value.split() or [""]
    if semantics == "SIM":
        raise OfferError("simulcast goes by rid: sendEncodings with rids, a=rid and a=simulcast:send", line)
    if semantics != "FID":
        return
    if len(ssrcs) != 2 or ssrcs[0] == ssrcs[1]:
        raise OfferError("a FID group names a stream and the one that repairs it", line)
    section.rtx_ssrcs.setdefault(_ssrc(ssrcs[0], line), _ssrc(ssrcs[1], line))


def _on_rid(section: _Section, value: str, line: Line) -> None:
    section.described.append(parse_rid(value, line))


def _on_simulcast(section: _Section, value: str, line: Line) -> None:
    if section.simulcast:
        raise OfferError("it stands once in an m-line", line)
    section.simulcast = parse_simulcast(value, line)


_Handler = Callable[[_Section, str, Line], None]
_ON_BOTH: Final[dict[str, _Handler]] = {
    **dict.fromkeys(_DIRECTIONS, _on_direction),
    "extmap-allow-mixed": _on_flag,
    "ice-lite": _on_ice_lite,
    "ice-ufrag": _on_ufrag,
    "ice-pwd": _on_password,
    "fingerprint": _on_fingerprint,
    "setup": _on_setup,
}
_ON_SESSION: Final[dict[str, _Handler]] = {**_ON_BOTH, "group": _on_group}
_ON_MEDIA: Final[dict[str, _Handler]] = {
    **_ON_BOTH,
    **dict.fromkeys(("bundle-only", "rtcp-mux", "rtcp-rsize"), _on_flag),
    "mid": _on_mid,
    "rtpmap": _on_rtpmap,
    "fmtp": _on_fmtp,
    "rtcp-fb": _on_feedback,
    "extmap": _on_extmap,
    "ssrc": _on_ssrc,
    "ssrc-group": _on_ssrc_group,
    "rid": _on_rid,
    "simulcast": _on_simulcast,
}
# Of what is refused anyway only that is read which the answer repeats.
_ON_OTHER_MEDIA: Final[dict[str, _Handler]] = {"mid": _on_mid}


def parse_offer(text: str) -> Offer:
    """The offer in `text`, or OfferError; nothing else comes of any text."""
    session, media_sections = _sections(lex(text))
    media = tuple(_freeze(section, session) for section in media_sections)
    return Offer(media, session.bundle, "extmap-allow-mixed" in session.flags, _bundled(session, media))


def _sections(lines: list[Line]) -> tuple[_Section, list[_Section]]:
    session = section = _Section(lines[0])
    media: list[_Section] = []
    handlers = _ON_SESSION
    for line in lines:
        if line.type == "m":
            section = _media_section(line)
            handlers = _ON_MEDIA if section.media in KINDS else _ON_OTHER_MEDIA
            media.append(section)
            if len(media) > MAX_MEDIA:
                raise OfferError(f"at most {MAX_MEDIA} m-lines are taken", line)
        elif line.type == "a":
            name, value = attribute(line)
            if handler := handlers.get(name):
                handler(section, value, line)
    return session, media


def _media_section(line: Line) -> _Section:
    fields = line.value.split()
    if len(fields) < 4:
        raise OfferError(
            "it has media, port, protocol and formats, as in m=audio 9 UDP/TLS/RTP/SAVPF 111", line
        )
    media, port, protocol, *formats = fields
    for part in (media, *protocol.split("/"), *formats):
        token(part, "each field", line)
    section = _Section(line, media, number(port.partition("/")[0], "the port", line, 0, 65535), protocol)
    section.formats = tuple(formats)
    if media in KINDS:
        section.payload_types = tuple(dict.fromkeys(_payload_type(text, line) for text in formats))
    return section


def _freeze(section: _Section, session: _Section) -> Media:
    listed = frozenset(section.payload_types)
    feedback: dict[int, set[str]] = {payload_type: set() for payload_type in section.payload_types}
    for target, value in section.feedback:
        for payload_type in listed if target == "*" else listed & {int(target)}:
            feedback[payload_type].add(value)
    return Media(
        line=section.line,
        media=section.media,
        port=section.port,
        protocol=section.protocol,
        formats=section.formats,
        mid=section.mid,
        direction=section.direction or session.direction or "sendrecv",
        bundle_only="bundle-only" in section.flags,
        association=_association(section, session),
        rtcp_mux="rtcp-mux" in section.flags,
        rtcp_rsize="rtcp-rsize" in section.flags,
        allow_mixed="extmap-allow-mixed" in section.flags,
        payload_types=section.payload_types,
        rtpmaps={key: value for key, value in section.rtpmaps.items() if key in listed},
        fmtps={key: value for key, value in section.fmtps.items() if key in listed},
        feedback={key: frozenset(value) for key, value in feedback.items()},
        extensions=tuple(section.extensions),
        ssrcs=tuple(section.ssrcs),
        rtx_ssrcs=dict(section.rtx_ssrcs),
        rids=described_rids(section.simulcast, section.described) if section.media == "video" else (),
    )


def _association(section: _Section, session: _Section) -> Association:
    has_credentials = section.ufrag or section.password
    return Association(
        section.ufrag if has_credentials else session.ufrag,
        section.password if has_credentials else session.password,
        section.fingerprints or session.fingerprints,
        section.setup or session.setup,
        section.setup_line or session.setup_line,
    )


def _bundled(session: _Section, media: tuple[Media, ...]) -> Association:
    """The association of all m-lines: the one of the first that is live (RFC 8843 section 7.2.1)."""
    live = [one for one in media if one.is_live]
    if not live:
        raise OfferError("there is no m-line of audio or video", media[0].line if media else session.line)
    mids: set[str] = set()
    for one in media:
        if one.is_live and one.protocol not in _PROTOCOLS:
            raise OfferError("media is secured by DTLS: the protocol is UDP/TLS/RTP/SAVPF", one.line)
        if one.is_live and not one.mid:
            raise OfferError("each m-line has a name, as in a=mid:0", one.line)
        if one.mid and one.mid in mids:
            raise OfferError(f"the mid {one.mid} is another m-line's", one.line)
        mids.add(one.mid)
    for one in live:
        if one.mid not in session.bundle:
            raise OfferError(
                f"all m-lines share one transport: a=group:BUNDLE names every mid, also {one.mid}",
                session.bundle_line or one.line,
            )
    tagged = min(live, key=lambda one: session.bundle.index(one.mid))
    association = tagged.association
    if not association.ufrag or not association.password:
        raise OfferError("a=ice-ufrag and a=ice-pwd are needed here or above the first m-line", tagged.line)
    if not association.fingerprints:
        raise OfferError(f"a=fingerprint is needed, by one of {', '.join(_DIGEST_BYTES)}", tagged.line)
    if association.setup not in ("actpass", "active"):
        raise OfferError(
            "the server waits for the client's handshake: a=setup:actpass or a=setup:active",
            association.setup_line or tagged.line,
        )
    if not tagged.rtcp_mux:
        raise OfferError("RTP and RTCP share one port: a=rtcp-mux is needed", tagged.line)
    return association
