"""Offer in, answer out (RFC 8866, 3264, 8829): pure, no I/O, no clock.

`parse_offer` takes any text and raises nothing but OfferError, `negotiate` adds what the room wants, `build_answer` what
the media plane has made.
"""

from sfu.sdp.answer import Candidate, Local, build_answer
from sfu.sdp.codecs import AUDIO, CODECS, VIDEO, Codec
from sfu.sdp.lexer import OfferError
from sfu.sdp.negotiation import MAX_TRACKS, Negotiation, OfferedSlot, OfferedTrack, negotiate
from sfu.sdp.offer import Offer, parse_offer

__all__ = [
    "AUDIO",
    "CODECS",
    "MAX_TRACKS",
    "VIDEO",
    "Candidate",
    "Codec",
    "Local",
    "Negotiation",
    "Offer",
    "OfferError",
    "OfferedSlot",
    "OfferedTrack",
    "build_answer",
    "negotiate",
    "parse_offer",
]
