"""Simulcast by rid (RFC 8851, RFC 8853)."""

import re
from collections.abc import Iterable
from typing import Final

from sfu.sdp.lexer import Line, OfferError

MAX_RIDS: Final = 3  # ENGINE_MAX_LAYERS

# RFC 8851 section 10, without the signs that RFC 8852 cannot carry; as long as one-byte extensions and the engine take.
_RID = re.compile(r"[A-Za-z0-9_-]{1,16}")


def parse_rid(value: str, line: Line) -> tuple[str, str]:
    """The value of `a=rid`: id and direction. Restrictions behind them are not looked at."""
    fields = value.split(maxsplit=2)
    if len(fields) < 2 or fields[1] not in ("send", "recv") or not _RID.fullmatch(fields[0]):
        raise OfferError("it has 1 to 16 letters or digits and a direction, as in a=rid:q send", line)
    return fields[0], fields[1]


def parse_simulcast(value: str, line: Line) -> tuple[str, ...]:
    """The rids that `a=simulcast` offers to send, in its order; of alternatives the first, `~` (paused) taken off."""
    fields = value.split()
    if len(fields) not in (2, 4) or any(direction not in ("send", "recv") for direction in fields[::2]):
        raise OfferError("it has a direction and rids, as in a=simulcast:send q;h;f", line)
    rids: tuple[str, ...] = ()
    for direction, streams in zip(fields[::2], fields[1::2], strict=True):
        if direction == "send":
            rids = tuple(stream.split(",")[0].removeprefix("~") for stream in streams.split(";"))
    if not all(_RID.fullmatch(rid) for rid in rids):
        raise OfferError("a rid has 1 to 16 letters or digits", line)
    if len(rids) > MAX_RIDS:
        raise OfferError(f"at most {MAX_RIDS} rids are taken, not {len(rids)}", line)
    if len(set(rids)) != len(rids):
        raise OfferError("each rid stands once", line)
    return rids


def described_rids(rids: Iterable[str], described: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """RFC 8853 section 5.2: a rid in `a=simulcast` that has no `a=rid` line is taken as not there."""
    sent = {rid for rid, direction in described if direction == "send"}
    return tuple(rid for rid in rids if rid in sent)


def answer_lines(rids: tuple[str, ...]) -> list[str]:
    """The answer to rids that the client sends, in the offer's order."""
    if not rids:
        return []
    return [*(f"a=rid:{rid} recv" for rid in rids), f"a=simulcast:recv {';'.join(rids)}"]
