"""What a conference tells its program, in order. People are named by their keys, never by the server."""

from dataclasses import dataclass

from sfu.client.keys import Source
from sfu.client.people import Person


@dataclass(frozen=True)
class Joined:
    person: Person


@dataclass(frozen=True)
class Changed:
    """Name, mute, sources or recording, by the person's own sealed word."""

    person: Person


@dataclass(frozen=True)
class Left:
    """`lost`: the server says that their connection broke and did not come back. It may lie."""

    person: Person
    lost: bool = False


@dataclass(frozen=True)
class Heard:
    """The first frame of theirs opened."""

    person: Person


@dataclass(frozen=True)
class WrongSender:
    """The server has said for over 1 s that `person`'s frames are another's."""

    person: Person
    slot: int


@dataclass(frozen=True)
class Unreadable:
    """Sealed messages of these participants do not open: they have another link, or the server has made them up. Once of
    each until they leave, of 1,024 at a time, and all that came within half a second together.
    """

    participants: tuple[int, ...]


@dataclass(frozen=True)
class NoKey:
    """Frames came of a KID that nobody has named within 5 s: they were dropped."""

    slots: tuple[int, ...]


@dataclass(frozen=True)
class Ended:
    """A source that this client publishes has come to its end; `error` if it failed."""

    source: Source
    error: BaseException | None = None


@dataclass(frozen=True)
class Interrupted:
    """The server had to be joined anew; people and sources go on."""


@dataclass(frozen=True)
class Closed:
    """The last event. `error` says why, None after `leave`."""

    error: BaseException | None


Event = Joined | Changed | Left | Heard | WrongSender | Unreadable | NoKey | Ended | Interrupted | Closed
