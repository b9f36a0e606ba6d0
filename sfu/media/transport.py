"""One participant's transport: ICE credentials, the DTLS handshake, tracks and slots, on one worker."""

import asyncio
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from OpenSSL import SSL

from sfu._native import Event
from sfu.media.dtls import DtlsAssociation, DtlsState
from sfu.media.events import (
    AudioLevel,
    Closed,
    Connected,
    Disconnected,
    Failed,
    MediaEvent,
    Secured,
    SlotFilled,
)
from sfu.sdp import MAX_TRACKS, Candidate, Negotiation, OfferedTrack

_VIDEO = 1


@dataclass(frozen=True)
class Source:
    """A published track; its id is unique in the process and never used again."""

    id: int
    worker: int  # that receives it
    kind: int  # 0 audio, 1 video
    mid: str
    layers: int


class TransportSettings(Protocol):
    @property
    def connect_timeout_s(self) -> float: ...
    @property
    def dtls_grace_s(self) -> float: ...


class TransportOwner(Protocol):
    """What a transport asks of the media plane."""

    @property
    def settings(self) -> TransportSettings: ...
    def command(self, worker: int, name: str, *arguments: Any) -> bool: ...
    def new_source_id(self) -> int: ...


class Transport:
    """Made by `MediaPlane.open`. Its owner hears of it through one callback; Closed is the last event."""

    def __init__(
        self,
        plane: TransportOwner,
        *,
        worker: int,
        index: int,
        candidates: tuple[Candidate, ...],
        context: SSL.Context,
        negotiation: Negotiation,
        on_event: Callable[[MediaEvent], None],
    ) -> None:
        self.worker = worker
        self.index = index
        self.candidates = candidates
        self.ufrag, self.password = make_credentials()
        self.cname = secrets.token_hex(8)
        self.sources: dict[str, Source] = {}  # by mid
        self._plane = plane
        self._tell = on_event
        self._fingerprint = negotiation.fingerprint
        self._dtls: DtlsAssociation | None = DtlsAssociation(context, negotiation.fingerprint)
        self._slots: dict[str, tuple[int, int]] = {}  # SSRC and RTX SSRC by mid
        self._added = 0  # slots that the worker knows
        self._failed = False
        self._overloaded = False
        self._closing = False
        self._trace: Callable[[bytes], None] | None = None
        self._dtls_timer: asyncio.TimerHandle | None = None
        self._deadline: asyncio.TimerHandle | None = None  # of the handshake, then of the association's grace

    def start(self, negotiation: Negotiation) -> None:
        self._command("transport_open", self.ufrag, self.password, negotiation.ufrag, negotiation.password)
        self._deadline = asyncio.get_running_loop().call_later(
            self._plane.settings.connect_timeout_s, self._fail, "timeout"
        )

    def assign_ssrcs(self, negotiation: Negotiation) -> dict[str, tuple[int, int]]:
        """SSRC and RTX SSRC (0 for audio) of every slot by mid: fixed from a slot's first offer on."""
        taken = {ssrc for track in negotiation.tracks for ssrc in (*track.ssrcs, *track.rtx_ssrcs)}
        taken.update(ssrc for pair in self._slots.values() for ssrc in pair)
        for slot in negotiation.slots:
            if slot.mid not in self._slots:
                rtx = _new_ssrc(taken) if slot.kind == _VIDEO else 0
                self._slots[slot.mid] = (_new_ssrc(taken), rtx)
        return {slot.mid: self._slots[slot.mid] for slot in negotiation.slots}

    def apply(self, negotiation: Negotiation, slot_ssrcs: Mapping[str, tuple[int, int]]) -> None:
        """Payload types, tracks and slots of an offer: the first, or a later one that adds or removes tracks or adds
        slots. `sources` says afterwards what is published.
        """
        self._command(
            "transport_payloads", negotiation.payloads, negotiation.extension_ids, negotiation.send_extensions
        )
        offered = {track.mid: track for track in negotiation.tracks}
        kept = self._paused(negotiation)
        for mid in [mid for mid in self.sources if mid not in offered and mid not in kept]:
            self._command("track_remove", self.sources.pop(mid).id)
        for mid, track in offered.items():
            if mid not in self.sources:
                self._add_track(track)
        for number, slot in enumerate(negotiation.slots):
            if number >= self._added:
                ssrc, rtx_ssrc = slot_ssrcs[slot.mid]
                self._command("slot_add", number, slot.kind, ssrc, rtx_ssrc, self.cname)
        self._added = max(self._added, len(negotiation.slots))

    def _paused(self, negotiation: Negotiation) -> Collection[str]:
        """Mids of sources whose m-line has stopped and may send again. They stay: a browser that has been told once that its
        SSRCs are known names mid and rid in its packets no more.
        """
        stopped = [
            media.offered.mid
            for media in negotiation.media
            if media.direction == "inactive" and media.codecs and media.offered.mid in self.sources
        ]
        return stopped[: MAX_TRACKS - len(negotiation.tracks)]

    def fill(self, slot: int, source: Source | None, max_layer: int = 0) -> None:
        """The slot shows that source from its next key frame on, or nothing: in the highest layer up to `max_layer` that its
        publisher sends. SlotFilled tells when, and of every change of layer. For the source that is there already only
        the layer may change.
        """
        if source is None:
            self._command("slot_source", slot, 0, 0, 0)
        else:
            self._command("slot_source", slot, source.id, source.worker, max_layer)

    def is_of(self, negotiation: Negotiation) -> bool:
        """Whether the offer comes from the same end: keys go with the certificate."""
        return negotiation.fingerprint == self._fingerprint

    def restart(self, negotiation: Negotiation) -> None:
        """ICE restart of an offer that `is_of` this: new credentials, keys stay. Another needs a new transport."""
        assert self.is_of(negotiation), "another certificate"
        self.ufrag, self.password = make_credentials()
        self._command("transport_restart", self.ufrag, self.password, negotiation.ufrag, negotiation.password)

    def trace(self, sink: Callable[[bytes], None] | None, *, packets: bool = False) -> None:
        """Gives `sink` batches of records (`sfu.media.trace.records`) until it is None, and b"" when the transport closes.
        ValueError: somebody traces it already.
        """
        if sink and self._trace:
            raise ValueError("the transport is traced already")
        mode = "off" if sink is None else "packets" if packets else "events"
        self._trace = sink
        if not self._closing:
            self._command("transport_trace", mode)

    def close(self) -> None:
        """Says good-bye and ends it; Closed follows. More than once does nothing."""
        if self._closing:
            return
        if self._dtls and not self._failed:
            self._send(self._dtls.close())
        self._closing = True
        self.forget()
        self._command("transport_close")

    def forget(self) -> None:
        """Cancels timers and frees what is kept for the handshake."""
        for timer in (self._dtls_timer, self._deadline):
            if timer:
                timer.cancel()
        self._dtls_timer = self._deadline = None
        self._dtls = None

    # ---- events of the worker ----

    def on_event(self, happened: Event) -> None:
        if happened.type == "closed":
            self.forget()
            if self._trace:
                self._trace(b"")
            self._tell(Closed())
        elif not self._closing:
            self._handle(happened)

    def _handle(self, happened: Event) -> None:
        match happened.type:
            case "dtls":
                self._on_dtls(happened.data)
            case "trace" if self._trace:
                self._trace(happened.data)
            case "connected":
                self._tell(Connected())
            case "disconnected":
                self._tell(Disconnected())
            case "secured":
                self._keep_dtls_for_a_while()
                self._tell(Secured())
            case "slot_filled":
                self._tell(SlotFilled(happened.slot, happened.source, happened.layer))
            case "audio_level":
                self._tell(AudioLevel(happened.source, happened.level))

    # ---- DTLS ----

    def _on_dtls(self, datagram: bytes) -> None:
        if self._dtls:
            before = self._dtls.state
            self._after(before, self._dtls.receive_datagram(datagram))

    def _on_dtls_timeout(self) -> None:
        self._dtls_timer = None
        if self._dtls:
            before = self._dtls.state
            self._after(before, self._dtls.handle_timeout())

    def _after(self, before: DtlsState, output: list[bytes]) -> None:
        assert self._dtls
        # Keys before the last flight: what the client sends upon that flight must find them.
        if self._dtls.state is DtlsState.SECURED and before is DtlsState.HANDSHAKE:
            self._use_keys(self._dtls)
        self._send(output)
        if self._dtls.state is before or self._dtls.state is DtlsState.SECURED:
            self._arm(self._dtls)
        elif self._dtls.state is DtlsState.FAILED:
            assert self._dtls.failure
            self._fail(self._dtls.failure)
        else:
            self._fail("peer")

    def _use_keys(self, dtls: DtlsAssociation) -> None:
        keys = dtls.keys
        assert keys
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None
        self._command(
            "transport_keys", keys.profile, keys.local_key, keys.local_salt, keys.remote_key, keys.remote_salt
        )
        dtls.keys = None

    def _arm(self, dtls: DtlsAssociation) -> None:
        if self._dtls_timer:
            self._dtls_timer.cancel()
            self._dtls_timer = None
        due = dtls.timeout_s()
        if due is not None:
            # OpenSSL does nothing where it is called a moment early.
            self._dtls_timer = asyncio.get_running_loop().call_later(due + 0.001, self._on_dtls_timeout)

    def _keep_dtls_for_a_while(self) -> None:
        """93 kB each: freed once the client has shown that it has the keys and cannot have missed the last flight."""
        if self._dtls and not self._deadline:
            self._deadline = asyncio.get_running_loop().call_later(
                self._plane.settings.dtls_grace_s, self.forget
            )

    def _fail(self, reason: Any) -> None:
        self.forget()
        self._failed = True
        self._tell(Failed(reason))

    # ---- commands ----

    def _add_track(self, track: OfferedTrack) -> None:
        source = Source(
            id=self._plane.new_source_id(),
            worker=self.worker,
            kind=track.kind,
            mid=track.mid,
            layers=max(1, len(track.rids)),
        )
        self.sources[track.mid] = source
        self._command(
            "track_add",
            source.id,
            track.kind,
            track.mid,
            tuple(track.rids),
            tuple(track.ssrcs),
            tuple(track.rtx_ssrcs),
        )

    def _send(self, datagrams: list[bytes]) -> None:
        for datagram in datagrams:
            self._command("transport_dtls", datagram)

    def _command(self, name: str, *arguments: Any) -> None:
        if self._overloaded and name != "transport_close":
            return
        if not self._plane.command(self.worker, name, self.index, *arguments):
            # What the worker knows is no longer what was meant. The owner hears of it once it is done with this.
            self._overloaded = True
            asyncio.get_running_loop().call_soon(self._give_up)

    def _give_up(self) -> None:
        if not self._failed and not self._closing:
            self._fail("overloaded")


def make_credentials() -> tuple[str, str]:
    """ufrag and password: 64 and 128 bits, in characters of ICE (RFC 8445, section 5.3)."""
    return secrets.token_hex(8), secrets.token_hex(16)


def _new_ssrc(taken: set[int]) -> int:
    while (ssrc := secrets.randbits(32)) in taken or ssrc == 0:
        pass
    taken.add(ssrc)
    return ssrc
