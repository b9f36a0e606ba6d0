"""One source of this client's on its way out: sealed, and proved to be before anything leaves."""

import secrets
from collections.abc import Callable

from sfu.client.envelope import Codec
from sfu.client.frames import ExhaustedError, FrameOpener, SendingSource
from sfu.client.keys import LinkKeys, RoomKeys, Source
from sfu.client.profile import SourceState
from sfu.errors import LocalError

_SELF = b"a check of one's own"


class Outlet:
    """`on_new_kid` is called when the KID is used up: the profile must name the new one."""

    def __init__(
        self, source: Source, room: RoomKeys, keys: LinkKeys, on_new_kid: Callable[[], None]
    ) -> None:
        self.source = source
        self.muted = False
        self._room = room
        self._keys = keys
        self._on_new_kid = on_new_kid
        self._sending = self._draw()
        self._proved = False

    @property
    def state(self) -> SourceState:
        return SourceState(self._sending.kid, self.source, self.muted)

    def seal(self, codec: Codec, frame: bytes, time_ms: int) -> bytes:
        """Raises LocalError if the first frame of a KID does not open again: then nothing may be sent."""
        try:
            sealed = self._sending.seal(codec, frame, time_ms)
        except ExhaustedError:
            self._sending, self._proved = self._draw(), False
            self._on_new_kid()
            sealed = self._sending.seal(codec, frame, time_ms)
        if not self._proved:
            self._prove(codec, frame, sealed)
            self._proved = True
        return sealed

    def _draw(self) -> SendingSource:
        return SendingSource(self.source, secrets.randbits(64), self._keys)

    def _prove(self, codec: Codec, frame: bytes, sealed: bytes) -> None:
        """Opens it as a receiver would, with keys derived anew."""
        keys = LinkKeys(self._room)
        keys.claim(_SELF, self._sending.kid, self.source)
        opened = FrameOpener(keys).open(codec, self.source.media, sealed, 0)
        if opened is None or opened.frame != frame or frame in sealed[1:]:
            raise LocalError("the first frame was not sealed as it should be: nothing is sent")
