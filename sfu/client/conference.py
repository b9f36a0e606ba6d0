"""A conference, joined by its link.

async with Conference.join("https://host/#…", name="Ana") as conference:
await conference.publish(TestPattern())
async for event in conference: ...
"""

import asyncio
import contextlib
import secrets
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Coroutine
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from sfu.client import events
from sfu.client.adapter import FrameSource, Line, Sealing, Sender, Transport
from sfu.client.attribution import Attribution
from sfu.client.chat import KEPT, ChatOpener, ChatRate, check_text, seal_line
from sfu.client.chat import Line as ChatLine
from sfu.client.envelope import Codec
from sfu.client.frames import FrameOpener, Opened
from sfu.client.keys import LinkKeys, RoomKeys, Source
from sfu.client.numbers import LastNumbers
from sfu.client.outlet import Outlet
from sfu.client.people import People, Person
from sfu.client.playback import Playback
from sfu.client.profile import SENDER_BYTES, Profile, check_name, open_profile, seal_profile
from sfu.client.sealed import SALT_BYTES, Kind, MessageCount, MessageError
from sfu.client.session import Delivered, Greeted, Happening, ServerError, Told
from sfu.client.signaling import Signaling, UnreachableError
from sfu.e2ee.link import Link, is_loopback, room_id
from sfu.errors import LocalError, SfuError
from sfu.signaling import messages
from sfu.signaling.messages import (
    Answer,
    GetRoster,
    Join,
    Leave,
    Offer,
    Ok,
    ParticipantCount,
    ParticipantLeft,
    Roster,
    Slots,
)

TICK_S = 0.5
LEAVE_S = 5.0
EVENTS = 1024  # not read yet; beyond that the oldest go
UNREADABLE = 1024  # participants at a time
KEY_FRAME_US = 1_000_000  # between two requests on one line
ROSTER_S = 5.0  # between two readings, in a room too large to be told of all
JOIN_TRIES = 5
PARTICIPANTS_MAX = 65_536  # more than any server takes: who says more does not mean it

Sink = Callable[[Person, Opened], None]


class Chat:
    """Lines to all and from all. `lines` keeps the last 1,000, one's own among them."""

    def __init__(self, conference: "Conference") -> None:
        self.lines: deque[ChatLine] = deque(maxlen=KEPT)
        self._conference = conference
        self._rate = ChatRate()
        self._unread: deque[ChatLine] = deque(maxlen=KEPT)
        self._wake = asyncio.Event()
        self._over = False
        self._n = 0
        self._lock = asyncio.Lock()

    async def send(self, text: str) -> None:
        """When it returns, the server has taken the line. Waits where the rate asks for it; raises SfuError."""
        check_text(text)
        async with self._lock:
            while wait_us := self._rate.take(_now_us()):  # noqa: ASYNC110  a rate raises no event
                await asyncio.sleep(wait_us / 1e6)
            self._n += 1
            line = ChatLine(self._conference.sender, self._n, _now_ms(), text)
            await self._conference._send_chat(line)  # noqa: SLF001  two halves of one thing
            self.lines.append(line)

    async def receive(self) -> ChatLine:
        """The next line of somebody else; `Conference.person` says whose. Raises LocalError when the conference is over."""
        while not self._unread:
            if self._over:
                raise LocalError("the conference is over")
            self._wake.clear()
            await self._wake.wait()
        return self._unread.popleft()

    def take(self, line: ChatLine) -> None:
        self.lines.append(line)
        self._unread.append(line)
        self._wake.set()

    def end(self) -> None:
        self._over = True
        self._wake.set()


class Conference:
    """Made by `join`, and good within `async with` alone."""

    def __init__(
        self,
        link: Link | str,
        *,
        key: str | None = None,
        name: str = "",
        server: str | None = None,
        token: str | None = None,
        recording: bool = False,
        slots: int | None = None,
    ) -> None:
        """`key`: of a link that comes without. `server`: its URL, where the link names none. `slots`: how many others at most are seen at once; what the
        server advises by default.
        """
        self.link = (
            link if isinstance(link, Link) else Link.parse(link) if key is None else Link.join(link, key)
        )
        self._url = signaling_url(server or self.link.server)
        self.name = check_name(name)
        self.recording = recording
        self.sender = secrets.token_bytes(SENDER_BYTES)
        self.participant = 0
        self.message_counts: Counter[MessageCount] = Counter()
        self.wrong_senders = 0
        self._room = room_id(self.link.secret.reveal())
        self._token = token
        self._slots = slots
        self._keys = RoomKeys(self.link.secret)
        self._frame_keys = LinkKeys(self._keys)
        self._people = People(self.sender, self._frame_keys)
        self._opener = FrameOpener(self._frame_keys)
        self._chat_opener = ChatOpener(self._keys, LastNumbers(self.sender, self._people.__contains__))
        self.chat = Chat(self)
        self._signaling = Signaling(self._url, self._on_happening, self._on_end)
        self._transport: Transport | None = None
        self._settings = messages.Settings()
        self._outlets: dict[Source, Outlet] = {}
        self._senders: dict[Source, Sender] = {}
        self._sources: dict[Source, FrameSource] = {}
        self._contents: dict[int, int] = {}
        self._attributions: dict[int, Attribution] = {}
        self._asked_us: dict[object, int] = {}
        self._sinks: list[Sink] = []
        self._playbacks: dict[Playback, bytes] = {}
        self._events: deque[events.Event] = deque()
        self._has_event = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._media_lock = asyncio.Lock()
        self._profile_lock = asyncio.Lock()
        self._profile_number = 0
        self._unreadable: set[int] = set()
        self._untold: set[int] = set()  # of those
        self._roster_stale = False
        self._roster_s = 0.0
        self._closing = False
        self._closed = False

    @classmethod
    def join(
        cls,
        link: Link | str,
        *,
        key: str | None = None,
        name: str = "",
        server: str | None = None,
        token: str | None = None,
        recording: bool = False,
        slots: int | None = None,
    ) -> "Conference":
        return cls(link, key=key, name=name, server=server, token=token, recording=recording, slots=slots)

    async def __aenter__(self) -> Self:
        """Joined, and media flows. Raises LinkError, UnreachableError, ServerError, LocalError."""
        try:
            await self._signaling.start()
            await self._enter()
            await self._send_profile()
            if self._transport is not None:
                await self._transport.wait_connected()
        except BaseException:
            await self._shut(None)
            raise
        self._spawn(self._tick())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.leave()

    # ---- who is there, and what happens ----

    @property
    def people(self) -> tuple[Person, ...]:
        """All others whose profile opened."""
        return tuple(self._people)

    def person(self, sender: bytes) -> Person | None:
        return self._people.get(sender)

    def behind_s(self, person: Person) -> int:
        """How far behind what comes of them is, in whole seconds, 3 or more, or 0: a server that delays or replays is seen."""
        return self._people.lateness(person.sender, _now_ms()).behind_s

    def clock_s(self, person: Person) -> int:
        """Where the time in their frames was never nearer to our clock than a minute: by how many whole seconds it is earlier, or,
        below 0, later; else 0. Earlier, and so in `behind_s`: an old call is played again, or a clock is wrong.
        """
        return self._people.lateness(person.sender, _now_ms()).clock_s

    @property
    def counts(self) -> dict[str, int]:
        """What was dropped, by the names of sfu/e2ee/PROTOCOL.md."""
        found = {str(name): count for name, count in (self._opener.counts | self.message_counts).items()}
        return found | ({"wrong_sender": self.wrong_senders} if self.wrong_senders else {})

    async def loss(self) -> tuple[int, int]:
        """Packets received and lost."""
        return await self._transport.loss() if self._transport else (0, 0)

    def __aiter__(self) -> AsyncIterator[events.Event]:
        return self

    async def __anext__(self) -> events.Event:
        while not self._events:
            if self._closed:
                raise StopAsyncIteration
            self._has_event.clear()
            await self._has_event.wait()
        return self._events.popleft()

    # ---- sending ----

    async def publish(self, track: FrameSource, source: Source | None = None) -> Source:
        """Sends what the track gives, as the microphone or the camera by default. A source has one track at a time:
        another takes its place, and keeps its KID.
        """
        source = source or (Source.MICROPHONE if track.media == "audio" else Source.CAMERA)
        if source.media != track.media:
            raise LocalError(f"{source} takes {source.media}, the track gives {track.media}")
        self._sources[source] = track
        if source not in self._outlets:
            self._outlets[source] = Outlet(source, self._keys, self._frame_keys, self._renew_profile)
        # Others shall know whose the frames are before the first comes.
        await self._send_profile()
        async with self._media_lock:
            sender = self._senders.get(source)
            if sender is None and self._transport is not None:
                self._add_sender(self._transport, source)
                await self._negotiate(self._transport)
            elif sender is not None:
                if sender.dead:
                    raise LocalError(f"{source} could not be sealed once: nothing of it is sent any more")
                sender.set_source(track)
        return source

    async def mute(self, source: Source, muted: bool = True) -> None:
        """Nothing more of the source is sent, and all are told. Unmutes with `muted=False`."""
        outlet = self._outlets.get(source)
        if outlet is None:
            raise LocalError(f"{source} is not published")
        outlet.muted = muted
        if source in self._senders:
            self._senders[source].muted = muted
        await self._send_profile()

    async def unpublish(self, source: Source) -> None:
        """The source falls silent; its KID waits for another track."""
        self._sources.pop(source, None)
        if source in self._senders:
            self._senders[source].set_source(None)
        if source in self._outlets:
            await self.mute(source)

    async def set_name(self, name: str) -> None:
        self.name = check_name(name)
        await self._send_profile()

    async def set_recording(self, recording: bool) -> None:
        self.recording = recording
        await self._send_profile()

    # ---- receiving ----

    def add_sink(self, sink: Sink) -> None:
        """Is given each frame that opens, still encoded, with the person whose key opened it."""
        self._sinks.append(sink)

    def frames(self, person: Person, source: Source) -> Playback:
        """Decoded frames of one person's source, from now until they leave: `async for frame in conference.frames(…)`."""

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

    # ---- leaving ----

    async def leave(self) -> None:
        """Tells the server; done twice it does no harm."""
        if self._closing:
            return
        self._closing = True
        with contextlib.suppress(SfuError, TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                await self._signaling.request(Leave, Ok)
        await self._shut(None)

    async def _shut(self, error: BaseException | None) -> None:
        self._closing = True
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for playback in list(self._playbacks):
            await playback.close()
        if self._transport is not None:
            await self._transport.close()
        await self._signaling.close()
        if not self._closed:
            self._closed = True
            self.chat.end()
            self._tell(events.Closed(error))

    # ---- joining, and joining anew ----

    async def _enter(self) -> None:
        joined = await self._ask_to_join()
        self.participant, self._settings = joined.participant, joined.settings
        self._contents.clear()
        self._on_roster(await self._read_roster(joined.roster))
        await self._make_transport()

    async def _ask_to_join(self) -> messages.Joined:
        for _ in range(JOIN_TRIES):
            try:
                return await self._signaling.request(
                    Join, messages.Joined, room=self._room, token=self._token
                )
            except ServerError as error:
                if error.code != "moved":
                    raise
        raise UnreachableError("the room is moved again and again")

    async def _read_roster(self, page: messages.RosterPage) -> set[int]:
        """Who is there; their profiles come beside."""
        there = {present.participant for present in page.participants}
        begin = 0
        while page.next > begin and len(there) <= PARTICIPANTS_MAX:
            begin = page.next
            page = (await self._signaling.request(GetRoster, Roster, begin=page.next)).roster
            there |= {present.participant for present in page.participants}
        self._roster_stale, self._roster_s = False, time.monotonic()
        return there

    async def _make_transport(self) -> None:
        async with self._media_lock:
            old, self._transport = self._transport, None
            if old is not None:
                await old.close()
            transport = Transport(
                self._on_frame, self._on_lost, loopback=is_loopback(urlsplit(self._url).netloc)
            )
            self._transport = transport
            self._senders.clear()
            self._attributions.clear()
            pairs = self._settings.slots if self._slots is None else min(self._slots, self._settings.slots)
            extra = self._settings.extra_audio_slots if self._slots is None else 0
            transport.add_slots(max(1, pairs), extra)
            for source in self._outlets:  # in the order that the profile has
                self._add_sender(transport, source)
            await self._negotiate(transport)

    async def _negotiate(self, transport: Transport) -> None:
        sdp = await transport.offer()
        answer = await self._signaling.request(Offer, Answer, sdp=sdp)
        if transport.number not in {None, answer.transport}:
            # The server had lost its side of the connection: what it answers is of another.
            self._on_lost()
            return
        transport.number = answer.transport
        await transport.accept(answer.sdp)

    def _add_sender(self, transport: Transport, source: Source) -> None:
        outlet = self._outlets[source]

        def failed(error: BaseException) -> None:
            self._sources.pop(source, None)
            self._tell(events.Ended(source, error))

        def ended() -> None:
            self._sources.pop(source, None)
            self._tell(events.Ended(source))

        sender = transport.add_sender(source.media, Sealing(outlet.seal, _exact_ms, failed, ended))
        sender.muted = outlet.muted
        sender.set_source(self._sources.get(source))
        self._senders[source] = sender

    async def _rejoin(self) -> None:
        try:
            await self._enter()
            await self._send_profile()
        except SfuError as error:
            self._on_end(error)
            return
        self._tell(events.Interrupted())

    async def _reconnect_media(self) -> None:
        """The transport has died under a session that lives: another one takes its place."""
        try:
            await asyncio.sleep(1)
            await self._make_transport()
        except SfuError as error:
            self._on_end(error)

    # ---- from the server ----

    def _on_happening(self, happening: Happening) -> None:
        match happening:
            case Delivered(kind, participant, payload):
                self._on_message(kind, participant, payload)
            case Told(ParticipantLeft(participant=participant, reason=reason)):
                self._unreadable.discard(participant)
                self._untold.discard(participant)
                self._part_from(self._people.on_left(participant), lost=reason == "lost")
            case Told(Slots(slots=slots)):
                known = self._transport.slots if self._transport else 0
                self._contents |= {slot.slot: slot.participant for slot in slots if slot.slot < known}
            case Told(ParticipantCount()):
                self._roster_stale = True
            case Greeted(resumed=False) if self.participant and not self._closing:
                self._spawn(self._rejoin())
            case _:
                pass

    def _on_roster(self, there: set[int]) -> None:
        self._unreadable &= there
        self._untold &= there
        self._part_from(self._people.on_roster(there))

    def _part_from(self, gone: list[Person], *, lost: bool = False) -> None:
        senders = {person.sender for person in gone}
        for playback in [playback for playback, sender in self._playbacks.items() if sender in senders]:
            self._spawn(playback.close())
        for person in gone:
            self._tell(events.Left(person, lost))

    def _on_message(self, kind: int, participant: int, payload: bytes) -> None:
        try:
            if kind == Kind.PROFILE:
                self._on_profile(participant, open_profile(payload, self._keys))
            elif kind == Kind.CHAT:
                self.chat.take(self._chat_opener.open(payload))
        except MessageError as error:
            self.message_counts[error.count] += 1
            if error.count is MessageCount.FORGED:
                self._on_unreadable(participant)

    def _on_unreadable(self, participant: int) -> None:
        """Told with the next tick: a server may make up any number of participants."""
        if participant not in self._unreadable and len(self._unreadable) < UNREADABLE:
            self._unreadable.add(participant)
            self._untold.add(participant)

    def _on_profile(self, participant: int, profile: Profile) -> None:
        update = self._people.on_profile(participant, profile)
        self._tell(events.Joined(update.person) if update.is_new else events.Changed(update.person))
        for opened in self._opener.release(update.kids):
            self._deliver(opened)
        for line in self._opener.waiting:
            self.want_key_frame(line)

    def _on_frame(self, codec: Codec, line: Line, data: bytes) -> None:
        opened = self._opener.open(codec, line.media, data, _now_us(), line)
        if opened is not None:
            self._deliver(opened)
        elif line in self._opener.waiting:
            self.want_key_frame(line)

    def _deliver(self, opened: Opened) -> None:
        person = self._people.get(opened.sender)
        if person is None or not isinstance(opened.line, Line):
            return
        came_ms = _now_ms() - (_now_us() - opened.at_us) // 1000  # it may have been held
        if self._people.on_frame(opened.sender, opened.kid, opened.time_ms, came_ms):
            self._tell(events.Heard(person))
        slot = opened.line.slot
        attribution = self._attributions.setdefault(slot, Attribution())
        if attribution.on_frame(person.participant, self._contents.get(slot, 0), _now_us()):
            self.wrong_senders += 1
            self._tell(events.WrongSender(person, slot))
        if opened.line in self._opener.broken:
            self.want_key_frame(opened.line)
        for sink in list(self._sinks):
            sink(person, opened)

    def want_key_frame(self, line: object) -> None:
        """Of whoever sends on the line of an opened frame; once a second at most."""
        now_us = _now_us()
        if self._transport is None or not isinstance(line, Line) or line.media != "video":
            return
        if now_us - self._asked_us.get(line, -KEY_FRAME_US) >= KEY_FRAME_US:
            self._asked_us[line] = now_us
            self._opener.broken.discard(line)
            self._transport.request_key_frame(line)

    def _on_lost(self) -> None:
        if not self._closing:
            self._spawn(self._reconnect_media())

    def _on_end(self, error: BaseException) -> None:
        if not self._closing:
            self._spawn(self._shut(error))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._on_tick()
            if self._roster_stale and time.monotonic() - self._roster_s > ROSTER_S:
                await self._refresh_roster()

    def _on_tick(self) -> None:
        lines = self._opener.expire(_now_us())
        for line in lines:
            self.want_key_frame(line)
        if lines:
            self._tell(events.NoKey(tuple(line.slot for line in lines if isinstance(line, Line))))
        if self._untold:
            self._tell(events.Unreadable(tuple(sorted(self._untold))))
            self._untold.clear()

    async def _refresh_roster(self) -> None:
        with contextlib.suppress(SfuError):
            self._on_roster(
                await self._read_roster((await self._signaling.request(GetRoster, Roster)).roster)
            )

    # ---- to the others ----

    def _renew_profile(self) -> None:
        self._spawn(self._send_profile())

    async def _send_profile(self) -> None:
        async with self._profile_lock:
            self._profile_number += 1
            states = tuple(outlet.state for outlet in self._outlets.values())
            profile = Profile(self.sender, self._profile_number, _now_ms(), self.name, states, self.recording)
            salt = secrets.token_bytes(SALT_BYTES)
            await self._send(Kind.PROFILE, seal_profile(profile, self._keys, salt))

    async def _send_chat(self, line: ChatLine) -> None:
        salt = secrets.token_bytes(SALT_BYTES)
        await self._send(Kind.CHAT, seal_line(line, self._keys, salt))

    async def _send(self, kind: Kind, payload: bytes) -> None:
        await self._signaling.deliver(kind, payload, Ok)

    def _tell(self, event: events.Event) -> None:
        if len(self._events) >= EVENTS:
            self._events.popleft()
        self._events.append(event)
        self._has_event.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)

    def _on_task_done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_end(error)


def signaling_url(server: str | None) -> str:
    """Of the server's URL. Raises LocalError."""
    if server is None:
        raise LocalError("the link does not say where the server is: name it")
    parts = urlsplit(server)
    schemes = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
    if parts.scheme not in schemes or not parts.netloc:
        raise LocalError(f'expected a server such as https://sfu.example.org, got "{server}"')
    return f"{schemes[parts.scheme]}://{parts.netloc}/ws"


def _now_us() -> int:
    return time.monotonic_ns() // 1000


def _exact_ms() -> float:
    return time.time() * 1000


def _now_ms() -> int:
    return int(_exact_ms())
