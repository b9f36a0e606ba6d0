"""Offers without SDP, and an application that does what the model wants and checks every step."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sfu.model.admission import Grant, RoomLimits
from sfu.model.intents import CloseTrack, FillSlot, Intent, OpenTrack, Tell, TellOthers
from sfu.model.room import Room
from sfu.model.track import Kind

A, V = Kind.AUDIO, Kind.VIDEO


@dataclass(frozen=True)
class Line:
    """An m-line."""

    mid: str
    kind: int


def lines(kinds: Sequence[Kind]) -> list[Line]:
    return [Line(str(mid), kind) for mid, kind in enumerate(kinds)]


@dataclass
class Plane:
    """What the media plane would hold, by intents alone."""

    slots: dict[int, dict[int, int]] = field(default_factory=dict)  # receiver → slot → track
    open: dict[int, int] = field(default_factory=dict)  # track → publisher

    def apply(self, intents: Sequence[Intent]) -> None:
        for intent in intents:
            match intent:
                case OpenTrack(track):
                    assert track.id not in self.open
                    self.open[track.id] = track.participant
                case CloseTrack(track):
                    assert all(track.id not in slots.values() for slots in self.slots.values())
                    del self.open[track.id]
                case FillSlot(receiver, slot, source):
                    slots = self.slots.setdefault(receiver, {})
                    if source:
                        assert self.open[source] != receiver, "one's own media"
                        assert source not in slots.values(), "one track in two slots at a time"
                    assert slots.get(slot, 0) != source, "a fill that changes nothing"
                    slots[slot] = source
                    if not source:
                        del slots[slot]
                case _:
                    pass

    def forget(self, participant: int) -> None:
        self.slots.pop(participant, None)


class Driver:
    """A room and the plane that follows it."""

    def __init__(self, limits: RoomLimits | None = None) -> None:
        self.room = Room("r" * 22, limits or RoomLimits())
        self.plane = Plane()

    def apply(self, intents: list[Intent]) -> list[Intent]:
        self.plane.apply(intents)
        return intents

    def join(
        self, tracks: Sequence[Kind] = (), slots: Sequence[Kind] = (), grant: Grant | None = None
    ) -> int:
        participant, intents = self.room.join(grant or Grant())
        self.apply(intents)
        self.apply(self.room.describe(participant.id, lines(tracks), lines(slots)))
        return participant.id

    def describe(self, who: int, tracks: Sequence[Kind], slots: Sequence[Kind] | None = None) -> list[Intent]:
        kinds = self.room.participants[who].slots.kinds if slots is None else slots
        if (
            tuple(kinds)[: len(self.room.participants[who].slots.kinds)]
            != self.room.participants[who].slots.kinds
        ):
            self.plane.slots.pop(who, None)  # all slots are made anew
        return self.apply(self.room.describe(who, lines(tracks), lines(kinds)))

    def leave(self, who: int) -> list[Intent]:
        self.plane.forget(who)
        return self.apply(self.room.leave(who))

    def seen(self, who: int) -> list[tuple[int, int]]:
        """Slot by slot: participant and track."""
        return [
            (content.participant, content.track) for content in self.room.participants[who].slots.contents
        ]

    def faces(self, who: int) -> list[int]:
        return [participant for participant, _ in self.seen(who)]


def told(intents: Sequence[Intent]) -> list[object]:
    return [intent.event for intent in intents if isinstance(intent, Tell | TellOthers)]
