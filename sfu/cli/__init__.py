"""The command line. A command is a module; what goes wrong is told in one sentence, with exit code 2."""

import inspect
import sys
from collections.abc import Callable, Sequence

import typer
from rich.console import Console
from rich.markup import escape

from sfu.cli import join, serve, token, trace
from sfu.config import ConfigError
from sfu.errors import SfuError

app = typer.Typer(
    name="sfu",
    help="A selective forwarding unit for end-to-end encrypted conferences.",
    epilog="sfu COMMAND --help tells more of a command.",
    rich_markup_mode="rich",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _group() -> None:
    """Makes a group of what would, with one command, be that command."""


def _add(name: str, command: Callable[..., None]) -> None:
    # Typer keeps the line breaks of all but the first paragraph of a docstring.
    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    app.command(name, help="\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs))(command)


_add("serve", serve.serve)
_add("join", join.join)
_add("token", token.token)
_add("trace", trace.trace)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 if all went well, 2 with a sentence on standard error if something was wrong."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    try:
        code = app(list(arguments) or ["--help"], prog_name="sfu", standalone_mode=False)
    except ConfigError as error:
        return _complain(error.problems)
    except SfuError as error:
        return _complain([str(error)])
    except typer.TyperException as error:
        return _complain([error.format_message().replace("Value error, ", "")])
    except (typer.Abort, KeyboardInterrupt):
        return 130
    return code if isinstance(code, int) else 0


def _complain(sentences: Sequence[str]) -> int:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for sentence in sentences:
        text = sentence.strip().rstrip(".")
        console.print(f"[red]sfu:[/red] {escape(text)}", emoji=False)
    return 2
