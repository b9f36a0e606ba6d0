"""`sfu join` as far as nothing answers it; what it does in a conference is in tests/e2e/test_client.py."""

import io
import socket
import sys
from pathlib import Path

import pytest

from sfu import cli
from sfu.client import Conference, command
from sfu.client.command import Wanted, visible
from sfu.e2ee.link import Link, LinkError

LINK = Link.make("http://127.0.0.1:1/").reveal()
TOKEN = "a token"  # noqa: S105


@pytest.mark.parametrize(
    "arguments,expected",
    [
        (["https://host/"], "incomplete or mistyped"),
        ([LINK[:-1]], "not base64url"),
        ([LINK[:-2]], "incomplete or mistyped"),
        (["https://host/#" + "B" + LINK.partition("#")[2][1:]], "version 4"),
        ([LINK, "--play", "/nowhere/film.webm"], "/nowhere/film.webm is not there"),
        ([LINK, "--play", "x", "--test-pattern"], "choose one"),
        ([LINK, "--duration", "soon"], "expected a time"),
        ([LINK, "--name", "a\nb"], "a name has at most"),
        ([LINK, "--server", "ftp://host"], "expected a server"),
        ([LINK.replace("http://127.0.0.1:1/", "")], "does not say where the server is"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["join", *arguments]) == 2
    said = capsys.readouterr().err
    assert expected in said
    assert LINK.partition("#")[2][4:20] not in said


def test_server_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert cli.run(["join", LINK, "--server", url]) == 2
    assert "cannot be reached" in capsys.readouterr().err


def test_folder_for_recording_that_cannot_be_made_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert cli.run(["join", LINK, "--record", str(tmp_path / "file" / "folder")]) == 2
    assert "cannot be made" in capsys.readouterr().err


def test_new_room_prints_its_link(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert cli.run(["join", "--server", url]) == 2
    said = capsys.readouterr().out
    assert "A new room: " in said
    assert Link.parse(said.partition(": ")[2]).server == url


def test_direction_controls_are_visible() -> None:
    assert visible("\u202egnp.exe") == "<U+202E>gnp.exe"


def test_secrets_are_not_shown() -> None:
    assert LINK.partition("#")[2] not in repr(Wanted(LINK, token=TOKEN))
    assert TOKEN not in repr(Wanted(LINK, token=TOKEN))
    assert TOKEN not in repr(Wanted(LINK, key=TOKEN))


# ---- a link that comes without its key ----


@pytest.fixture
def split() -> tuple[str, str]:
    return Link.parse(LINK).split()


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> list[Wanted]:
    """In place of taking part: what was wanted."""
    asked: list[Wanted] = []

    async def run(wanted: Wanted) -> None:
        asked.append(wanted)

    monkeypatch.setattr(command, "run", run)
    return asked


def _link(wanted: Wanted) -> Link:
    assert wanted.link is not None
    assert wanted.key is not None
    return Link.join(wanted.link, wanted.key)


def test_key_is_read_from_a_file(split: tuple[str, str], nobody: list[Wanted], tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{split[1]}\n", encoding="utf-8")
    assert cli.run(["join", split[0], "--key-file", str(tmp_path / "key")]) == 0
    assert _link(nobody[0]).reveal() == LINK


def test_link_and_key_are_read_from_standard_input(
    split: tuple[str, str], nobody: list[Wanted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(split)))
    assert cli.run(["join", "-"]) == 0
    assert _link(nobody[0]).reveal() == LINK


def test_key_is_asked_for_without_echo(
    split: tuple[str, str], nobody: list[Wanted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda _: split[1])
    assert cli.run(["join", split[0]]) == 0
    assert _link(nobody[0]).reveal() == LINK


def test_link_that_has_its_key_asks_for_none(nobody: list[Wanted]) -> None:
    assert cli.run(["join", LINK]) == 0
    assert nobody[0].key is None


def test_key_that_does_not_fit_is_told(
    split: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "key").write_text(Link.parse(LINK).split()[1], encoding="utf-8")
    assert cli.run(["join", split[0], "--key-file", str(tmp_path / "key")]) == 2
    assert "does not fit" in capsys.readouterr().err
    assert cli.run(["join", split[0], "--key-file", str(tmp_path / "nothing")]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_program_gives_the_key_beside_the_link(split: tuple[str, str]) -> None:
    assert Conference.join(split[0], key=split[1]).link.reveal() == LINK
    with pytest.raises(LinkError):
        Conference.join(split[0])


def test_without_its_packages_the_client_says_what_brings_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr("sfu.client.command")
    monkeypatch.setitem(sys.modules, "sfu.client.command", None)
    assert cli.run(["join"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "the packages of the extra `client`, which `make setup` installs" in said
