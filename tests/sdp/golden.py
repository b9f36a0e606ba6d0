"""Offers of real clients (tests/vectors/sdp), and the answer that each gets.

`python -m tests.sdp.golden` writes the answers anew; the difference is then read before it is committed.
"""

from pathlib import Path
from typing import Final

from sfu.sdp import AUDIO, CODECS, Candidate, Local, Negotiation, Offer, build_answer, negotiate, parse_offer

VECTORS: Final = Path(__file__).parent.parent / "vectors" / "sdp"
NAMES: Final = tuple(sorted(path.name.removesuffix(".offer.sdp") for path in VECTORS.glob("*.offer.sdp")))
ALL_CODECS: Final = tuple(codec.name for codec in CODECS)
CANDIDATES: Final = (
    Candidate("192.0.2.1", 40000, "udp", 2130706431, "1"),
    Candidate("2001:db8::1", 40001, "udp", 2130706175, "2"),
    Candidate("192.0.2.1", 40000, "tcp", 1671430143, "3"),
)


def read(name: str) -> str:
    return (VECTORS / f"{name}.sdp").read_bytes().decode()


def offered(name: str) -> str:
    return read(f"{name}.offer")


def local(negotiation: Negotiation) -> Local:
    ssrcs = {
        slot.mid: (1000 + number, 0 if slot.kind == AUDIO else 2000 + number)
        for number, slot in enumerate(negotiation.slots)
    }
    digest = ":".join(f"{byte:02X}" for byte in range(32))
    return Local(
        "srvu", "serverpasswordserverpass", ("sha-256", digest), CANDIDATES, ssrcs, "server", 4711, 1
    )


def answer(offer: Offer, negotiation: Negotiation) -> str:
    return build_answer(offer, negotiation, local(negotiation))


def write() -> None:
    for name in NAMES:
        offer = parse_offer(offered(name))
        (VECTORS / f"{name}.answer.sdp").write_bytes(answer(offer, negotiate(offer, ALL_CODECS)).encode())


if __name__ == "__main__":
    write()
