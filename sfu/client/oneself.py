"""What one says of oneself to the others of a conference."""

import secrets

from sfu.client import clock
from sfu.client.keys import RoomKeys
from sfu.client.profile import SENDER_BYTES, Profile, SourceState, check_name, seal_profile
from sfu.client.sealed import SALT_BYTES


class Oneself:
    """Another `sender` each time one joins, since the numbers and counters of the one before are gone."""

    def __init__(self, name: str = "", *, recording: bool = False) -> None:
        """Raises LocalError of a name that nobody may have."""
        self.sender = secrets.token_bytes(SENDER_BYTES)
        self.name = check_name(name)
        self.recording = recording
        self._number = 0

    def rename(self, name: str) -> None:
        """Raises LocalError."""
        self.name = check_name(name)

    def seal(self, sources: tuple[SourceState, ...], keys: RoomKeys) -> bytes:
        """The next profile."""
        self._number += 1
        profile = Profile(
            self.sender, self._number, clock.now_ms(), self.name, sources, recording=self.recording
        )
        return seal_profile(profile, keys, secrets.token_bytes(SALT_BYTES))
