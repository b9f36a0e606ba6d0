import base64
import hashlib
import io
import time
from pathlib import Path

import pytest

from sfu import cli
from sfu.auth.tokens import DEFAULT_GRANTS, Claims, Grant, Verifier
from sfu.e2ee.link import room_id
from sfu.redact import Secret

SECRETS = {
    "main": "main secret, which has 32 bytes or more",
    "spare": "spare secret, which has 32 bytes or more",
}


@pytest.fixture
def one_key(tmp_path: Path) -> str:
    return _file(tmp_path, "main")


def _file(folder: Path, *keys: str) -> str:
    file = folder / "c.toml"
    file.write_text(
        "[auth.keys]\n" + "".join(f'{key} = "{SECRETS[key]}"\n' for key in keys), encoding="utf-8"
    )
    return str(file)


def _claims(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> Claims:
    assert cli.run(["token", *arguments]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.count("\n") == 1
    verifier = Verifier({key: Secret(text) for key, text in SECRETS.items()})
    return verifier.verify(printed.out.strip(), now_s=time.time())


def test_token_with_defaults(one_key: str, capsys: pytest.CaptureFixture[str]) -> None:
    before_s = time.time()
    claims = _claims(["room", "--identity", "ann", "--config", one_key], capsys)
    assert (claims.key_id, claims.room, claims.identity, claims.grants) == (
        "main",
        "room",
        "ann",
        DEFAULT_GRANTS,
    )
    assert int(before_s) + 43_200 <= claims.expires_s <= time.time() + 43_200


def test_token_as_asked_for(one_key: str, capsys: pytest.CaptureFixture[str]) -> None:
    claims = _claims(["r", "-i", "ann", "--ttl", "7d", "-g", "admin", "-g", "publish", "-c", one_key], capsys)
    assert claims.grants == {Grant.ADMIN, Grant.PUBLISH}
    assert claims.expires_s > time.time() + 6 * 86_400


@pytest.mark.parametrize("through_stdin", [False, True])
def test_token_for_a_link(
    through_stdin: bool, one_key: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    body = bytes([0, 1, 0]) + b"s" * 32 + bytes(16)
    data = body + hashlib.sha256(body).digest()[:4]
    link = f"https://host/#{base64.urlsafe_b64encode(data).rstrip(b'=').decode()}"
    monkeypatch.setattr("sys.stdin", io.StringIO(link + "\n"))
    claims = _claims(["-" if through_stdin else link, "-i", "ann", "-c", one_key], capsys)
    assert claims.room == room_id(b"s" * 32)


def test_several_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = _file(tmp_path, "main", "spare")
    assert _claims(["r", "-i", "ann", "--key", "spare", "-c", file], capsys).key_id == "spare"
    for arguments, expected in (
        ([], "there are several keys; choose one with --key: main, spare"),
        (["--key", "no"], 'there is no key "no" in auth.keys, only main, spare'),
    ):
        assert cli.run(["token", "r", "-i", "ann", "-c", file, *arguments]) == 2
        assert expected in capsys.readouterr().err


def test_key_from_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SFU_AUTH__KEYS", f"main={SECRETS['main']}")
    # A comma would part it from the next key.
    assert cli.run(["token", "r", "-i", "ann"]) == 2
    capsys.readouterr()
    monkeypatch.setenv("SFU_AUTH__KEYS", f'{{"main": "{SECRETS["main"]}"}}')
    assert _claims(["r", "-i", "ann"], capsys).key_id == "main"


@pytest.mark.parametrize(
    "arguments,expected",
    [
        (["a room", "-i", "ann"], "a room id has 1 to 128"),
        (["https://host/#abc", "-i", "ann"], "the link is"),
        (["r", "-i", ""], "an identity has 1 to 128"),
        (["r", "-i", "ann", "--ttl", "soon"], "expected a time such as"),
        (["r", "-i", "ann", "--ttl", "0"], "more than nothing"),
        (["r", "-i", "ann", "--ttl", "400d"], "at most 366 days"),
    ],
)
def test_refusals(
    arguments: list[str], expected: str, one_key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["token", *arguments, "-c", one_key]) == 2
    printed = capsys.readouterr()
    assert expected in printed.err
    assert printed.out == ""
    assert SECRETS["main"] not in printed.err
