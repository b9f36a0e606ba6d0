"""`sfu trace`"""

import asyncio
import base64
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlsplit

import aiohttp
import msgspec
import typer

from sfu.e2ee.link import room_of
from sfu.errors import LocalError
from sfu.http.trace import Line
from sfu.media.trace import KINDS, PACKETS, Address, PcapWriter, Record, line

TOKEN_VARIABLE = "SFU_TRACE__TOKEN"  # noqa: S105  the name of one, as the server reads it
_LINE_BYTES = 8192  # a packet in base64 takes about 2,000

_REFUSALS = {
    401: f"the server wants its trace.token: put it into the environment variable {TOKEN_VARIABLE}",
    403: "the server takes traces from its own machine only, called by address, as long as trace.token is not set",
    404: "there is nobody to trace: is trace.enabled true, and does that participant send or receive?",
    409: "somebody traces that participant already",
}


def trace(
    whom: Annotated[
        str,
        typer.Argument(
            metavar="ROOM/ID",
            help="A room's id, or the link to the room in quotes (its secret stays on this machine), and behind a / the "
            "participant's number; - reads both from standard input, where no list of processes shows them.",
            show_default=False,
        ),
    ],
    server: Annotated[
        str, typer.Option(metavar="URL", help="The server, as its first lines tell.")
    ] = "http://127.0.0.1:8080",
    seconds: Annotated[
        float | None,
        typer.Option(
            metavar="N", min=0.1, help="How long. [dim]\\[default: until Ctrl-C][/dim]", show_default=False
        ),
    ] = None,
    pcap: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write packets there, without hop SRTP (media in them stays as the clients sealed it).",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Watch what a participant's transport does.

    The server needs trace.enabled. With a trace.token there, it is taken from the environment variable SFU_TRACE__TOKEN.
    """
    room, participant = _whom(sys.stdin.readline().strip() if whom == "-" else whom)
    if urlsplit(server).scheme not in {"http", "https"}:
        raise LocalError(f'--server: expected a URL such as http://127.0.0.1:8080, got "{server}"')
    url = f"{server.rstrip('/')}/trace/{quote(room)}/{participant}{'?packets=1' if pcap else ''}"
    with ExitStack() as files:
        writer = None
        if pcap:
            try:
                writer = PcapWriter(files.enter_context(pcap.open("wb")))
            except OSError as error:
                raise LocalError(f"{pcap} cannot be written: {error.strerror}") from None
        asyncio.run(_follow(url, _Printer(writer), seconds))


def _whom(text: str) -> tuple[str, int]:
    room, _, participant = text.rpartition("/")
    if not room or not participant.isascii() or not participant.isdecimal() or len(participant) > 9:
        raise LocalError("expected a room's id or link, a / and a participant's number, such as standup/3")
    return room_of(room), int(participant)


class _Printer:
    """Lines of the server onto standard output, and packets into the file."""

    def __init__(self, pcap: PcapWriter | None) -> None:
        self._pcap = pcap
        self._local: Address | None = None
        self._remote: Address | None = None

    def take(self, text: bytes) -> None:
        told = msgspec.json.decode(text, type=Line)
        if told.what not in KINDS:
            return  # of a newer server
        record = Record(
            told.what, told.at_us, told.number, told.id, told.slot, told.layer, base64.b64decode(told.data)
        )
        if told.remote and told.local:
            self._remote, self._local = told.remote, told.local
        if record.what in PACKETS:
            self._keep(record)
        else:
            print(line(record, self._remote), flush=True)  # noqa: T201  what the command is for

    def _keep(self, record: Record) -> None:
        if not self._pcap or not self._local or not self._remote:
            return
        ends = (self._remote, self._local) if record.what == "packet_in" else (self._local, self._remote)
        self._pcap.write(record.at_us, *ends, record.data, record.number)


async def _follow(url: str, printer: _Printer, seconds: float | None) -> None:
    token = os.environ.get(TOKEN_VARIABLE)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30)
    until = None if seconds is None else time.monotonic() + seconds
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, read_bufsize=_LINE_BYTES * 8) as session,
            session.get(url, headers=headers, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise LocalError(_REFUSALS.get(response.status, f"the server answered {response.status}"))
            # The server says something at least once a second.
            while text := await response.content.readline():
                if text.strip():
                    printer.take(text)
                if until is not None and time.monotonic() >= until:
                    return
    except (aiohttp.ClientError, TimeoutError) as error:
        raise LocalError(f"the server cannot be reached: {str(error) or 'it does not answer'}") from None
