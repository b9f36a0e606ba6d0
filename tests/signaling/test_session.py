"""The session, frame by frame, with the clock as an argument."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.signaling.limits import Limits
from sfu.signaling.messages import (
    Answer,
    Error,
    Frame,
    Hello,
    Join,
    Joined,
    Ok,
    ParticipantLeft,
    Resume,
    RosterPage,
    Settings,
    decode_frame,
    encode_frame,
)
from sfu.signaling.session import Ask, Close, Find, Output, Send, Session, State

BEARER = "t"
ROOM = "abcdefghijklmnopqrstuv"
S = 1_000_000
PLENTY = Limits(
    messages_per_second=1e9,
    message_burst=10**9,
    offers_per_second=1e9,
    offer_burst=10**9,
    relay_bytes_per_second=1e9,
    relay_burst_bytes=10**9,
)


class Client:
    """Says things to a session and reads what it says."""

    def __init__(self, limits: Limits = PLENTY) -> None:
        self.session = Session("token", limits)
        self.now_us = 0

    def say(self, type: str, id: int | None = None, **fields: Any) -> list[Output]:
        message = {"v": 0, "type": type, **fields} | ({"id": id} if id is not None else {})
        return self.session.receive(json.dumps(message), self.now_us)

    def send(self, kind: int = 2, id: int = 0, participant: int = 0, payload: bytes = b"x") -> list[Output]:
        return self.session.receive(encode_frame(Frame(kind, id, participant, payload)), self.now_us)

    def join(self) -> None:
        self.say("hello", 1, versions=[0])
        self.say("join", 2, room=ROOM)
        self.session.answer(2, joined(2))


def joined(id: int) -> Joined:
    return Joined(id=id, participant=7, roster=RosterPage(participants=[], total=0), settings=Settings())


def read(outputs: list[Output]) -> list[Any]:
    """Text as JSON, frames as frames, all else as it is."""
    return [
        (json.loads(output.data) if isinstance(output.data, str) else decode_frame(output.data))
        if isinstance(output, Send)
        else output
        for output in outputs
    ]


def code(outputs: list[Output]) -> str:
    (error,) = read(outputs)
    assert error["type"] == "error"
    return str(error["code"])


def hello(seq: int, id: int = 50) -> Hello:
    return Hello(id=id, versions=[0], resume=Resume(session="token", seq=seq))


def test_hello_join_offer_leave() -> None:
    client = Client()
    (welcome,) = read(client.say("hello", 1, versions=[3, 0]))
    assert (welcome["type"], welcome["id"], welcome["version"], welcome["session"]) == (
        "welcome",
        1,
        0,
        "token",
    )
    assert (welcome["resumed"], welcome["ice_servers"]) == (False, [])
    assert client.say("join", 2, room=ROOM, token=BEARER) == [Ask(2, Join(id=2, room=ROOM, token=BEARER))]
    assert read(client.session.answer(2, joined(2)))[0]["participant"] == 7
    (ask,) = client.say("offer", 3, sdp="v=0")
    assert isinstance(ask, Ask)
    assert read(client.session.answer(3, Answer(id=3, sdp="v=0!", transport=1)))[0]["sdp"] == "v=0!"
    assert isinstance(client.say("leave", 4)[0], Ask)
    assert client.say("offer", 5, sdp="v=0") == []
    assert client.session.state is State.ENDED


def test_no_version_in_common() -> None:
    outputs = read(Client().say("hello", 1, versions=[1, 2]))
    assert outputs[0]["code"] == "unsupported_version"
    assert outputs[1] == Close(1002, "unsupported_version")


@pytest.mark.parametrize("state", [State.NEW, State.GREETED, State.JOINING, State.JOINED])
@pytest.mark.parametrize("type", ["hello", "peek", "join", "offer", "view", "roster", "leave", "frame"])
def test_what_may_be_said_when(state: State, type: str) -> None:
    allowed = {
        State.NEW: {"hello"},
        State.GREETED: {"peek", "join"},
        State.JOINING: set(),
        State.JOINED: {"offer", "view", "roster", "leave", "frame"},
    }[state]
    client = Client()
    if state is not State.NEW:
        client.say("hello", 1, versions=[0])
    if state in {State.JOINING, State.JOINED}:
        client.say("join", 2, room=ROOM)
    if state is State.JOINED:
        client.session.answer(2, joined(2))
    fields: dict[str, dict[str, Any]] = {
        "hello": {"versions": [0]},
        "peek": {"room": ROOM},
        "join": {"room": ROOM},
        "offer": {"sdp": ""},
        "view": {"slots": []},
    }
    outputs = client.send(id=9) if type == "frame" else client.say(type, 9, **fields.get(type, {}))
    if type in allowed:
        assert not any(isinstance(message, dict) and message["type"] == "error" for message in read(outputs))
    else:
        assert code(outputs) == "bad_state"
        assert client.session.state is state


def test_join_that_failed_may_be_tried_again() -> None:
    client = Client()
    client.say("hello", 1, versions=[0])
    client.say("join", 2, room=ROOM)
    assert code(client.session.answer(2, Error(code="room_full", message="", id=2))) == "room_full"
    assert isinstance(client.say("join", 3, room=ROOM)[0], Ask)


# ---- repeated requests ----


def test_repeated_request_is_answered_not_done_twice() -> None:
    client = Client()
    client.join()
    client.say("offer", 3, sdp="a")
    assert client.say("offer", 3, sdp="a") == []  # under way
    answer = client.session.answer(3, Answer(id=3, sdp="b", transport=1))
    assert client.say("offer", 3, sdp="a") == answer
    assert read(client.say("join", 2, room=ROOM))[0]["type"] == "joined"
    assert isinstance(client.say("offer", 4, sdp="a")[0], Ask)


def test_repeated_frame_is_answered_not_delivered_twice() -> None:
    client = Client()
    client.join()
    assert isinstance(client.send(id=3)[0], Ask)
    answer = client.session.answer(3, Ok(id=3))
    assert client.send(id=3) == answer


def test_request_older_than_the_answers_kept_is_not_done() -> None:
    client = Client(Limits(answers=2))
    client.join()
    for request in (3, 4, 5):
        client.say("view", request, slots=[])
        client.session.answer(request, Ok(id=request))
    assert code(client.say("view", 3, slots=[])) == "stale_id"
    assert read(client.say("view", 4, slots=[]))[0]["type"] == "ok"


def test_answers_are_bounded_in_bytes() -> None:
    client = Client(Limits(answer_bytes=1000))
    client.join()
    for request in range(3, 50):
        client.say("offer", request, sdp="")
        client.session.answer(request, Answer(id=request, sdp="x" * 300, transport=1))
    assert client.session._answers._held <= 1000
    assert client.session._answers._held == sum(len(text) for text in client.session._answers._by_id.values())


def test_frame_without_id_is_answered_only_if_it_failed() -> None:
    client = Client()
    client.join()
    assert client.send() == [Ask(0, Frame(2, 0, 0, b"x"))]
    assert client.send() == [Ask(0, Frame(2, 0, 0, b"x"))]
    assert client.session.answer(0, Ok(id=0)) == []
    assert code(client.session.answer(0, Error(code="forbidden", message=""))) == "forbidden"


# ---- events ----


def test_events_and_deliveries_share_one_sequence() -> None:
    client = Client()
    client.join()
    (event,) = read(client.session.tell(ParticipantLeft(participant=3)))
    assert event["seq"] == 1
    assert read(client.session.deliver(2, 5, b"sealed")) == [Frame(2, 2, 5, b"sealed")]
    (event,) = read(client.session.tell(ParticipantLeft(participant=4)))
    assert event["seq"] == 3


def test_events_wait_until_the_client_knows_that_it_is_in() -> None:
    client = Client()
    client.say("hello", 1, versions=[0])
    client.say("join", 2, room=ROOM)
    assert client.session.deliver(1, 5, b"profile") == []
    assert client.session.tell(ParticipantLeft(participant=3)) == []
    outputs = read(client.session.answer(2, joined(2)))
    assert [outputs[0]["type"], outputs[1], outputs[2]["seq"]] == ["joined", Frame(1, 1, 5, b"profile"), 2]


@pytest.mark.parametrize("seen", range(5))
def test_resume_replays_what_was_missed(seen: int) -> None:
    client = Client()
    client.join()
    for participant in range(4):
        client.session.tell(ParticipantLeft(participant=participant))
    outputs = client.session.resume(hello(seen))
    assert outputs is not None
    welcome, *events = read(outputs)
    assert (welcome["type"], welcome["id"], welcome["resumed"]) == ("welcome", 50, True)
    assert [event["seq"] for event in events] == list(range(seen + 1, 5))


def test_resume_fails_where_events_are_lost_or_invented() -> None:
    client = Client(Limits(replay_events=3))
    client.join()
    for participant in range(5):
        client.session.tell(ParticipantLeft(participant=participant))
    assert client.session.resume(hello(1)) is None
    assert client.session.resume(hello(2)) is not None
    assert client.session.resume(hello(5)) is not None
    assert client.session.resume(hello(6)) is None


def test_replay_is_bounded_in_bytes() -> None:
    client = Client(Limits(replay_bytes=1000))
    client.join()
    for _ in range(20):
        client.session.deliver(2, 1, bytes(300))
    assert client.session._events._held == sum(len(data) for data in client.session._events._kept) <= 1000


def test_answer_missed_is_given_again_after_resuming() -> None:
    client = Client()
    client.join()
    client.say("offer", 3, sdp="a")
    answer = client.session.answer(3, Answer(id=3, sdp="b", transport=1))
    assert client.session.resume(hello(0)) is not None
    assert client.say("offer", 3, sdp="a") == answer


def test_only_who_joined_can_resume() -> None:
    client = Client()
    client.say("hello", 1, versions=[0])
    assert client.session.resume(hello(0)) is None
    client.join()
    client.session.end()
    assert client.session.resume(hello(0)) is None


def test_client_without_session_to_resume_may_greet_anew() -> None:
    client = Client()
    (find,) = client.say("hello", 1, versions=[0], resume={"session": "old", "seq": 4})
    assert isinstance(find, Find)
    assert code(client.session.refuse(find.hello)) == "resume_expired"
    assert read(client.say("hello", 2, versions=[0]))[0]["type"] == "welcome"


# ---- limits ----


def test_rate_of_messages() -> None:
    client = Client(Limits(messages_per_second=1, message_burst=4))
    client.join()
    for request in (3, 4):
        assert isinstance(client.say("view", request, slots=[])[0], Ask)
        client.session.answer(request, Ok(id=request))
    (error,) = read(client.say("view", 5, slots=[]))
    assert (error["code"], error["id"]) == ("rate_limited", 5)
    client.now_us += S
    # It was not done, so the same id is a new request.
    assert isinstance(client.say("view", 5, slots=[])[0], Ask)


def test_offers_have_a_rate_of_their_own() -> None:
    client = Client(Limits(offers_per_second=1, offer_burst=2))
    client.join()
    for request in (3, 4):
        assert isinstance(client.say("offer", request, sdp="x")[0], Ask)
        client.session.answer(request, Ok(id=request))
    assert code(client.say("offer", 5, sdp="x")) == "rate_limited"
    # Other requests go on, and one that is said again costs nothing.
    assert isinstance(client.say("view", 6, slots=[])[0], Ask)
    assert read(client.say("offer", 4, sdp="x"))[0]["type"] == "ok"
    client.now_us += S
    assert isinstance(client.say("offer", 5, sdp="x")[0], Ask)


def test_large_texts_count_for_several() -> None:
    client = Client(Limits(messages_per_second=1, message_burst=12))
    client.join()
    assert isinstance(client.say("offer", 3, sdp="x" * 70_000)[0], Ask)  # for nine, after two
    client.session.answer(3, Ok(id=3))
    assert code(client.say("offer", 4, sdp="x" * 70_000)) == "rate_limited"
    client.now_us += 8 * S
    assert isinstance(client.say("offer", 4, sdp="x" * 70_000)[0], Ask)


def test_a_text_that_is_not_too_large_can_be_said_under_any_rate() -> None:
    client = Client(Limits(messages_per_second=1, message_burst=4))
    client.join()
    client.now_us += 10 * S
    assert isinstance(client.say("offer", 3, sdp="x" * 200_000)[0], Ask)


def test_rate_of_relayed_bytes() -> None:
    client = Client(Limits(relay_bytes_per_second=100, relay_burst_bytes=1000))
    client.join()
    assert isinstance(client.send(payload=bytes(900))[0], Ask)
    assert code(client.send(payload=bytes(900))) == "rate_limited"
    client.now_us += 10 * S
    assert isinstance(client.send(payload=bytes(900))[0], Ask)


def test_who_does_not_slow_down_is_closed() -> None:
    client = Client(Limits(messages_per_second=1, message_burst=2, refusals_in_a_row=5))
    client.join()
    closed = [
        any(isinstance(output, Close) for output in client.say("view", request, slots=[]))
        for request in range(3, 8)
    ]
    assert closed == [False, False, False, False, True]


def test_garbage_counts_as_messages() -> None:
    client = Client(Limits(messages_per_second=1, message_burst=2, refusals_in_a_row=3))
    outputs = [output for _ in range(5) for output in client.session.receive("garbage", 0)]
    assert outputs[-1] == Close(1008, "rate_limited")


def test_sizes() -> None:
    client = Client(Limits(text_bytes=500, binary_bytes=100))
    client.join()
    assert code(client.say("offer", 3, sdp="x" * 500)) == "too_large"
    assert code(client.send(payload=bytes(91))) == "too_large"
    assert isinstance(client.send(payload=bytes(90))[0], Ask)


@given(st.lists(st.text() | st.binary() | st.sampled_from(["hello", "join", "offer", "leave"]), max_size=20))
def test_any_frames_are_answered_by_the_protocol(frames: list[str | bytes]) -> None:
    client = Client()
    for request, frame in enumerate(frames, 1):
        if frame in {"hello", "join", "offer", "leave"}:
            outputs = client.say(str(frame), request, versions=[0], room=ROOM, sdp="")
        else:
            outputs = client.session.receive(frame, 0)
        for output in outputs:
            if isinstance(output, Ask):
                client.session.answer(
                    request, joined(request) if isinstance(output.demand, Join) else Ok(id=request)
                )
