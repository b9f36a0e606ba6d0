"""What `sfu join` does, and shows while it does."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sfu.client import events
from sfu.client.chat import Line
from sfu.client.conference import Conference
from sfu.client.people import Person
from sfu.client.profile import DIRECTION_CONTROLS
from sfu.client.record import Recorder
from sfu.client.tracks import FilePlayer, TestPattern, Tone
from sfu.e2ee.link import Link
from sfu.errors import LocalError, SfuError

DEFAULT_SERVER = "http://127.0.0.1:8080"
REFRESH_S = 0.5
LAST_FRAMES_S = 0.5  # of a file, on their way


@dataclass(frozen=True)
class Wanted:
    link: str | None
    server: str | None = None
    name: str = ""
    play: Path | None = None
    record: Path | None = None
    seconds: float | None = None
    test_pattern: bool = False
    token: str | None = None
    key: str | None = None  # of a link that comes without

    def __repr__(self) -> str:
        return f"Wanted(name={self.name!r}, link=…, token=…)"


@dataclass
class _State:
    """What is shown."""

    conference: Conference
    player: FilePlayer | None
    recorder: Recorder | None
    began_s: float = field(default_factory=time.monotonic)
    loss: tuple[int, int] = (0, 0)


async def run(wanted: Wanted) -> None:
    """Until it is over. Raises SfuError with a sentence for people."""
    console = Console(highlight=False, soft_wrap=True)
    stop = asyncio.Event()
    failure: list[BaseException] = []
    with contextlib.ExitStack() as undo:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
            undo.callback(loop.remove_signal_handler, number)
        link = _link(wanted, console)
        player = FilePlayer(wanted.play) if wanted.play else None
        try:
            await _take_part(wanted, link, player, console, stop, failure)
        finally:
            if player is not None:
                await player.close()
    if failure:
        raise failure[0] if isinstance(failure[0], SfuError) else LocalError(str(failure[0]))


async def _take_part(
    wanted: Wanted,
    link: Link,
    player: FilePlayer | None,
    console: Console,
    stop: asyncio.Event,
    failure: list[BaseException],
) -> None:
    def fail(error: BaseException) -> None:
        failure.append(error)
        stop.set()

    conference = Conference.join(
        link,
        name=wanted.name,
        server=wanted.server,
        token=wanted.token,
        recording=wanted.record is not None,
    )
    recorder = Recorder(wanted.record, conference.want_key_frame, fail) if wanted.record else None
    if recorder is not None:
        conference.add_sink(recorder)
    tasks: list[asyncio.Task[None]] = []
    try:
        async with conference:
            state = _State(conference, player, recorder)
            tasks.append(asyncio.create_task(_follow(state, console, fail)))
            tasks.append(asyncio.create_task(_read_chat(state, console)))
            if wanted.test_pattern:
                await conference.publish(Tone())
                await conference.publish(TestPattern(conference.participant))
            for track in player.tracks if player else []:
                await conference.publish(track)
            if player is not None and wanted.seconds is None and recorder is None:
                tasks.append(asyncio.create_task(_stop_after(player, stop)))
            await _show(state, console, stop, wanted.seconds)
            if recorder is not None and recorder.error is None:
                await conference.set_recording(False)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if recorder is not None:
            recorder.close()
            for recording in recorder.all():
                console.print(Text(f"{recording.path}  {_size(recording.bytes)}"))


def _link(wanted: Wanted, console: Console) -> Link:
    if wanted.link is not None:
        return Link.parse(wanted.link) if wanted.key is None else Link.join(wanted.link, wanted.key)
    link = Link.make(f"{(wanted.server or DEFAULT_SERVER).rstrip('/')}/")
    console.print(Text(f"A new room: {link.reveal()}"))
    return link


async def _stop_after(player: FilePlayer, stop: asyncio.Event) -> None:
    await player.wait_over()
    await asyncio.sleep(LAST_FRAMES_S)
    stop.set()


async def _show(state: _State, console: Console, stop: asyncio.Event, seconds: float | None) -> None:
    """A live picture on a terminal; elsewhere the lines of `_follow` must do."""
    until_s = None if seconds is None else state.began_s + seconds
    with (
        Live(console=console, auto_refresh=False, transient=True)
        if console.is_terminal
        else (contextlib.nullcontext()) as live
    ):
        while not stop.is_set() and (until_s is None or time.monotonic() < until_s):
            if live is not None:
                state.loss = await state.conference.loss()
                live.update(_picture(state), refresh=True)
            left_s = REFRESH_S if until_s is None else min(REFRESH_S, max(0.0, until_s - time.monotonic()))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await stop.wait()


def _picture(state: _State) -> Group:
    table = Table(box=None, pad_edge=False)
    for heading in ("who", "sends", "", "recorded"):
        table.add_column(heading)
    for person in sorted(state.conference.people, key=lambda one: one.participant):
        table.add_row(
            Text(_name(person)), _sources(person), _standing(state, person), _recorded(state, person)
        )
    return Group(table, _footer(state))


def _sources(person: Person) -> Text:
    text = Text()
    for source in person.profile.sources:
        text.append(f"{source.source.value} ", style="dim strike" if source.muted else "green")
    return text


def _standing(state: _State, person: Person) -> Text:
    words = []
    if not person.heard and person.profile.sources:
        words.append("not heard yet")
    if person.recording:
        words.append("records")
    if behind_s := state.conference.behind_s(person):
        words.append(f"{behind_s} s behind")
    if state.conference.clock_s(person):
        words.append("an old call or a wrong clock" if behind_s else "a clock is wrong")
    return Text(", ".join(words), style="yellow")


def _recorded(state: _State, person: Person) -> Text:
    if state.recorder is None:
        return Text("")
    found = [
        recording for (sender, _), recording in state.recorder.recordings.items() if sender == person.sender
    ]
    return Text(", ".join(f"{recording.source.value} {_size(recording.bytes)}" for recording in found))


def _footer(state: _State) -> Text:
    received, lost = state.loss
    share = lost / (received + lost) if received + lost else 0.0
    words = [f"{time.monotonic() - state.began_s:.0f} s", f"loss {share:.1%}"]
    if state.player is not None:
        whole = f" of {state.player.duration_s:.0f} s" if state.player.duration_s else ""
        words.append(f"playing {state.player.path.name} {state.player.progress_s:.0f}{whole}")
    words += [f"{name} {count}" for name, count in state.conference.counts.items()]
    return Text("  ".join(words) + "  (Ctrl-C leaves)", style="dim")


async def _follow(state: _State, console: Console, fail: Callable[[BaseException], None]) -> None:
    async for event in state.conference:
        sentence = _sentence(event)
        if sentence:
            console.print(Text(sentence))
        if isinstance(event, events.Left) and state.recorder is not None:
            state.recorder.finish(event.person)
        if isinstance(event, events.Closed | events.Ended) and event.error is not None:
            fail(event.error)


def _sentence(event: events.Event) -> str:
    match event:
        case events.Joined(person):
            return f"{_name(person)} is there{' and records' if person.recording else ''}"
        case events.Left(person, lost):
            return f"{_name(person)} {'was cut off' if lost else 'has left'}"
        case events.WrongSender(person, slot):
            return f"The server says that {_name(person)} is somebody else (slot {slot}); the key says who it is."
        case events.Unreadable():
            return "Somebody is in the room whose messages do not open: do they have the same link?"
        case events.NoKey():
            return "There are frames that cannot be opened: nobody in this conference says they are theirs."
        case events.Interrupted():
            return "The connection was lost and is back."
        case _:
            return ""


async def _read_chat(state: _State, console: Console) -> None:
    while True:
        line = await state.conference.chat.receive()
        console.print(Text(_chat(line, state.conference.person(line.sender))))


def _chat(line: Line, person: Person | None) -> str:
    name = _name(person) if person else "somebody"
    gap = f"({line.missing} messages of {name}'s are missing)\n" if line.missing else ""
    return f"{gap}{name}: {visible(line.text)}"


def visible(text: str) -> str:
    """With direction controls as their numbers, so that a line reads as it is written."""
    return "".join(f"<U+{ord(char):04X}>" if char in DIRECTION_CONTROLS else char for char in text)


def _name(person: Person) -> str:
    return person.name or f"somebody ({person.sender[:4].hex()})"


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"
