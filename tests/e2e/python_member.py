"""The Python client as a program of its own, for a test whose network is another than its own.

    python python_member.py NAME SLOTS FRAMES

The link comes as the first line of standard input. Each line after it is something to do, its words separated by tabs: `receive NAME
SOURCE` or `say TEXT`. It stays until the input ends. What happens is written, a line each: `joined`, `received NAME SOURCE` after so
many frames from then on, `chat NAME TEXT`, `muted NAME SOURCE` and `unmuted NAME SOURCE`, `left NAME`, `interrupted`.
"""

import asyncio
import contextlib
import sys

from sfu.client import events
from sfu.client.conference import Conference
from sfu.client.keys import Source
from sfu.client.signaling import UnreachableError
from sfu.client.tracks import TestPattern, Tone


def _say(*words: str) -> None:
    print(*words, sep="\t", flush=True)  # noqa: T201  what the test reads


async def _receive(conference: Conference, name: str, source: Source, frames: int) -> None:
    while not (found := [person for person in conference.people if person.name == name]):  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    playback = conference.frames(found[0], source)
    try:
        async for _ in playback:
            frames -= 1
            if frames == 0:
                break
    finally:
        await playback.close()
    _say("received", name, source.name.lower())


async def _listen(conference: Conference) -> None:
    while True:
        line = await conference.chat.receive()
        person = conference.person(line.sender)
        _say("chat", person.name if person else "", line.text)


async def _speak(conference: Conference, text: str) -> None:
    """As often as it takes: how long signalling is away is for the test to say."""
    while True:
        with contextlib.suppress(UnreachableError):
            return await conference.chat.send(text)
        await asyncio.sleep(0.1)


async def _watch(conference: Conference) -> None:
    async for event in conference:
        match event:
            case events.Joined(person) | events.Changed(person):
                for state in person.profile.sources:
                    _say("muted" if state.muted else "unmuted", person.name, state.source.name.lower())
            case events.Left(person):
                _say("left", person.name)
            case events.Interrupted():
                _say("interrupted")


async def _main(name: str, slots: int, frames: int) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    link = (await reader.readline()).decode().strip()
    async with Conference.join(link, name=name, slots=slots) as conference:
        await conference.publish(TestPattern(3))
        await conference.publish(Tone(440))
        _say("joined")
        tasks = [asyncio.create_task(_listen(conference)), asyncio.create_task(_watch(conference))]
        while line := await reader.readline():
            match line.decode().rstrip("\n").split("\t"):
                case ["receive", whose, source]:
                    source_ = Source[source.upper()]
                    tasks.append(asyncio.create_task(_receive(conference, whose, source_, frames)))
                case ["say", text]:
                    tasks.append(asyncio.create_task(_speak(conference, text)))
                case words:
                    raise ValueError(words)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
