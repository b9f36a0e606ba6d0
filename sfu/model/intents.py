"""What the model wants done, and what participants are to be told."""

from dataclasses import dataclass

from sfu.model.speakers import Speaker
from sfu.model.track import Track


@dataclass(frozen=True, slots=True)
class ParticipantJoined:
    participant: int


@dataclass(frozen=True, slots=True)
class ParticipantLeft:
    participant: int
    is_lost: bool = False  # has not come back in time


@dataclass(frozen=True, slots=True)
class ParticipantAway:
    """Their connection is gone, and they may come back; or they have."""

    participant: int
    away: bool


@dataclass(frozen=True, slots=True)
class ParticipantCount:
    """Takes the place of coming, going and tracks in large rooms: only how many there are."""

    count: int


@dataclass(frozen=True, slots=True)
class TrackAdded:
    track: Track


@dataclass(frozen=True, slots=True)
class TrackRemoved:
    track: Track


@dataclass(frozen=True, slots=True)
class SlotContent:
    """Whose track is in a slot; 0 and 0: the slot is empty."""

    slot: int
    participant: int
    track: int


@dataclass(frozen=True, slots=True)
class SlotsChanged:
    """The slots whose content changed, and only those."""

    slots: tuple[SlotContent, ...]


@dataclass(frozen=True, slots=True)
class SpeakersChanged:
    """The loudest, loudest first."""

    speakers: tuple[Speaker, ...]


Event = (
    ParticipantJoined
    | ParticipantLeft
    | ParticipantAway
    | ParticipantCount
    | TrackAdded
    | TrackRemoved
    | SlotsChanged
    | SpeakersChanged
)


@dataclass(frozen=True, slots=True)
class FillSlot:
    """Put the track with id `source` into `slot` of `participant`; 0 empties it.

    Intents of one call come in an order in which no source is in two slots of a participant at any time.
    """

    participant: int
    slot: int
    source: int


@dataclass(frozen=True, slots=True)
class LimitSlot:
    """What the picture in a slot should be at most, and how much it matters against the others."""

    participant: int
    slot: int
    max_height: int | None
    priority: int


@dataclass(frozen=True, slots=True)
class OpenTrack:
    """A track has come: whatever sends it is to become the source with the track's id."""

    track: Track


@dataclass(frozen=True, slots=True)
class CloseTrack:
    """A track is gone. Comes after the slots that held it were filled otherwise."""

    track: Track


@dataclass(frozen=True, slots=True)
class Tell:
    participant: int
    event: Event


@dataclass(frozen=True, slots=True)
class TellOthers:
    """For everybody in the room but `participant` (0: all): one intent, however large the room."""

    participant: int
    event: Event


@dataclass(frozen=True, slots=True)
class Deliver:
    """Hand opaque bytes of `sender` to `recipient`; 0: to everybody but the sender."""

    recipient: int
    sender: int
    kind: int
    payload: bytes


Intent = FillSlot | LimitSlot | OpenTrack | CloseTrack | Tell | TellOthers | Deliver
