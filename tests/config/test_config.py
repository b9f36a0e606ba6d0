import itertools
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu import config
from sfu.config import Auth, Config, ConfigError, Limits, Log, Rooms, Tls
from sfu.redact import Secret

ROOT = Path(__file__).resolve().parent.parent.parent
LOCAL = ROOT / "configs/local.toml"
LONG = "a secret that is long enough, 32 bytes"


def _problems(tmp_path: Path, text: str, **environment: str) -> tuple[str, ...]:
    file = tmp_path / "c.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        config.load(file, environment)
    assert str(raised.value) == "; ".join(raised.value.problems)
    return tuple(problem.removeprefix(f"{file}: ") for problem in raised.value.problems)


# ---- the documented file ----


def test_local_toml_holds_every_key_with_its_default() -> None:
    document = tomllib.loads(LOCAL.read_text(encoding="utf-8"))
    written = [f"{section}.{key}" for section, table in document.items() for key in table]
    assert written == list(config.keys())
    assert config.load(LOCAL, {}) == Config()


def test_local_toml_explains_every_key() -> None:
    lines = LOCAL.read_text(encoding="utf-8").splitlines()
    unexplained = [
        line
        for above, line in itertools.pairwise(lines)
        if re.match(r"\w+ =", line) and not above.startswith("#")
    ]
    # One comment speaks for two.
    assert unexplained == [
        'key = ""',
        "rooms_per_address_per_minute = 10.0",
        "binary_bytes = 65536",
        "message_burst = 60",
    ]


def test_local_toml_marks_what_sighup_reads() -> None:
    section, comment, marked = "", "", set()
    for line in LOCAL.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
            if "(SIGHUP" in comment:
                marked.add(section)
            comment = ""
        elif line.startswith("#"):
            comment += line
        elif match := re.match(r"(\w+) =", line):
            if "(SIGHUP" in comment:
                marked.add(f"{section}.{match[1]}")
            comment = ""
        elif not line:
            comment = ""
    assert marked == {"tls.certificate", "auth.keys", "limits", "log.level"}
    assert set(config.RELOADABLE) == {"tls", "auth.keys", "limits", "log.level"}


def test_without_a_file_all_is_default() -> None:
    assert config.load(None, {}) == Config()


# ---- what is refused ----


@pytest.mark.parametrize(
    "text,expected",
    [
        ("[http]\nprot = 1", "there is no key http.prot (did you mean http.port?)"),
        ("[http]\nlevel = 'info'", "there is no key http.level (did you mean log.level?)"),
        ("[http]\nzzzzzz = 1", "there is no key http.zzzzzz"),
        ("[htp]\nport = 1", "there is no section [htp] (did you mean [http]?)"),
        ("port = 1", "there is no key port outside the sections (did you mean http.port?)"),
        ("http = 1", "http is a section: expected [http], got 1"),
        ("[http]\nport = '8080'", 'http.port: expected a port from 0 to 65535 (0: the system picks one), got "8080"'),
        ("[http]\nport = 65536", "http.port: expected a port from 0 to 65535 (0: the system picks one), got 65536"),
        ("[http]\nport = true", "http.port: expected a port from 0 to 65535 (0: the system picks one), got true"),
        ("[http]\naddress = 'nowhere'", 'http.address: expected an IPv4 or IPv6 address, got "nowhere"'),
        ("[http]\ntrusted_proxies = ['x']", 'http.trusted_proxies: expected addresses or networks, got "x"'),
        ("[tls]\nkey = 'k.pem'", "tls.certificate: expected a file, since tls.key is set"),
        ("[tls]\ncertificate = 'c.pem'", "tls.key: expected a file, since tls.certificate is set"),
        ("[media]\ntcp = 1", "media.tcp: expected true or false, got 1"),
        ("[media]\nworkers = 0", 'media.workers: expected "cores" or a number from 1 to 64, got 0'),
        ("[media]\nworkers = 'all'", 'media.workers: expected "cores" or a number from 1 to 64, got "all"'),
        ("[media]\naddresses = []", 'media.addresses: expected a list of 1 to 8 of "loopback", "default" or an IP address, got []'),
        ("[media]\naddresses = ['eth0']", 'media.addresses: expected "loopback", "default" or an IP address, got "eth0"'),
        ("[media.advertised]\n'10.0.0.5' = 'x'", 'media.advertised: expected addresses, got "10.0.0.5" = "x"'),
        ("[media.advertised]\n'10.0.0.5' = '::2'", "media.advertised: 10.0.0.5 and ::2 are not of one family"),
        ("[rooms]\ncreate = 'all'", 'rooms.create: expected "anyone", "token" or "admin", got "all"'),
        ("[rooms]\ncreate = 'token'", 'auth.keys: expected at least one key, since rooms.create is "token"'),
        ("[rooms]\njoin = 'token'", 'auth.keys: expected at least one key, since rooms.join is "token"'),
        ("[limits]\nrooms = 1.5", "limits.rooms: expected a whole number from 1 to 1,000,000,000, got 1.5"),
        ("[log]\nlevel = 'loud'", 'log.level: expected "debug", "info", "warning" or "error", got "loud"'),
    ],
)  # fmt: skip
def test_refusal_names_the_key_and_what_was_expected(tmp_path: Path, text: str, expected: str) -> None:
    assert _problems(tmp_path, text) == (expected,)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    problems = _problems(tmp_path, "[http]\nport = 'a'\nprot = 1\n[media]\ntcp = 'b'\n[nothing]\n")
    assert len(problems) == 4


@pytest.mark.parametrize(
    "text", ["[auth.keys]\nmain = 'SHORT'", "[auth]\nkeys = 'SHORT'", "[auth.keys]\nmain = ['SHORT']"]
)
def test_refusal_shows_no_secret(tmp_path: Path, text: str) -> None:
    (problem,) = _problems(tmp_path, text)
    assert problem.startswith("auth.keys")
    assert "32 bytes" in problem
    assert "SHORT" not in problem


def test_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no configuration file .*/no\.toml"):
        config.load(tmp_path / "no.toml", {})


def test_folder_instead_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        config.load(tmp_path, {})


@pytest.mark.parametrize(
    "content,expected", [(b"[http", "is not TOML: expected"), (b"\xff", "it is not UTF-8")]
)
def test_file_that_is_not_toml(tmp_path: Path, content: bytes, expected: str) -> None:
    file = tmp_path / "c.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=expected):
        config.load(file, {})


_TOML = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(sorted(config.keys())), _TOML)
def test_any_value_is_taken_or_refused_by_name(name: str, value: object) -> None:
    section, key = name.split(".")
    problems: list[str] = []
    config._build({section: {key: value}}, {}, "here", problems)
    assert all(problem.startswith(f"here: {name}: expected ") for problem in problems)


# ---- environment ----


def test_environment_goes_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[http]\nport = 1\naddress = '::1'", encoding="utf-8")
    settings = config.load(file, {"SFU_HTTP__PORT": "2"})
    assert (settings.http.port, settings.http.address) == (2, "::1")


def test_environment_mends_what_the_file_has_wrong(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[http]\nport = 'a'", encoding="utf-8")
    assert config.load(file, {"SFU_HTTP__PORT": "2"}).http.port == 2


def test_environment_values_are_read_by_the_key_s_type() -> None:
    settings = config.load(
        None,
        {
            "SFU_HTTP__WEB": "12",
            "SFU_MEDIA__WORKERS": "3",
            "SFU_MEDIA__TCP": "false",
            "SFU_MEDIA__ADDRESSES": "127.0.0.1, ::1",
            "SFU_MEDIA__ADVERTISED": "10.0.0.5=203.0.113.7,10.0.0.6=203.0.113.8",
            "SFU_HTTP__ORIGINS": '["https://a.example"]',
            "SFU_AUTH__KEYS": f'{{"main": "{LONG}"}}',
            "SFU_SERVER__DRAIN_S": "1.5",
        },
    )
    assert settings.http.web == "12"
    assert settings.media.workers == 3
    assert settings.media.tcp is False
    assert settings.media.addresses == ("127.0.0.1", "::1")
    assert settings.media.advertised == {"10.0.0.5": "203.0.113.7", "10.0.0.6": "203.0.113.8"}
    assert settings.http.origins == ("https://a.example",)
    assert settings.auth.keys == {"main": Secret(LONG)}
    assert settings.server.drain_s == 1.5


def test_unknown_variable_is_refused_and_others_are_not_ours() -> None:
    assert config.load(None, {"SFU_VENV": "x", "SFU_STAGE": "y", "OTHER__KEY": "z"}) == Config()
    with pytest.raises(ConfigError, match=r"SFU_HTTP__PROT \(did you mean SFU_HTTP__PORT\?\)"):
        config.load(None, {"SFU_HTTP__PROT": "1"})


def test_ill_typed_variable_is_refused_by_its_name() -> None:
    with pytest.raises(ConfigError) as raised:
        config.load(None, {"SFU_MEDIA__WORKERS": "four"})
    assert str(raised.value) == (
        'the environment variable SFU_MEDIA__WORKERS: media.workers: expected "cores" or a number from 1 to 64, got "four"'
    )


# ---- reload ----


def test_reload_takes_over_what_it_may() -> None:
    old = Config()
    new = Config(
        tls=Tls("c", "k"), auth=Auth(keys={"a": Secret(LONG)}, leeway_s=1), limits=Limits(rooms=1), rooms=Rooms(join="token"),
        log=Log(level="debug", format="json"),
    )  # fmt: skip
    changes = config.reload(old, new)
    assert changes.reloaded == ("tls.certificate", "tls.key", "auth.keys", "limits.rooms", "log.level")
    assert changes.restart == ("rooms.join", "auth.leeway_s", "log.format")
    assert changes.config == Config(
        tls=new.tls, auth=Auth(keys=new.auth.keys), limits=new.limits, log=Log(level="debug")
    )


def test_reload_of_the_same_changes_nothing() -> None:
    changes = config.reload(Config(), config.load(LOCAL, {}))
    assert (changes.config, changes.reloaded, changes.restart) == (Config(), (), ())


def test_effective_configuration_shows_no_secret() -> None:
    settings = Config(auth=Auth(keys={"main": Secret(LONG)}), log=Log(key=Secret(LONG)))
    assert [
        f"{section}.{key}" for section, table in config.effective(settings).items() for key in table
    ] == list(config.keys())
    assert LONG not in str(config.effective(settings))
    assert LONG not in repr(settings)
