"""Where signalling, the model and the media plane meet: what clients ask for becomes intents, and intents become commands
to transports and messages to clients.
"""

import asyncio
import itertools
import secrets
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import structlog

from sfu.errors import Code, LocalError, RemoteError
from sfu.media.engine import MediaPlane
from sfu.media.events import AudioLevel, Closed, Failed, MediaEvent
from sfu.media.transport import Source, Transport
from sfu.model.admission import Grant
from sfu.model.intents import (
    CloseTrack,
    Deliver,
    FillSlot,
    Intent,
    LimitSlot,
    OpenTrack,
    Tell,
    TellOthers,
)
from sfu.model.layers import highest_layer, nominal_heights
from sfu.model.room import Room
from sfu.model.rooms import Rooms
from sfu.model.track import Kind, Track
from sfu.model.view import Wish
from sfu.sdp import Local, Negotiation, OfferedSlot, build_answer, negotiate, parse_offer
from sfu.signaling.application import Answered, Entry, Peer
from sfu.signaling.messages import KIND_PROFILE, RosterPage, Settings
from sfu.signaling.translate import event_message, roster_page

# VP8 is what every browser and aiortc send and take. A choice by room comes with the configuration's list of codecs.
ROOM_CODECS = ("opus", "VP8")
_SESSION_ID_BITS = 62  # RFC 8829, section 5.2.1

_log = structlog.get_logger("sfu.conferences")


@dataclass
class _Member:
    """A participant with their connection and transport."""

    peer: Peer
    room: Room
    id: int
    transport: Transport | None = None
    transports: int = 0  # how many there have been
    session_id: int = field(default_factory=lambda: secrets.randbits(_SESSION_ID_BITS))
    session_versions: "itertools.count[int]" = field(default_factory=itertools.count)
    remote_ufrag: str = ""
    heights: Mapping[str, Sequence[int]] = field(
        default_factory=dict
    )  # of layers, by mid, as the client says
    slots: tuple[OfferedSlot, ...] = ()  # of the last offer: they keep their numbers


class Conferences:
    """The `Application` that signalling talks to."""

    def __init__(self, rooms: Rooms, media: MediaPlane, on_count: Callable[[int], None]) -> None:
        """`on_count` is told how many participants there are whenever that changes."""
        self._rooms = rooms
        self._media = media
        self._on_count = on_count
        self._members: dict[tuple[str, int], _Member] = {}
        self._sources: dict[tuple[str, int], tuple[Source, Track]] = {}  # by room and track
        self._speaking: dict[Room, asyncio.TimerHandle] = {}  # when to see again who speaks

    def transport_of(self, room: str, participant: int) -> Transport | None:
        """The participant's transport, for whoever traces it."""
        member = self._members.get((room, participant))
        return member.transport if member else None

    # ---- what clients ask for ----

    async def on_join(self, peer: Peer, room: str, grant: Grant) -> Entry:
        joined, participant, intents = self._rooms.join(room, grant, peer.address)
        self._members[room, participant.id] = _Member(peer, joined, participant.id)
        self._on_count(len(self._members))
        self._apply(joined, intents)
        roster = joined.roster()
        self._apply(joined, joined.profiles(participant.id, roster, KIND_PROFILE))
        advised = Settings(codecs=list(ROOM_CODECS))
        pairs = max(0, joined.limits.slots_per_participant - advised.extra_audio_slots) // 2
        settings = msgspec.structs.replace(advised, slots=min(advised.slots, pairs), slots_max=pairs)
        return Entry(participant.id, roster_page(roster), settings)

    async def on_peek(self, room: str) -> int:
        return len(self._rooms[room].participants) if room in self._rooms else 0

    async def on_offer(self, peer: Peer, sdp: str, heights: Mapping[str, Sequence[int]]) -> Answered:
        member = self._member(peer)
        offer = parse_offer(sdp)
        limits = member.room.limits
        negotiation = negotiate(
            offer,
            ROOM_CODECS,
            member.slots,
            max_tracks=limits.tracks_per_participant,
            max_slots=limits.slots_per_participant,
        )
        if member.transport and not member.transport.is_of(negotiation):
            self._drop_media(member, member.transport)
        transport, is_new = self._transport_for(member, negotiation)
        try:
            intents = member.room.describe(member.id, negotiation.tracks, negotiation.slots)
        except RemoteError:
            if is_new:
                transport.close()
            raise
        member.transport = transport
        member.transports += is_new
        member.remote_ufrag = negotiation.ufrag
        member.slots = negotiation.slots
        changed = [mid for mid in {*heights, *member.heights} if heights.get(mid) != member.heights.get(mid)]
        member.heights = heights
        ssrcs = transport.assign_ssrcs(negotiation)
        transport.apply(negotiation, ssrcs)
        self._apply(member.room, intents)
        if changed:
            self._refill(
                member.room, {track.id for track in member.room.tracks(member.id) if track.mid in changed}
            )
        local = Local(
            ufrag=transport.ufrag,
            password=transport.password,
            fingerprint=self._media.certificate.fingerprint,
            candidates=transport.candidates,
            slot_ssrcs=ssrcs,
            cname=transport.cname,
            session_id=member.session_id,
            session_version=next(member.session_versions),
        )
        return Answered(build_answer(offer, negotiation, local), member.transports)

    async def on_view(self, peer: Peer, view: Sequence[Wish]) -> None:
        member = self._member(peer)
        self._apply(member.room, member.room.look(member.id, view))

    async def on_roster(self, peer: Peer, begin: int) -> RosterPage:
        member = self._member(peer)
        roster = member.room.roster(begin)
        self._apply(member.room, member.room.profiles(member.id, roster, KIND_PROFILE))
        return roster_page(roster)

    async def on_profile(self, peer: Peer, payload: bytes) -> None:
        member = self._member(peer)
        self._apply(member.room, member.room.set_profile(member.id, KIND_PROFILE, payload))

    async def on_relay(self, peer: Peer, kind: int, recipient: int, payload: bytes) -> None:
        member = self._member(peer)
        self._apply(member.room, member.room.relay(member.id, recipient, kind, payload))

    def on_away(self, peer: Peer, away: bool) -> None:
        member = self._members.get((peer.room, peer.participant))
        if member:
            self._apply(member.room, member.room.set_away(member.id, away))

    async def on_leave(self, peer: Peer, reason: str) -> None:
        member = self._members.pop((peer.room, peer.participant), None)
        if member is None:
            return
        self._on_count(len(self._members))
        self._apply(member.room, self._rooms.leave(peer.room, peer.participant, is_lost=reason == "lost"))
        if member.transport:
            member.transport.close()
        _log.debug("left", participant=member.id, reason=reason)

    # ---- transports ----

    def _member(self, peer: Peer) -> _Member:
        try:
            return self._members[peer.room, peer.participant]
        except KeyError:
            raise RemoteError(Code.BAD_STATE, "you are in no room") from None

    def _transport_for(self, member: _Member, negotiation: Negotiation) -> tuple[Transport, bool]:
        """The member's transport, restarted where the offer has new ICE credentials; and whether it is new."""
        if member.transport is None:
            return self._open(member, negotiation), True
        if negotiation.ufrag != member.remote_ufrag:
            member.transport.restart(negotiation)
        return member.transport, False

    def _open(self, member: _Member, negotiation: Negotiation) -> Transport:
        try:
            transport = self._media.open(
                negotiation, lambda event: self._on_media(member, transport, event), room=member.room.id
            )
        except LocalError as error:
            _log.warning("no transport to be had", reason=str(error))
            raise RemoteError(Code.ROOM_FULL, "this server carries no more participants") from None
        return transport

    def _on_media(self, member: _Member, transport: Transport, event: MediaEvent) -> None:
        if member.transport is not transport:
            return
        if isinstance(event, Failed):
            # Signalling goes on: the client may offer again, and then has a new transport.
            _log.info("media failed", participant=member.id, reason=str(event.reason))
            self._drop_media(member, transport)
        elif isinstance(event, AudioLevel):
            self._hear(member, transport, event)
        elif isinstance(event, Closed):
            member.transport = None

    def _drop_media(self, member: _Member, transport: Transport) -> None:
        member.transport = None
        if (member.room.id, member.id) in self._members:
            self._apply(member.room, member.room.describe(member.id, (), ()))
        transport.close()

    # ---- who speaks ----

    def _hear(self, member: _Member, transport: Transport, event: AudioLevel) -> None:
        mid = next((mid for mid, source in transport.sources.items() if source.id == event.source), None)
        track = next((track for track in member.room.tracks(member.id) if track.mid == mid), None)
        if track:
            member.room.hear(track, event.level, asyncio.get_running_loop().time())
            self._tell_speakers(member.room)

    def _tell_speakers(self, room: Room) -> None:
        waiting = self._speaking.pop(room, None)
        if waiting:
            waiting.cancel()
        loop = asyncio.get_running_loop()
        intents, again_s = room.speakers(loop.time())
        self._apply(room, intents)
        if again_s is not None:
            self._speaking[room] = loop.call_at(again_s, self._tell_speakers, room)

    # ---- intents ----

    def _apply(self, room: Room, intents: Iterable[Intent]) -> None:
        for intent in intents:
            match intent:
                case OpenTrack(track):
                    publisher = self._members[room.id, track.participant].transport
                    if publisher:
                        self._sources[room.id, track.id] = publisher.sources[track.mid], track
                case CloseTrack(track):
                    self._sources.pop((room.id, track.id), None)
                case FillSlot(participant, slot, track_id):
                    self._fill(room, participant, slot, track_id)
                case LimitSlot(participant, slot):
                    self._fill(room, participant, slot, room.shown(participant, slot))
                case Tell(participant, event):
                    self._members[room.id, participant].peer.tell(event_message(event))
                case TellOthers(participant, event):
                    message = event_message(event)
                    for other in self._others(room, participant):
                        other.peer.tell(message)
                case Deliver(recipient, sender, kind, payload):
                    whom = [self._members[room.id, recipient]] if recipient else self._others(room, sender)
                    for member in whom:
                        member.peer.deliver(kind, sender, payload)

    def _fill(self, room: Room, participant: int, slot: int, track: int) -> None:
        member = self._members.get((room.id, participant))
        if not (member and member.transport and slot < len(member.slots)):
            return
        if not track:
            member.transport.fill(slot, None)
            return
        source, published = self._sources[room.id, track]
        layer: int | None = 0
        if published.kind is Kind.VIDEO:
            heights = self._heights(room, source, published)
            layer = highest_layer(heights, room.max_height(participant, slot))
        member.transport.fill(slot, None if layer is None else source, layer or 0)

    def _heights(self, room: Room, source: Source, track: Track) -> Sequence[int]:
        publisher = self._members.get((room.id, track.participant))
        said = publisher.heights.get(track.mid, ()) if publisher else ()
        return said if len(said) == source.layers else nominal_heights(source.layers)

    def _refill(self, room: Room, tracks: Container[int]) -> None:
        """What the layers of those tracks are has changed: another one may be wanted where they are shown."""
        for participant in room.participants:
            for content in room.contents(participant):
                if content.track in tracks:
                    self._fill(room, participant, content.slot, content.track)

    def _others(self, room: Room, participant: int) -> list[_Member]:
        return [
            self._members[room.id, other]
            for other in room.participants
            if other != participant and (room.id, other) in self._members
        ]
