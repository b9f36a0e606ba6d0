"""Text into lines (RFC 8866 section 5): what every later step may take for granted, and the bounds of an offer."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sfu.errors import Code, RemoteError

# Chromium 156 offers 49 slot pairs in 290 kB and 9,513 lines; the slots of today are a third of that.
MAX_CHARACTERS: Final = 512 * 1024
MAX_LINES: Final = 16384
MAX_LINE_CHARACTERS: Final = 4096

_SHOWN_CHARACTERS = 100
_LINE = re.compile(r"[a-z]=")
_TYPES = frozenset("vosiuepcbtrzkam")
# The client knows them; our log must not. Addresses count as much as secrets do.
_SECRET = re.compile(r"(a=ice-pwd:|a=crypto:|a=candidate:|a=remote-candidates:|a=rtcp:|[couepk]=)")

_TOKEN = re.compile(r"[!#$%&'*+.0-9A-Z^_`a-z{|}~-]+")  # RFC 8866 section 9, token


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an offer: `a=mid:0` has the type `a` and the value `mid:0`. Numbers start at 1."""

    number: int
    type: str
    value: str

    @property
    def shown(self) -> str:
        """The line as an error may repeat it: short, printable, without secrets and addresses."""
        text = f"{self.type}={self.value}" if self.type else self.value
        if secret := _SECRET.match(text):
            text = f"{secret[0]}…"
        if len(text) > _SHOWN_CHARACTERS:
            text = text[:_SHOWN_CHARACTERS] + "…"
        return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


class OfferError(RemoteError):
    """The offer cannot be served. The message names the line, and says what would be right."""

    def __init__(self, problem: str, line: Line) -> None:
        super().__init__(Code.BAD_OFFER, f"line {line.number} ({line.shown}): {problem}")
        self.line = line


def lex(text: str) -> list[Line]:
    """The lines of `text`, ended by CR LF or LF. Raises OfferError where it is too long or a line has no type."""
    if len(text) > MAX_CHARACTERS:
        raise OfferError(
            f"the offer has {len(text)} characters, at most {MAX_CHARACTERS} are taken",
            _line_at(text, MAX_CHARACTERS),
        )
    raws = text.split("\n", MAX_LINES)
    if len(raws) > MAX_LINES:
        last = raws[MAX_LINES - 1].removesuffix("\r")
        raise OfferError(f"fewer than {MAX_LINES} lines are taken", Line(MAX_LINES, "", last))
    lines = []
    for number, raw in enumerate(raws, 1):
        content = raw.removesuffix("\r")
        if not content:
            continue
        if not _LINE.match(content) or content[0] not in _TYPES:
            raise OfferError(
                "a line begins with one of v o s i u e p c b t r z k a m and =", Line(number, "", content)
            )
        line = Line(number, content[0], content[2:])
        if len(content) > MAX_LINE_CHARACTERS:
            raise OfferError(f"a line has at most {MAX_LINE_CHARACTERS} characters, not {len(content)}", line)
        lines.append(line)
    if not lines or lines[0].type != "v" or lines[0].value != "0":
        raise OfferError("a session description begins with v=0", lines[0] if lines else Line(1, "", ""))
    return lines


def _line_at(text: str, position: int) -> Line:
    begin, end = text.rfind("\n", 0, position) + 1, text.find("\n", position)
    content = text[begin : end if end >= 0 else None].removesuffix("\r")
    return Line(text.count("\n", 0, position) + 1, "", content)


def attribute(line: Line) -> tuple[str, str]:
    """Name and value of an `a=` line; the value of `a=rtcp-mux` is empty."""
    name, _, value = line.value.partition(":")
    return name, value.strip()


def token(text: str, what: str, line: Line) -> str:
    """`text` if it is a token, so that it can be repeated in an answer."""
    if not _TOKEN.fullmatch(text):
        raise OfferError(f"{what} consists of letters, digits and some signs, without spaces", line)
    return text


def number(text: str, what: str, line: Line, low: int, high: int) -> int:
    """`text` as a decimal number from `low` to `high`. Ten digits are the most that any field of SDP here needs."""
    if not (0 < len(text) <= 10 and text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise OfferError(f"{what} is a number from {low} to {high}", line)
    return int(text)


def matching(check: Callable[[str], object], text: str, problem: str, line: Line) -> str:
    """`text` if `check` finds it right, else OfferError(problem)."""
    if not check(text):
        raise OfferError(problem, line)
    return text
