"""Two families of errors: what we or our operator did wrong, and what a client did wrong.

Whatever bytes a client sends, nothing but `RemoteError` may come of it; a `LocalError` is a fault to be mended here.
"""

from enum import StrEnum


class SfuError(Exception):
    """All errors that this package raises on purpose."""


class LocalError(SfuError):
    """We or our operator did wrong: a configuration, an address, a call out of order."""


class RemoteError(SfuError):
    """A client did wrong. `code` is stable and listed in `sfu/signaling/PROTOCOL.md`; `message` is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class Code(StrEnum):
    """The codes of `RemoteError` and of the message `error`."""

    BAD_MESSAGE = "bad_message"
    BAD_OFFER = "bad_offer"
    BAD_STATE = "bad_state"
    BAD_VIEW = "bad_view"
    FORBIDDEN = "forbidden"
    INTERNAL = "internal"
    NO_SUCH_PARTICIPANT = "no_such_participant"
    NO_SUCH_ROOM = "no_such_room"
    RATE_LIMITED = "rate_limited"
    RESUME_EXPIRED = "resume_expired"
    ROOM_FULL = "room_full"
    SHUTTING_DOWN = "shutting_down"
    STALE_ID = "stale_id"
    TOO_LARGE = "too_large"
    TOO_MANY_ROOMS = "too_many_rooms"
    UNAUTHORISED = "unauthorised"
    UNKNOWN_TYPE = "unknown_type"
    UNSUPPORTED_VERSION = "unsupported_version"
