"""The Python client of a conference, end-to-end encrypted.

    from sfu.client import Conference, TestPattern

    async with Conference.join("https://host/#…", name="Ana") as conference:
        await conference.publish(TestPattern())
        async for event in conference:
            print(event)

What is named here is the public surface. It is fetched when asked for: what seals and opens needs no aiortc.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sfu.client import events
    from sfu.client.conference import Conference
    from sfu.client.keys import Source
    from sfu.client.people import Person
    from sfu.client.playback import Playback
    from sfu.client.record import Recorder
    from sfu.client.tracks import FilePlayer, OwnFrames, TestPattern, Tone
    from sfu.e2ee.link import Link

_PLACES = {
    "Conference": "sfu.client.conference",
    "FilePlayer": "sfu.client.tracks",
    "Link": "sfu.e2ee.link",
    "OwnFrames": "sfu.client.tracks",
    "Person": "sfu.client.people",
    "Playback": "sfu.client.playback",
    "Recorder": "sfu.client.record",
    "Source": "sfu.client.keys",
    "TestPattern": "sfu.client.tracks",
    "Tone": "sfu.client.tracks",
}

__all__ = [
    "Conference",
    "FilePlayer",
    "Link",
    "OwnFrames",
    "Person",
    "Playback",
    "Recorder",
    "Source",
    "TestPattern",
    "Tone",
    "events",
]


def __getattr__(name: str) -> Any:
    if name == "events":
        return import_module("sfu.client.events")
    if name not in _PLACES:
        raise AttributeError(f"sfu.client has no {name}")
    return getattr(import_module(_PLACES[name]), name)
