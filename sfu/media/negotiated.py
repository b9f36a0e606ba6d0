"""What the media plane needs to know of an offer that was accepted: `sfu.sdp`'s Negotiation is one."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol


class OfferedTrack(Protocol):
    """An m-line on which the client sends."""

    @property
    def mid(self) -> str: ...
    @property
    def kind(self) -> int:
        """0 audio, 1 video."""

    @property
    def rids(self) -> Sequence[str]:
        """In ascending quality; empty without simulcast."""

    @property
    def ssrcs(self) -> Sequence[int]: ...
    @property
    def rtx_ssrcs(self) -> Sequence[int]: ...


class OfferedSlot(Protocol):
    """An m-line on which the client receives; its index is the slot's number."""

    @property
    def mid(self) -> str: ...
    @property
    def kind(self) -> int: ...


class Negotiated(Protocol):
    """One offer, as far as media is concerned."""

    @property
    def ufrag(self) -> str: ...
    @property
    def fingerprint(self) -> tuple[str, str]:
        """Algorithm and value with colons."""

    @property
    def tracks(self) -> Sequence[OfferedTrack]: ...
    @property
    def slots(self) -> Sequence[OfferedSlot]: ...
    @property
    def payloads(self) -> Sequence[tuple[int, int, int, str, int]]:
        """Payload type, RTX payload type or 0, codec number, envelope, clock rate."""

    @property
    def extension_ids(self) -> Mapping[str, int]: ...
    @property
    def send_extensions(self) -> AbstractSet[str]: ...
