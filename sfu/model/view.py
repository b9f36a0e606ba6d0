"""What a participant asks to see."""

from collections.abc import Sequence
from dataclasses import dataclass

from sfu.errors import Code, RemoteError
from sfu.model.track import Pair


@dataclass(frozen=True, slots=True)
class Wish:
    """One slot of a view. `participant` None is `auto`; `nth` is which pair of theirs; `max_height` None is whatever there is,
    0 is no picture.
    """

    slot: int
    participant: int | None = None
    max_height: int | None = None
    priority: int = 0
    nth: int = 0

    @property
    def pair(self) -> Pair | None:
        return None if self.participant is None else Pair(self.participant, self.nth)


def check_view(wishes: Sequence[Wish], slots: int, owner: int) -> None:
    """Refuse what contradicts itself. A participant that is not there is no contradiction: it may just have left."""
    seen: set[int] = set()
    pinned: set[Pair] = set()
    for wish in wishes:
        if not 0 <= wish.slot < slots:
            raise RemoteError(Code.BAD_VIEW, f"slot {wish.slot} is none of the {slots} slots offered")
        if wish.slot in seen:
            raise RemoteError(Code.BAD_VIEW, f"slot {wish.slot} is named twice")
        seen.add(wish.slot)
        if wish.pair is None:
            continue
        if wish.participant == owner:
            raise RemoteError(Code.BAD_VIEW, "nobody is sent their own media")
        if wish.pair in pinned:
            raise RemoteError(Code.BAD_VIEW, f"participant {wish.participant} is wanted in two slots")
        pinned.add(wish.pair)
