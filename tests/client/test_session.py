import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.client.session import (
    Answered,
    Delivered,
    Greeted,
    ProtocolError,
    Redirected,
    Refused,
    Renewed,
    Session,
    Told,
    backoff_s,
    refused_s,
)
from sfu.signaling.messages import Frame, Join, Ok, ParticipantLeft, View, encode_frame

LIMITS = dict.fromkeys(
    ("text_bytes", "binary_bytes", "messages_per_second", "message_burst", "relay_bytes_per_second",
     "relay_burst_bytes", "profile_bytes", "resume_seconds"), 1,
)  # fmt: skip


def _sent(session: Session) -> list[dict[str, Any]]:
    found = [json.loads(data) for data in session.outbox if isinstance(data, str)]
    session.outbox.clear()
    return found


def _welcome(id: int, *, resumed: bool = False, token: str = "secret") -> str:  # noqa: S107  of a test
    return json.dumps({
        "v": 0, "type": "welcome", "id": id, "version": 0, "session": token, "resumed": resumed, "limits": LIMITS,
    })  # fmt: skip


def _event(seq: int, participant: int = 5) -> str:
    return json.dumps({"v": 0, "type": "participant_left", "seq": seq, "participant": participant})


def _greeted() -> Session:
    session = Session()
    session.connected()
    (hello,) = _sent(session)
    assert session.receive(_welcome(hello["id"]))
    return session


def test_hello_goes_first_and_requests_wait_for_the_welcome() -> None:
    session = Session()
    session.connected()
    request = session.request(Join, room="r" * 22)
    (hello,) = _sent(session)
    assert hello == {"v": 0, "type": "hello", "id": 1, "versions": [0], "capabilities": [], "resume": None}
    (greeted,) = session.receive(_welcome(1))
    assert isinstance(greeted, Greeted)
    assert not greeted.resumed
    (join,) = _sent(session)
    assert (join["type"], join["id"], join["v"]) == ("join", request, 0)


def test_answer_goes_to_its_request_once() -> None:
    session = _greeted()
    request = session.request(View, slots=[])
    answer = json.dumps({"v": 0, "type": "ok", "id": request})
    assert session.receive(answer) == [Answered(request, Ok(id=request))]
    assert session.receive(answer) == []
    assert session.receive('{"v":0,"type":"ok","id":999}') == []


def test_refusal_names_the_request() -> None:
    session = _greeted()
    request = session.deliver(3, b"payload")
    (refused,) = session.receive(
        json.dumps({"v": 0, "type": "error", "id": request, "code": "rate_limited", "message": "slower"})
    )
    assert isinstance(refused, Refused)
    assert (refused.id, refused.error.code, str(refused.error)) == (request, "rate_limited", "slower")
    (refused,) = session.receive('{"v":0,"type":"error","id":null,"code":"x","message":""}')
    assert isinstance(refused, Refused)
    assert (refused.id, str(refused.error)) == (None, "x")


def test_cut_connection_resumes_with_the_last_seq_and_repeats_what_was_not_answered() -> None:
    session = _greeted()
    assert session.receive(_event(1)) == [Told(ParticipantLeft(seq=1, participant=5))]
    assert session.receive(encode_frame(Frame(3, 2, 7, b"sealed"))) == [Delivered(3, 7, b"sealed")]
    answered, waiting = session.request(View, slots=[]), session.request(View, slots=[])
    frame = session.deliver(3, b"mine")
    session.receive(json.dumps({"v": 0, "type": "ok", "id": answered}))
    session.connected()
    (hello,) = _sent(session)
    assert hello["resume"] == {"session": "secret", "seq": 2}
    assert hello["id"] > frame
    (greeted,) = session.receive(_welcome(hello["id"], resumed=True))
    assert isinstance(greeted, Greeted)
    assert greeted.resumed
    again = list(session.outbox)
    assert [json.loads(data)["id"] for data in again if isinstance(data, str)] == [waiting]
    assert [data for data in again if isinstance(data, bytes)] == [encode_frame(Frame(3, frame, 0, b"mine"))]
    # What is sent twice is had once, what comes next is next.
    assert session.receive(_event(2)) == []
    assert len(session.receive(_event(3))) == 1


def test_session_that_cannot_be_resumed_begins_anew_and_names_what_is_lost() -> None:
    session = _greeted()
    session.receive(_event(1))
    lost = session.request(View, slots=[])
    session.connected()
    (hello,) = _sent(session)
    happened = session.receive(
        json.dumps({"v": 0, "type": "error", "id": hello["id"], "code": "resume_expired", "message": ""})
    )
    assert happened == [Renewed((lost,))]
    (anew,) = _sent(session)
    assert (anew["type"], anew["resume"]) == ("hello", None)
    assert anew["id"] > hello["id"]
    assert session.receive(_welcome(anew["id"]))
    assert len(session.receive(_event(1))) == 1


def test_moved_room_is_elsewhere() -> None:
    moved = '{"v":0,"type":"moved","id":2,"url":"wss://other/ws"}'
    assert _greeted().receive(moved) == [Redirected("wss://other/ws")]


def test_left_out_event_is_not_overlooked() -> None:
    session = _greeted()
    session.receive(_event(1))
    with pytest.raises(ProtocolError, match="left out"):
        session.receive(_event(3))


def test_messages_of_a_newer_server_are_ignored_and_counted() -> None:
    session = _greeted()
    assert session.receive('{"v":0,"type":"later","seq":1,"x":1}') == []
    assert session.receive('{"v":0,"type":"later"}') == []
    assert len(session.receive(_event(2))) == 1


@pytest.mark.parametrize(
    "data",
    ["", "{", "[]", '{"v":0}', '{"v":0,"type":"welcome","id":1}', '{"v":0,"type":"answer","id":"x"}',
     "[" * 100_000, b"", b"\x00", b"\x01\x01" + bytes(8)],
)  # fmt: skip
def test_garbage_is_the_servers_fault(data: str | bytes) -> None:
    with pytest.raises(ProtocolError):
        _greeted().receive(data)


@given(st.one_of(st.text(max_size=60), st.binary(max_size=40)))
def test_any_bytes_raise_nothing_else(data: str | bytes) -> None:
    try:
        _greeted().receive(data)
    except ProtocolError:
        return


def test_token_is_not_shown() -> None:
    assert "secret" not in repr(_greeted().receive(_welcome(1)))


def test_backoff_grows_to_a_bound_and_keeps_clients_apart() -> None:
    assert [backoff_s(attempt, 1.0) for attempt in range(7)] == [0, 0.5, 1, 2, 4, 8, 8]
    assert backoff_s(3, 0.0) == 1


def test_refused_request_waits_longer_each_time() -> None:
    assert [refused_s(refusals) for refusals in range(1, 8)] == [0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0]
