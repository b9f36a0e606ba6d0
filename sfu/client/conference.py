"""A conference, joined by its link.

async with Conference.join("https://host/#…", name="Ana") as conference:
    await conference.publish(TestPattern())
    async for event in conference: ...
"""

import asyncio
import contextlib
import secrets
from collections import Counter, deque
from collections.abc import AsyncIterator, Coroutine
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from sfu.client import clock, events
from sfu.client.adapter import FrameSource
from sfu.client.chat import ChatOpener, Line, seal_line
from sfu.client.conversation import Chat
from sfu.client.inbox import Inbox
from sfu.client.keys import LinkKeys, RoomKeys, Source
from sfu.client.media import Media
from sfu.client.numbers import LastNumbers
from sfu.client.oneself import Oneself
from sfu.client.people import People, Person
from sfu.client.playback import Playback
from sfu.client.profile import Profile
from sfu.client.publishing import Publishing
from sfu.client.receiving import Receiving, Sink
from sfu.client.roster import RosterReader
from sfu.client.sealed import SALT_BYTES, Kind, MessageCount
from sfu.client.session import Delivered, Greeted, Happening, ServerError, Told
from sfu.client.signaling import Signaling, UnreachableError
from sfu.e2ee.link import Link, is_loopback
from sfu.errors import LocalError, SfuError
from sfu.signaling.messages import Join, Joined, Leave, Ok, ParticipantCount, ParticipantLeft, Slots

TICK_S = 0.5
LEAVE_S = 5.0
EVENTS = 1024  # not read yet; beyond that the oldest go
JOIN_TRIES = 5


class Conference:
    """Made by `join`, and good within `async with` alone."""

    def __init__(
        self, link: Link, url: str, oneself: Oneself, *, token: str | None = None, slots: int | None = None
    ) -> None:
        """`url`: of signalling."""
        self.link = link
        self.participant = 0
        self._room = link.room_id
        self._token = token
        self._oneself = oneself
        self._keys = RoomKeys(link.secret)
        frame_keys = LinkKeys(self._keys)
        self._people = People(oneself.sender, frame_keys)
        self.chat = Chat(oneself.sender, self._send_line)
        chat_opener = ChatOpener(self._keys, LastNumbers(oneself.sender, self._people.__contains__))
        self._inbox = Inbox(self._keys, chat_opener, self._on_profile, self.chat.take)
        self._signaling = Signaling(url, self._on_happening, self._on_end)
        self._roster = RosterReader(self._signaling)
        self._receiving = Receiving(frame_keys, self._people, self._tell)
        self._publishing = Publishing(self._keys, frame_keys, self._tell, self._renew_profile)
        self._media = Media(
            self._signaling,
            self._publishing,
            self._receiving,
            self._on_lost,
            slots=slots,
            loopback=is_loopback(urlsplit(url).netloc),
        )
        self._events: deque[events.Event] = deque()
        self._has_event = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._profile_lock = asyncio.Lock()
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
    ) -> Self:
        """To be entered with `async with`. `key`: of a link that comes without. `server`: its URL, where the link names none.
        `slots`: how many others at most are seen at once; what the server advises by default. Raises LinkError, LocalError.
        """
        if isinstance(link, str):
            link = Link.parse(link) if key is None else Link.join(link, key)
        oneself = Oneself(name, recording=recording)
        return cls(link, signaling_url(server or link.server), oneself, token=token, slots=slots)

    async def __aenter__(self) -> Self:
        """Joined, and media flows. Raises LinkError, UnreachableError, ServerError, LocalError."""
        try:
            await self._signaling.start()
            await self._enter()
            await self._send_profile()
            await self._media.wait_connected()
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
    def sender(self) -> bytes:
        """One's own."""
        return self._oneself.sender

    @property
    def name(self) -> str:
        return self._oneself.name

    @property
    def recording(self) -> bool:
        return self._oneself.recording

    @property
    def people(self) -> tuple[Person, ...]:
        """All others whose profile opened."""
        return tuple(self._people)

    def person(self, sender: bytes) -> Person | None:
        return self._people.get(sender)

    def behind_s(self, person: Person) -> int:
        """How far behind what comes of them is, in whole seconds, 3 or more, or 0: a server that delays or replays is seen."""
        return self._people.lateness(person.sender, clock.now_ms()).behind_s

    def clock_s(self, person: Person) -> int:
        """Where the time in their frames was never nearer to our clock than a minute: by how many whole seconds it is earlier, or,
        below 0, later; else 0. Earlier, and so in `behind_s`: an old call is played again, or a clock is wrong.
        """
        return self._people.lateness(person.sender, clock.now_ms()).clock_s

    @property
    def counts(self) -> dict[str, int]:
        """What was dropped, by the names of sfu/e2ee/PROTOCOL.md."""
        found = {str(name): count for name, count in (self._receiving.counts | self.message_counts).items()}
        wrong_senders = self._receiving.wrong_senders
        return found | ({"wrong_sender": wrong_senders} if wrong_senders else {})

    @property
    def message_counts(self) -> Counter[MessageCount]:
        """Of `counts`, profiles and chat."""
        return self._inbox.counts

    async def loss(self) -> tuple[int, int]:
        """Packets received and lost."""
        return await self._media.loss()

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
        self._publishing.put(track, source)
        # Others shall know whose the frames are before the first comes.
        await self._send_profile()
        await self._media.send(source)
        return source

    async def mute(self, source: Source, muted: bool = True) -> None:
        """Nothing more of the source is sent, and all are told. Unmutes with `muted=False`."""
        self._publishing.mute(source, muted=muted)
        await self._send_profile()

    async def unpublish(self, source: Source) -> None:
        """The source falls silent; its KID waits for another track."""
        if self._publishing.take(source):
            await self.mute(source)

    async def set_name(self, name: str) -> None:
        self._oneself.rename(name)
        await self._send_profile()

    async def set_recording(self, recording: bool) -> None:
        self._oneself.recording = recording
        await self._send_profile()

    # ---- receiving ----

    def add_sink(self, sink: Sink) -> None:
        """Is given each frame that opens, still encoded, with the person whose key opened it."""
        self._receiving.add_sink(sink)

    def frames(self, person: Person, source: Source) -> Playback:
        """Decoded frames of one person's source, from now until they leave: `async for frame in conference.frames(…)`."""
        return self._receiving.frames(person, source)

    def want_key_frame(self, line: object) -> None:
        """Of whoever sends on the line of an opened frame; once a second at most."""
        self._receiving.want_key_frame(line)

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
        await self._receiving.close()
        await self._media.close()
        await self._signaling.close()
        if not self._closed:
            self._closed = True
            self.chat.end()
            self._tell(events.Closed(error))

    # ---- joining, and joining anew ----

    async def _enter(self) -> None:
        joined = await self._ask_to_join()
        self.participant = joined.participant
        self._receiving.on_joined()
        self._on_roster(await self._roster.read(joined.roster))
        await self._media.open(joined.settings)

    async def _ask_to_join(self) -> Joined:
        for _ in range(JOIN_TRIES):
            try:
                return await self._signaling.request(Join, Joined, room=self._room, token=self._token)
            except ServerError as error:
                if error.code != "moved":
                    raise
        raise UnreachableError("the room is moved again and again")

    async def _rejoin(self) -> None:
        try:
            await self._enter()
            await self._send_profile()
        except SfuError as error:
            self._on_end(error)
            return
        self._tell(events.Interrupted())

    async def _reopen_media(self) -> None:
        """The transport has died under a session that lives: another one takes its place."""
        try:
            await asyncio.sleep(1)
            await self._media.reopen()
        except SfuError as error:
            self._on_end(error)

    # ---- from the server ----

    def _on_happening(self, happening: Happening) -> None:
        match happening:
            case Delivered(kind, participant, payload):
                self._inbox.take(kind, participant, payload)
            case Told(ParticipantLeft(participant=participant, reason=reason)):
                self._inbox.on_left(participant)
                self._part_from(self._people.on_left(participant), lost=reason == "lost")
            case Told(Slots(slots=slots)):
                self._receiving.on_slots(slots)
            case Told(ParticipantCount()):
                self._roster.on_count()
            case Greeted(resumed=False) if self.participant and not self._closing:
                self._spawn(self._rejoin())
            case _:
                pass

    def _on_roster(self, there: set[int]) -> None:
        self._inbox.on_roster(there)
        self._part_from(self._people.on_roster(there))

    def _part_from(self, gone: list[Person], *, lost: bool = False) -> None:
        for playback in self._receiving.playbacks({person.sender for person in gone}):
            self._spawn(playback.close())
        for person in gone:
            self._tell(events.Left(person, lost))

    def _on_profile(self, participant: int, profile: Profile) -> None:
        update = self._people.on_profile(participant, profile)
        self._tell(events.Joined(update.person) if update.is_new else events.Changed(update.person))
        self._receiving.on_claimed(update.kids)

    def _on_lost(self) -> None:
        if not self._closing:
            self._spawn(self._reopen_media())

    def _on_end(self, error: BaseException) -> None:
        if not self._closing:
            self._spawn(self._shut(error))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._on_tick()
            there = await self._roster.read_again()
            if there is not None:
                self._on_roster(there)

    def _on_tick(self) -> None:
        self._receiving.on_tick()
        if unreadable := self._inbox.take_unreadable():
            self._tell(events.Unreadable(unreadable))

    # ---- to the others ----

    def _renew_profile(self) -> None:
        self._spawn(self._send_profile())

    async def _send_profile(self) -> None:
        async with self._profile_lock:
            profile = self._oneself.seal(self._publishing.states, self._keys)
            await self._signaling.deliver(Kind.PROFILE, profile, Ok)

    async def _send_line(self, line: Line) -> None:
        sealed = seal_line(line, self._keys, secrets.token_bytes(SALT_BYTES))
        await self._signaling.deliver(Kind.CHAT, sealed, Ok)

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
