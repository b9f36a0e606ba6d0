"""`sfu serve` as a process: what it says, what signals do."""

import json
import os
import signal
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.http import certificates

ROOT = Path(__file__).resolve().parent.parent.parent
SECRET = "a secret that is long enough, 32 bytes"  # noqa: S105


class _Server:
    def __init__(self, arguments: list[str], **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sfu", "serve", *arguments],
            cwd=ROOT,
            env=os.environ | {"SFU_HTTP__PORT": "0"} | environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.events: list[dict[str, Any]] = []

    def until(self, event: str) -> dict[str, Any]:
        """Read the log up to an event. A server that says no such thing and lives on hangs, and CI ends that."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.events.append(json.loads(line))
            if self.events[-1]["event"] == event:
                return self.events[-1]
        raise AssertionError(f"no event {event} in {self.events}")

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        assert self._process.stderr is not None
        self.events += [json.loads(line) for line in self._process.stderr]
        return self._process.wait(60)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()


@pytest.fixture
def started() -> Iterator[list[_Server]]:
    servers: list[_Server] = []
    yield servers
    for server in servers:
        server.end()


def _get(url: str) -> tuple[int, str]:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with urllib.request.urlopen(url, context=context if url.startswith("https") else None) as answer:  # noqa: S310  ours
        return answer.status, answer.read().decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serves_until_a_signal(number: signal.Signals, started: list[_Server]) -> None:
    server = _Server(["--config", "configs/local.toml"])
    started.append(server)
    url = server.until("serving")["url"]
    assert url.startswith("http://127.0.0.1:")
    assert json.loads(_get(f"{url}/healthz")[1]) == {"status": "ok"}
    assert "sfu_participants 0.0" in _get(f"{url}/metrics")[1]
    server.signal(number)
    assert server.wait() == 0
    assert [event["event"] for event in server.events[-2:]] == ["stopping", "stopped"]


def test_effective_configuration_is_logged_without_secrets(started: list[_Server]) -> None:
    server = _Server([], SFU_AUTH__KEYS=json.dumps({"main": SECRET}), SFU_METRICS__TOKEN="hush-hush")  # noqa: S106
    started.append(server)
    server.until("serving")
    logged = {
        key: value
        for event in server.events
        if event["event"] == "configuration"
        for key, value in event.items()
    }
    assert logged["http.port"] == 0
    assert logged["auth.keys"] == {"main": "(secret)"}
    assert logged["metrics.token"] == "(secret)"
    assert logged["media.workers"] == "cores"
    (media,) = [event for event in server.events if event["event"] == "media addresses"]
    assert media["workers"] == len(os.sched_getaffinity(0))
    assert "127.0.0.1" in media["addresses"]
    text = json.dumps(server.events)
    assert SECRET not in text
    assert "hush" not in text


def test_what_will_not_work_as_meant_is_warned_of(started: list[_Server]) -> None:
    server = _Server(
        [],
        SFU_HTTP__ADDRESS="0.0.0.0",  # noqa: S104
        SFU_MEDIA__ADVERTISED="10.255.0.9=203.0.113.7",
        SFU_HTTP__WEB="",
    )
    started.append(server)
    server.until("serving")
    assert [event["event"] for event in server.events if event["level"] == "warning"] == [
        "advertised for an address that media is not received on",
        "no camera without HTTPS",
    ]


@pytest.mark.parametrize(
    "origin,status",
    [("https://meet.example.org", 400), ("https://evil.example.org", 403), (None, 400)],
)
def test_pages_of_other_origins_get_no_signalling(
    origin: str | None, status: int, started: list[_Server]
) -> None:
    """Who may call is told that this is no WebSocket handshake."""
    server = _Server([], SFU_HTTP__ORIGINS="https://meet.example.org")
    started.append(server)
    url = server.until("serving")["url"] + "/ws"
    request = urllib.request.Request(url, headers={"Origin": origin} if origin else {})  # noqa: S310  our own
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request, timeout=30)  # noqa: S310
    assert refusal.value.code == status
    refusal.value.close()


def test_hangup_reloads_what_it_may(tmp_path: Path, started: list[_Server]) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[limits]\nrooms = 5", encoding="utf-8")
    server = _Server(["--config", str(file)])
    started.append(server)
    server.until("serving")

    file.write_text("[limits]\nrooms = 6\n[rooms]\njoin = 'anyone'\n[media]\nport = 7000", encoding="utf-8")
    server.signal(signal.SIGHUP)
    assert server.until("reloaded")["changed"] == ["limits.rooms"]
    assert server.until("needs a restart")["changed"] == ["media.port"]

    file.write_text("[limits]\nroms = 7", encoding="utf-8")
    server.signal(signal.SIGHUP)
    refused = server.until("not reloaded")
    assert refused["level"] == "error"
    assert "there is no key limits.roms (did you mean limits.rooms?)" in refused["reason"]

    file.write_text("[limits]\nrooms = 6\n[media]\nport = 7000\n[log]\nlevel = 'error'", encoding="utf-8")
    server.signal(signal.SIGHUP)
    assert server.until("reloaded")["changed"] == ["log.level"]
    server.until("needs a restart")
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert server.events[-1]["event"] == "needs a restart"  # "stopped" is below the new level


def test_closing_the_terminal_stops_it() -> None:
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "sfu", "serve"],
        cwd=ROOT,
        # Unbuffered standard error would hide that what could not be written is still to be written at the end.
        env=os.environ | {"SFU_HTTP__PORT": "0", "NO_COLOR": "1", "PYTHONUNBUFFERED": ""},
        stdin=theirs,
        stderr=theirs,
        start_new_session=True,
        # The first terminal that a session's leader opens becomes its own.
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # noqa: PLW1509  there are no threads here
    )
    try:
        os.close(theirs)
        text = b""
        while b"serving" not in text:
            text += os.read(ours, 65_536)
        process.send_signal(signal.SIGHUP)  # with the terminal there it reloads
        while b"reloaded" not in text:
            text += os.read(ours, 65_536)
        os.close(ours)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def test_hangup_reads_tls_files_again(tmp_path: Path, started: list[_Server]) -> None:
    certificate, key = certificates.write(tmp_path, "now")
    server = _Server([], SFU_TLS__CERTIFICATE=str(certificate), SFU_TLS__KEY=str(key))
    started.append(server)
    url = server.until("serving")["url"]
    assert url.startswith("https://")
    assert _get(f"{url}/healthz")[0] == 200
    port = int(url.rpartition(":")[2])
    for new, old in zip(certificates.write(tmp_path, "then"), (certificate, key), strict=True):
        new.rename(old)
    assert ssl.get_server_certificate(("127.0.0.1", port)) != certificate.read_text(encoding="ascii")
    server.signal(signal.SIGHUP)
    server.until("reloaded")
    assert ssl.get_server_certificate(("127.0.0.1", port)) == certificate.read_text(encoding="ascii")
    key.write_text("no key", encoding="ascii")
    server.signal(signal.SIGHUP)
    assert "are not a certificate and its key" in server.until("not reloaded")["reason"]
    assert _get(f"{url}/healthz")[0] == 200


@pytest.mark.parametrize(
    "environment,expected",
    [
        ({"SFU_HTTP__ADDRESS": "203.0.113.1"}, "is not an address of this machine"),
        ({"SFU_HTTP__WEB": "/no/such"}, "http.web: there is no folder /no/such"),
        (
            {"SFU_TLS__CERTIFICATE": "/no/such", "SFU_TLS__KEY": "/no/such"},
            "tls.certificate: /no/such cannot be read",
        ),
    ],
)
def test_what_keeps_it_from_starting_is_one_sentence(environment: dict[str, str], expected: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "sfu", "serve"],
        cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 2
    last = ran.stderr.splitlines()[-1]
    assert last.startswith("sfu: ")
    assert expected in last
    assert "Traceback" not in ran.stderr
