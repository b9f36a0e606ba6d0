import io
import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu import log
from sfu.log import HumanRenderer
from sfu.redact import Address, Room, Secret


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def _json(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_has_time_level_and_event_first() -> None:
    stream = io.StringIO()
    log.configure("info", "json", stream)
    log.get("x").info("serving", url="http://127.0.0.1:1", many=(1, 2))
    (event,) = _json(stream)
    assert list(event) == ["time", "level", "event", "url", "many"]
    assert str(event.pop("time")).endswith("Z")
    assert event == {"level": "info", "event": "serving", "url": "http://127.0.0.1:1", "many": [1, 2]}


def test_auto_is_json_except_on_a_terminal() -> None:
    plain, terminal = io.StringIO(), _Terminal()
    for stream in (plain, terminal):
        log.configure("info", "auto", stream)
        log.get("x").info("serving")
    assert plain.getvalue().startswith("{")
    assert not terminal.getvalue().startswith("{")


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, coloured in (("", True), ("1", False)):
        monkeypatch.setenv("NO_COLOR", value)
        terminal = _Terminal()
        log.configure("info", "auto", terminal)
        log.get("x").info("serving")
        assert ("\x1b" in terminal.getvalue()) == coloured


def test_level_can_change() -> None:
    stream = io.StringIO()
    log.configure("warning", "json", stream)
    log.get("x").info("unheard")
    log.set_level("debug")
    log.get("x").debug("heard")
    assert [event["event"] for event in _json(stream)] == ["heard"]


@pytest.mark.parametrize("style", ["human", "json"])
@pytest.mark.parametrize("level", ["info", "warning", "error"])
def test_people_have_pseudonyms_from_info_on(style: str, level: str) -> None:
    stream = io.StringIO()
    log.configure("debug", style, stream)  # type: ignore[arg-type]
    room, address = Room("the-room"), Address("10.1.2.3")
    getattr(log.get("x"), level)("refused", room=room, addresses=[address], by={"token": Secret("hush")})
    text = stream.getvalue()
    assert str(room) in text
    assert str(address) in text
    assert "the-room" not in text
    assert "10.1.2.3" not in text
    assert "hush" not in text


def test_debug_shows_addresses_but_no_secret() -> None:
    stream = io.StringIO()
    log.configure("debug", "json", stream)
    log.get("x").debug("refused", address=Address("10.1.2.3"), token=Secret("hush"))
    assert "10.1.2.3" in stream.getvalue()
    assert "hush" not in stream.getvalue()


def test_exceptions_name_no_address() -> None:
    stream = io.StringIO()
    log.configure("info", "json", stream)
    try:
        raise OSError("cannot reach 10.1.2.3")  # noqa: TRY301
    except OSError as error:
        log.get("x").exception("failed")
        log.get("x").error("failed", reason=error)
    first, second = _json(stream)
    assert "Traceback" in str(first["exception"])
    assert str(second["reason"]) == f"OSError: cannot reach {Address('10.1.2.3')}"
    assert "10.1.2.3" not in stream.getvalue()


def test_libraries_name_no_address() -> None:
    stream = io.StringIO()
    log.configure("info", "json", stream)
    logging.getLogger("aiohttp.server").error("error from %s", "10.1.2.3:4567")
    (event,) = _json(stream)
    assert event["event"] == f"error from {Address('10.1.2.3')}:4567"
    assert event["logger"] == "aiohttp.server"


@given(
    st.ip_addresses(), st.sampled_from(["{}", "at {}.", "[{}]:443", "('{}', 9)", "{}, next", "http://[{}]/"])
)
def test_scrub_finds_addresses(address: object, frame: str) -> None:
    assert log.scrub(frame.format(address)) == frame.format(Address(str(address)))


@pytest.mark.parametrize(
    "text", ["12:30:05", "x::b", "std::vector", "1.2.3", "v1.2.3.4567", "room: x", "9:1"]
)
def test_scrub_leaves_other_text(text: str) -> None:
    assert log.scrub(text) == text


def _event(level: str = "info", **values: object) -> dict[str, object]:
    return {
        "time": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "level": level,
        "event": "it happened",
        **values,
    }


def test_human_line_is_one_line_without_a_terminal() -> None:
    values = {f"key{i}": "value" * 5 for i in range(20)}
    text = HumanRenderer(colour=False, wrap=False)(None, "", _event(**values))
    assert "\n" not in text
    assert "\x1b" not in text


def test_human_line_wraps_on_a_terminal() -> None:
    values = {f"key{i}": "value" for i in range(20)}
    text = HumanRenderer(colour=True, wrap=True, width=80)(None, "", _event(**values))
    plain = re.sub(r"\x1b\[\d*m", "", text)
    assert all(len(line) <= 80 for line in plain.splitlines())
    assert all(f"key{i}=value" in plain for i in range(20))
    assert len({line.index("key") for line in plain.splitlines()}) == 1


@pytest.mark.parametrize(
    "value,expected",
    [(None, "(none)"), ([], "(none)"), (True, "yes"), (0, "0"), (1.0, "1"), (1234567, "1,234,567"), (["a", 1], "a, 1"), ({"a": "b"}, "a: b")],
)  # fmt: skip
def test_values_are_written_as_people_do(value: object, expected: str) -> None:
    assert log.shown(value) == expected


@pytest.mark.parametrize("style", ["human", "json"])
def test_nobody_s_words_steer_the_terminal_or_fake_a_line(style: str) -> None:
    stream = io.StringIO()
    log.configure("info", style, stream)  # type: ignore[arg-type]
    log.get("x").info("joined\n00:00:00", name="\x1b[2J\n00:00:00 fake\u202e")
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()
