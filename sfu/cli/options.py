"""What several commands take."""

import re
from pathlib import Path
from typing import Annotated

import typer

from sfu.errors import LocalError

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="The configuration, as configs/local.toml explains it. Without one all keys have their defaults; "
        "SFU_SECTION__KEY in the environment goes before both.",
        show_default=False,
    ),
]

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"(?:[0-9]{1,9}[smhd])+|[0-9]{1,9}")


def seconds_of(text: str) -> int:
    """The length of a time such as 90, 30m, 12h or 1d12h. Raises LocalError."""
    if not _DURATION.fullmatch(text):
        raise LocalError(f'expected a time such as 90s, 30m, 12h or 7d, got "{text}"')
    if text.isdecimal():
        return int(text)
    return sum(int(number) * _UNITS_S[unit] for number, unit in re.findall(r"(\d+)([smhd])", text))
