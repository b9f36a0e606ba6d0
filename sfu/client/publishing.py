"""What one sends: sources with the KIDs that they keep, and the tracks that come and go behind them."""

from collections.abc import Callable

from sfu.client import clock, events
from sfu.client.adapter import FrameSource, Sealing, Sender, Transport
from sfu.client.keys import LinkKeys, RoomKeys, Source
from sfu.client.outlet import Outlet
from sfu.client.profile import SourceState
from sfu.errors import LocalError


class Publishing:
    """`on_new_kid`: the profile must name another KID than before."""

    def __init__(
        self,
        room: RoomKeys,
        keys: LinkKeys,
        tell: Callable[[events.Event], None],
        on_new_kid: Callable[[], None],
    ) -> None:
        self._room = room
        self._keys = keys
        self._tell = tell
        self._on_new_kid = on_new_kid
        self.senders: dict[Source, Sender] = {}  # of the transport there is
        self._outlets: dict[Source, Outlet] = {}
        self._tracks: dict[Source, FrameSource] = {}

    @property
    def states(self) -> tuple[SourceState, ...]:
        """What the profile says, in the order of m-lines."""
        return tuple(outlet.state for outlet in self._outlets.values())

    def put(self, track: FrameSource, source: Source) -> None:
        """Takes the place of the track that was there. Raises LocalError."""
        if source.media != track.media:
            raise LocalError(f"{source} takes {source.media}, the track gives {track.media}")
        self._tracks[source] = track
        if source not in self._outlets:
            self._outlets[source] = Outlet(source, self._room, self._keys, self._on_new_kid)

    def take(self, source: Source) -> bool:
        """The source falls silent. Whether there was such a source."""
        self._tracks.pop(source, None)
        if source in self.senders:
            self.senders[source].set_source(None)
        return source in self._outlets

    def mute(self, source: Source, *, muted: bool) -> None:
        """Raises LocalError."""
        outlet = self._outlets.get(source)
        if outlet is None:
            raise LocalError(f"{source} is not published")
        outlet.muted = muted
        if source in self.senders:
            self.senders[source].muted = muted

    def begin(self, transport: Transport) -> None:
        """All goes by this transport from now on."""
        self.senders.clear()
        for source in self._outlets:  # in the order that the profile has
            self.send(source, transport)

    def send(self, source: Source, transport: Transport) -> bool:
        """Sends what was put there. Whether it takes an offer, for it is new to the transport. Raises LocalError."""
        sender = self.senders.get(source)
        is_new = sender is None
        if sender is None:
            sender = self.senders[source] = self._sender(source, transport)
        elif sender.dead:
            raise LocalError(f"{source} could not be sealed once: nothing of it is sent any more")
        sender.set_source(self._tracks.get(source))
        return is_new

    def _sender(self, source: Source, transport: Transport) -> Sender:
        outlet = self._outlets[source]

        def failed(error: BaseException) -> None:
            self._tracks.pop(source, None)
            self._tell(events.Ended(source, error))

        def ended() -> None:
            self._tracks.pop(source, None)
            self._tell(events.Ended(source))

        sender = transport.add_sender(source.media, Sealing(outlet.seal, clock.exact_ms, failed, ended))
        sender.muted = outlet.muted
        return sender
