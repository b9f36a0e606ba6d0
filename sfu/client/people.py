"""Who is in the conference, by sealed profiles alone; the server says only who has left (PROTOCOL.md, "Profile")."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sfu.client.keys import LinkKeys
from sfu.client.numbers import LastNumbers
from sfu.client.profile import Profile
from sfu.client.sealed import MessageCount, MessageError

PEOPLE = 4096
BEHIND_MS = 3000  # shown from there on
CLOCK_MS = 60_000  # by more, clocks that are set do not differ
RECENT_MS = 2000  # how long a frame speaks for its source


@dataclass
class Person:
    """One sender. `participant` is the server's number for who brought the profile, a hint and no name."""

    profile: Profile
    participant: int
    heard: bool = False  # a frame of theirs opened

    @property
    def sender(self) -> bytes:
        return self.profile.sender

    @property
    def name(self) -> str:
        return self.profile.name

    @property
    def recording(self) -> bool:
        return self.profile.recording


@dataclass(frozen=True)
class Lateness:
    """How late what comes of a sender is, in whole seconds (PROTOCOL.md, "Receiving")."""

    behind_s: int = 0  # of the worst of their sources: 3 or more, or 0
    clock_s: int = 0  # smallest difference of own clock - time in a frame, if over a minute either way; above 0, in behind_s too


@dataclass
class _Delay:
    least_ms: int  # the smallest own clock - time in a frame
    last: dict[int, tuple[int, int]] = field(
        default_factory=dict
    )  # by KID: that of its last frame, and when it came


@dataclass(frozen=True)
class Update:
    """What a profile changed. `kids` are claimed anew: frames may be waiting for them."""

    person: Person
    is_new: bool
    kids: tuple[int, ...]


class People:
    def __init__(self, own_sender: bytes, keys: LinkKeys) -> None:
        self._keys = keys
        self._people: dict[bytes, Person] = {}
        self._delays: dict[bytes, _Delay] = {}
        self._numbers = LastNumbers(own_sender, self._people.__contains__)

    def __iter__(self) -> Iterator[Person]:
        return iter(list(self._people.values()))

    def __len__(self) -> int:
        return len(self._people)

    def __contains__(self, sender: object) -> bool:
        return sender in self._people

    def get(self, sender: bytes) -> Person | None:
        return self._people.get(sender)

    def on_profile(self, participant: int, profile: Profile) -> Update:
        """Raises MessageError: an old one, or one's own, which the server has no reason to bring."""
        sender = profile.sender
        self._numbers.check(sender, profile.n)
        person = self._people.get(sender)
        is_new = person is None
        if person is None:
            if len(self._people) >= PEOPLE:
                raise MessageError(MessageCount.MALFORMED)
            person = self._people[sender] = Person(profile, participant)
        self._numbers.remember(sender, profile.n)
        person.profile, person.participant = profile, participant
        kids = tuple(
            state.kid for state in profile.sources if self._keys.claim(sender, state.kid, state.source)
        )
        return Update(person, is_new, kids)

    def on_left(self, participant: int) -> list[Person]:
        """Who has gone with a participant."""
        gone = [person for person in self._people.values() if person.participant == participant]
        for person in gone:
            del self._people[person.sender]
            self._delays.pop(person.sender, None)
            self._keys.release(person.sender)
        return gone

    def on_roster(self, participants: Iterable[int]) -> list[Person]:
        """Who has gone, after joining anew: all whose participant is not there."""
        there = set(participants)
        absent = {person.participant for person in self._people.values()} - there
        return [person for participant in sorted(absent) for person in self.on_left(participant)]

    def on_frame(self, sender: bytes, kid: int, time_ms: int | None, now_ms: int) -> bool:
        """A frame of theirs opened, which came at `now_ms` of the own clock, since 1970. Whether it is the first."""
        person = self._people.get(sender)
        if person is None:
            return False
        if time_ms is not None:
            late_ms = now_ms - time_ms
            delay = self._delays.setdefault(sender, _Delay(late_ms))
            delay.least_ms = min(delay.least_ms, late_ms)
            delay.last[kid] = (late_ms, now_ms)
        first, person.heard = not person.heard, True
        return first

    def lateness(self, sender: bytes, now_ms: int) -> Lateness:
        delay = self._delays.get(sender)
        recent = (
            [late_ms for late_ms, at_ms in delay.last.values() if now_ms - at_ms < RECENT_MS] if delay else []
        )
        if delay is None or not recent:
            return Lateness()
        is_off = abs(delay.least_ms) > CLOCK_MS
        # What was late from the beginning may be an old call that is played again: no clock excuses it.
        in_time_ms = min(delay.least_ms, 0) if is_off else delay.least_ms
        most_ms = max(recent) - in_time_ms
        behind_s = most_ms // 1000 if most_ms >= BEHIND_MS else 0
        return Lateness(behind_s, int(delay.least_ms / 1000) if is_off else 0)
