"""The seam between signalling and the rest: what the server calls, and what it gives to be called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sfu.model.admission import Grant
from sfu.model.view import Wish
from sfu.signaling.messages import Outgoing, RosterPage, Settings


class Gate(Protocol):
    """Who may come in. Asked before the application hears of it; must not block. Both raise `RemoteError` ("unauthorised", or
    "forbidden") for whom it does not let in.
    """

    def check(self, room: str, token: str | None) -> Grant:
        """What the bearer may do in that room. Counts nothing."""

    def authorise(self, room: str, token: str | None, address: str) -> Grant:
        """The same for somebody who goes in: once for each `join`, so that a room to be opened counts for the address."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What someone is told who has been let in. `participant` is their id in the room."""

    participant: int
    roster: RosterPage
    settings: Settings


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to an offer. `transport` counts those of the participant: with each the keys of DTLS are new."""

    sdp: str = field(repr=False)
    transport: int


class RoomMoved(Exception):  # noqa: N818  no error: an answer
    """Raised by `on_join` for a room that is at another server; the client is told to go there."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


class Peer(Protocol):
    """One client, as the application sees it; the same object from `on_join` to `on_leave`, whatever connections do.

    `room` and `participant` are set once `on_join` has returned; within it, they are "" and 0. The methods neither
    block nor fail: what cannot be sent now is kept for a client that comes back, within bounds.
    """

    @property
    def room(self) -> str: ...
    @property
    def participant(self) -> int: ...
    @property
    def address(self) -> str:
        """Where the connection came from that joined. Not for logs."""

    def tell(self, event: Outgoing) -> None:
        """Send an event. Until `on_join` has returned and the client knows that it is in, events wait."""

    def deliver(self, kind: int, sender: int, payload: bytes) -> None:
        """Send opaque bytes of another participant, in order with the events."""

    def close(self, code: str) -> None:
        """End the session for a reason with a code; `on_leave` follows."""


class Application(Protocol):
    """What the server does with a client's wishes. Implemented in `sfu.app`.

    A client's requests come one after the other: the next after the one before has returned. Different clients' come
    at any time. `RemoteError` becomes the answer; any other exception is logged, and the client is told "internal".
    A request that a client repeats does not get here twice.
    """

    async def on_join(self, peer: Peer, room: str, grant: Grant) -> Entry:
        """Let a client in, opening the room if need be. May raise `RoomMoved`. What the others are told of it is the
        application's business, and so are profiles for the newcomer (`peer.deliver`).
        """

    async def on_peek(self, room: str) -> int:
        """How many are in a room, 0 for one that is not open. May raise `RoomMoved`."""

    async def on_offer(self, peer: Peer, sdp: str, heights: Mapping[str, Sequence[int]]) -> Answered:
        """Answer an offer: the first, a later one (more slots, an ICE restart), or one with another certificate, which
        begins anew. `heights` by mid, of the simulcast layers of those tracks of which the client says them.
        """

    async def on_view(self, peer: Peer, view: Sequence[Wish]) -> None:
        """Show what the client wants to see. Takes the place of the view before."""

    async def on_roster(self, peer: Peer, begin: int) -> RosterPage:
        """A page of those present, with ids from `begin` on; their profiles go out by `peer.deliver`."""

    async def on_profile(self, peer: Peer, payload: bytes) -> None:
        """Keep the client's sealed profile and hand it to the others."""

    async def on_relay(self, peer: Peer, kind: int, recipient: int, payload: bytes) -> None:
        """Hand sealed bytes to one participant, or with recipient 0 to all others."""

    def on_away(self, peer: Peer, away: bool) -> None:
        """The client's connection has been gone for `Limits.away_seconds`, and it may come back; or it has."""

    async def on_leave(self, peer: Peer, reason: str) -> None:
        """The client has left ("left"), has not come back in time ("lost"), or was put out (a code). Once for each
        `on_join` that returned; nothing of this client comes after. `peer` takes calls still, and drops them.
        """
