"""The page and the Python client in one room: two readings of one protocol, each sees, hears and reads the other."""

import asyncio
import signal
from pathlib import Path

import numpy as np
from av import AudioFrame, VideoFrame

from sfu.client.conference import Conference
from sfu.client.keys import Source
from sfu.client.people import Person
from sfu.client.tracks import TestPattern, Tone
from tests.e2e.app_client import AppClient, becomes, meeting, needs_bundle
from tests.e2e.chromium import needs_chromium
from tests.e2e.command import commands
from tests.e2e.listening import PATIENCE_S, samples, somebody, until
from tests.e2e.progress import FRAMES

pytestmark = [needs_chromium, needs_bundle]

SLOTS = 4


async def test_page_and_python_are_in_one_conference(tmp_path: Path) -> None:
    async with meeting(tmp_path) as (server, _, browser, link):
        ana = await AppClient.join(browser, server.url, link, "Ana", color="#ff0000")
        async with Conference.join(link, name="Py", slots=SLOTS, recording=True) as python:
            await python.publish(Tone())
            await python.publish(TestPattern(15))
            person = await somebody(python, "Ana")

            await _page_plays(ana, "Py")
            await _is_red(python, person)
            await _sounds(python, person)

            await python.chat.send("from Python")
            await ana.say("from the page")
            async with asyncio.timeout(PATIENCE_S):
                assert (await python.chat.receive()).text == "from the page"

            async def read() -> bool:
                return ("Py", "from Python") in await ana.heard()

            await becomes(read, ana)

            # Mute is a sealed word, in both directions.
            await python.mute(Source.MICROPHONE)
            await becomes(lambda: _label_has(ana, "Py", "muted"), ana)
            await ana.press("Mute")
            await until(lambda: Source.MICROPHONE in _muted(person), lambda: person)

            assert python.counts == {}
            assert person.heard
            await ana.leave()
            await until(lambda: not python.people, lambda: python.people)


async def test_page_shows_who_records_for_as_long_as_they_do(tmp_path: Path) -> None:
    async with meeting(tmp_path) as (server, _, browser, link):
        ana = await AppClient.join(browser, server.url, link, "Ana")
        assert await _recorders(ana) == ""
        async with commands(link) as command:
            recorder = await command("--name", "Rec", "--record", str(tmp_path / "out"))
            await ana.until("document.querySelector('.notice').innerText === 'Rec is recording this call'")
            await ana.until(f"{_RECORDERS} === 'Recording: Rec'")
            assert await _label_has(ana, "Rec", "recording")
            # The sentence passes, the sign stays.
            await ana.until("!document.querySelector('.notice').innerText.includes('recording')")
            assert await _recorders(ana) == "Recording: Rec"

            # One who only says so is shown the same way, and as long as they say so.
            async with Conference.join(link, name="Py", slots=SLOTS, recording=True) as python:
                await ana.until(f"{_RECORDERS} === 'Recording: 2 people'")
                await python.set_recording(False)
                await ana.until(f"{_RECORDERS} === 'Recording: Rec'")
                assert not await _label_has(ana, "Py", "recording")

            recorder.send_signal(signal.SIGINT)
            assert await recorder.wait() == 0
            await ana.until(f"{_RECORDERS} === ''")
            await ana.until("document.querySelector('.tile') === null")
        assert list((tmp_path / "out").glob("ana-*-camera.webm"))
        await ana.leave()


_RECORDERS = "(document.querySelector('.line .rec')?.innerText ?? '')"


async def _recorders(client: AppClient) -> str:
    return str(await client.page.evaluate(_RECORDERS))


async def _page_plays(client: AppClient, name: str) -> None:
    """Pictures and sound of this name go on coming in."""

    async def there() -> bool:
        return name in await client.tiles()

    await becomes(there, client)
    before = (await client.progress())[name]

    async def plays() -> bool:
        now = (await client.progress())[name]
        return all(now[kind] - before[kind] >= FRAMES for kind in ("audio", "video"))

    await becomes(plays, client)


async def _label_has(client: AppClient, name: str, word: str) -> bool:
    return word in (await client.tiles())[name]["label"]


async def _is_red(conference: Conference, person: Person) -> None:
    """The colour that the test's hooks give to Ana's camera."""
    playback = conference.frames(person, Source.CAMERA)
    async with asyncio.timeout(PATIENCE_S):
        frames = [await anext(playback) for _ in range(FRAMES)]
    await playback.close()
    frame = frames[-1]
    assert isinstance(frame, VideoFrame)
    pixels = frame.to_ndarray(format="rgb24")
    red, green, blue = pixels[: pixels.shape[0] // 2].reshape(-1, 3).mean(axis=0)
    assert red > 180
    assert max(green, blue) < 80


async def _sounds(conference: Conference, person: Person) -> None:
    """Chromium's fake microphone beeps."""
    playback = conference.frames(person, Source.MICROPHONE)
    loudest = 0.0
    async with asyncio.timeout(PATIENCE_S):
        while loudest < 0.03:
            frame = await anext(playback)
            assert isinstance(frame, AudioFrame)
            loudest = max(loudest, float(np.abs(samples(frame)).max()))
    await playback.close()


def _muted(person: Person) -> set[Source]:
    return {state.source for state in person.profile.sources if state.muted}
