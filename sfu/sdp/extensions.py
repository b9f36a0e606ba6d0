"""Header extensions (RFC 8285): which are answered on a track and which on a slot.

DESIGN.md, "Splice": forwarded, rewritten, made anew or dropped. What is dropped is not answered, so it is not sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sfu.sdp.lexer import Line, OfferError, number

# RFC 8285 section 6: an answer turns the direction around.
_REVERSED: Final = {
    "": "",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "sendrecv": "sendrecv",
    "inactive": "inactive",
}


@dataclass(frozen=True, slots=True)
class Extension:
    """What is done with an extension of that URI."""

    name: str  # the engine's
    uri: str
    on_track: bool = False  # answered where the client sends: the server reads it
    on_slot: bool = False  # answered where the client receives
    sent: bool = False  # the engine may send it to this client
    simulcast_only: bool = False
    without_transport_cc: bool = False  # answered only where transport-cc is not: it does the same job
    needs_mixed: bool = False  # longer than 16 bytes at times: a two-byte block between one-byte ones


EXTENSIONS: Final = (
    Extension(
        "audio-level", "urn:ietf:params:rtp-hdrext:ssrc-audio-level", on_track=True, on_slot=True, sent=True
    ),
    Extension(
        "abs-send-time",
        "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        on_track=True,
        on_slot=True,
        sent=True,
        without_transport_cc=True,
    ),
    Extension(
        "transport-cc",
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        on_track=True,
        on_slot=True,
        sent=True,
    ),
    # RFC 8843 section 9.1 wants it answered where offered. Slots need none: the answer names their SSRCs.
    Extension("mid", "urn:ietf:params:rtp-hdrext:sdes:mid", on_track=True, on_slot=True),
    Extension("rid", "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", on_track=True, simulcast_only=True),
    Extension(
        "repaired-rid",
        "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
        on_track=True,
        simulcast_only=True,
    ),
    # Not asked of publishers: Firefox does not receive it, and who may not send it turns the pictures before encoding.
    Extension("orientation", "urn:3gpp:video-orientation", on_slot=True, sent=True),
    Extension(
        "playout-delay",
        "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
        on_track=True,
        on_slot=True,
        sent=True,
    ),
    Extension(
        "color-space",
        "http://www.webrtc.org/experiments/rtp-hdrext/color-space",
        on_track=True,
        on_slot=True,
        sent=True,
        needs_mixed=True,
    ),
    # Goes on in the server's clock; browsers offer it only where a page asks for it.
    Extension(
        "abs-capture-time",
        "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
        on_track=True,
        on_slot=True,
        sent=True,
    ),
    # Read from publishers, so that VP8 comes without picture ids; not sent until it is rewritten at a splice.
    Extension(
        "dependency-descriptor",
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
        on_track=True,
        needs_mixed=True,
    ),
)
_BY_URI: Final = {extension.uri: extension for extension in EXTENSIONS}


@dataclass(frozen=True, slots=True)
class OfferedExtension:
    """One `a=extmap` line."""

    id: int
    suffix: str  # of the id: sendonly, recvonly, sendrecv, inactive or empty
    uri: str
    line: Line


@dataclass(frozen=True, slots=True)
class AcceptedExtension:
    """One `a=extmap` line of the answer."""

    id: int
    suffix: str  # as answered
    extension: Extension


def parse_extmap(value: str, line: Line) -> OfferedExtension:
    """The value of `a=extmap`: id, direction, URI, and attributes that nobody here uses."""
    fields = value.split()
    if len(fields) < 2:
        raise OfferError("it has an id and a URI, as in a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid", line)
    identifier, _, suffix = fields[0].partition("/")
    if suffix not in _REVERSED:
        raise OfferError("the direction behind the id is sendonly, recvonly, sendrecv or inactive", line)
    # RFC 8285 section 5: 4096 to 4351 stand for an id that the answerer may choose.
    return OfferedExtension(
        number(identifier, "the id of an extension", line, 1, 4351), suffix, fields[1], line
    )


def accept_extensions(
    offered: Sequence[OfferedExtension], *, is_slot: bool, has_rids: bool, allow_mixed: bool
) -> tuple[AcceptedExtension, ...]:
    """What is answered on one m-line, in the offer's order; at most one line for an extension.

    The client offers to send where the m-line is a track and to receive where it is a slot; a suffix that forbids just
    that leaves the extension without use there.
    """
    needed = "recvonly" if is_slot else "sendonly"
    usable: dict[str, OfferedExtension] = {}
    for line in offered:
        # RFC 8285 section 4.2: 15 is reserved; ids above it need the two-byte form, mixed with the other.
        is_valid_id = line.id < 15 or (allow_mixed and 15 < line.id < 256)
        if is_valid_id and line.suffix in ("", "sendrecv", needed):
            usable.setdefault(line.uri, line)
    known = [(line, _BY_URI[uri]) for uri, line in usable.items() if uri in _BY_URI]
    has_transport_cc = any(extension.name == "transport-cc" for _, extension in known)
    return tuple(
        AcceptedExtension(line.id, _REVERSED[line.suffix], extension)
        for line, extension in known
        if (extension.on_slot if is_slot else extension.on_track)
        and (has_rids or not extension.simulcast_only)
        and (allow_mixed or not extension.needs_mixed)
        and not (has_transport_cc and extension.without_transport_cc)
    )
