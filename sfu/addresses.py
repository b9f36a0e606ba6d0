"""Which local addresses media is received on."""

import contextlib
import ipaddress
import socket
from collections.abc import Callable, Sequence

from sfu.errors import LocalError

Family = socket.AddressFamily
Probe = Callable[[Family], str | None]

# Documentation networks (RFC 5737, RFC 3849): no route but the default one leads there.
_ELSEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
_LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


def default_route_address(family: Family) -> str | None:
    """The address that packets to the world would leave from. Connecting a UDP socket asks the kernel for its route and
    sends nothing.
    """
    return _source_address(family, _ELSEWHERE[family])


def loopback_address(family: Family) -> str | None:
    """The loopback address of a family, if this machine has that family at all."""
    return _source_address(family, _LOOPBACK[family])


def resolve(
    words: Sequence[str], *, default: Probe = default_route_address, loopback: Probe = loopback_address
) -> tuple[str, ...]:
    """The addresses that `media.addresses` stands for, each once, in order. Raises LocalError if there is none."""
    found: dict[str, None] = {}
    for word in words:
        if word in {"loopback", "default"}:
            probe = loopback if word == "loopback" else default
            addresses = [probe(family) for family in (socket.AF_INET, socket.AF_INET6)]
            found |= dict.fromkeys(address for address in addresses if address)
        else:
            found[str(ipaddress.ip_address(word))] = None
    if not found:
        raise LocalError(f"media.addresses: this machine has no address for {', '.join(words)}")
    return tuple(found)


def _source_address(family: Family, destination: str) -> str | None:
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((destination, 9))
        address = ipaddress.ip_address(str(probe.getsockname()[0]).partition("%")[0])
        # A link-local address needs a scope, which no candidate can carry.
        if not address.is_unspecified and not address.is_link_local:
            return str(address)
    return None
