"""The server's list of who is there, read page by page; profiles come beside."""

import contextlib
import time

from sfu.client.signaling import Signaling
from sfu.errors import SfuError
from sfu.signaling.messages import GetRoster, Roster, RosterPage

AGAIN_S = 5.0  # between two readings, in a room too large to be told of all
PARTICIPANTS_MAX = 65_536  # more than any server takes: who says more does not mean it


class RosterReader:
    def __init__(self, signaling: Signaling) -> None:
        self._signaling = signaling
        self._is_stale = False
        self._read_s = 0.0

    def on_count(self) -> None:
        """Somebody came or left, and the server does not say who."""
        self._is_stale = True

    async def read(self, page: RosterPage) -> set[int]:
        """All participants, from the first page on. Raises SfuError."""
        there = {present.participant for present in page.participants}
        begin = 0
        while page.next > begin and len(there) <= PARTICIPANTS_MAX:
            begin = page.next
            page = (await self._signaling.request(GetRoster, Roster, begin=page.next)).roster
            there |= {present.participant for present in page.participants}
        self._is_stale, self._read_s = False, time.monotonic()
        return there

    async def read_again(self) -> set[int] | None:
        """None where there is no need, or it is too soon, or the server does not answer."""
        if not self._is_stale or time.monotonic() - self._read_s <= AGAIN_S:
            return None
        with contextlib.suppress(SfuError):
            return await self.read((await self._signaling.request(GetRoster, Roster)).roster)
        return None
