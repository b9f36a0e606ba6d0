"""Who comes in: the operator's policy, the token and the limits of the address, in the model's terms."""

import time
from collections.abc import Callable

from sfu.auth.admission import Admission
from sfu.auth.creation_limit import CreationLimit
from sfu.auth.tokens import Verifier
from sfu.config import Config
from sfu.errors import Code, RemoteError
from sfu.model.admission import Grant, address_key


class Gate:
    """Of `sfu.signaling.application`; `exists` and `rooms` tell of the rooms that are open."""

    def __init__(self, settings: Config, *, exists: Callable[[str], bool], rooms: Callable[[], int]) -> None:
        self._exists = exists
        self._rooms = rooms
        self._rooms_max = settings.limits.rooms
        self._tokens = Verifier(settings.auth.keys, leeway_s=settings.auth.leeway_s)
        self._creation = CreationLimit(settings.limits.rooms_per_address_per_minute)
        self._admission = Admission(self._tokens, create=settings.rooms.create, join=settings.rooms.join)

    def take_over(self, settings: Config) -> None:
        """New keys and limits, for those who come from now on."""
        self._rooms_max = settings.limits.rooms
        self._tokens.set_keys(settings.auth.keys)
        self._creation.set_rate(settings.limits.rooms_per_address_per_minute)

    def check(self, room: str, token: str | None) -> Grant:
        """Raises RemoteError for whom it does not let in."""
        allowed = self._admission.authorise(room, token, now_s=time.time())
        return Grant(
            identity=allowed.identity,
            may_create=allowed.create,
            may_publish=allowed.publish,
            may_subscribe=allowed.subscribe,
        )

    def authorise(self, room: str, token: str | None, address: str) -> Grant:
        """As `check`, for somebody who goes in: rooms that would be opened are counted."""
        grant = self.check(room, token)
        if grant.may_create and not self._exists(room):
            if self._rooms() >= self._rooms_max:
                raise RemoteError(Code.TOO_MANY_ROOMS, "this server has as many rooms open as it may")
            self._creation.take(address_key(address), time.monotonic_ns() // 1000)
        return grant
