"""All rooms of this server: opened by the first who comes, gone with the last."""

from sfu.errors import Code, RemoteError
from sfu.model.admission import Grant, RoomLimits, RoomQuota
from sfu.model.intents import Intent
from sfu.model.participant import Participant
from sfu.model.room import Room


class Rooms:
    def __init__(self, limits: RoomLimits) -> None:
        self.limits = limits
        self._rooms: dict[str, Room] = {}
        self._opened_by: dict[str, str] = {}  # room → address
        self._quota = RoomQuota(limits.rooms_per_address)

    def __len__(self) -> int:
        return len(self._rooms)

    def __getitem__(self, room_id: str) -> Room:
        return self._rooms[room_id]

    def __contains__(self, room_id: str) -> bool:
        return room_id in self._rooms

    def change_limits(self, limits: RoomLimits) -> None:
        """For what comes from now on; nobody is put out who is in."""
        self.limits = limits
        self._quota.rooms_per_address = limits.rooms_per_address
        for room in self._rooms.values():
            room.limits = limits

    def join(self, room_id: str, grant: Grant, address: str) -> tuple[Room, Participant, list[Intent]]:
        room = self._rooms.get(room_id)
        if room is not None:
            return room, *room.join(grant)
        if not grant.may_create:
            raise RemoteError(Code.NO_SUCH_ROOM, "the room is not open, and this token does not open rooms")
        room = Room(room_id, self.limits)
        self._quota.take(address)
        try:
            participant, intents = room.join(grant)
        except RemoteError:
            self._quota.give_back(address)
            raise
        self._rooms[room_id] = room
        self._opened_by[room_id] = address
        return room, participant, intents

    def leave(self, room_id: str, participant_id: int, *, is_lost: bool = False) -> list[Intent]:
        """Take a participant out, and the room away when it was the last. Nobody there: nothing to do."""
        room = self._rooms.get(room_id)
        if room is None or participant_id not in room.participants:
            return []
        intents = room.leave(participant_id, is_lost=is_lost)
        if not room.participants:
            del self._rooms[room_id]
            self._quota.give_back(self._opened_by.pop(room_id))
        return intents
