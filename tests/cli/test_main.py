from pathlib import Path

import pytest

from sfu import cli
from sfu.cli.options import seconds_of
from sfu.errors import LocalError


def test_without_arguments_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([]) == 0
    text = capsys.readouterr().out
    assert "serve" in text
    assert "token" in text


@pytest.mark.parametrize("command", ["serve", "token"])
def test_help_of_a_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([command, "--help"]) == 0
    assert "--config" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments,expected",
    [
        (["sing"], "No such command 'sing'"),
        (["serve", "--loud"], "No such option: --loud"),
        (["token", "room"], "Missing option '--identity' / '-i'"),
        (
            ["token", "room", "-i", "a", "-g", "fly"],
            "'fly' is not one of 'create', 'publish', 'subscribe', 'admin'",
        ),
        (["serve", "-c", "/no/such.toml"], "there is no configuration file /no/such.toml"),
        (["token", "room", "-i", "a", "-c", "/no/such.toml"], "there is no configuration file /no/such.toml"),
        (["token", "room", "-i", "a"], "there is no key to sign with"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("sfu: ")
    assert printed.err.count("\n") == 1
    assert expected in printed.err


def test_each_problem_of_a_configuration_has_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[http]\nprot = 1\nport = '[red]x'", encoding="utf-8")
    assert cli.run(["serve", "-c", str(file)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        f"sfu: {file}: there is no key http.prot (did you mean http.port?)",
        f'sfu: {file}: http.port: expected a port from 0 to 65535 (0: the system picks one), got "[red]x"',
    ]


def test_main_exits_with_the_code() -> None:
    with pytest.raises(SystemExit) as raised:
        cli.main(["sing"])
    assert raised.value.code == 2


@pytest.mark.parametrize(
    "text,seconds", [("90", 90), ("90s", 90), ("30m", 1800), ("12h", 43_200), ("1d12h", 129_600)]
)
def test_times(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "1x", "1.5h", "-1", "1 h", "1h1", "٣s", "9" * 10])
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(LocalError, match="expected a time such as"):
        seconds_of(text)
