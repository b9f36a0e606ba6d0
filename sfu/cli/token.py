"""`sfu token`"""

import secrets
import sys
import time
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from sfu import config
from sfu.auth import tokens
from sfu.auth.tokens import Grant
from sfu.cli.options import ConfigFile, seconds_of
from sfu.config import Config
from sfu.e2ee.link import room_of
from sfu.errors import LocalError
from sfu.redact import Secret


def token(
    room: Annotated[
        str,
        typer.Argument(
            metavar="ROOM_OR_LINK",
            help="A room's id, or the link to the room in quotes (its secret stays on this machine); - reads either "
            "from standard input, where no list of processes shows it.",
            show_default=False,
        ),
    ],
    identity: Annotated[
        str,
        typer.Option(
            "--identity",
            "-i",
            metavar="ID",
            help="Who will hold it: opaque, never shown to others.",
            show_default=False,
        ),
    ],
    ttl: Annotated[
        str, typer.Option(metavar="TIME", help="How long it is good for: 90s, 30m, 12h, 7d.")
    ] = "12h",
    grants: Annotated[
        list[Grant] | None,
        typer.Option(
            "--grant",
            "-g",
            metavar="GRANT",
            help="What it allows: create, publish, subscribe or admin; may be given several times. "
            "[dim]\\[default: all but admin][/dim]",
            show_default=False,
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="The key to sign with, if auth.keys has several.", show_default=False
        ),
    ] = None,
    config_file: ConfigFile = None,
) -> None:
    """Make an access token and print it.

    It is signed with a key of auth.keys in the configuration, which the server must have too.
    """
    key_id, secret = _key(config.load(config_file), key)
    allowed = frozenset(grants) if grants else tokens.DEFAULT_GRANTS
    now_s, ttl_s = time.time(), seconds_of(ttl)
    room_id = room_of(sys.stdin.readline().strip() if room == "-" else room)
    made = tokens.issue(
        key_id, secret, room=room_id, identity=identity, grants=allowed, now_s=now_s, ttl_s=ttl_s
    )
    if sys.stdout.isatty():
        _explain(room_id, identity, allowed, datetime.fromtimestamp(now_s + ttl_s, UTC).astimezone(), key_id)
    print(made)  # noqa: T201  alone on standard output, for $(…) and pipes


def _key(settings: Config, wanted: str | None) -> tuple[str, Secret]:
    keys = settings.auth.keys
    if not keys:
        line = f'local = "{secrets.token_urlsafe(32)}"'
        raise LocalError(f"there is no key to sign with: add one below [auth.keys], for instance {line}")
    if wanted is None and len(keys) > 1:
        raise LocalError(f"there are several keys; choose one with --key: {', '.join(keys)}")
    key_id = wanted or next(iter(keys))
    if key_id not in keys:
        raise LocalError(f'there is no key "{key_id}" in auth.keys, only {", ".join(keys)}')
    return key_id, keys[key_id]


def _explain(room: str, identity: str, grants: frozenset[Grant], until: datetime, key_id: str) -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    rows = {
        "room": room,
        "identity": identity,
        "may": ", ".join(grant for grant in Grant if grant in grants),
        "until": f"{until:%Y-%m-%d %H:%M:%S %Z}",
        "key": key_id,
    }
    for name, value in rows.items():
        console.print(f"[dim]{name:>10}[/dim]  {escape(value)}", emoji=False)
    console.print()
