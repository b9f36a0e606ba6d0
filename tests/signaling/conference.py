"""An application on the real model without media, and a client that speaks the protocol."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp

from sfu.errors import RemoteError
from sfu.model.admission import Grant, RoomLimits
from sfu.model.intents import Deliver, Intent, Tell, TellOthers
from sfu.model.room import Room
from sfu.model.rooms import Rooms
from sfu.model.view import Wish
from sfu.signaling.application import Answered, Entry, Peer
from sfu.signaling.messages import (
    KIND_PROFILE,
    SUBPROTOCOL,
    Frame,
    RosterPage,
    Settings,
    decode_frame,
    encode_frame,
)
from sfu.signaling.translate import event_message, roster_page
from tests.model.support import A, Line, V

ROOM = "abcdefghijklmnopqrstuv"
WAIT_SECONDS = 20.0  # for what must come; no test waits for what must not


class Conference:
    """`sfu.app` in small. An "SDP" is a word of a (audio) and v (video) sent, then the same of slots: "av vava"."""

    def __init__(self, limits: RoomLimits | None = None) -> None:
        self.rooms = Rooms(limits or RoomLimits())
        self.peers: dict[tuple[str, int], Peer] = {}
        self.left: asyncio.Queue[tuple[int, str]] = asyncio.Queue()
        self.offers = 0
        self.heights: dict[str, Sequence[int]] = {}  # of the last offer
        self.gate = asyncio.Event()  # offers wait for it
        self.gate.set()
        self.asked = asyncio.Event()  # an offer has come

    def apply(self, room: Room, intents: Sequence[Intent]) -> None:
        for intent in intents:
            match intent:
                case Tell(participant, event):
                    if peer := self.peers.get((room.id, participant)):
                        peer.tell(event_message(event))
                case TellOthers(participant, event):
                    message = event_message(event)
                    for peer in self._others(room, participant):
                        peer.tell(message)
                case Deliver(0, sender, kind, payload):
                    for peer in self._others(room, sender):
                        peer.deliver(kind, sender, payload)
                case Deliver(recipient, sender, kind, payload):
                    self.peers[room.id, recipient].deliver(kind, sender, payload)
                case _:
                    pass

    def _others(self, room: Room, participant: int) -> list[Peer]:
        return [self.peers[room.id, who] for who in room.participants if who != participant]

    async def on_join(self, peer: Peer, room: str, grant: Grant) -> Entry:
        opened, participant, intents = self.rooms.join(room, grant, peer.address)
        self.peers[room, participant.id] = peer
        self.apply(opened, intents)
        page = opened.roster()
        self.apply(opened, opened.profiles(participant.id, page, KIND_PROFILE))
        return Entry(participant.id, roster_page(page), Settings(codecs=["opus", "VP8"]))

    async def on_peek(self, room: str) -> int:
        return len(self.rooms[room].participants) if room in self.rooms else 0

    async def on_offer(self, peer: Peer, sdp: str, heights: Mapping[str, Sequence[int]]) -> Answered:
        self.offers += 1
        self.heights = dict(heights)
        self.asked.set()
        await self.gate.wait()
        if sdp == "boom":
            raise ZeroDivisionError
        tracks, slots = (
            [Line(str(i), {"a": A, "v": V}[c]) for i, c in enumerate(word)] for word in sdp.split(" ")
        )
        room = self.rooms[peer.room]
        self.apply(room, room.describe(peer.participant, tracks, slots))
        return Answered(f"answer to {sdp}", 1)

    async def on_view(self, peer: Peer, view: Sequence[Wish]) -> None:
        room = self.rooms[peer.room]
        self.apply(room, room.look(peer.participant, view))

    async def on_roster(self, peer: Peer, begin: int) -> RosterPage:
        room = self.rooms[peer.room]
        page = room.roster(begin)
        self.apply(room, room.profiles(peer.participant, page, KIND_PROFILE))
        return roster_page(page)

    async def on_profile(self, peer: Peer, payload: bytes) -> None:
        room = self.rooms[peer.room]
        self.apply(room, room.set_profile(peer.participant, KIND_PROFILE, payload))

    async def on_relay(self, peer: Peer, kind: int, recipient: int, payload: bytes) -> None:
        room = self.rooms[peer.room]
        self.apply(room, room.relay(peer.participant, recipient, kind, payload))

    def on_away(self, peer: Peer, away: bool) -> None:
        room = self.rooms[peer.room]
        self.apply(room, room.set_away(peer.participant, away))

    async def on_leave(self, peer: Peer, reason: str) -> None:
        room = self.rooms[peer.room]
        del self.peers[peer.room, peer.participant]
        self.apply(room, self.rooms.leave(peer.room, peer.participant, is_lost=reason == "lost"))
        self.left.put_nowait((peer.participant, reason))


class Gate:
    """Words of these tests are tokens."""

    def check(self, room: str, token: str | None) -> Grant:  # noqa: ARG002  all rooms alike
        if token == "forged":  # noqa: S105  a word of this test
            raise RemoteError("unauthorised", "the token is not valid")
        return Grant(may_create=token != "guest", may_publish=token != "listener")  # noqa: S105  the same

    def authorise(self, room: str, token: str | None, address: str) -> Grant:  # noqa: ARG002  the same
        return self.check(room, token)


class Client:
    """What comes is sorted into answers, events and frames, so that a test can wait for one of them."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.session = ""
        self.participant = 0
        self.seq = 0
        self.events: list[dict[str, Any]] = []
        self.frames: list[Frame] = []
        self._id = 0

    @classmethod
    async def connect(cls, http: aiohttp.ClientSession, url: str) -> "Client":
        return cls(await http.ws_connect(url, protocols=(SUBPROTOCOL,)))

    async def enter(self, room: str = ROOM, token: str | None = None) -> "Client":
        self.session = (await self.ask("hello", versions=[0]))["session"]
        joined = await self.ask("join", room=room, token=token)
        assert joined["type"] == "joined", joined
        self.participant = joined["participant"]
        return self

    async def say(self, type: str, id: int | None = None, **fields: Any) -> int:
        if id is None:
            self._id += 1
        request = self._id if id is None else id
        await self.socket.send_str(json.dumps({"v": 0, "type": type, "id": request, **fields}))
        return request

    async def ask(self, type: str, id: int | None = None, **fields: Any) -> dict[str, Any]:
        return await self.answer_to(await self.say(type, id, **fields))

    async def send(self, kind: int, payload: bytes, participant: int = 0) -> dict[str, Any]:
        self._id += 1
        await self.socket.send_bytes(encode_frame(Frame(kind, self._id, participant, payload)))
        return await self.answer_to(self._id)

    async def answer_to(self, id: int) -> dict[str, Any]:
        while True:
            message = await self.read()
            assert message is not None, "closed"
            if isinstance(message, dict) and message.get("id") == id:
                return message

    async def event(self, type: str) -> dict[str, Any]:
        """The next event of a type that nobody took yet."""
        while True:
            for event in self.events:
                if event["type"] == type:
                    self.events.remove(event)
                    return event
            assert await self.read() is not None, "closed"

    async def frame(self) -> Frame:
        while not self.frames:
            assert await self.read() is not None, "closed"
        return self.frames.pop(0)

    async def closed(self) -> int:
        while await self.read() is not None:
            pass
        assert self.socket.close_code is not None
        return self.socket.close_code

    async def read(self) -> dict[str, Any] | Frame | None:
        message = await self.socket.receive(WAIT_SECONDS)
        if message.type is aiohttp.WSMsgType.TEXT:
            text: dict[str, Any] = json.loads(message.data)
            if "seq" in text:
                self._number(text["seq"])
                self.events.append(text)
            return text
        if message.type is aiohttp.WSMsgType.BINARY:
            frame = decode_frame(message.data)
            assert frame is not None
            self._number(frame.id)
            self.frames.append(frame)
            return frame
        return None

    def _number(self, seq: int) -> None:
        assert seq == self.seq + 1, "events come without gaps"
        self.seq = seq
