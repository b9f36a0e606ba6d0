"""On which worker a participant's transport goes.

A packet that is handed to a second worker costs both, so a room stays on one until that is filled, and then goes on to the next.
What is filled is a matter of transports: each is sent about as much as any other, whatever it publishes.
"""

from collections import Counter


class Placement:
    """What is open on each worker, by room."""

    def __init__(self, workers: int, fill: int) -> None:
        """`fill`: transports that a worker has before its rooms spill into the next."""
        self._fill = fill
        self._loads = [0] * workers
        self._rooms: dict[str, Counter[int]] = {}

    def choose(self, room: str) -> int:
        """The worker that has most of the room, of those that are not filled; without one the least loaded of all."""
        of_room = self._rooms.get(room, Counter())
        open_to_it = [worker for worker in of_room if self._loads[worker] < self._fill]
        if open_to_it:
            return max(open_to_it, key=lambda worker: (of_room[worker], -worker))
        return min(range(len(self._loads)), key=lambda worker: (self._loads[worker], worker))

    def add(self, room: str, worker: int) -> None:
        self._loads[worker] += 1
        self._rooms.setdefault(room, Counter())[worker] += 1

    def remove(self, room: str, worker: int) -> None:
        self._loads[worker] -= 1
        of_room = self._rooms[room]
        of_room[worker] -= 1
        if not of_room[worker]:
            del of_room[worker]
        if not of_room:
            del self._rooms[room]
