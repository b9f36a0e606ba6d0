"""The configuration: one frozen structure, checked key by key before anything starts.

Each value is looked for in the environment (`SFU_SECTION__KEY`), then in the file, then here. Every key is explained in
`configs/local.toml`, which holds the defaults; a test keeps the two equal.
"""

import difflib
import ipaddress
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from sfu.errors import LocalError
from sfu.redact import Secret

ENVIRONMENT_PREFIX = "SFU_"

# Each type carries the words that follow "expected": what a person is told whose value does not fit.
Text = Annotated[str, Meta(description="text in quotes")]
Flag = Annotated[bool, Meta(description="true or false")]
Port = Annotated[int, Meta(ge=0, le=65535, description="a port from 0 to 65535 (0: the system picks one)")]
Count = Annotated[int, Meta(ge=1, le=1_000_000_000, description="a whole number from 1 to 1,000,000,000")]
Bytes = Annotated[int, Meta(ge=1024, le=1 << 30, description="a number of bytes from 1,024 to 1,073,741,824")]
Seconds = Annotated[float, Meta(ge=0, le=86_400, description="a number of seconds from 0 to 86,400")]
Rate = Annotated[float, Meta(gt=0, le=1_000_000, description="a rate above 0 and up to 1,000,000 a second")]
Words = Annotated[tuple[str, ...], Meta(description='a list of texts, such as ["a", "b"]')]

KEY_BYTES_MIN = 32  # RFC 7518 section 3.2: a key of HS256 is at least as long as its hash


class Http(msgspec.Struct, frozen=True):
    address: Annotated[str, Meta(description="an IPv4 or IPv6 address of this machine")] = "127.0.0.1"
    port: Port = 8080
    web: Text = "client"
    origins: Words = ("*",)
    trusted_proxies: Annotated[
        tuple[str, ...], Meta(description='a list of addresses or networks, such as ["10.0.0.0/8"]')
    ] = ()


class Tls(msgspec.Struct, frozen=True):
    certificate: Text = ""
    key: Text = ""


class Media(msgspec.Struct, frozen=True):
    addresses: Annotated[
        tuple[str, ...],
        Meta(
            min_length=1,
            max_length=8,
            description='a list of 1 to 8 of "loopback", "default" or an IP address',
        ),
    ] = ("loopback", "default")
    port: Port = 0
    advertised: Annotated[
        dict[str, str],
        Meta(description='a table of address = "address", such as {"10.0.0.5" = "203.0.113.7"}'),
    ] = {}
    tcp: Flag = True
    workers: Annotated[
        Literal["cores"] | Annotated[int, Meta(ge=1, le=64)],
        Meta(description='"cores" or a number from 1 to 64'),
    ] = "cores"
    transports: Annotated[int, Meta(ge=1, le=65_536, description="a whole number from 1 to 65,536")] = 1024
    fill: Count = 100
    packets: Annotated[
        int, Meta(ge=1024, le=1 << 22, description="a whole number from 1,024 to 4,194,304")
    ] = 65_536
    socket_buffer_bytes: Bytes = 4_194_304
    pacing_bps: Annotated[
        int, Meta(ge=100_000, le=100_000_000_000, description="bits a second from 100,000 to 100,000,000,000")
    ] = 20_000_000


class Rooms(msgspec.Struct, frozen=True):
    create: Annotated[
        Literal["anyone", "token", "admin"], Meta(description='"anyone", "token" or "admin"')
    ] = "anyone"
    join: Annotated[Literal["anyone", "token"], Meta(description='"anyone" or "token"')] = "anyone"


class Auth(msgspec.Struct, frozen=True):
    keys: Annotated[
        dict[str, Secret], Meta(description='a table of id = "secret", each secret of at least 32 bytes')
    ] = {}
    leeway_s: Seconds = 10.0


class Limits(msgspec.Struct, frozen=True):
    rooms: Count = 10_000
    participants_per_room: Count = 1_000
    rooms_per_address: Count = 16
    rooms_per_address_per_minute: Rate = 10.0
    connections_per_address: Count = 128
    text_bytes: Bytes = 262_144
    binary_bytes: Bytes = 65_536
    messages_per_second: Rate = 20.0
    message_burst: Count = 60
    queue_bytes: Bytes = 1_048_576
    resume_s: Seconds = 30.0


class Metrics(msgspec.Struct, frozen=True):
    token: Annotated[Secret, Meta(description="text in quotes")] = Secret("")


class Trace(msgspec.Struct, frozen=True):
    enabled: Flag = False
    token: Annotated[Secret, Meta(description="text in quotes")] = Secret("")


class Log(msgspec.Struct, frozen=True):
    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description='"debug", "info", "warning" or "error"'),
    ] = "info"
    format: Annotated[Literal["auto", "human", "json"], Meta(description='"auto", "human" or "json"')] = (
        "auto"
    )
    key: Annotated[Secret, Meta(description="text in quotes")] = Secret("")


class Server(msgspec.Struct, frozen=True):
    drain_s: Seconds = 30.0


class Config(msgspec.Struct, frozen=True):
    """What an operator can set. Sections are tables of the file."""

    http: Http = Http()
    tls: Tls = Tls()
    media: Media = Media()
    rooms: Rooms = Rooms()
    auth: Auth = Auth()
    limits: Limits = Limits()
    metrics: Metrics = Metrics()
    trace: Trace = Trace()
    log: Log = Log()
    server: Server = Server()


# What SIGHUP takes over; everything else is bound to sockets, threads or rooms that exist.
RELOADABLE = ("auth.keys", "tls", "limits", "log.level")


class ConfigError(LocalError):
    """The configuration cannot be used. `problems` has one sentence for each thing wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


# ---- loading ----


def load(path: Path | None, environment: Mapping[str, str] | None = None) -> Config:
    """The configuration from a file, if any, and the environment. Raises ConfigError with all that is wrong."""
    where = str(path) if path else "the environment"
    document: dict[str, Any] = {}
    if path:
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigError([f"there is no configuration file {path}"]) from None
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise ConfigError([f"{path} cannot be read: {reason}"]) from None
        except tomllib.TOMLDecodeError as error:
            raise ConfigError([f"{path} is not TOML: {_lower(str(error))}"]) from None
    problems: list[str] = []
    overrides = _overrides(os.environ if environment is None else environment, problems)
    config = _build(document, overrides, where, problems)
    if not problems:
        problems += [f"{where}: {problem}" for problem in _contradictions(config)]
    if problems:
        raise ConfigError(problems)
    return config


def keys() -> Iterator[str]:
    """The names of all keys, as in `http.port`."""
    for section, struct in _sections().items():
        yield from (f"{section}.{key}" for key in _fields(struct))


def _sections() -> dict[str, type[msgspec.Struct]]:
    return get_type_hints(Config)


@cache
def _fields(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return get_type_hints(struct, include_extras=True)


def _build(
    document: dict[str, Any],
    overrides: dict[str, dict[str, tuple[str, Any]]],
    where: str,
    problems: list[str],
) -> Config:
    sections = _sections()
    for name in [name for name in document if name not in sections]:
        if isinstance(document[name], dict):
            problems.append(
                f"{where}: there is no section [{name}]" + _nearest(name, [f"[{s}]" for s in sections])
            )
        else:
            problems.append(
                f"{where}: there is no key {name} outside the sections" + _nearest(name, list(keys()))
            )
    built: dict[str, Any] = {}
    for section, struct in sections.items():
        table = document.get(section, {})
        if not isinstance(table, dict):
            problems.append(f"{where}: {section} is a section: expected [{section}], got {_shown(table)}")
            continue
        fields = _fields(struct)
        values: dict[str, Any] = {}
        unknown = [f"{section}.{key}" for key in table if key not in fields]
        problems += [f"{where}: there is no key {name}{_nearest(name, list(keys()))}" for name in unknown]
        for key, kind in fields.items():
            if key in overrides.get(section, {}):
                source, value = overrides[section][key]
                values[key] = _value(kind, value, source, f"{section}.{key}", problems)
            elif key in table:
                values[key] = _value(kind, table[key], where, f"{section}.{key}", problems)
        if not problems:
            built[section] = struct(**values)
    return Config() if problems else Config(**built)


def _value(kind: Any, value: Any, where: str, name: str, problems: list[str]) -> Any:
    try:
        return msgspec.convert(value, kind, dec_hook=_secret, strict=True)
    except msgspec.ValidationError:
        shown = "something else" if _is_secret(kind) else _shown(value)
        problems.append(f"{where}: {name}: expected {_expected(kind)}, got {shown}")
        return None


def _secret(kind: type, value: Any) -> Any:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise ValueError("expected text")


def _overrides(environment: Mapping[str, str], problems: list[str]) -> dict[str, dict[str, tuple[str, Any]]]:
    found: dict[str, dict[str, tuple[str, Any]]] = {}
    known = {f"{ENVIRONMENT_PREFIX}{name.replace('.', '__').upper()}": name for name in keys()}
    for variable, text in environment.items():
        # SFU_VENV and the like have no section: they are not ours.
        if not variable.startswith(ENVIRONMENT_PREFIX) or "__" not in variable:
            continue
        name = known.get(variable)
        if name is None:
            problems.append(
                f"there is no setting for the environment variable {variable}"
                + _nearest(variable, list(known))
            )
            continue
        section, key = name.split(".")
        kind = _fields(_sections()[section])[key]
        found.setdefault(section, {})[key] = (f"the environment variable {variable}", _parse(kind, text))
    return found


def _parse(kind: Any, text: str) -> Any:
    """What the text of an environment variable means for a key: JSON, else a list by commas, else itself."""
    base = _base(kind)
    if base is str or base is Secret:
        return text
    try:
        return json.loads(text)
    except ValueError:
        pass
    if get_origin(base) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    if get_origin(base) is dict and "=" in text:
        return dict(part.strip().split("=", 1) for part in text.split(",") if "=" in part)
    return text


def _base(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _expected(kind: Any) -> str:
    descriptions = [
        meta.description for meta in get_args(kind)[1:] if isinstance(meta, Meta) and meta.description
    ]
    return descriptions[-1]


def _is_secret(kind: Any) -> bool:
    base = _base(kind)
    return base is Secret or Secret in get_args(base)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _nearest(name: str, known: list[str]) -> str:
    """A suggestion, or nothing. A key that exists in another section is the nearest of all."""
    last = name.rpartition(".")[2]
    same = [candidate for candidate in known if "." in candidate and candidate.rpartition(".")[2] == last]
    close = same or difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f" (did you mean {close[0]}?)" if close else ""


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


# ---- what only shows when keys are seen together ----


def _contradictions(config: Config) -> Iterator[str]:
    if not _is_address(config.http.address):
        yield f'http.address: expected an IPv4 or IPv6 address, got "{config.http.address}"'
    for proxy in config.http.trusted_proxies:
        try:
            ipaddress.ip_network(proxy, strict=False)
        except ValueError:
            yield f'http.trusted_proxies: expected addresses or networks, got "{proxy}"'
    if bool(config.tls.certificate) != bool(config.tls.key):
        given, missing = ("certificate", "key") if config.tls.certificate else ("key", "certificate")
        yield f"tls.{missing}: expected a file, since tls.{given} is set"
    for address in config.media.addresses:
        if address not in {"loopback", "default"} and not _is_address(address):
            yield f'media.addresses: expected "loopback", "default" or an IP address, got "{address}"'
    for inside, outside in config.media.advertised.items():
        if not _is_address(inside) or not _is_address(outside):
            yield f'media.advertised: expected addresses, got "{inside}" = "{outside}"'
        elif ipaddress.ip_address(inside).version != ipaddress.ip_address(outside).version:
            yield f"media.advertised: {inside} and {outside} are not of one family"
    for identifier, secret in config.auth.keys.items():
        if len(secret.reveal().encode()) < KEY_BYTES_MIN:
            yield f"auth.keys.{identifier}: expected a secret of at least {KEY_BYTES_MIN} bytes"
    if config.rooms.create != "anyone" and not config.auth.keys:
        yield f'auth.keys: expected at least one key, since rooms.create is "{config.rooms.create}"'
    elif config.rooms.join != "anyone" and not config.auth.keys:
        yield 'auth.keys: expected at least one key, since rooms.join is "token"'


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


# ---- looking at it ----


def effective(config: Config) -> dict[str, dict[str, Any]]:
    """All sections with their values. Secrets are still `Secret`, and print as such."""
    return {
        section: {key: getattr(getattr(config, section), key) for key in _fields(struct)}
        for section, struct in _sections().items()
    }


class Changes(msgspec.Struct, frozen=True):
    """What a newly read configuration means for a process that runs."""

    config: Config  # the old one with what can be taken over
    reloaded: tuple[str, ...]  # names of keys that changed and were taken over
    restart: tuple[str, ...]  # names of keys that changed and need a restart


def reload(old: Config, new: Config) -> Changes:
    reloaded: list[str] = []
    restart: list[str] = []
    sections: dict[str, Any] = {}
    for section, values in effective(old).items():
        merged = getattr(old, section)
        for key, before in values.items():
            after = getattr(getattr(new, section), key)
            if after == before:
                continue
            name = f"{section}.{key}"
            if name in RELOADABLE or section in RELOADABLE:
                merged = msgspec.structs.replace(merged, **{key: after})
                reloaded.append(name)
            else:
                restart.append(name)
        sections[section] = merged
    return Changes(Config(**sections), tuple(reloaded), tuple(restart))
