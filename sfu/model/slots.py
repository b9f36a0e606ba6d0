"""Who is in which slot of one receiver.

Slots are the `recvonly` m-lines of its offer, numbered in their order. The k-th video and the k-th audio slot are one
*seat*, which holds one participant; the audio slots that are left over are seats for sound alone:

    slot    0 video  1 audio  2 video  3 audio  4 audio
    seat    └────── 0 ──────┘ └────── 1 ──────┘ └─ 2 ─┘

A seat that the view pins holds whom the view says. The others fill themselves by order of joining, as nobody's loudness
is known yet, and then stay: who has a seat keeps it while the receiver does not want it otherwise, but for two cases.
Who only has a seat for sound moves when there is one for its picture too, and who sends sound alone makes way for a
picture where a seat for sound is free.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sfu.errors import Code, RemoteError
from sfu.model.intents import SlotContent
from sfu.model.track import Kind, Track
from sfu.model.view import Wish, check_view


@dataclass(slots=True)
class Publication:
    """What one participant sends. The first track of a kind, by its m-line, is the one that is shown."""

    participant: int
    tracks: list[Track] = field(default_factory=list)

    def first(self, kind: Kind) -> Track | None:
        return next((track for track in self.tracks if track.kind is kind), None)


Publications = Mapping[int, Publication]  # by participant, in order of joining; only who sends something


@dataclass(slots=True)
class _Seat:
    video: int | None  # slot numbers
    audio: int | None
    pin: int | None = None  # participant that the view wants here
    occupant: int | None = None

    @property
    def is_free(self) -> bool:
        return self.occupant is None and self.pin is None


class SlotTable:
    """The seats of one receiver. `settle` brings them up to date and says what changed."""

    def __init__(self, owner: int) -> None:
        self.owner = owner
        self.kinds: tuple[Kind, ...] = ()
        self.view: tuple[Wish, ...] = ()
        self._seats: list[_Seat] = []
        self._shown: list[SlotContent] = []

    @property
    def contents(self) -> tuple[SlotContent, ...]:
        return tuple(self._shown)

    def resize(self, kinds: Sequence[Kind]) -> None:
        """Take the slots of a new offer. Slots that were there stay as they are if all of them still are."""
        kinds = tuple(kinds)
        if kinds[: len(self.kinds)] != self.kinds:
            self._seats, self._shown = [], []
            self.view = ()
        video = [slot for slot, kind in enumerate(kinds) if kind is Kind.VIDEO]
        audio = [slot for slot, kind in enumerate(kinds) if kind is Kind.AUDIO]
        for k in range(max(len(video), len(audio))):
            slots = (video[k] if k < len(video) else None, audio[k] if k < len(audio) else None)
            if k < len(self._seats):
                self._seats[k].video, self._seats[k].audio = slots
            else:
                self._seats.append(_Seat(*slots))
        self._shown += [SlotContent(slot, 0, 0) for slot in range(len(self._shown), len(kinds))]
        self.kinds = kinds

    def look(self, wishes: Sequence[Wish]) -> None:
        """Take a view, which takes the place of the one before. All or nothing: a refused one changes nothing."""
        check_view(wishes, len(self.kinds), self.owner)
        seat_of = {
            slot: seat for seat in self._seats for slot in (seat.video, seat.audio) if slot is not None
        }
        for wish in wishes:
            video = seat_of[wish.slot].video
            if wish.participant is not None and video is not None and video != wish.slot:
                raise RemoteError(
                    Code.BAD_VIEW, f"audio slot {wish.slot} goes with video slot {video}: choose there"
                )
        for seat in self._seats:
            seat.pin = None
        for wish in wishes:
            seat_of[wish.slot].pin = wish.participant
        self.view = tuple(wishes)

    def forget(self, participant: int) -> None:
        """Someone has left and will not be back under this id: a seat kept for them is anyone's."""
        for seat in self._seats:
            if seat.pin == participant:
                seat.pin = None

    def concerns(self, participant: int) -> bool:
        """Whether `settle` may change anything after a change of what that participant sends: they are seated, or could
        be. In a large room most receivers have all their seats taken by others.
        """
        return any(seat.is_free or participant in (seat.occupant, seat.pin) for seat in self._seats)

    def settle(self, publications: Publications) -> list[SlotContent]:
        """Seat everybody who can be; returns what changed, in an order in which no track is in two slots at a time."""
        self._unseat(publications)
        self._seat_pinned()
        self._seat_others(publications)
        return self._changes(publications)

    # ---- seating ----

    def _unseat(self, publications: Publications) -> None:
        pinned = {seat.pin for seat in self._seats if seat.pin is not None}
        for seat in self._seats:
            if seat.occupant is None:
                continue
            publication = publications.get(seat.occupant)
            unwanted = seat.pin != seat.occupant and (seat.pin is not None or seat.occupant in pinned)
            if unwanted or publication is None or not _suits(seat, publication):
                seat.occupant = None

    def _seat_pinned(self) -> None:
        for seat in self._seats:
            if seat.pin is not None:
                seat.occupant = seat.pin

    def _seat_others(self, publications: Publications) -> None:
        seated = {seat.occupant: seat for seat in self._seats if seat.occupant is not None}
        for publication in self._hopeful(publications, seated):
            if publication.participant == self.owner:
                continue
            seat = seated.get(publication.participant)
            if seat is not None and (
                seat.pin is not None or seat.video is not None or publication.first(Kind.VIDEO) is None
            ):
                continue  # has what it can have
            better = self._find(publication, seat, publications)
            if better is None:
                continue
            if seat is not None and seat.occupant == publication.participant:
                seat.occupant = None
            better.occupant = publication.participant
            seated[publication.participant] = better

    def _hopeful(self, publications: Publications, seated: Mapping[int, _Seat]) -> Iterable[Publication]:
        """Those for whom a seat may be found. In a large room with all seats taken these are few."""
        if any(seat.is_free for seat in self._seats):
            return publications.values()
        in_sound_seats = sorted(
            who for who, seat in seated.items() if seat.video is None and seat.pin is None
        )
        return [publications[who] for who in in_sound_seats]

    def _find(self, publication: Publication, held: _Seat | None, publications: Publications) -> _Seat | None:
        """A free seat that is better than the one held. May move someone who sends sound alone out of the way."""
        wants_picture = publication.first(Kind.VIDEO) is not None
        wants_sound = publication.first(Kind.AUDIO) is not None
        if wants_picture:
            for seat in self._seats:
                if seat.is_free and seat.video is not None:
                    return seat
            refuge = held or next((seat for seat in self._seats if seat.is_free and seat.video is None), None)
            for seat in self._seats:
                if refuge is None or seat.video is None or seat.pin is not None or seat.occupant is None:
                    continue
                if publications[seat.occupant].first(Kind.VIDEO) is None:
                    refuge.occupant, seat.occupant = seat.occupant, None
                    return seat
        if wants_sound and held is None:
            return next((seat for seat in self._seats if seat.is_free and seat.audio is not None), None)
        return None

    # ---- what that means for the slots ----

    def _changes(self, publications: Publications) -> list[SlotContent]:
        wanted: dict[int, SlotContent] = {}
        for seat in self._seats:
            for slot, kind in ((seat.video, Kind.VIDEO), (seat.audio, Kind.AUDIO)):
                if (
                    slot is not None
                    and (content := _content(slot, seat, kind, publications)) != self._shown[slot]
                ):
                    wanted[slot] = content
        ordered: list[SlotContent] = []
        in_use = {content.track for content in self._shown if content.track}
        while wanted:
            ready = [content for content in wanted.values() if not self._is_elsewhere(content, in_use)]
            # A circle, as when two change places: one slot is emptied first.
            for content in ready or [SlotContent(min(wanted), 0, 0)]:
                in_use.discard(self._shown[content.slot].track)
                in_use |= {content.track} - {0}
                self._shown[content.slot] = content
                ordered.append(content)
                if wanted[content.slot] == content:
                    del wanted[content.slot]
        return ordered

    def _is_elsewhere(self, content: SlotContent, in_use: set[int]) -> bool:
        return content.track in in_use and self._shown[content.slot].track != content.track


def _suits(seat: _Seat, publication: Publication) -> bool:
    if seat.occupant == seat.pin:
        return True
    has_picture = seat.video is not None and publication.first(Kind.VIDEO) is not None
    return has_picture or (seat.audio is not None and publication.first(Kind.AUDIO) is not None)


def _content(slot: int, seat: _Seat, kind: Kind, publications: Publications) -> SlotContent:
    publication = publications.get(seat.occupant) if seat.occupant is not None else None
    if publication is None:
        return SlotContent(slot, 0, 0)
    track = publication.first(kind)
    return SlotContent(slot, publication.participant, track.id if track is not None else 0)
