"""A room: who is in it, what they send, and who is shown what."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from sfu.errors import Code, RemoteError
from sfu.model.admission import Grant, RoomLimits
from sfu.model.intents import (
    CloseTrack,
    Deliver,
    Event,
    FillSlot,
    Intent,
    LimitSlot,
    OpenTrack,
    ParticipantAway,
    ParticipantCount,
    ParticipantJoined,
    ParticipantLeft,
    SlotContent,
    SlotsChanged,
    SpeakersChanged,
    Tell,
    TellOthers,
    TrackAdded,
    TrackRemoved,
)
from sfu.model.participant import Participant
from sfu.model.slots import Publication
from sfu.model.speakers import Speakers
from sfu.model.track import Described, Kind, Track
from sfu.model.view import Wish


@dataclass(frozen=True, slots=True)
class Roster:
    """A page of those present, by id, `away` among them. `next` is where the following page begins, 0 if there is none."""

    participants: tuple[tuple[int, tuple[Track, ...]], ...]
    away: frozenset[int]
    total: int
    next: int


class Room:
    """`id` is what the clients derived from their secret; to us it is a name and no more."""

    def __init__(self, id: str, limits: RoomLimits) -> None:
        self.id = id
        self.limits = limits
        self.participants: dict[int, Participant] = {}  # in order of joining
        self._publications: dict[int, Publication] = {}  # of those who send something, in order of joining
        self._speakers = Speakers()
        self._last_participant = 0
        self._last_track = 0

    # ---- coming and going ----

    def join(self, grant: Grant) -> tuple[Participant, list[Intent]]:
        if len(self.participants) >= self.limits.participants_per_room:
            raise RemoteError(
                Code.ROOM_FULL, f"the room holds {self.limits.participants_per_room} participants"
            )
        self._last_participant += 1
        participant = Participant(self._last_participant, grant)
        self.participants[participant.id] = participant
        return participant, [self._announce(participant.id, ParticipantJoined(participant.id))]

    def leave(self, participant_id: int, *, is_lost: bool = False) -> list[Intent]:
        participant = self._participant(participant_id)
        event = ParticipantLeft(participant_id, is_lost)
        announcement = self._announce(participant_id, event, leaving=True)
        del self.participants[participant_id]
        self._publications.pop(participant_id, None)
        self._speakers.forget(participant_id)
        intents: list[Intent] = [announcement]
        concerned = [who for who in self.participants.values() if who.slots.concerns(participant_id)]
        for other in concerned:
            other.slots.forget(participant_id)
            intents += self._settle(other)
        intents += [CloseTrack(track) for track in participant.tracks]
        return intents

    def set_away(self, participant_id: int, away: bool) -> list[Intent]:
        """Someone's connection is gone while they may come back, or they have."""
        self._participant(participant_id).away = away
        return self._tell_small_room(participant_id, ParticipantAway(participant_id, away))

    def roster(self, begin: int = 0) -> Roster:
        """A page of participants with ids from `begin` on."""
        page = self.limits.roster_page
        found = list(islice((who for who in self.participants.values() if who.id >= begin), page + 1))
        return Roster(
            tuple((who.id, tuple(who.tracks)) for who in found[:page]),
            away=frozenset(who.id for who in found[:page] if who.away),
            total=len(self.participants),
            next=found[page].id if len(found) > page else 0,
        )

    # ---- media ----

    def describe(
        self, participant_id: int, tracks: Sequence[Described], slots: Sequence[Described]
    ) -> list[Intent]:
        """Take what an offer says that a participant sends and has room for. A refused offer changes nothing."""
        participant = self._participant(participant_id)
        self._check_offer(participant, tracks, slots)
        intents = self._replace_tracks(participant, tracks)
        closed: list[Intent] = [intent for intent in intents if isinstance(intent, CloseTrack)]
        intents = [intent for intent in intents if not isinstance(intent, CloseTrack)]
        participant.slots.resize([Kind(slot.kind) for slot in slots])
        if any(isinstance(intent, OpenTrack) for intent in intents) or closed:
            for other in self.participants.values():
                if other is participant or other.slots.concerns(participant_id):
                    intents += self._settle(other)
        else:
            intents += self._settle(participant)
        return intents + closed

    def look(self, participant_id: int, wishes: Sequence[Wish]) -> list[Intent]:
        """Take a view. It takes the place of the one before: slots that it does not name are `auto` without limit."""
        participant = self._participant(participant_id)
        before = {wish.slot: wish for wish in participant.slots.view}
        # Who has just left cannot be waited for: their ids do not come back.
        present = [
            wish if wish.participant in self.participants else replace(wish, participant=None)
            for wish in wishes
        ]
        participant.slots.look(present)
        after = {wish.slot: wish for wish in present}
        intents: list[Intent] = []
        for slot in sorted(before.keys() | after.keys()):
            old, new = before.get(slot, Wish(slot)), after.get(slot, Wish(slot))
            if (old.max_height, old.priority) != (new.max_height, new.priority):
                intents.append(LimitSlot(participant_id, slot, new.max_height, new.priority))
        return self._settle(participant) + intents

    def tracks(self, participant_id: int) -> Sequence[Track]:
        """What a participant sends."""
        return tuple(self._participant(participant_id).tracks)

    def contents(self, participant_id: int) -> Sequence[SlotContent]:
        """What is in a participant's slots, by their numbers."""
        return self._participant(participant_id).slots.contents

    def shown(self, participant_id: int, slot: int) -> int:
        """Id of the track in a slot; 0: none, or there is no such slot."""
        contents = self.contents(participant_id)
        return contents[slot].track if slot < len(contents) else 0

    def max_height(self, participant_id: int, slot: int) -> int | None:
        """How high the picture in a slot may be, in pixels; None: as high as may be."""
        view = self._participant(participant_id).slots.view
        return next((wish.max_height for wish in view if wish.slot == slot), None)

    def hear(self, track: Track, level: int, now_s: float) -> None:
        """How loud a track is now, in -dBov; 127: silent."""
        if track.participant in self.participants:
            self._speakers.hear(track.participant, track.id, level, now_s)

    def speakers(self, now_s: float) -> tuple[list[Intent], float | None]:
        """What is to be told of who speaks, and when to ask again even if nothing is heard (None: then never)."""
        loudest = self._speakers.poll(now_s)
        intents: list[Intent] = [] if loudest is None else [TellOthers(0, SpeakersChanged(loudest))]
        return intents, self._speakers.next_deadline_s()

    # ---- opaque bytes ----

    def relay(self, sender_id: int, recipient: int, kind: int, payload: bytes) -> list[Intent]:
        """Hand bytes on that only the participants can read; recipient 0 is everybody else."""
        self._check_relay(self._participant(sender_id))
        if recipient == sender_id or (recipient and recipient not in self.participants):
            raise RemoteError(Code.NO_SUCH_PARTICIPANT, f"there is no other participant {recipient}")
        return [Deliver(recipient, sender_id, kind, payload)]

    def set_profile(self, sender_id: int, kind: int, payload: bytes) -> list[Intent]:
        """Keep a participant's sealed profile in place of the one before, and hand it to the others."""
        sender = self._participant(sender_id)
        self._check_relay(sender)
        if len(payload) > self.limits.profile_bytes:
            raise RemoteError(Code.TOO_LARGE, f"a profile has {self.limits.profile_bytes} bytes at most")
        sender.profile = payload
        return [Deliver(0, sender_id, kind, payload)]

    def profiles(self, recipient: int, roster: Roster, kind: int) -> list[Intent]:
        """The profiles of those on a page of the roster, for someone who has just been given it."""
        return [
            Deliver(recipient, who, kind, self.participants[who].profile)
            for who, _ in roster.participants
            if who != recipient and who in self.participants and self.participants[who].profile
        ]

    # ---- inner workings ----

    def _participant(self, participant_id: int) -> Participant:
        try:
            return self.participants[participant_id]
        except KeyError:
            raise RemoteError(
                Code.NO_SUCH_PARTICIPANT, f"participant {participant_id} is not in the room"
            ) from None

    def _announce(self, about: int, event: Event, *, leaving: bool = False) -> Intent:
        """Tell the others of `event`, or only how many there are where they are many."""
        if len(self.participants) > self.limits.announce_up_to:
            return TellOthers(about, ParticipantCount(len(self.participants) - leaving))
        return TellOthers(about, event)

    def _check_relay(self, sender: Participant) -> None:
        if not sender.grant.may_relay:
            raise RemoteError(Code.FORBIDDEN, "this token does not allow messages")

    def _check_offer(
        self, participant: Participant, tracks: Sequence[Described], slots: Sequence[Described]
    ) -> None:
        if tracks and not participant.grant.may_publish:
            raise RemoteError(Code.FORBIDDEN, "this token does not allow sending media")
        if slots and not participant.grant.may_subscribe:
            raise RemoteError(Code.FORBIDDEN, "this token does not allow receiving media")
        # Who has read the offer has refused what is beyond these, by its line.
        assert len(tracks) <= self.limits.tracks_per_participant
        assert len(slots) <= self.limits.slots_per_participant
        assert len({track.mid for track in tracks}) == len(tracks)

    def _replace_tracks(self, participant: Participant, tracks: Sequence[Described]) -> list[Intent]:
        """Tracks keep their id while their m-line goes on sending."""
        before = {(track.mid, track.kind): track for track in participant.tracks}
        after: list[Track] = []
        intents: list[Intent] = []
        for described in tracks:
            kind = Kind(described.kind)
            track = before.pop((described.mid, kind), None)
            if track is None:
                self._last_track += 1
                track = Track(self._last_track, participant.id, described.mid, kind)
                intents.append(OpenTrack(track))
                intents += self._tell_small_room(participant.id, TrackAdded(track))
            after.append(track)
        for track in before.values():
            intents += self._tell_small_room(participant.id, TrackRemoved(track))
            intents.append(CloseTrack(track))
        participant.publication.tracks = after
        self._list_publication(participant)
        return intents

    def _tell_small_room(self, participant_id: int, event: Event) -> list[Intent]:
        if len(self.participants) > self.limits.announce_up_to:
            return []
        return [TellOthers(participant_id, event)]

    def _list_publication(self, participant: Participant) -> None:
        listed = participant.id in self._publications
        if participant.tracks and not listed:
            # Order of joining is order of ids, not of first sending.
            later = [who for who in self._publications if who > participant.id]
            self._publications[participant.id] = participant.publication
            for who in later:
                self._publications[who] = self._publications.pop(who)
        elif listed and not participant.tracks:
            del self._publications[participant.id]

    def _settle(self, participant: Participant) -> list[Intent]:
        before = {content.slot: content.track for content in participant.slots.contents}
        changes = participant.slots.settle(self._publications)
        intents: list[Intent] = []
        for change in changes:
            if before[change.slot] != change.track:
                intents.append(FillSlot(participant.id, change.slot, change.track))
            before[change.slot] = change.track
        if changes:
            # Who changed places by way of an emptied slot is told of the outcome only.
            outcome = {change.slot: change for change in changes}
            intents.append(
                Tell(participant.id, SlotsChanged(tuple(outcome[slot] for slot in sorted(outcome))))
            )
        return intents
