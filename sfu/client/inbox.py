"""What comes sealed from others, opened; and who is said to send what does not open."""

from collections import Counter
from collections.abc import Callable

from sfu.client.chat import ChatOpener, Line
from sfu.client.keys import RoomKeys
from sfu.client.profile import Profile, open_profile
from sfu.client.sealed import Kind, MessageCount, MessageError

UNREADABLE = 1024  # participants at a time: a server may make up any number


class Inbox:
    """`on_profile` may raise MessageError, which counts as its opening does."""

    def __init__(
        self,
        keys: RoomKeys,
        chat: ChatOpener,
        on_profile: Callable[[int, Profile], None],
        on_line: Callable[[Line], None],
    ) -> None:
        self.counts: Counter[MessageCount] = Counter()
        self._keys = keys
        self._chat = chat
        self._on_profile = on_profile
        self._on_line = on_line
        self._unreadable: set[int] = set()
        self._untold: set[int] = set()  # of those

    def take(self, kind: int, participant: int, payload: bytes) -> None:
        """`participant`: who sent it, by the server's word."""
        try:
            if kind == Kind.PROFILE:
                self._on_profile(participant, open_profile(payload, self._keys))
            elif kind == Kind.CHAT:
                self._on_line(self._chat.open(payload))
        except MessageError as error:
            self.counts[error.count] += 1
            if error.count is MessageCount.FORGED:
                self._on_unreadable(participant)

    def _on_unreadable(self, participant: int) -> None:
        if participant not in self._unreadable and len(self._unreadable) < UNREADABLE:
            self._unreadable.add(participant)
            self._untold.add(participant)

    def on_left(self, participant: int) -> None:
        self._unreadable.discard(participant)
        self._untold.discard(participant)

    def on_roster(self, there: set[int]) -> None:
        self._unreadable &= there
        self._untold &= there

    def take_unreadable(self) -> tuple[int, ...]:
        """Those of whom it was not told before."""
        untold, self._untold = self._untold, set()
        return tuple(sorted(untold))
