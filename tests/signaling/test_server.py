"""The endpoint over real sockets on loopback."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sfu.model.admission import RoomLimits
from sfu.signaling.limits import Limits
from sfu.signaling.messages import SUBPROTOCOL
from sfu.signaling.server import SignalingServer
from tests.signaling.conference import ROOM, WAIT_SECONDS, Client, Conference, Gate


class House:
    """A server with its application, and clients that are gone when it is."""

    def __init__(
        self, signaling: SignalingServer, conference: Conference, http: aiohttp.ClientSession, url: str
    ) -> None:
        self.signaling = signaling
        self.conference = conference
        self.http = http
        self.url = url

    async def connect(self) -> Client:
        return await Client.connect(self.http, self.url)

    async def enter(self, room: str = ROOM, token: str | None = None) -> Client:
        return await (await self.connect()).enter(room, token)

    async def resume(self, client: Client, seq: int | None = None) -> tuple[Client, dict[str, object]]:
        again = await self.connect()
        again.seq = client.seq if seq is None else seq
        again._id = client._id
        again.session, again.participant = client.session, client.participant
        answer = await again.ask("hello", versions=[0], resume={"session": client.session, "seq": again.seq})
        return again, answer

    async def left(self) -> tuple[int, str]:
        return await asyncio.wait_for(self.conference.left.get(), WAIT_SECONDS)


@asynccontextmanager
async def house(
    limits: Limits | None = None, rooms: RoomLimits | None = None, **options: Any
) -> AsyncIterator[House]:
    conference = Conference(rooms)
    signaling = SignalingServer(conference, Gate(), limits, **options)
    app = web.Application()
    signaling.add_to(app)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        yield House(signaling, conference, http, str(server.make_url("/ws")))
    assert signaling.connections == 0
    assert signaling.sessions == 0
    assert not conference.peers
    assert len(conference.rooms) == 0


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():  # noqa: ASYNC110  the server tells nobody
            await asyncio.sleep(0.01)


async def cut(client: Client) -> None:
    """As a network does it: without goodbye."""
    connection = client.socket._response.connection
    assert connection is not None
    assert connection.transport is not None
    connection.transport.abort()
    await client.socket.close(code=4000)  # nothing goes out any more; aiohttp lets go of what it holds


async def test_a_page_that_may_not_call_is_refused_before_anything() -> None:
    async with house(
        may_call=lambda request: request.headers.get("Origin") != "https://evil.example"
    ) as here:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await here.http.ws_connect(
                here.url, protocols=(SUBPROTOCOL,), headers={"Origin": "https://evil.example"}
            )
        assert refusal.value.status == 403
        await (await here.enter()).socket.close()


async def test_two_meet_and_part() -> None:
    async with house() as here:
        ana = await here.enter()
        ben = await here.enter()
        assert (await ana.event("participant_joined"))["participant"] == ben.participant
        assert (await ana.ask("offer", sdp="av va"))["sdp"] == "answer to av va"
        assert (await ben.ask("offer", sdp="a va"))["type"] == "answer"
        assert (await ana.event("track_added"))["kind"] == "audio"
        assert (await ben.event("slots"))["slots"] == [
            {"slot": 0, "participant": ana.participant, "track": 2},
            {"slot": 1, "participant": ana.participant, "track": 1},
        ]
        assert (await ben.ask("leave"))["type"] == "ok"
        assert await ben.closed() == 1000
        assert (await ana.event("participant_left"))["participant"] == ben.participant
        assert await here.left() == (ben.participant, "left")


async def test_view() -> None:
    async with house() as here:
        people = [await here.enter() for _ in range(3)]
        for who in people:
            await who.ask("offer", sdp="v v")
        ana, _, cem = people
        assert (await ana.ask("view", slots=[{"slot": 0, "participant": cem.participant}]))["type"] == "ok"
        await ana.event("slots")
        assert (await ana.event("slots"))["slots"][0]["participant"] == cem.participant
        refused = await ana.ask("view", slots=[{"slot": 1}])
        assert refused["code"] == "bad_view"


async def test_roster_and_profiles_for_late_joiners() -> None:
    async with house(rooms=RoomLimits(roster_page=2)) as here:
        people = [await here.enter() for _ in range(3)]
        for who in people:
            assert (await who.send(1, b"profile %d" % who.participant))["type"] == "ok"
        late = await here.connect()
        await late.ask("hello", versions=[0])
        joined = await late.ask("join", room=ROOM)
        assert [who["participant"] for who in joined["roster"]["participants"]] == [1, 2]
        assert (joined["roster"]["total"], joined["roster"]["next"]) == (4, 3)
        assert [(await late.frame()).payload for _ in range(2)] == [b"profile 1", b"profile 2"]
        page = await late.ask("roster", begin=3)
        assert [who["participant"] for who in page["roster"]["participants"]] == [3, 4]
        assert (await late.frame()).payload == b"profile 3"
        assert (await late.send(1, bytes(4097)))["code"] == "too_large"
        assert (await late.send(1, b"", participant=1))["code"] == "bad_message"


async def test_relay_names_the_sender() -> None:
    async with house() as here:
        ana, ben, cem = [await here.enter() for _ in range(3)]
        await ana.send(2, b"to ben", ben.participant)
        await ana.send(3, b"to all")
        frames = [await ben.frame(), await ben.frame(), await cem.frame()]
        assert [(frame.kind, frame.participant, frame.payload) for frame in frames] == [
            (2, ana.participant, b"to ben"),
            (3, ana.participant, b"to all"),
            (3, ana.participant, b"to all"),
        ]
        assert (await ana.send(2, b"", 99))["code"] == "no_such_participant"


async def test_token_decides() -> None:
    async with house() as here:
        stranger = await here.connect()
        await stranger.ask("hello", versions=[0])
        assert (await stranger.ask("join", room=ROOM, token="forged"))["code"] == "unauthorised"  # noqa: S106
        assert (await stranger.ask("join", room=ROOM, token="guest"))["code"] == "no_such_room"  # noqa: S106
        await here.enter()
        assert (await stranger.ask("join", room=ROOM, token="listener"))["type"] == "joined"  # noqa: S106
        assert (await stranger.ask("offer", sdp="a va"))["code"] == "forbidden"


async def test_who_is_outside_learns_how_many_are_inside() -> None:
    async with house() as here:
        outside = await here.connect()
        assert (await outside.ask("peek", room=ROOM))["code"] == "bad_state"
        await outside.ask("hello", versions=[0])
        assert (await outside.ask("peek", room=ROOM))["count"] == 0
        assert len(here.conference.rooms) == 0  # nobody opens a room by looking
        people = [await here.enter() for _ in range(3)]
        assert (await outside.ask("peek", room=ROOM))["count"] == 3
        assert (await outside.ask("peek", room=ROOM[::-1]))["count"] == 0
        assert (await outside.ask("peek", room=ROOM, token="forged"))["code"] == "unauthorised"  # noqa: S106
        await people[0].ask("leave")
        await here.left()
        answer = await outside.ask("peek", room=ROOM)
        assert (answer["type"], answer["count"]) == ("peeked", 2)
        assert not any(
            event["type"] == "participant_joined" and event["participant"] > 3 for event in people[1].events
        )
        assert (await outside.ask("join", room=ROOM))["type"] == "joined"
        assert (await outside.ask("peek", room=ROOM))["code"] == "bad_state"


async def test_who_looks_too_often_is_refused() -> None:
    async with house(Limits(messages_per_second=0.001, message_burst=2)) as here:
        outside = await here.connect()
        await outside.ask("hello", versions=[0])
        assert (await outside.ask("peek", room=ROOM))["type"] == "peeked"
        assert (await outside.ask("peek", room=ROOM))["code"] == "rate_limited"


async def test_fault_of_ours_is_told_without_details() -> None:
    async with house() as here:
        ana = await here.enter()
        refused = await ana.ask("offer", sdp="boom")
        assert (refused["code"], refused["message"]) == ("internal", "this is the server's fault")
        assert (await ana.ask("offer", sdp="a va"))["type"] == "answer"


# ---- coming back ----


async def test_cut_connection_resumes_where_it_was() -> None:
    async with house() as here:
        ana, ben = await here.enter(), await here.enter()
        await ana.event("participant_joined")
        await cut(ana)
        await ben.send(2, b"meanwhile")
        await ben.ask("offer", sdp="a va")
        again, welcome = await here.resume(ana)
        assert (welcome["resumed"], welcome["session"]) == (True, ana.session)
        assert (await again.frame()).payload == b"meanwhile"
        assert (await again.event("track_added"))["participant"] == ben.participant
        assert (await again.ask("offer", sdp="a va"))["type"] == "answer"
        assert here.conference.left.empty()


async def test_request_whose_answer_was_lost_is_not_done_twice() -> None:
    async with house() as here:
        ana = await here.enter()
        here.conference.gate.clear()
        request = await ana.say("offer", sdp="a va")
        await here.conference.asked.wait()
        await cut(ana)
        again, _ = await here.resume(ana)
        await again.say("offer", request, sdp="a va")
        here.conference.gate.set()
        assert (await again.answer_to(request))["sdp"] == "answer to a va"
        assert (await again.ask("offer", request, sdp="a va"))["sdp"] == "answer to a va"
        assert here.conference.offers == 1


async def test_requests_of_two_connections_are_done_one_after_the_other() -> None:
    async with house() as here:
        ana = await here.enter()
        here.conference.gate.clear()
        await ana.say("offer", sdp="a va")
        await here.conference.asked.wait()
        again, _ = await here.resume(ana)
        request = await again.say("offer", sdp="av va")
        # The connection is alive while the request waits its turn.
        await again.socket.ping()
        assert here.conference.offers == 1
        here.conference.gate.set()
        assert (await again.answer_to(request))["sdp"] == "answer to av va"
        assert here.conference.offers == 2


async def test_session_is_taken_over_from_a_connection_that_still_stands() -> None:
    async with house() as here:
        ana = await here.enter()
        again, welcome = await here.resume(ana)
        assert welcome["resumed"] is True
        assert await ana.closed() == 4002
        assert (await again.ask("offer", sdp="a va"))["type"] == "answer"
        assert here.signaling.sessions == 1


async def test_who_does_not_come_back_is_gone() -> None:
    async with house(Limits(resume_seconds=0.05)) as here:
        ana, ben = await here.enter(), await here.enter()
        await cut(ben)
        left = await ana.event("participant_left")
        assert (left["participant"], left["reason"]) == (ben.participant, "lost")
        assert await here.left() == (ben.participant, "lost")
        again, answer = await here.resume(ben)
        assert answer["code"] == "resume_expired"
        await again.enter()
        assert again.participant != ben.participant


@pytest.mark.parametrize("code", [1000, 1001])
async def test_a_page_that_goes_away_has_left_at_once(code: int) -> None:
    async with house() as here:
        ana, ben = await here.enter(), await here.enter()
        await ben.socket.close(code=code)
        assert (await ana.event("participant_left"))["participant"] == ben.participant
        assert await here.left() == (ben.participant, "left")
        _, answer = await here.resume(ben)
        assert answer["code"] == "resume_expired"


async def test_who_may_come_back_is_away() -> None:
    async with house(Limits(away_seconds=0.0)) as here:
        ana, ben = await here.enter(), await here.enter()
        await cut(ben)
        assert await ana.event("participant_away") == {
            "v": 0, "type": "participant_away", "seq": 2, "participant": ben.participant, "away": True,
        }  # fmt: skip
        cem = await here.connect()
        await cem.ask("hello", versions=[0])
        joined = await cem.ask("join", room=ROOM)
        assert [who.get("away") for who in joined["roster"]["participants"]] == [None, True, None]
        again, welcome = await here.resume(ben)
        assert welcome["resumed"] is True
        assert (await ana.event("participant_away"))["away"] is False
        assert (await cem.event("participant_away"))["away"] is False
        assert not any(event["type"] == "participant_away" for event in again.events)
        page = await ana.ask("roster")
        assert not any("away" in who for who in page["roster"]["participants"])
        await again.ask("leave")
        assert (await ana.event("participant_left"))["reason"] == "left"
        assert not any(event["type"] == "participant_away" for event in ana.events)


async def test_who_comes_back_at_once_was_never_away() -> None:
    async with house(Limits(away_seconds=1000.0)) as here:
        ana, ben = await here.enter(), await here.enter()
        await cut(ben)
        again, _ = await here.resume(ben)
        await again.ask("leave")
        await ana.event("participant_left")
        assert not any(event["type"] == "participant_away" for event in ana.events)


async def test_who_closes_for_another_connection_stays() -> None:
    async with house() as here:
        ana = await here.enter()
        await ana.socket.close(code=4000)
        _, welcome = await here.resume(ana)
        assert welcome["resumed"] is True
        assert here.conference.left.empty()


async def test_who_missed_too_much_joins_anew() -> None:
    async with house(Limits(replay_events=2)) as here:
        ana, ben = await here.enter(), await here.enter()
        await ben.socket.close(code=4000)
        await until(lambda: here.signaling.connections == 1)
        for number in range(3):
            await ana.send(2, b"%d" % number)
        _, answer = await here.resume(ben)
        assert answer["code"] == "resume_expired"
        assert await here.left() == (ben.participant, "lost")


async def test_nobody_resumes_by_guessing() -> None:
    async with house() as here:
        ana = await here.enter()
        ana.session = "guess"
        _, answer = await here.resume(ana)
        assert answer["code"] == "resume_expired"
        assert here.signaling.sessions == 1


# ---- limits ----


async def test_slow_reader_is_dropped_and_the_others_are_not() -> None:
    async with house(
        Limits(queue_bytes=200_000, relay_bytes_per_second=1e9, relay_burst_bytes=10**9, message_burst=10**6)
    ) as here:
        ana, slow = await here.enter(), await here.enter()
        connection = slow.socket._response.connection
        assert connection is not None
        assert isinstance(connection.transport, asyncio.Transport)
        connection.transport.pause_reading()
        sent = 0
        while here.signaling.connections == 2:
            assert (await ana.send(2, bytes(60_000)))["type"] == "ok"
            sent += 1
            assert sent < 1000, "the server buffers without bound"
        assert (await ana.ask("roster"))["type"] == "roster"


async def test_too_many_messages() -> None:
    async with house(Limits(messages_per_second=0.001, message_burst=3, refusals_in_a_row=3)) as here:
        ana = await here.enter()
        assert (await ana.ask("roster"))["type"] == "roster"
        assert (await ana.ask("roster"))["code"] == "rate_limited"
        await ana.ask("roster")
        await ana.ask("roster")
        assert await ana.closed() == 1008


async def test_message_that_is_too_large_for_anything() -> None:
    async with house(Limits(text_bytes=3000, binary_bytes=3000)) as here:
        ana = await here.enter()
        assert (await ana.send(2, bytes(2000)))["type"] == "ok"
        await ana.socket.send_bytes(bytes(100_000))
        assert await ana.closed() == 1009


async def test_room_and_address_limits_are_answers() -> None:
    async with house(rooms=RoomLimits(participants_per_room=1, rooms_per_address=1)) as here:
        await here.enter()
        ben = await here.connect()
        await ben.ask("hello", versions=[0])
        assert (await ben.ask("join", room=ROOM))["code"] == "room_full"
        assert (await ben.ask("join", room=ROOM[::-1]))["code"] == "too_many_rooms"


async def test_who_does_not_join_is_closed() -> None:
    async with house(Limits(greeting_seconds=0.05)) as here:
        silent = await here.connect()
        assert await silent.closed() == 4001


async def test_connections_of_one_address() -> None:
    async with house(Limits(connections_per_address=1)) as here:
        ana = await here.connect()
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await here.connect()
        assert refusal.value.status == 429
        await ana.socket.close()
        await until(lambda: here.signaling.connections == 0)
        await here.connect()


async def test_sessions_without_a_connection_count_for_their_address() -> None:
    async with house(Limits(connections_per_address=2)) as here:
        ana, ben = await here.enter(), await here.enter()
        await cut(ana)
        await cut(ben)
        await until(lambda: here.signaling.connections == 0)
        assert here.signaling.sessions == 2
        third = await here.connect()
        await third.ask("hello", versions=[0])
        assert (await third.ask("join", room=ROOM))["code"] == "rate_limited"
        again, answer = await here.resume(ana)
        assert answer["resumed"]
        assert (await again.ask("leave"))["type"] == "ok"
        await here.left()
        assert (await third.ask("join", room=ROOM))["type"] == "joined"


@pytest.mark.parametrize("protocols", [(), ("sfu.9",)])
async def test_subprotocol_is_needed(protocols: tuple[str, ...]) -> None:
    async with house() as here:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await here.http.ws_connect(here.url, protocols=protocols)
        assert refusal.value.status == 400
        async with here.http.get(here.url) as plain:
            assert plain.status == 400


# ---- the end ----


async def _leave_it(_: House, __: Client) -> None:
    pass


async def _cut_it(here: House, client: Client) -> None:
    await cut(client)
    await until(lambda: here.signaling.connections == 0)


@pytest.mark.parametrize("meanwhile", [_leave_it, _cut_it], ids=["connected", "cut"])
async def test_shutdown_ends_sessions(meanwhile: Callable[[House, Client], Awaitable[None]]) -> None:
    async with house() as here:
        ana = await here.enter()
        await meanwhile(here, ana)
        closing = asyncio.create_task(here.signaling.close())
        if meanwhile is _leave_it:
            # Read while the server closes, as a client does: its answer to the closing frame must find somebody.
            assert (await ana.event("closing"))["code"] == "shutting_down"
            assert await ana.closed() == 1001
        await closing
        assert await here.left() == (ana.participant, "shutting_down")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await here.connect()
        assert refusal.value.status == 503


async def test_draining_takes_nobody_in_and_leaves_those_inside() -> None:
    async with house() as here:
        ana = await here.enter()
        waiting = await here.connect()
        await waiting.ask("hello", versions=[0])
        here.signaling.drain()
        late = await here.connect()
        await late.ask("hello", versions=[0])
        for client in (waiting, late):
            assert (await client.ask("peek", room=ROOM))["code"] == "shutting_down"
            for room in (ROOM, ROOM[::-1]):
                assert (await client.ask("join", room=room))["code"] == "shutting_down"
            await client.socket.close()
        assert (await ana.ask("offer", sdp="a va"))["type"] == "answer"
        await cut(ana)
        again, welcome = await here.resume(ana)
        assert welcome["resumed"] is True
        assert (await again.ask("leave"))["type"] == "ok"
        assert await again.closed() == 1000
        assert await here.left() == (ana.participant, "left")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await here.connect()
        assert refusal.value.status == 503


async def test_application_puts_someone_out() -> None:
    async with house() as here:
        ana = await here.enter()
        here.conference.peers[ROOM, ana.participant].close("forbidden")
        assert (await ana.event("closing"))["code"] == "forbidden"
        assert await ana.closed() == 4003
        assert await here.left() == (ana.participant, "forbidden")
        assert (await here.resume(ana))[1]["code"] == "resume_expired"


async def test_subprotocol_is_chosen() -> None:
    async with house() as here:
        ana = await here.enter()
        assert ana.socket.protocol == SUBPROTOCOL
