"""The Python client as a program of its own, for a test whose network is another than its own.

    python python_member.py NAME FRAMES OTHER …

The link comes as the first line of standard input, and it stays until that ends. Writes a line for each of the others whose
pictures and sound it has decoded so many frames of, and one for each line of chat.
"""

import asyncio
import sys

from sfu.client.conference import Conference
from sfu.client.keys import Source
from sfu.client.tracks import TestPattern, Tone


def _say(*words: str) -> None:
    print(*words, sep="\t", flush=True)  # noqa: T201  what the test reads


async def _take(conference: Conference, name: str, source: Source, frames: int) -> None:
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


async def _watch(conference: Conference, name: str, frames: int) -> None:
    await asyncio.gather(
        *(_take(conference, name, source, frames) for source in (Source.CAMERA, Source.MICROPHONE))
    )
    _say("received", name)


async def _listen(conference: Conference) -> None:
    while True:
        line = await conference.chat.receive()
        person = conference.person(line.sender)
        _say("chat", person.name if person else "", line.text)


async def _main(name: str, frames: int, others: list[str]) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    link = (await reader.readline()).decode().strip()
    async with Conference.join(link, name=name, slots=len(others)) as conference:
        await conference.publish(TestPattern(3))
        await conference.publish(Tone(440))
        _say("joined")
        tasks = [asyncio.create_task(_watch(conference, other, frames)) for other in others]
        tasks.append(asyncio.create_task(_listen(conference)))
        await reader.read()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
