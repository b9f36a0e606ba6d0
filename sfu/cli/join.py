"""`sfu join`"""

import asyncio
import getpass
import sys
from pathlib import Path
from typing import Annotated

import typer

from sfu.cli.options import seconds_of
from sfu.e2ee.link import needs_key
from sfu.errors import LocalError


def join(
    link: Annotated[
        str | None,
        typer.Argument(
            metavar="LINK",
            help="The link to the conference, in quotes; - reads it from standard input, where no list of processes "
            "shows it. Without one a new room is made, and its link printed.",
            show_default=False,
        ),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The server. [dim]\\[default: the one that the link names; for a new room http://127.0.0.1:8080][/dim]",
            show_default=False,
        ),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The key of a link that comes without. [dim]\\[default: it is asked for][/dim]",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str, typer.Option("--name", "-n", metavar="NAME", help="What the others see.")
    ] = "sfu join",
    play: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Send this file's sound and pictures, once.", show_default=False),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write what everybody sends into files there. All are told that you record.",
            show_default=False,
        ),
    ] = None,
    duration: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="How long: 90s, 30m, 2h. [dim]\\[default: until the file has been played, or Ctrl-C][/dim]",
            show_default=False,
        ),
    ] = None,
    test_pattern: Annotated[
        bool, typer.Option("--test-pattern", help="Send moving pictures and a tone.")
    ] = False,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TOKEN",
            envvar="SFU_TOKEN",
            help="An access token, as sfu token makes it.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Take part in a conference, end-to-end encrypted: play, record, watch who is there."""
    if play and test_pattern:
        raise LocalError("--play and --test-pattern both are the camera: choose one")
    try:
        # Brings aiortc, PyAV and numpy, which no other command needs.
        from sfu.client import command  # noqa: PLC0415
    except ImportError as error:
        raise LocalError(
            "the client needs the packages of the extra `client`, which `make setup` installs in a checkout: "
            f"{error}"
        ) from None
    if link == "-":
        link = sys.stdin.readline().strip()
    key = _key(key_file) if link is not None and (key_file or needs_key(link)) else None
    wanted = command.Wanted(
        link=link,
        server=server,
        name=name,
        play=play,
        record=record,
        seconds=None if duration is None else float(seconds_of(duration)),
        test_pattern=test_pattern,
        token=token,
        key=key,
    )
    asyncio.run(command.run(wanted))


def _key(file: Path | None) -> str:
    """Never an argument, which every list of processes shows."""
    if file is not None:
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeError) as error:
            raise LocalError(f"the key cannot be read from {file}: {error}") from None
    if sys.stdin.isatty():
        return getpass.getpass("The link's key: ")
    return sys.stdin.readline()
