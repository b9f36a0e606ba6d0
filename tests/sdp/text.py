"""Small offers, written by tests in the order in which they want the lines."""

from collections.abc import Sequence
from typing import Final

DIGEST: Final = ":".join(["AB"] * 32)
ASSOCIATION: Final = (
    "a=ice-ufrag:Ufra",
    "a=ice-pwd:passwordpasswordpassword",
    f"a=fingerprint:sha-256 {DIGEST}",
    "a=setup:actpass",
)
OPUS: Final = ("a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1")
VP8: Final = ("a=rtpmap:96 VP8/90000", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96")


def session(bundle: str, *lines: str) -> list[str]:
    return ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {bundle}", *lines]


def media(
    head: str, mid: str, direction: str, *lines: str, association: Sequence[str] = ASSOCIATION
) -> list[str]:
    return [
        f"m={head}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{mid}",
        f"a={direction}",
        "a=rtcp-mux",
        *association,
        *lines,
    ]


def audio(mid: str, direction: str, *lines: str) -> list[str]:
    return media("audio 9 UDP/TLS/RTP/SAVPF 111", mid, direction, *OPUS, *lines)


def video(mid: str, direction: str, *lines: str) -> list[str]:
    return media("video 9 UDP/TLS/RTP/SAVPF 96 97", mid, direction, *VP8, *lines)


def joined(*sections: Sequence[str]) -> str:
    return "".join(f"{line}\r\n" for section in sections for line in section)
