"""One participant of a room."""

from dataclasses import dataclass, field

from sfu.model.admission import Grant
from sfu.model.slots import Publication, SlotTable
from sfu.model.track import Track


@dataclass(slots=True)
class Participant:
    id: int
    grant: Grant
    publication: Publication = field(init=False)
    slots: SlotTable = field(init=False)
    away: bool = False  # without a connection, and may come back
    profile: bytes = b""  # sealed; the last one, for those who come later

    def __post_init__(self) -> None:
        self.publication = Publication(self.id)
        self.slots = SlotTable(self.id)

    @property
    def tracks(self) -> list[Track]:
        return self.publication.tracks
