"""ICE candidates of the server: where its workers listen, or what the world sees of that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sfu.sdp import Candidate

# RFC 8445, section 5.1.2.2, and RFC 6544, section 4.2: a host candidate; TCP is what is left when UDP is blocked.
_UDP_TYPE_PREFERENCE = 126
_TCP_TYPE_PREFERENCE = 90
_TCP_PASSIVE = 4  # direction preference of RFC 6544, section 4.2
_COMPONENT = 1  # rtcp-mux: there is no other


@dataclass(frozen=True)
class Listener:
    """A socket of a worker."""

    ip: str
    port: int
    protocol: Literal["udp", "tcp"]


def host_candidates(listeners: Sequence[Listener], advertised: Mapping[str, str]) -> tuple[Candidate, ...]:
    """Candidates in falling priority. `advertised` maps a bound address to the one that clients reach it by (1:1 NAT):
    that one is told instead, since the bound one means nothing to them.
    """
    made = [
        Candidate(
            ip=advertised.get(listener.ip, listener.ip),
            port=listener.port,
            protocol=listener.protocol,
            priority=_priority(listener.protocol, rank),
            foundation=str(
                rank + 1
            ),  # RFC 8445, section 5.1.1.3: each has an address or a protocol of its own
        )
        for rank, listener in enumerate(listeners)
    ]
    return tuple(sorted(made, key=lambda candidate: -candidate.priority))


def _priority(protocol: Literal["udp", "tcp"], rank: int) -> int:
    if protocol == "udp":
        kind, local = _UDP_TYPE_PREFERENCE, 0xFFFF - rank
    else:
        kind, local = _TCP_TYPE_PREFERENCE, (_TCP_PASSIVE << 13) + (0x1FFF - rank)
    return (kind << 24) + (local << 8) + (256 - _COMPONENT)
