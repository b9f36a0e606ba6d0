"""The codecs that are served, and how an offer's payload types are matched to them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

AUDIO: Final = 0
VIDEO: Final = 1

Envelope = Literal["opaque", "vp8", "vp9", "h264", "av1"]
Parameters = Mapping[str, str]

_PROFILE_LEVEL_ID = re.compile(r"[0-9a-f]{6}")


def parse_fmtp(text: str) -> dict[str, str]:
    """`a=1;b` → {"a": "1", "b": ""}; names in lower case, the first of a name counts."""
    parameters: dict[str, str] = {}
    for part in text.split(";"):
        name, _, value = part.partition("=")
        if name.strip():
            parameters.setdefault(name.strip().lower(), value.strip().lower())
    return parameters


def _is_any(_parameters: Parameters) -> bool:
    return True


def _no_fmtp(_parameters: Parameters) -> str:
    return ""


def _opus_fmtp(_parameters: Parameters) -> str:
    # No DTX: who speaks would show in what is sent although the payload is encrypted.
    return "minptime=10;useinbandfec=1;usedtx=0"


def _is_vp9_profile_0(parameters: Parameters) -> bool:
    return parameters.get("profile-id", "0") == "0"


def _vp9_fmtp(parameters: Parameters) -> str:
    return "profile-id=0" if "profile-id" in parameters else ""


def _is_constrained_baseline(parameters: Parameters) -> bool:
    # RFC 6184 section 8.1, table 5: one profile, three ways to write it. The level is each receiver's own.
    identifier = parameters.get("profile-level-id", "")
    if parameters.get("packetization-mode") != "1" or not _PROFILE_LEVEL_ID.fullmatch(identifier):
        return False
    profile, constraints = int(identifier[:2], 16), int(identifier[2:4], 16)
    return (
        (profile == 0x42 and constraints & 0x4F == 0x40)
        or (profile == 0x4D and constraints & 0x8F == 0x80)
        or (profile == 0x58 and constraints & 0xCF == 0xC0)
    )


def _h264_fmtp(parameters: Parameters) -> str:
    asymmetry = "level-asymmetry-allowed=1;" if parameters.get("level-asymmetry-allowed") == "1" else ""
    return f"{asymmetry}packetization-mode=1;profile-level-id={parameters['profile-level-id']}"


def _is_av1_main(parameters: Parameters) -> bool:
    return parameters.get("profile", "0") == "0"


def _av1_fmtp(parameters: Parameters) -> str:
    # AV1 RTP specification section 7.2.1: level and tier are capabilities of a receiver; each is a small number.
    names = [name for name in ("level-idx", "profile", "tier") if name in parameters]
    return ";".join(
        f"{name}={parameters[name]}" for name in names if re.fullmatch(r"[0-9]{1,2}", parameters[name])
    )


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec as the engine and SDP know it."""

    name: str
    kind: int  # AUDIO or VIDEO
    clock_rate: int
    channels: int  # 1 for video
    envelope: Envelope  # how the engine tells a key frame
    matches: Callable[[Parameters], bool] = field(default=_is_any, repr=False)  # the offer's fmtp
    answer_fmtp: Callable[[Parameters], str] = field(default=_no_fmtp, repr=False)  # made from the offer's


# The position is the engine's codec number, below ENGINE_MAX_CODECS. RED is left out: its blocks would be one more
# payload for SFrame to look through, and opus carries its own FEC.
CODECS: Final = (
    Codec("opus", AUDIO, 48000, 2, "opaque", answer_fmtp=_opus_fmtp),
    Codec("VP8", VIDEO, 90000, 1, "vp8"),
    Codec("VP9", VIDEO, 90000, 1, "vp9", _is_vp9_profile_0, _vp9_fmtp),
    Codec("H264", VIDEO, 90000, 1, "h264", _is_constrained_baseline, _h264_fmtp),
    Codec("AV1", VIDEO, 90000, 1, "av1", _is_av1_main, _av1_fmtp),
)
