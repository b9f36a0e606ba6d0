"""What comes in the slots: opened, given to those who asked for it, and asked for anew where something is missing."""

from collections import Counter
from collections.abc import Callable, Iterable

from sfu.client import clock, events
from sfu.client.adapter import Line, Transport
from sfu.client.attribution import Attribution
from sfu.client.envelope import Codec
from sfu.client.frames import Count, FrameOpener, Opened
from sfu.client.keys import LinkKeys, Source
from sfu.client.people import People, Person
from sfu.client.playback import Playback
from sfu.signaling.messages import SlotInfo

KEY_FRAME_US = 1_000_000  # between two requests on one line

Sink = Callable[[Person, Opened], None]


class Receiving:
    def __init__(self, keys: LinkKeys, people: People, tell: Callable[[events.Event], None]) -> None:
        self.wrong_senders = 0
        self._people = people
        self._tell = tell
        self._opener = FrameOpener(keys)
        self._transport: Transport | None = None
        self._contents: dict[int, int] = {}  # participants by slot, as the server says
        self._attributions: dict[int, Attribution] = {}  # by slot
        self._asked_us: dict[object, int] = {}  # by line
        self._sinks: list[Sink] = []
        self._playbacks: dict[Playback, bytes] = {}  # and whose they are

    @property
    def counts(self) -> Counter[Count]:
        return self._opener.counts

    # ---- for whom ----

    def add_sink(self, sink: Sink) -> None:
        self._sinks.append(sink)

    def frames(self, person: Person, source: Source) -> Playback:
        """Decoded frames, from now until they leave."""

        def take(sender: Person, opened: Opened) -> None:
            if sender.sender == person.sender and opened.source is source:
                playback.put(opened)

        def gone(which: Playback) -> None:
            self._sinks.remove(take)
            self._playbacks.pop(which, None)

        playback = Playback(self.want_key_frame, gone)
        self._sinks.append(take)
        self._playbacks[playback] = person.sender
        return playback

    def playbacks(self, senders: set[bytes]) -> list[Playback]:
        """What is open of these senders."""
        return [playback for playback, sender in self._playbacks.items() if sender in senders]

    async def close(self) -> None:
        for playback in list(self._playbacks):
            await playback.close()

    # ---- what comes ----

    def begin(self, transport: Transport | None) -> None:
        """From now on frames come by this transport, or by none."""
        self._transport = transport
        self._attributions.clear()

    def on_joined(self) -> None:
        """The participant is new, and so is who is in its slots."""
        self._contents.clear()

    def on_slots(self, slots: Iterable[SlotInfo]) -> None:
        known = self._transport.slots if self._transport else 0
        self._contents |= {slot.slot: slot.participant for slot in slots if slot.slot < known}

    def on_claimed(self, kids: Iterable[int]) -> None:
        """A profile has named these KIDs: frames may have waited for it."""
        for opened in self._opener.release(kids):
            self._deliver(opened)
        for line in self._opener.waiting:
            self.want_key_frame(line)

    def on_frame(self, codec: Codec, line: Line, data: bytes) -> None:
        opened = self._opener.open(codec, line.media, data, clock.now_us(), line)
        if opened is not None:
            self._deliver(opened)
        elif line in self._opener.waiting:
            self.want_key_frame(line)

    def _deliver(self, opened: Opened) -> None:
        person = self._people.get(opened.sender)
        if person is None or not isinstance(opened.line, Line):
            return
        came_ms = clock.now_ms() - (clock.now_us() - opened.at_us) // 1000  # it may have been held
        if self._people.on_frame(opened.sender, opened.kid, opened.time_ms, came_ms):
            self._tell(events.Heard(person))
        slot = opened.line.slot
        attribution = self._attributions.setdefault(slot, Attribution())
        if attribution.on_frame(person.participant, self._contents.get(slot, 0), clock.now_us()):
            self.wrong_senders += 1
            self._tell(events.WrongSender(person, slot))
        if opened.line in self._opener.broken:
            self.want_key_frame(opened.line)
        for sink in list(self._sinks):
            sink(person, opened)

    def on_tick(self) -> None:
        lines = self._opener.expire(clock.now_us())
        for line in lines:
            self.want_key_frame(line)
        if lines:
            self._tell(events.NoKey(tuple(line.slot for line in lines if isinstance(line, Line))))

    def want_key_frame(self, line: object) -> None:
        """Of whoever sends on the line of an opened frame; once a second at most."""
        now_us = clock.now_us()
        if self._transport is None or not isinstance(line, Line) or line.media != "video":
            return
        if now_us - self._asked_us.get(line, -KEY_FRAME_US) >= KEY_FRAME_US:
            self._asked_us[line] = now_us
            self._opener.broken.discard(line)
            self._transport.request_key_frame(line)
