"""What clients ask for becomes commands to the workers: which source in which slot, in which layer at most."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from sfu.conferences import Conferences
from sfu.media.engine import MediaPlane, MediaSettings
from sfu.model.admission import Grant, RoomLimits
from sfu.model.rooms import Rooms
from sfu.model.view import Wish
from sfu.sdp import OfferError
from sfu.signaling.messages import Outgoing
from tests.sdp.text import audio, joined, session, video

ROOM: Final = "abcdefghijklmnopqrstuv"
SIMULCAST: Final = ("a=rid:q send", "a=rid:h send", "a=rid:f send", "a=simulcast:send q;h;f")
PUBLISHES: Final = joined(
    session("0 1"), audio("0", "sendonly", "a=ssrc:1 cname:a"), video("1", "sendonly", *SIMULCAST)
)
WATCHES: Final = joined(session("0 1"), video("0", "recvonly"), audio("1", "recvonly"))
VIDEO_SLOT, AUDIO_SLOT = 0, 1


class Recorder(MediaPlane):
    """Workers, and what they are told of slots."""

    def command(self, worker: int, name: str, *arguments: Any) -> bool:
        if name == "slot_source":
            self.fills.append((arguments[1], arguments[2], arguments[4]))
        return super().command(worker, name, *arguments)

    fills: list[tuple[int, int, int]]  # slot, source, highest layer

    def take(self, slot: int) -> list[tuple[bool, int]]:
        """(whether it is filled, highest layer), for a slot since the last call."""
        taken = [(source != 0, layer) for number, source, layer in self.fills if number == slot]
        self.fills = [fill for fill in self.fills if fill[0] != slot]
        return taken


class Someone:
    """A client that hears nothing."""

    room = ROOM
    address = "192.0.2.1"
    participant = 0

    def tell(self, event: Outgoing) -> None: ...
    def deliver(self, kind: int, sender: int, payload: bytes) -> None: ...
    def close(self, code: str) -> None: ...


@pytest.fixture
async def media() -> AsyncIterator[Recorder]:
    plane = Recorder.start(
        MediaSettings(workers=1, addresses=(("127.0.0.1", 0),), max_transports=8, packets=256)
    )
    plane.fills = []
    yield plane
    plane.stop()


@pytest.fixture
def conferences(media: Recorder) -> Conferences:
    return Conferences(Rooms(RoomLimits()), media, lambda _: None)


async def join(conferences: Conferences) -> Someone:
    who = Someone()
    who.participant = (await conferences.on_join(who, ROOM, Grant())).participant
    return who


async def test_no_more_slots_are_advised_than_may_be(media: Recorder) -> None:
    for limit, slots, most in ((128, 16, 62), (11, 3, 3), (2, 0, 0)):
        conferences = Conferences(Rooms(RoomLimits(slots_per_participant=limit)), media, lambda _: None)
        settings = (await conferences.on_join(Someone(), ROOM, Grant())).settings
        assert (settings.slots, settings.slots_max) == (slots, most)


@pytest.mark.parametrize("offer,what", [(PUBLISHES, "tracks"), (WATCHES, "slots")])
async def test_the_rooms_limits_are_refused_by_line(media: Recorder, offer: str, what: str) -> None:
    limits = RoomLimits(tracks_per_participant=1, slots_per_participant=1)
    conferences = Conferences(Rooms(limits), media, lambda _: None)
    with pytest.raises(
        OfferError, match=rf"line \d+ \(m=(audio|video) .*\): at most 1 {what} are taken, not 2"
    ):
        await conferences.on_offer(await join(conferences), offer, {})


async def test_a_picture_is_shown_as_high_as_may_be(media: Recorder, conferences: Conferences) -> None:
    ana, ben = await join(conferences), await join(conferences)
    await conferences.on_offer(ben, WATCHES, {})
    await conferences.on_offer(ana, PUBLISHES, {})
    assert media.take(VIDEO_SLOT) == [(True, 2)]
    assert media.take(AUDIO_SLOT) == [(True, 0)]


@pytest.mark.parametrize(
    "heights,max_height,layer",
    [
        ({}, 720, 2),
        ({}, 719, 1),
        ({}, 180, 0),
        ({}, 90, 0),
        ({"1": [270, 540, 1080]}, 720, 1),
        ({"1": [270, 540, 1080]}, 1080, 2),
        ({"0": [1, 2, 3]}, 360, 1),  # of another track
        ({"1": [90, 1080]}, 360, 1),  # it has three layers
    ],
)
async def test_a_height_chooses_the_layer(
    media: Recorder,
    conferences: Conferences,
    heights: dict[str, list[int]],
    max_height: int,
    layer: int,
) -> None:
    ana, ben = await join(conferences), await join(conferences)
    await conferences.on_offer(ana, PUBLISHES, heights)
    await conferences.on_offer(ben, WATCHES, {})
    media.take(VIDEO_SLOT)
    await conferences.on_view(ben, [Wish(VIDEO_SLOT, None, max_height)])
    assert media.take(VIDEO_SLOT) == [(True, layer)]
    await conferences.on_view(ben, [])
    assert media.take(VIDEO_SLOT) == [(True, 2)]


async def test_no_picture_leaves_the_sound(media: Recorder, conferences: Conferences) -> None:
    ana, ben = await join(conferences), await join(conferences)
    await conferences.on_offer(ana, PUBLISHES, {})
    await conferences.on_offer(ben, WATCHES, {})
    media.take(VIDEO_SLOT), media.take(AUDIO_SLOT)
    await conferences.on_view(ben, [Wish(VIDEO_SLOT, None, 0)])
    assert media.take(VIDEO_SLOT) == [(False, 0)]
    assert media.take(AUDIO_SLOT) == []
    await conferences.on_view(ben, [Wish(VIDEO_SLOT, None, 360)])
    assert media.take(VIDEO_SLOT) == [(True, 1)]


async def test_a_limit_holds_for_who_comes_later(media: Recorder, conferences: Conferences) -> None:
    ana, ben = await join(conferences), await join(conferences)
    await conferences.on_offer(ben, WATCHES, {})
    await conferences.on_view(ben, [Wish(VIDEO_SLOT, None, 200)])
    media.take(VIDEO_SLOT)
    await conferences.on_offer(ana, PUBLISHES, {})
    assert media.take(VIDEO_SLOT) == [(True, 0)]
    await conferences.on_leave(ana, "left")
    assert media.take(VIDEO_SLOT) == [(False, 0)]


async def test_heights_that_change_choose_anew(media: Recorder, conferences: Conferences) -> None:
    ana, ben = await join(conferences), await join(conferences)
    await conferences.on_offer(ana, PUBLISHES, {})
    await conferences.on_offer(ben, WATCHES, {})
    await conferences.on_view(ben, [Wish(VIDEO_SLOT, None, 360)])
    media.take(VIDEO_SLOT)
    await conferences.on_offer(ana, PUBLISHES, {"1": [90, 180, 360]})
    assert media.take(VIDEO_SLOT) == [(True, 2)]
    await conferences.on_offer(ana, PUBLISHES, {"1": [90, 180, 360]})
    assert media.take(VIDEO_SLOT) == []
