"""Who is in which slot of one receiver.

Slots are the `recvonly` m-lines of its offer, numbered in their order. The k-th video and the k-th audio slot are one
*seat*, which holds one pair of a participant (camera and microphone, or a screen and its sound); the audio slots that are
left over are seats for sound alone:

    slot    0 video  1 audio  2 video  3 audio  4 audio
    seat    └────── 0 ──────┘ └────── 1 ──────┘ └─ 2 ─┘

A seat that the view pins holds what the view says. The others fill themselves by order of joining, everybody's first pair
before second ones, as nobody's loudness is known yet, and then stay: who has a seat keeps it while the receiver does not want it otherwise, but for two cases.
Who only has a seat for sound moves when there is one for its picture too, and who sends sound alone makes way for a
picture where a seat for sound is free.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

from sfu.errors import Code, RemoteError
from sfu.model.intents import SlotContent
from sfu.model.track import Kind, Pair, Track
from sfu.model.view import Wish, check_view


@dataclass(slots=True)
class Publication:
    """What one participant sends, in the order of m-lines."""

    participant: int
    tracks: list[Track] = field(default_factory=list)

    @property
    def pairs(self) -> int:
        videos = sum(track.kind is Kind.VIDEO for track in self.tracks)
        return max(videos, len(self.tracks) - videos)

    def of(self, nth: int, kind: Kind) -> Track | None:
        return next(islice((track for track in self.tracks if track.kind is kind), nth, None), None)


Publications = Mapping[int, Publication]  # by participant, in order of joining; only who sends something


@dataclass(slots=True)
class _Seat:
    video: int | None  # slot numbers
    audio: int | None
    pin: Pair | None = None  # what the view wants here
    occupant: Pair | None = None

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
            seat_of[wish.slot].pin = wish.pair
        self.view = tuple(wishes)

    def forget(self, participant: int) -> None:
        """Someone has left and will not be back under this id: a seat kept for them is anyone's."""
        for seat in self._seats:
            if seat.pin is not None and seat.pin.participant == participant:
                seat.pin = None

    def concerns(self, participant: int) -> bool:
        """Whether `settle` may change anything after a change of what that participant sends: they are seated, or could
        be. In a large room most receivers have all their seats taken by others.
        """
        return any(
            seat.is_free
            or any(pair is not None and pair.participant == participant for pair in (seat.occupant, seat.pin))
            for seat in self._seats
        )

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
            unwanted = seat.pin != seat.occupant and (seat.pin is not None or seat.occupant in pinned)
            is_gone = seat.occupant.participant not in publications
            if unwanted or is_gone or not _suits(seat, seat.occupant, publications):
                seat.occupant = None

    def _seat_pinned(self) -> None:
        for seat in self._seats:
            if seat.pin is not None:
                seat.occupant = seat.pin

    def _seat_others(self, publications: Publications) -> None:
        seated = {seat.occupant: seat for seat in self._seats if seat.occupant is not None}
        for pair in self._hopeful(publications, seated):
            if pair.participant == self.owner:
                continue
            seat = seated.get(pair)
            if seat is not None and (
                seat.pin is not None
                or seat.video is not None
                or _track(pair, Kind.VIDEO, publications) is None
            ):
                continue  # has what it can have
            better = self._find(pair, seat, publications)
            if better is None:
                continue
            if seat is not None and seat.occupant == pair:
                seat.occupant = None
            better.occupant = pair
            seated[pair] = better

    def _hopeful(self, publications: Publications, seated: Mapping[Pair, _Seat]) -> Iterable[Pair]:
        """Those for whom a seat may be found. In a large room with all seats taken these are few."""
        if any(seat.is_free for seat in self._seats):
            firsts = (Pair(who, 0) for who in publications)
            others = (
                Pair(who, nth)
                for who, publication in publications.items()
                for nth in range(1, publication.pairs)
            )
            return chain(firsts, others)
        in_sound_seats = (pair for pair, seat in seated.items() if seat.video is None and seat.pin is None)
        return sorted(in_sound_seats, key=lambda pair: (pair.nth, pair.participant))

    def _find(self, pair: Pair, held: _Seat | None, publications: Publications) -> _Seat | None:
        """A free seat that is better than the one held. May move someone who sends sound alone out of the way."""
        wants_picture = _track(pair, Kind.VIDEO, publications) is not None
        wants_sound = _track(pair, Kind.AUDIO, publications) is not None
        if wants_picture:
            for seat in self._seats:
                if seat.is_free and seat.video is not None:
                    return seat
            refuge = held or next((seat for seat in self._seats if seat.is_free and seat.video is None), None)
            for seat in self._seats:
                if refuge is None or seat.video is None or seat.pin is not None or seat.occupant is None:
                    continue
                if _track(seat.occupant, Kind.VIDEO, publications) is None:
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


def _suits(seat: _Seat, pair: Pair, publications: Publications) -> bool:
    if pair == seat.pin:
        return True
    has_picture = seat.video is not None and _track(pair, Kind.VIDEO, publications) is not None
    return has_picture or (seat.audio is not None and _track(pair, Kind.AUDIO, publications) is not None)


def _track(pair: Pair, kind: Kind, publications: Publications) -> Track | None:
    publication = publications.get(pair.participant)
    return publication.of(pair.nth, kind) if publication is not None else None


def _content(slot: int, seat: _Seat, kind: Kind, publications: Publications) -> SlotContent:
    if seat.occupant is None or seat.occupant.participant not in publications:
        return SlotContent(slot, 0, 0)
    track = _track(seat.occupant, kind, publications)
    return SlotContent(slot, seat.occupant.participant, track.id if track is not None else 0)
