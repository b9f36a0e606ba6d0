"""Many people in a room from one process, with little CPU: real members of it, whose pictures are sealed as everybody's are.

    async with crowd(link, cast(9)) as people:
        await people["Ana Ruiz"].speak()

Each shows a still of their own, a few times a second, and asks for nobody's picture but one.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from unittest.mock import patch

from av import VideoFrame
from av.video.frame import PictureType

from sfu.client import frames
from sfu.client.conference import Conference
from sfu.client.envelope import Codec
from sfu.client.inner import encode_inner
from sfu.client.keys import Source
from sfu.client.outlet import Outlet
from sfu.client.tracks import VIDEO_RATE, Pace, Tone
from tests.e2e.portrait import Pixels, document, portrait, to_frame

FPS = 3  # enough to be told from a picture that stands still, by who counts frames
AT_ONCE = 4  # who join at the same time

NAMES = (
    "Ana Ruiz", "Jonas Weber", "Kemi Adeyemi", "Farah Haddad", "Hiro Tanaka", "Lars Nygaard", "Mina Rahimi", "Ben Okafor",
    "Chloé Martin", "Ravi Menon", "Sofia Rossi", "Tomás Silva", "Yuki Mori", "Elif Kaya", "Noah Brandt", "Amara Diallo",
    "Ivan Petrov", "Lucía Gómez", "Omar Farouk", "Greta Lindqvist", "Wei Zhang", "Nora Byrne", "Pavel Novák", "Zoe Papadaki",
)  # fmt: skip


class Still:
    """One picture again and again."""

    media = "video"

    def __init__(self, pixels: Pixels, fps: int = FPS) -> None:
        self._frame: VideoFrame = to_frame(pixels)
        self._fps = fps
        self._number = 0
        self._pace = Pace()

    async def recv(self) -> VideoFrame:
        await self._pace.until(self._number / self._fps)
        self._frame.pts = self._number * VIDEO_RATE // self._fps
        self._frame.time_base = Fraction(1, VIDEO_RATE)
        self._frame.pict_type = PictureType.NONE  # or every one would be a key frame from the first on
        self._number += 1
        return self._frame


class Hush:
    """A microphone that is on, and whose owner says nothing: no sound is made, and none has to be sent."""

    media = "audio"

    async def recv(self) -> None:
        await asyncio.Event().wait()


@dataclass(frozen=True)
class Role:
    name: str
    face: int  # which portrait
    has_camera: bool = True
    is_muted: bool = False
    is_unheard: bool = False  # sends nothing at all


class Member:
    """Somebody of a crowd, and what may be wrong with what they send."""

    def __init__(self, role: Role, conference: Conference) -> None:
        self.role = role
        self.conference = conference

    async def prepare(self) -> None:
        """Silence that is sent too, where there is no picture: of whom nothing opens it is not known that they are there."""
        conference, role = self.conference, self.role
        if role.is_unheard:
            return
        if role.has_camera:
            await conference.publish(Still(await asyncio.to_thread(portrait, role.face)))
        if not role.is_muted or not role.has_camera:
            await conference.publish(Hush() if role.has_camera else Tone(0))

    async def speak(self) -> None:
        """Until told to be silent, loud enough for everybody's ring."""
        await self.conference.publish(Tone())
        await self.conference.mute(Source.MICROPHONE, False)

    async def be_silent(self) -> None:
        await self.conference.publish(Hush())

    async def mute(self) -> None:
        await self.conference.mute(Source.MICROPHONE)

    async def share(self) -> None:
        await self.conference.publish(Still(document()), Source.SCREEN)
        await self.conference.mute(Source.SCREEN, False)

    async def stop_sharing(self) -> None:
        await self.conference.unpublish(Source.SCREEN)

    async def say(self, text: str) -> None:
        await self.conference.chat.send(text)

    # ---- faults, for which a conference has no interface ----

    def lose_key(self) -> None:
        """Seals its camera with a key whose KID is in no profile, as if the others had missed it."""
        outlet = self._outlet(Source.CAMERA)
        outlet._sending = outlet._draw()

    async def find_key(self) -> None:
        """The profile that the others had missed."""
        await self.conference._send_profile()

    def be_changed(self, source: Source) -> None:
        """What is sent from now on opens nowhere, as if somebody had changed it on the way."""
        outlet = self._outlet(source)

        def change(codec: Codec, frame: bytes, time_ms: int) -> bytes:
            sealed = outlet.seal(codec, frame, time_ms)
            return sealed[:-1] + bytes([sealed[-1] ^ 1])

        self._seal_with(source, change)

    def be_newer(self, source: Source) -> None:
        """What is sent from now on opens, and has in it what no client of today understands."""
        outlet = self._outlet(source)

        def seal(codec: Codec, frame: bytes, time_ms: int) -> bytes:
            with patch.object(frames, "encode_inner", lambda *given: b"\x41" + encode_inner(*given)[1:]):
                return outlet.seal(codec, frame, time_ms)

        self._seal_with(source, seal)

    def be_well(self, source: Source) -> None:
        self._seal_with(source, self._outlet(source).seal)

    def _outlet(self, source: Source) -> Outlet:
        return self.conference._publishing._outlets[source]

    def _seal_with(self, source: Source, seal: Callable[[Codec, bytes, int], bytes]) -> None:
        sender = self.conference._publishing.senders[source]
        sender._sealing = replace(sender._sealing, seal=seal)


def cast(
    size: int, *, without_camera: Sequence[str] = (), muted: Sequence[str] = (), unheard: Sequence[str] = ()
) -> list[Role]:
    """The first so many of NAMES."""
    return [
        Role(name, face, name not in without_camera, name in muted, name in unheard)
        for face, name in enumerate(NAMES[:size])
    ]


@asynccontextmanager
async def crowd(
    link: str, roles: Sequence[Role], *, server: str | None = None
) -> AsyncIterator[dict[str, Member]]:
    """By name, in the room until the end. `server`: its URL, where it is not the link's, as through a proxy."""
    async with AsyncExitStack() as stack:
        gate = asyncio.Semaphore(AT_ONCE)

        async def join(role: Role) -> Member:
            async with gate:
                conference = Conference.join(link, name=role.name, server=server, slots=1)
                await stack.enter_async_context(conference)
                member = Member(role, conference)
                await member.prepare()
                return member

        members = await asyncio.gather(*(join(role) for role in roles))
        yield {member.role.name: member for member in members}
