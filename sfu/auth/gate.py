"""From a token, or none, to what its bearer may do in a room: the operator's policy in the model's terms."""

import time

from sfu.auth.admission import Admission, CreationLimit
from sfu.auth.tokens import Grant as TokenGrant
from sfu.auth.tokens import Verifier
from sfu.config import Config
from sfu.errors import Code, RemoteError
from sfu.model.admission import Grant
from sfu.model.rooms import Rooms


class Gate:
    """Asked once for each join."""

    def __init__(self, settings: Config, rooms: Rooms) -> None:
        self._rooms = rooms
        self._per_address = CreationLimit(settings.limits.rooms_per_address_per_minute)
        self._admission = Admission(
            create=settings.rooms.create, join=settings.rooms.join, per_address=self._per_address
        )
        self._rooms_max = settings.limits.rooms
        self._verifier = Verifier(settings.auth.keys, leeway_s=settings.auth.leeway_s)

    def reload(self, settings: Config) -> None:
        """New keys and limits, for what comes from now on."""
        self._per_address.set_rate(settings.limits.rooms_per_address_per_minute)
        self._rooms_max = settings.limits.rooms
        self._verifier = Verifier(settings.auth.keys, leeway_s=settings.auth.leeway_s)

    def authorise(self, room: str, token: str | None, address: str) -> Grant:
        """Raises RemoteError for whom it does not let in."""
        claims = self._verifier.verify(token, now_s=time.time(), room=room) if token else None
        exists = room in self._rooms
        if not exists and len(self._rooms) >= self._rooms_max:
            raise RemoteError(Code.TOO_MANY_ROOMS, "this server has as many rooms open as it may")
        now_us = time.monotonic_ns() // 1000
        grants = self._admission.admit(claims, exists=exists, address=address, now_us=now_us)
        return Grant(
            identity=claims.identity if claims else None,
            may_create=not exists,
            may_publish=TokenGrant.PUBLISH in grants,
            may_subscribe=TokenGrant.SUBSCRIBE in grants,
        )
