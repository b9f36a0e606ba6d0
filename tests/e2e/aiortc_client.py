"""A client in Python without encryption, for tests of the media path: aiortc and the signalling protocol."""

import asyncio
import contextlib
import fractions
import itertools
from collections import defaultdict
from typing import Any

import aiohttp
import av
from aiortc import (
    AudioStreamTrack,
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.mediastreams import MediaStreamError

from sfu.client.adapter import candidates_everywhere
from tests.e2e.server import Server

SLOT_PAIRS = 4


class _Pattern(VideoStreamTrack):
    """Small moving pictures: aiortc encodes in this very process."""

    async def recv(self) -> av.VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = av.VideoFrame(320, 180, "yuv420p")
        for number, plane in enumerate(frame.planes):
            plane.update(bytes([(pts // 3000 * 8 + number * 64) % 256]) * plane.buffer_size)
        frame.pts = pts
        frame.time_base = fractions.Fraction(time_base)
        return frame


class AiortcClient:
    def __init__(self) -> None:
        self.participant = 0
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self._session = aiohttp.ClientSession()
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._contents: dict[int, int] = {}
        self._counts: dict[int, int] = defaultdict(int)  # frames by slot
        self._kinds: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._ws: aiohttp.ClientWebSocketResponse

    @classmethod
    async def join(cls, server: Server, room: str) -> "AiortcClient":
        client = cls()
        client._ws = await client._session.ws_connect(server.signaling, protocols=("sfu.0",))
        client._tasks.append(asyncio.create_task(client._read()))
        await client._request(type="hello", versions=[0])
        client.participant = (await client._request(type="join", room=room))["participant"]
        await client._negotiate()
        return client

    async def progress(self) -> dict[int, dict[str, int]]:
        """By the participant who is in the slot: frames decoded of each kind."""
        found: dict[int, dict[str, int]] = {}
        for slot, who in self._contents.items():
            if who:
                found.setdefault(who, {})[self._kinds[slot]] = self._counts[slot]
        return found

    async def leave(self) -> None:
        await self._request(type="leave")
        await self._pc.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()

    async def _negotiate(self) -> None:
        self._pc.addTransceiver(AudioStreamTrack(), direction="sendonly")
        self._pc.addTransceiver(_Pattern(), direction="sendonly")
        self._kinds = ["video", "audio"] * SLOT_PAIRS
        slots = [self._pc.addTransceiver(kind, direction="recvonly") for kind in self._kinds]
        await self._pc.setLocalDescription(await self._pc.createOffer())
        answer = await self._request(type="offer", sdp=self._pc.localDescription.sdp)
        await self._pc.setRemoteDescription(
            RTCSessionDescription(candidates_everywhere(answer["sdp"]), "answer")
        )
        for slot, transceiver in enumerate(slots):
            self._tasks.append(asyncio.create_task(self._count(slot, transceiver.receiver.track)))

    async def _count(self, slot: int, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                await track.recv()
                self._counts[slot] += 1

    async def _request(self, **fields: Any) -> dict[str, Any]:
        request = next(self._ids)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[request] = answer
        await self._ws.send_json({"v": 0, "id": request, **fields})
        return await answer

    async def _read(self) -> None:
        async for message in self._ws:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            said = message.json()
            waiting = self._waiting.pop(said.get("id") or 0, None)
            if waiting and said["type"] == "error":
                waiting.set_exception(AssertionError(f"{said['code']}: {said['message']}"))
            elif waiting:
                waiting.set_result(said)
            elif said["type"] == "slots":
                self._contents |= {slot["slot"]: slot["participant"] for slot in said["slots"]}
