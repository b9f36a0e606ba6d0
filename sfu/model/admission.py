"""Who may come in, who may open a room, and how much of either one address gets."""

from collections import Counter
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from sfu.errors import Code, RemoteError


@dataclass(frozen=True, slots=True)
class Grant:
    """What the bearer of a token may do in one room. Without tokens everybody has the default.

    `identity` is opaque: it is for the operator's books and never shown to other participants.
    """

    identity: str | None = None
    may_create: bool = True
    may_publish: bool = True
    may_subscribe: bool = True
    may_relay: bool = True


@dataclass(frozen=True, slots=True)
class RoomLimits:
    """How large things may become. 0 turns a feature off, it never means "no limit"."""

    participants_per_room: int = 1000
    rooms_per_address: int = 16
    tracks_per_participant: int = 8
    slots_per_participant: int = 128
    profile_bytes: int = 4096
    # Profiles go with the roster: a page must fit a connection's queue.
    roster_page: int = 64
    # Above so many participants the others are told counts only, so that a join costs each of them a constant.
    announce_up_to: int = 100


def address_key(address: str) -> str:
    """What counts as one address: an IPv4 address, or a /64 of IPv6, which is the least a site gets."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(IPv6Address(int(parsed) >> 64 << 64)) + "/64"
    return str(parsed)


class RoomQuota:
    """Counts the rooms that each address has opened and that are still open."""

    def __init__(self, rooms_per_address: int) -> None:
        self.rooms_per_address = rooms_per_address
        self._open: Counter[str] = Counter()

    def take(self, address: str) -> None:
        key = address_key(address)
        if self._open[key] >= self.rooms_per_address:
            raise RemoteError(
                Code.TOO_MANY_ROOMS, f"this address has {self._open[key]} rooms open, the limit"
            )
        self._open[key] += 1

    def give_back(self, address: str) -> None:
        key = address_key(address)
        self._open[key] -= 1
        if self._open[key] <= 0:
            del self._open[key]
