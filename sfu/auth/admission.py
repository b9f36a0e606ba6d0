"""What somebody may do in a room: the operator's rules, and the token that they bring or do not bring."""

from dataclasses import dataclass
from typing import Literal

from sfu.auth.tokens import Claims, Grant, Verifier
from sfu.errors import Code, RemoteError

CreatePolicy = Literal["anyone", "token", "admin"]
JoinPolicy = Literal["anyone", "token"]


@dataclass(frozen=True, slots=True)
class Permissions:
    """What one person may do in one room."""

    identity: str | None  # of the token; None for somebody without one
    create: bool  # make the room, if it does not exist
    publish: bool
    subscribe: bool
    admin: bool


class Admission:
    """Whoever has the link has the room's id, so "anyone" means anyone with the link."""

    def __init__(self, verifier: Verifier, *, create: CreatePolicy, join: JoinPolicy) -> None:
        self._verifier = verifier
        self._create = create
        self._join = join

    def authorise(self, room: str, token: str | None, *, now_s: float) -> Permissions:
        """`now_s` is in seconds since 1970. Raises RemoteError for a token that is bad, or missing where one is needed.

        A token narrows: its bearer may do what its grants say, and not what anyone may.
        """
        if token is None:
            if self._join == "token":
                raise RemoteError(Code.UNAUTHORISED, "this server asks for an access token")
            return Permissions(
                None, create=self._create == "anyone", publish=True, subscribe=True, admin=False
            )
        claims = self._verifier.verify(token, now_s=now_s, room=room)
        return Permissions(
            claims.identity,
            create=self._may_create(claims),
            publish=claims.allows(Grant.PUBLISH),
            subscribe=claims.allows(Grant.SUBSCRIBE),
            admin=claims.allows(Grant.ADMIN),
        )

    def _may_create(self, claims: Claims) -> bool:
        needed = {"anyone": None, "token": Grant.CREATE, "admin": Grant.ADMIN}[self._create]
        return needed is None or claims.allows(needed)
