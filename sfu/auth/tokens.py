"""Access tokens: JWT (RFC 7519) signed with HS256 by one of the operator's keys.

| claim | is |
|---|---|
| `iss` | the key's id |
| `room` | the id of the only room it is good for |
| `identity` | who holds it, opaque and never shown to others |
| `grants` | what it allows, see `Grant` |
| `exp` | when it ends, in seconds since 1970; a token without an end is refused |
| `iat` | when it was made (for people; not checked) |
| `nbf` | optional: from when on it is good |
"""

import enum
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from sfu.errors import Code, LocalError, RemoteError
from sfu.redact import Secret

ALGORITHM = "HS256"
TOKEN_BYTES_MAX = 4096
IDENTITY_LENGTH_MAX = 128
ROOM_LENGTH_MAX = 128
TTL_MAX_S = 366 * 86_400
END_MAX_S = 1e11  # the year 5138


class Grant(enum.StrEnum):
    """One thing that a token allows."""

    CREATE = "create"  # make the room, if it does not exist
    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"
    ADMIN = "admin"  # all of this, and what moderators of the server may do


DEFAULT_GRANTS = frozenset({Grant.CREATE, Grant.PUBLISH, Grant.SUBSCRIBE})


class TokenError(RemoteError):
    """A token that is not accepted."""

    def __init__(self, message: str) -> None:
        super().__init__(Code.UNAUTHORISED, message)


@dataclass(frozen=True)
class Claims:
    """What a token that was verified says."""

    key_id: str
    room: str
    identity: str
    grants: frozenset[Grant]
    expires_s: float  # seconds since 1970

    def allows(self, grant: Grant) -> bool:
        return grant in self.grants or Grant.ADMIN in self.grants


def issue(
    key_id: str,
    secret: Secret,
    *,
    room: str,
    identity: str,
    grants: Collection[Grant],
    now_s: float,
    ttl_s: float,
) -> str:
    """A token for one person in one room, good for `ttl_s` seconds from `now_s` (seconds since 1970)."""
    if not 0 < ttl_s <= TTL_MAX_S:
        raise LocalError("a token is good for more than nothing and at most 366 days")
    if not 0 < len(room) <= ROOM_LENGTH_MAX:
        raise LocalError(f"a room's id has 1 to {ROOM_LENGTH_MAX} characters")
    if not 0 < len(identity) <= IDENTITY_LENGTH_MAX:
        raise LocalError(f"an identity has 1 to {IDENTITY_LENGTH_MAX} characters")
    payload = {
        "iss": key_id,
        "room": room,
        "identity": identity,
        "grants": sorted(grants),
        "iat": int(now_s),
        "exp": int(now_s + ttl_s),
    }
    return jwt.encode(payload, secret.reveal(), algorithm=ALGORITHM)


class Verifier:
    """Checks tokens against the operator's keys."""

    def __init__(self, keys: Mapping[str, Secret], *, leeway_s: float = 10.0) -> None:
        self._keys = dict(keys)
        self._leeway_s = leeway_s
        # Takes the place of a key that is not there, so that the time until a refusal does not tell which ids exist.
        self._nobody = Secret(secrets.token_urlsafe(32))

    def set_keys(self, keys: Mapping[str, Secret]) -> None:
        """From now on these; a token of a key that is gone is good no longer."""
        self._keys = dict(keys)

    def verify(self, token: str, *, now_s: float, room: str | None = None) -> Claims:
        """What the token says, if it is good at `now_s` and, where `room` is given, for that room. Raises TokenError."""
        if len(token) > TOKEN_BYTES_MAX or not token.isascii():
            raise TokenError("the token is malformed")
        payload = self._authentic(token)
        claims = _claims(payload)
        not_before = payload.get("nbf", 0)
        if not isinstance(not_before, int | float):
            raise TokenError("the token's claim nbf is not a number")
        if now_s + self._leeway_s < not_before:
            raise TokenError("the token is not good yet")
        if now_s - self._leeway_s >= claims.expires_s:
            raise TokenError("the token has expired")
        if room is not None and not secrets.compare_digest(claims.room.encode(), room.encode()):
            raise TokenError("the token is for another room")
        return claims

    def _authentic(self, token: str) -> dict[str, Any]:
        # PyJWT would look at the wall clock and at claims that we do not have: it checks the signature, we the rest.
        options: Any = {
            "verify_signature": False,
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
            "verify_aud": False,
            "verify_iss": False,
            "verify_sub": False,
            "verify_jti": False,
        }
        try:
            issuer = jwt.decode(token, options=options).get("iss")
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise TokenError("the token is malformed") from None
        key = self._keys.get(issuer) if isinstance(issuer, str) else None
        try:
            payload: dict[str, Any] = jwt.decode(
                token,
                (key or self._nobody).reveal(),
                algorithms=[ALGORITHM],
                options=options | {"verify_signature": True},
            )
        except (jwt.PyJWTError, ValueError, RecursionError):
            key = None
            payload = {}
        if key is None:
            # One answer for an unknown key and a wrong signature: which ids exist is nobody's business.
            raise TokenError("the token was not signed with a key of this server")
        return payload


def _claims(payload: dict[str, Any]) -> Claims:
    room, identity, grants, expires = (payload.get(name) for name in ("room", "identity", "grants", "exp"))
    if not isinstance(room, str) or not 0 < len(room) <= ROOM_LENGTH_MAX:
        raise TokenError("the token names no room")
    if not isinstance(identity, str) or not 0 < len(identity) <= IDENTITY_LENGTH_MAX:
        raise TokenError("the token names no identity")
    # JSON in Python knows Infinity and NaN, which would never be over.
    if isinstance(expires, bool) or not isinstance(expires, int | float) or not 0 <= expires <= END_MAX_S:
        raise TokenError("the token has no end (exp)")
    if not isinstance(grants, list):
        raise TokenError("the token's grants are not a list")
    # Grants of a later version mean nothing here, and allow nothing.
    known = {str(grant): grant for grant in Grant}
    return Claims(
        key_id=payload["iss"],
        room=room,
        identity=identity,
        grants=frozenset(known[grant] for grant in grants if isinstance(grant, str) and grant in known),
        expires_s=float(expires),
    )
