"""Frames: golden, invalid, truncated, and any bytes at all."""

import contextlib
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.errors import Code, RemoteError
from sfu.signaling import messages, server
from sfu.signaling.messages import (
    BadMessageError,
    Frame,
    Hello,
    Join,
    Offer,
    Peek,
    Resume,
    View,
    ViewSlot,
    decode,
    decode_frame,
    encode,
    encode_frame,
)

BEARER = "bearer-bearer"
ROOM = "abcdefghijklmnopqrstuv"


def text(**fields: Any) -> str:
    return json.dumps({"v": 0, "id": 1, **fields})


@pytest.mark.parametrize(
    "raw,message",
    [
        (
            '{"v":0,"type":"hello","id":1,"versions":[0],"capabilities":["x"],"resume":{"session":"s","seq":7}}',
            Hello(id=1, versions=[0], capabilities=["x"], resume=Resume(session="s", seq=7)),
        ),
        (text(type="join", room=ROOM), Join(id=1, room=ROOM)),
        (text(type="peek", room=ROOM, token=BEARER), Peek(id=1, room=ROOM, token=BEARER)),
        (
            text(type="join", room=ROOM, token=BEARER, tomorrow={"a": [1]}),
            Join(id=1, room=ROOM, token=BEARER),
        ),
        (
            text(type="view", slots=[{"slot": 0, "participant": 3}, {"slot": 2, "participant": "auto"}]),
            View(id=1, slots=[ViewSlot(slot=0, participant=3), ViewSlot(slot=2)]),
        ),
        (
            text(type="view", slots=[{"slot": 0, "participant": 3, "nth": 1, "max_height": 1080}]),
            View(id=1, slots=[ViewSlot(slot=0, participant=3, nth=1, max_height=1080)]),
        ),
        (text(type="offer", sdp="v=0"), Offer(id=1, sdp="v=0")),
        (
            text(type="offer", sdp="v=0", heights={"1": [180, 360, 16384], "x": [1]}),
            Offer(id=1, sdp="v=0", heights={"1": [180, 360, 16384], "x": [1]}),
        ),
    ],
)
def test_golden(raw: str, message: msgspec.Struct) -> None:
    assert decode(raw) == message


@pytest.mark.parametrize(
    "raw,code,id",
    [
        ("", Code.BAD_MESSAGE, None),
        ("[]", Code.BAD_MESSAGE, None),
        ("[" * 100_000, Code.BAD_MESSAGE, None),
        ("{}", Code.BAD_MESSAGE, None),
        (text(type="leave", id=0), Code.BAD_MESSAGE, None),
        (text(type="leave", id=2**32), Code.BAD_MESSAGE, None),
        (text(type="leave", id=True), Code.BAD_MESSAGE, None),
        (text(type="leave", id="1"), Code.BAD_MESSAGE, None),
        ('{"v":0,"type":"leave"}', Code.BAD_MESSAGE, None),
        (text(type="leave", v=1), Code.UNSUPPORTED_VERSION, 1),
        (text(type="sing"), Code.UNKNOWN_TYPE, 1),
        (text(type="offer"), Code.BAD_MESSAGE, 1),
        (text(type="offer", sdp=7), Code.BAD_MESSAGE, 1),
        (text(type="offer", sdp="", heights=[180]), Code.BAD_MESSAGE, 1),
        (text(type="offer", sdp="", heights={"0": []}), Code.BAD_MESSAGE, 1),
        (text(type="offer", sdp="", heights={"0": [0]}), Code.BAD_MESSAGE, 1),
        (text(type="offer", sdp="", heights={"0": [16385]}), Code.BAD_MESSAGE, 1),
        (text(type="offer", sdp="", heights={"0": [1, 2, 3, 4]}), Code.BAD_MESSAGE, 1),
        (text(type="offer", sdp="", heights={"0": [360, 180]}), Code.BAD_MESSAGE, 1),
        (text(type="offer", sdp="", heights={"0": [180, 180]}), Code.BAD_MESSAGE, 1),
        (text(type="offer", sdp="", heights={"0": 180}), Code.BAD_MESSAGE, 1),
        (text(type="offer", sdp="", heights={"m" * 17: [180]}), Code.BAD_MESSAGE, 1),
        (text(type="offer", sdp="", heights={str(i): [180] for i in range(65)}), Code.BAD_MESSAGE, 1),
        (text(type="peek"), Code.BAD_MESSAGE, 1),
        (text(type="peek", room="short"), Code.BAD_MESSAGE, 1),
        (text(type="join", room="short"), Code.BAD_MESSAGE, 1),
        (text(type="join", room=ROOM + "\n"), Code.BAD_MESSAGE, 1),
        (text(type="join", room=ROOM + "/"), Code.BAD_MESSAGE, 1),
        (text(type="join", room="a" * 65), Code.BAD_MESSAGE, 1),
        (text(type="view", slots=[{"slot": -1}]), Code.BAD_MESSAGE, 1),
        (text(type="view", slots=[{"slot": 0, "participant": "all"}]), Code.BAD_MESSAGE, 1),
        (text(type="view", slots=[{"slot": 0, "participant": 0}]), Code.BAD_MESSAGE, 1),
        (text(type="view", slots=[{"slot": 0}] * 257), Code.BAD_MESSAGE, 1),
        (text(type="view", slots=[{"slot": 0, "participant": 3, "nth": -1}]), Code.BAD_MESSAGE, 1),
        (text(type="hello", versions=[]), Code.BAD_MESSAGE, 1),
    ],
)
def test_invalid(raw: str, code: str, id: int | None) -> None:
    with pytest.raises(BadMessageError) as refusal:
        decode(raw)
    assert (refusal.value.code, refusal.value.id) == (code, id)


def test_unknown_type_without_id_is_ignored() -> None:
    assert decode('{"v":0,"type":"sing","song":[]}') is None


def test_truncated() -> None:
    raw = text(type="view", slots=[{"slot": 0, "participant": 3}])
    for length in range(len(raw)):
        with pytest.raises(BadMessageError):
            decode(raw[:length])


@given(st.text() | st.binary())
def test_any_text_raises_only_what_the_client_did(raw: str | bytes) -> None:
    with contextlib.suppress(RemoteError):
        decode(raw)


def test_answers_and_events_carry_version_and_number() -> None:
    assert json.loads(encode(messages.Answer(id=4, sdp="x", transport=2))) == {
        "type": "answer",
        "v": 0,
        "id": 4,
        "sdp": "x",
        "transport": 2,
    }
    assert json.loads(encode(messages.ParticipantLeft(participant=2, seq=9))) == {
        "type": "participant_left",
        "v": 0,
        "seq": 9,
        "participant": 2,
        "reason": "left",
    }
    assert json.loads(encode(messages.Error(code="internal", message="m"))) == {
        "type": "error",
        "v": 0,
        "id": None,
        "code": "internal",
        "message": "m",
    }


def test_secrets_are_not_printed() -> None:
    for message in (
        Join(id=1, room=ROOM, token=BEARER),
        Hello(id=1, versions=[0], resume=Resume(session=BEARER, seq=1)),
    ):
        assert BEARER not in repr(message)
        assert ROOM not in repr(message)


# ---- binary frames ----


def test_golden_frame() -> None:
    raw = bytes.fromhex("00 02 00000007 00000003") + b"sealed"
    assert decode_frame(raw) == Frame(2, 7, 3, b"sealed")
    assert encode_frame(Frame(2, 7, 3, b"sealed")) == raw


def test_truncated_frame() -> None:
    for length in range(messages.HEADER_BYTES):
        with pytest.raises(BadMessageError):
            decode_frame(bytes(length))
    assert decode_frame(bytes.fromhex("00 01 00000000 00000000")) == Frame(1, 0, 0, b"")


def test_frame_of_another_version_or_kind() -> None:
    with pytest.raises(BadMessageError) as refusal:
        decode_frame(bytes.fromhex("01 01 00000007 00000000"))
    assert (refusal.value.code, refusal.value.id) == ("unsupported_version", 7)
    with pytest.raises(BadMessageError) as refusal:
        decode_frame(bytes.fromhex("00 00 00000007 00000000"))
    assert (refusal.value.code, refusal.value.id) == ("unknown_type", 7)
    assert decode_frame(bytes.fromhex("00 ff 00000000 00000000")) is None


@given(
    st.builds(
        Frame,
        kind=st.sampled_from(sorted(messages.KINDS)),
        id=st.integers(0, 2**32 - 1),
        participant=st.integers(0, 2**32 - 1),
        payload=st.binary(),
    )
)
def test_frames_survive_the_way(frame: Frame) -> None:
    assert decode_frame(encode_frame(frame)) == frame


# ---- PROTOCOL.md ----

_PROTOCOL = Path(messages.__file__).with_name("PROTOCOL.md").read_text(encoding="utf-8")


def _table(heading: str) -> set[str]:
    section = _PROTOCOL.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"^\| `([^`]+)`", section, re.MULTILINE))


def test_protocol_lists_every_error_code() -> None:
    assert _table("Error codes") == {code.value for code in Code}


def test_protocol_lists_every_message() -> None:
    tags = {
        kind.__struct_config__.tag
        for union in (messages.Incoming, messages.Reply, messages.Outgoing)
        for kind in union.__args__
    }
    listed = _table("Requests") | _table("Answers") | _table("Events")
    assert listed == tags


def test_protocol_lists_every_close_code() -> None:
    ours = {value for name, value in vars(server).items() if name.startswith("CLOSE_")}
    assert ours <= {int(code) for code in _table("Close codes")}
