"""Logging: lines to read on a terminal, JSON elsewhere; never a secret, and no address at info level and above.

Our own code logs people's addresses and rooms as `sfu.redact` types. What libraries log is text already, so addresses
are searched for in it.
"""

import ipaddress
import logging
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import msgspec
import structlog

from sfu.redact import Address, Pseudonym, Secret

Level = Literal["debug", "info", "warning", "error"]
Event = MutableMapping[str, Any]

_LEVELS: dict[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}
# Candidates only; `ipaddress` decides. A time such as 12:30:05 is no address.
_MAYBE_ADDRESS = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]*:[0-9a-fA-F.]*)(?![\w])"
)


def configure(level: Level, style: Literal["auto", "human", "json"], stream: TextIO | None = None) -> None:
    """Log all of the process to a stream (standard error). May be called again."""
    out = sys.stderr if stream is None else stream
    human = style == "human" or (style == "auto" and out.isatty())
    shared: list[structlog.typing.Processor] = [structlog.stdlib.add_log_level, _add_time]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    renderer: structlog.typing.Processor = (
        HumanRenderer(colour=out.isatty() and not os.environ.get("NO_COLOR"), wrap=out.isatty())
        if human
        else render_json
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _name_foreign],
            processors=[_scrub_foreign, _format_exception, _redact, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    set_level(level)


def set_level(level: Level) -> None:
    logging.getLogger().setLevel(_LEVELS[level])
    # A line for each request belongs into metrics; asyncio's debug lines are for its own developers.
    for name in ("aiohttp.access", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)


def get(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a part of the server, named by one word such as `http`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


# ---- what happens to each event ----


def _add_time(_logger: Any, _method: str, event: Event) -> Event:
    event["time"] = datetime.now(UTC)
    return event


def _name_foreign(_logger: Any, _method: str, event: Event) -> Event:
    record: logging.LogRecord = event["_record"]
    event["logger"] = record.name
    return event


def _is_private(event: Event) -> bool:
    """Whether people must not be named in it."""
    return _LEVELS.get(event.get("level", "info"), logging.INFO) >= logging.INFO


def _scrub_foreign(_logger: Any, _method: str, event: Event) -> Event:
    event.pop("_record", None)
    if not event.pop("_from_structlog") and _is_private(event):
        event["event"] = scrub(str(event["event"]))
    return event


def _format_exception(logger: Any, method: str, event: Event) -> Event:
    event = structlog.processors.format_exc_info(logger, method, event)
    if "exception" in event and _is_private(event):
        event["exception"] = scrub(event["exception"])
    return event


def _redact(_logger: Any, _method: str, event: Event) -> Event:
    private = _is_private(event)
    for key, value in event.items():
        if key != "time":
            event[key] = _plain(value, private=private)
    return event


def _plain(value: Any, *, private: bool) -> Any:
    """A value as text, numbers, lists and tables."""
    if isinstance(value, Pseudonym):
        return str(value) if private else value.reveal()
    if isinstance(value, Secret):
        return str(value)
    if isinstance(value, Mapping):
        return {
            str(_plain(key, private=private)): _plain(item, private=private) for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, private=private) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, BaseException):
        text = f"{type(value).__name__}: {value}" if str(value) else type(value).__name__
        return scrub(text) if private else text
    return str(value)


def scrub(text: str) -> str:
    """The text with all IP addresses in it replaced by their pseudonyms."""
    return _MAYBE_ADDRESS.sub(lambda match: _pseudonym(match.group()), text)


def _pseudonym(text: str) -> str:
    # An address may end a sentence, or have a port behind it.
    for bare in (text, text[:-1], text.rstrip(".:")):
        try:
            ipaddress.ip_address(bare)
        except ValueError:
            continue
        return f"{Address(bare)}{text[len(bare) :]}"
    return text


# ---- JSON ----


def render_json(_logger: Any, _method: str, event: Event) -> str:
    time: datetime = event.pop("time")
    first = {
        "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": event.pop("level"),
        "event": event.pop("event"),
    }
    return msgspec.json.encode(first | dict(event)).decode()


# ---- for people ----

_DIM, _BOLD, _RESET = "\x1b[2m", "\x1b[1m", "\x1b[0m"
_MARKS = {
    "debug": ("·", "\x1b[2m"),
    "info": (" ", ""),
    "warning": ("!", "\x1b[33m"),
    "error": ("✗", "\x1b[31m"),
    "critical": ("✗", "\x1b[31m"),
}
_EVENT_WIDTH = 22
_INDENT = "HH:MM:SS m "


class HumanRenderer:
    """One event as a line: time, a mark for what is not usual, what happened, and its values wrapped below each other."""

    def __init__(self, *, colour: bool, wrap: bool, width: int | None = None) -> None:
        self._colour = colour
        self._wrap = wrap
        self._width = width  # None: the terminal's, whenever a line is written

    def __call__(self, _logger: Any, _method: str, event: Event) -> str:
        time: datetime = event.pop("time")
        level: str = event.pop("level")
        exception: str | None = event.pop("exception", None)
        what = printable(str(event.pop("event")))
        event.pop("logger", None)
        mark, colour = _MARKS.get(level, _MARKS["info"])
        clock = time.astimezone().strftime("%H:%M:%S")
        head = f"{self._paint(clock, _DIM)} {self._paint(mark, colour)} "
        lines = self._wrapped(what, list(event.items()), colour or _BOLD)
        lines[0] = head + lines[0]
        if exception is not None:
            lines += ["  " + self._paint(printable(line), _DIM) for line in exception.splitlines()]
        return "\n".join(lines)

    def _wrapped(self, what: str, values: list[tuple[str, Any]], colour: str) -> list[str]:
        # Without a terminal there is nothing to wrap for: a line stays a line.
        width = self._width or (shutil.get_terminal_size().columns if self._wrap else 1 << 30)
        start = len(_INDENT) + max(_EVENT_WIDTH, len(what)) + 1
        line = self._paint(what, colour)
        if not values:
            return [line]
        line += " " * (start - len(_INDENT) - len(what))
        lines, column = [], start
        margin = start if start < width // 2 else len(_INDENT) + 2
        for key, value in values:
            text = shown(value)
            needed = len(key) + 1 + len(text)
            if column > start and column + needed > width:
                lines.append(line.rstrip())
                line, column = " " * margin, margin
            line += f"{self._paint(key + '=', _DIM)}{text}  "
            column += needed + 2
        return [*lines, line.rstrip()]

    def _paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_RESET}" if self._colour and colour else text


def shown(value: Any) -> str:
    """A value as a person would write it."""
    if value is None or value in ("", [], {}):
        return "(none)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 100_000 else str(value)
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{printable(str(key))}: {shown(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(shown(item) for item in value)
    return printable(str(value))


def printable(text: str) -> str:
    """The text without what could steer a terminal or fake a line: a client's words can end up in a log."""
    return "".join(_escaped(text))


def _escaped(text: str) -> Iterator[str]:
    for character in text:
        yield character if character.isprintable() else character.encode("unicode_escape").decode()
