"""Sending, closed: what is not sealed does not leave."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import aiortc.rtcrtpsender
import pytest
from aiortc.codecs import CODECS
from aiortc.codecs.vpx import VpxPayloadDescriptor
from aiortc.mediastreams import MediaStreamError

from sfu.client import frames
from sfu.client.adapter import PAYLOAD_BYTES, Sealing, Sender, Transport
from sfu.client.envelope import Codec
from sfu.client.frames import FrameOpener, SendingSource
from sfu.client.keys import LinkKeys, Source
from sfu.client.outlet import Outlet
from sfu.client.tracks import OwnFrames, TestPattern, Tone
from sfu.errors import LocalError
from tests.client.vectors import SENDER, room_keys

VP8 = next(codec for codec in CODECS["video"] if codec.mimeType == "video/VP8")
OPUS = next(codec for codec in CODECS["audio"] if codec.mimeType == "audio/opus")
FRAME = b"\x10\x00\x00\x9d\x01\x2a" + bytes(40)


def _outlet(source: Source = Source.CAMERA, renewed: list[int] | None = None) -> Outlet:
    room = room_keys()
    told = renewed if renewed is not None else []
    return Outlet(source, room, LinkKeys(room), lambda: told.append(1))


def _opener(outlet: Outlet) -> FrameOpener:
    keys = LinkKeys(room_keys())
    assert keys.claim(SENDER, outlet.state.kid, outlet.source)
    return FrameOpener(keys)


def test_frames_open_under_the_kid_of_the_profile() -> None:
    outlet = _outlet()
    opener = _opener(outlet)
    for number in range(3):
        opened = opener.open(Codec.VP8, "video", outlet.seal(Codec.VP8, FRAME, number), 0)
        assert opened is not None
        assert (opened.frame, opened.time_ms) == (FRAME, number)


def test_kids_are_drawn() -> None:
    assert len({_outlet().state.kid for _ in range(20)}) == 20


@pytest.mark.parametrize("broken", [lambda *_: FRAME, lambda *_: b"\x10" + FRAME, lambda *_: b""])
def test_first_frame_that_is_not_sealed_stops_all(broken: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SendingSource, "seal", broken)
    with pytest.raises(LocalError, match="nothing is sent"):
        _outlet().seal(Codec.VP8, FRAME, 0)


def test_frame_sealed_under_another_key_stops_all() -> None:
    outlet = _outlet()
    outlet._sending._key = room_keys().of_kid(outlet.state.kid ^ 1)
    with pytest.raises(LocalError, match="nothing is sent"):
        outlet.seal(Codec.VP8, FRAME, 0)


def test_used_up_kid_is_replaced_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "SOURCE_FRAMES", 2)
    renewed: list[int] = []
    outlet = _outlet(renewed=renewed)
    first = outlet.state.kid
    for _ in range(2):
        outlet.seal(Codec.VP8, FRAME, 0)
    assert (outlet.state.kid, renewed) == (first, [])
    sealed = outlet.seal(Codec.VP8, FRAME, 0)
    assert outlet.state.kid != first
    assert renewed == [1]
    assert _opener(outlet).open(Codec.VP8, "video", sealed, 0)


# ---- the adapter ----


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport(lambda *_: None, lambda: None)
    yield made
    await made.close()


@pytest.fixture(autouse=True)
def _aiortc_must_not_encode(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        pytest.fail("aiortc would encode, and send what nobody sealed")

    monkeypatch.setattr(aiortc.rtcrtpsender, "get_encoder", refuse)


def _sender(transport: Transport, kind: str, seal: Any, errors: list[BaseException] | None = None) -> Sender:
    told = errors if errors is not None else []
    return transport.add_sender(kind, Sealing(seal, lambda: 1000.0, told.append, lambda: None))


async def test_packets_of_a_picture_are_the_sealed_frame(transport: Transport) -> None:
    sealed = bytes(range(256)) * 20
    sender = _sender(transport, "video", lambda *_: sealed)
    sender.set_source(TestPattern(1))
    frame = await sender._rtc._next_encoded_frame(VP8)
    parts = [VpxPayloadDescriptor.parse(payload) for payload in frame.payloads]
    assert b"".join(data for _, data in parts) == sealed
    assert [head.partition_start for head, _ in parts] == [1] + [0] * (len(parts) - 1)
    assert len({head.picture_id for head, _ in parts}) == 1
    assert max(map(len, frame.payloads)) <= PAYLOAD_BYTES


async def test_sound_goes_sealed_with_its_level(transport: Transport) -> None:
    sender = _sender(transport, "audio", lambda *_: b"sealed")
    sender.set_source(Tone())
    frames_made = [await sender._rtc._next_encoded_frame(OPUS) for _ in range(3)]
    assert [frame.payloads for frame in frames_made] == [[b"sealed"]] * 3
    assert [b.timestamp - a.timestamp for a, b in pairwise(frames_made)] == [960] * 2
    assert -30 < frames_made[-1].audio_level < 0


@pytest.mark.parametrize("kind,codec,source", [("video", VP8, TestPattern), ("audio", OPUS, Tone)])
async def test_frame_that_cannot_be_sealed_ends_the_sending(
    kind: str, codec: Any, source: Any, transport: Transport
) -> None:
    errors: list[BaseException] = []

    def fail(*_: object) -> bytes:
        raise LocalError("no key")

    sender = _sender(transport, kind, fail, errors)
    sender.set_source(source())
    for _ in range(2):
        # What aiortc's loop takes for the end of the track.
        with pytest.raises(MediaStreamError):
            await sender._rtc._next_encoded_frame(codec)
    assert [str(error) for error in errors] == ["no key"] * 2


async def test_codec_that_is_not_sealed_is_not_sent(transport: Transport) -> None:
    errors: list[BaseException] = []
    sender = _sender(transport, "video", lambda *_: b"sealed", errors)
    sender.set_source(TestPattern(1))
    h264 = next(codec for codec in CODECS["video"] if codec.mimeType == "video/H264")
    with pytest.raises(MediaStreamError):
        await sender._rtc._next_encoded_frame(h264)
    assert len(errors) == 1


async def test_sender_without_a_source_waits(transport: Transport) -> None:
    sender = _sender(transport, "video", lambda *_: b"sealed")
    waiting = asyncio.create_task(sender._rtc._next_encoded_frame(VP8))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    sender.set_source(TestPattern(1))
    assert (await waiting).payloads


async def test_track_that_aiortc_sees_gives_nothing(transport: Transport) -> None:
    sender = _sender(transport, "video", lambda *_: b"sealed")
    with pytest.raises(MediaStreamError):
        await sender._rtc.track.recv()


async def test_offer_has_no_sendrecv_and_no_codec_that_is_not_sealed(transport: Transport) -> None:
    transport.add_slots(2, 1)
    _sender(transport, "video", lambda *_: b"")
    _sender(transport, "audio", lambda *_: b"")
    lines = (await transport.offer()).split("\r\n")
    assert "a=sendrecv" not in lines
    assert lines.count("a=recvonly") == 5
    assert lines.count("a=sendonly") == 2
    codecs = {line.split(" ")[1].split("/")[0] for line in lines if line.startswith("a=rtpmap")}
    assert codecs == {"opus", "VP8", "rtx"}


async def test_source_that_gives_nothing_can_be_replaced(transport: Transport) -> None:
    sender = _sender(transport, "video", lambda *_: b"sealed")
    sender.set_source(OwnFrames("video"))
    waiting = asyncio.create_task(sender._rtc._next_encoded_frame(VP8))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    sender.set_source(TestPattern(1))
    assert (await waiting).payloads


async def test_source_that_fails_ends_alone(transport: Transport) -> None:
    """Its sender is there for another one; only what cannot be sealed closes it for good."""
    errors: list[BaseException] = []
    sender = _sender(transport, "video", lambda *_: b"sealed", errors)

    class Broken:
        media = "video"

        async def recv(self) -> None:
            raise OSError("no camera")

    sender.set_source(Broken())
    waiting = asyncio.create_task(sender._rtc._next_encoded_frame(VP8))
    while not errors:  # noqa: ASYNC110  told by a callback
        await asyncio.sleep(0.01)
    assert str(errors[0]) == "no camera"
    assert not sender.dead
    sender.set_source(TestPattern(1))
    assert (await waiting).payloads
