"""What an offer and a room's codecs have in common: everything the media plane and the answer need to know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sfu.errors import LocalError
from sfu.sdp.codecs import CODECS, Codec, Envelope, parse_fmtp
from sfu.sdp.extensions import AcceptedExtension, accept_extensions
from sfu.sdp.lexer import OfferError
from sfu.sdp.offer import KINDS, Media, Offer

# Bounds of the engine (media/engine.h).
MAX_TRACKS: Final = 16
MAX_SLOTS: Final = 256
MAX_PAYLOADS: Final = 8

_NUMBERS: Final[Mapping[str, int]] = {codec.name: number for number, codec in enumerate(CODECS)}


@dataclass(frozen=True, slots=True)
class OfferedTrack:
    """An m-line on which the client sends."""

    mid: str
    kind: int  # AUDIO or VIDEO
    rids: tuple[
        str, ...
    ]  # in the offer's order, which the protocol says is ascending quality; empty: no simulcast
    ssrcs: tuple[int, ...]  # one, or none where it is learnt from mid and rid
    rtx_ssrcs: tuple[int, ...]  # as many as ssrcs; 0: none


@dataclass(frozen=True, slots=True)
class OfferedSlot:
    """An m-line on which the client receives. Its place among them is the slot's number."""

    mid: str
    kind: int


@dataclass(frozen=True, slots=True)
class AcceptedCodec:
    """One payload type of one m-line, and the retransmission that goes with it."""

    payload_type: int
    rtx_payload_type: int  # 0: none
    codec: Codec
    fmtp: str  # as answered
    feedback: tuple[str, ...]  # as answered


@dataclass(frozen=True, slots=True)
class AnsweredMedia:
    """One m-line of the answer, in the offer's order. Without codecs it is refused."""

    offered: Media
    direction: str  # recvonly, sendonly or inactive
    codecs: tuple[AcceptedCodec, ...] = ()
    extensions: tuple[AcceptedExtension, ...] = ()


@dataclass(frozen=True, slots=True)
class Negotiation:
    """The result, in the engine's terms, and in the answer's (`media`)."""

    ufrag: str
    password: str = field(repr=False)
    fingerprint: tuple[str, str]  # algorithm and digest: ("sha-256", "AA:BB:…")
    setup: str  # the client's: actpass or active
    tracks: tuple[OfferedTrack, ...]
    slots: tuple[OfferedSlot, ...]
    # (payload type, RTX payload type or 0, codec number, envelope, clock rate). The first of a codec is the one that
    # slots are sent with; others are only received.
    payloads: tuple[tuple[int, int, int, Envelope, int], ...]
    extension_ids: Mapping[str, int]  # by the engine's names
    send_extensions: frozenset[str]  # what may be sent to this client
    media: tuple[AnsweredMedia, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Match:
    """A payload type of an m-line that is one of the codecs wanted."""

    payload_type: int
    rtx_payload_type: int
    codec: Codec


def negotiate(
    offer: Offer,
    codecs: Sequence[str],
    slots: Sequence[OfferedSlot] = (),
    *,
    max_tracks: int = MAX_TRACKS,
    max_slots: int = MAX_SLOTS,
) -> Negotiation:
    """Matches `offer` with `codecs`, names of CODECS in the order in which they are preferred.

    An m-line of a kind without codecs is refused. OfferError where one has none of those there are, or where the offer
    contradicts itself; LocalError for an unknown name.

    `slots` are those of the transport's last negotiation. They keep their numbers, wherever new ones stand in the offer
    (an m-line that was stopped is used again for the next transceiver), and none of them may go.

    `max_tracks` and `max_slots` are the room's limits, within the engine's.
    """
    assert max_tracks <= MAX_TRACKS
    assert max_slots <= MAX_SLOTS
    wanted = _wanted(codecs)
    _check_shared_numbers(offer)
    matches = {media.mid: _match(media, wanted) for media in offer.live}
    for media in offer.live:
        names = [codec.name for codec in wanted if codec.kind == KINDS[media.media]]
        if names and media.direction != "inactive" and not matches[media.mid]:
            raise OfferError(
                f"none of its codecs is served here; offer one of {', '.join(names)}", media.line
            )
    sent = _sent_payload_types(offer, matches)
    ids = _extension_ids(offer)
    answered = tuple(
        _answer_media(offer, media, matches.get(media.mid, ()), sent, ids) for media in offer.media
    )
    served = [media for media in answered if media.codecs]
    if not served:
        raise OfferError(
            f"nothing of it is served here: the room has {', '.join(codecs) or 'no codecs'}",
            offer.live[0].line,
        )
    return Negotiation(
        ufrag=offer.association.ufrag,
        password=offer.association.password,
        fingerprint=_best_fingerprint(offer.association.fingerprints),
        setup=offer.association.setup,
        tracks=_tracks([media.offered for media in served if media.direction == "recvonly"], max_tracks),
        slots=_slots(
            offer, [media.offered for media in served if media.direction == "sendonly"], slots, max_slots
        ),
        payloads=_payloads(served),
        extension_ids={
            accepted.extension.name: accepted.id for media in served for accepted in media.extensions
        },
        send_extensions=frozenset(
            accepted.extension.name
            for media in served
            if media.direction == "sendonly"
            for accepted in media.extensions
            if accepted.extension.sent
        ),
        media=answered,
    )


def _wanted(names: Sequence[str]) -> tuple[Codec, ...]:
    for name in names:
        if name not in _NUMBERS:
            raise LocalError(f"{name!r} is no codec; there are {', '.join(_NUMBERS)}")
    return tuple(CODECS[_NUMBERS[name]] for name in dict.fromkeys(names))


def _check_shared_numbers(offer: Offer) -> None:
    """RFC 8843 section 9.1: in a bundle a payload type, and the id of an extension, means the same on every m-line."""
    payloads: dict[int, tuple[object, ...]] = {}
    extensions: dict[int, str] = {}
    for media in offer.live:
        for payload_type, mapped in media.rtpmaps.items():
            parameters = parse_fmtp(media.fmtps.get(payload_type, ""))
            profile = tuple(
                codec.name
                for codec in CODECS
                if codec.name.lower() == mapped.name.lower() and codec.matches(parameters)
            )
            meaning = (
                media.media,
                mapped.name.lower(),
                mapped.clock_rate,
                mapped.channels,
                profile,
                parameters.get("apt"),
            )
            if payloads.setdefault(payload_type, meaning) != meaning:
                raise OfferError(
                    f"payload type {payload_type} is another codec on another m-line of the bundle",
                    mapped.line,
                )
        for extension in media.extensions:
            if extensions.setdefault(extension.id, extension.uri) != extension.uri:
                raise OfferError(
                    f"id {extension.id} is another extension on another m-line of the bundle", extension.line
                )


def _match(media: Media, wanted: Sequence[Codec]) -> tuple[_Match, ...]:
    """What the m-line has of `wanted`, in that order; of several payload types of a codec the first."""
    rtx = _rtx_payload_types(media)
    found: dict[str, _Match] = {}
    for payload_type in media.payload_types:
        mapped = media.rtpmaps.get(payload_type)
        if mapped is None or not _is_usable(payload_type):
            continue
        parameters = parse_fmtp(media.fmtps.get(payload_type, ""))
        for codec in wanted:
            if (
                codec.kind == KINDS[media.media]
                and codec.name.lower() == mapped.name.lower()
                and (codec.clock_rate, codec.channels) == (mapped.clock_rate, mapped.channels)
                and codec.matches(parameters)
            ):
                found.setdefault(codec.name, _Match(payload_type, rtx.get(payload_type, 0), codec))
    return tuple(found[codec.name] for codec in wanted if codec.name in found)


def _is_usable(payload_type: int) -> bool:
    # RFC 5761 section 4: on one port with RTCP, 64 to 95 with the marker set would be RTCP. 0 is `none` to the engine.
    return payload_type != 0 and not 64 <= payload_type <= 95


def _rtx_payload_types(media: Media) -> dict[int, int]:
    """RFC 4588 section 8.6: payload type → the one of its retransmissions."""
    found: dict[int, int] = {}
    for payload_type in media.payload_types:
        mapped = media.rtpmaps.get(payload_type)
        if mapped is None or mapped.name.lower() != "rtx" or not _is_usable(payload_type):
            continue
        apt = parse_fmtp(media.fmtps.get(payload_type, "")).get("apt", "")
        if apt.isascii() and apt.isdigit() and len(apt) <= 3:
            found.setdefault(int(apt), payload_type)
    return found


def _sent_payload_types(offer: Offer, matches: Mapping[str, Sequence[_Match]]) -> dict[str, int]:
    """The engine sends a codec to one client with one payload type: that of the first slot that has it."""
    sent: dict[str, int] = {}
    for media in offer.live:
        if media.direction == "recvonly":
            for match in matches[media.mid]:
                sent.setdefault(match.codec.name, match.payload_type)
    return sent


def _extension_ids(offer: Offer) -> dict[str, int]:
    """By URI. The engine has one id of an extension for the whole bundle: the first that is offered."""
    ids: dict[str, int] = {}
    for media in offer.live:
        for extension in media.extensions:
            ids.setdefault(extension.uri, extension.id)
    return ids


def _answer_media(
    offer: Offer,
    media: Media,
    matches: Sequence[_Match],
    sent: Mapping[str, int],
    extension_ids: Mapping[str, int],
) -> AnsweredMedia:
    is_slot = media.direction == "recvonly"
    direction = "recvonly" if media.is_sending else "sendonly" if is_slot else "inactive"
    usable = [match for match in matches if not is_slot or sent[match.codec.name] == match.payload_type]
    if not usable:
        if media.is_live and matches:
            raise OfferError(
                "slots use one payload type for a codec; these differ from another's", media.line
            )
        return AnsweredMedia(media, "inactive")
    extensions = accept_extensions(
        [extension for extension in media.extensions if extension_ids[extension.uri] == extension.id],
        is_slot=is_slot,
        has_rids=bool(media.rids),
        allow_mixed=media.allow_mixed or offer.allow_mixed,
    )
    has_transport_cc = any(accepted.extension.name == "transport-cc" for accepted in extensions)
    codecs = tuple(
        AcceptedCodec(
            match.payload_type,
            match.rtx_payload_type,
            match.codec,
            match.codec.answer_fmtp(parse_fmtp(media.fmtps.get(match.payload_type, ""))),
            _feedback(media, match, is_slot=is_slot, has_transport_cc=has_transport_cc),
        )
        for match in usable
    )
    return AnsweredMedia(
        media, direction, codecs, extensions if direction != "inactive" or media.rids else ()
    )


def _feedback(media: Media, match: _Match, *, is_slot: bool, has_transport_cc: bool) -> tuple[str, ...]:
    """Only what the server honours. Without goog-remb: nothing here makes or reads it yet.

    Where the server sends, a NACK needs RTX: a packet sent again as it was would be a reused nonce.
    """
    honoured = {
        "transport-cc": has_transport_cc,
        "ccm fir": match.codec.kind == KINDS["video"],
        "nack": not is_slot or match.rtx_payload_type != 0,
        "nack pli": match.codec.kind == KINDS["video"],
    }
    offered = media.feedback.get(match.payload_type, frozenset())
    return tuple(name for name, is_honoured in honoured.items() if is_honoured and name in offered)


def _best_fingerprint(fingerprints: Mapping[str, str]) -> tuple[str, str]:
    algorithm = next(name for name in ("sha-256", "sha-384", "sha-512") if name in fingerprints)
    return algorithm, fingerprints[algorithm]


def _tracks(media: Sequence[Media], limit: int) -> tuple[OfferedTrack, ...]:
    _bound(media, limit, "tracks")
    tracks = []
    seen: set[int] = set()
    for one in media:
        ssrcs, rtx_ssrcs = _primary_ssrc(one)
        for ssrc in (*ssrcs, *(rtx for rtx in rtx_ssrcs if rtx)):
            if ssrc in seen:
                raise OfferError(f"SSRC {ssrc} is another track's", one.line)
            seen.add(ssrc)
        tracks.append(OfferedTrack(one.mid, KINDS[one.media], one.rids, ssrcs, rtx_ssrcs))
    return tuple(tracks)


def _bound(media: Sequence[Media], limit: int, what: str) -> None:
    if len(media) > limit:
        raise OfferError(f"at most {limit} {what} are taken, not {len(media)}", media[limit].line)


def _primary_ssrc(media: Media) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Firefox lists the SSRCs of a simulcast too, but nothing says which is which rid's: those are learnt."""
    repairing = frozenset(media.rtx_ssrcs.values())
    primary = next((ssrc for ssrc in media.ssrcs if ssrc not in repairing), None)
    if media.rids or primary is None:
        return (), ()
    return (primary,), (media.rtx_ssrcs.get(primary, 0),)


def _slots(
    offer: Offer, media: Sequence[Media], before: Sequence[OfferedSlot], limit: int
) -> tuple[OfferedSlot, ...]:
    _bound(media, limit, "slots")
    offered = {one.mid: OfferedSlot(one.mid, KINDS[one.media]) for one in media}
    for slot in before:
        if offered.pop(slot.mid, None) != slot:
            raise OfferError(
                f"m-line {slot.mid} was offered as a slot: it stays, with a=recvonly",
                next((one.line for one in offer.media if one.mid == slot.mid), offer.media[-1].line),
            )
    return (*before, *offered.values())


def _payloads(served: Sequence[AnsweredMedia]) -> tuple[tuple[int, int, int, Envelope, int], ...]:
    slots_first = sorted(served, key=lambda media: media.direction != "sendonly")
    found: dict[int, AcceptedCodec] = {}
    for media in slots_first:
        for accepted in media.codecs:
            before = found.setdefault(accepted.payload_type, accepted)
            if not before.rtx_payload_type and accepted.rtx_payload_type:
                found[accepted.payload_type] = accepted
            elif before.rtx_payload_type and accepted.rtx_payload_type not in (0, before.rtx_payload_type):
                raise OfferError(
                    f"payload type {accepted.payload_type} has another RTX payload type on another m-line",
                    media.offered.line,
                )
            if len(found) > MAX_PAYLOADS:
                raise OfferError(
                    f"at most {MAX_PAYLOADS} payload types are taken",
                    media.offered.rtpmaps[accepted.payload_type].line,
                )
    return tuple(
        (
            accepted.payload_type,
            accepted.rtx_payload_type,
            _NUMBERS[accepted.codec.name],
            accepted.codec.envelope,
            accepted.codec.clock_rate,
        )
        for accepted in found.values()
    )
