"""Network namespaces for a test: a small network of its own, without root rights, gone when the test is over.

    with network("server", "client") as (server, client):
        link(server, "10.9.0.1/24", client, "10.9.0.2/24")
        client.run("ip", "route", "add", "default", "via", "10.9.0.1")
        subprocess.run([*client.prefix, "…"])  # a program in it

Nothing in them reaches an address outside. A namespace is held by a process that ends with its standard input, so none
outlives a test run that was killed.
"""

import functools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from tests import programs

_HOLD = ("sh", "-c", "echo held; exec cat")


@functools.cache
def _obstacle() -> str | None:
    """Why there can be no namespaces here, as a sentence."""
    lacking = programs.obstacle("ip", "tc", "nft", "unshare", "nsenter")
    if lacking:
        return lacking
    tried = subprocess.run(
        ["unshare", "--map-root-user", "--net", "sh", "-c", "ip link add name one type veth peer name other"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return f"this system gives no network namespaces: {tried.stderr.strip()}" if tried.returncode else None


@dataclass(frozen=True)
class Namespace:
    name: str
    pid: int  # of the process that holds it

    @property
    def prefix(self) -> tuple[str, ...]:
        """What to put before a command for it to run in here."""
        return ("nsenter", "--target", str(self.pid), "--user", "--preserve-credentials", "--net", "--")

    def run(self, *command: str, stdin: str | None = None) -> str:
        """Output of a command that must succeed."""
        ran = subprocess.run(
            [*self.prefix, *command], input=stdin, capture_output=True, text=True, check=False, timeout=60
        )
        assert ran.returncode == 0, f"{self.name}: {' '.join(command)}: {ran.stderr}"
        return ran.stdout

    def nft(self, rules: str) -> None:
        """Adds a rule set, in the language of nft(8)."""
        self.run("nft", "-f", "-", stdin=rules)

    @contextmanager
    def refusing_tcp(self, port: int) -> Iterator[None]:
        """Connections to this port break at the next word on them, and there are no new ones."""
        self.nft(f"""
            table inet refusing {{
                chain output {{
                    type filter hook output priority 0
                    tcp dport {port} reject with tcp reset
                }}
            }}
        """)
        try:
            yield
        finally:
            self.run("nft", "delete", "table", "inet", "refusing")

    def enable_forwarding(self) -> None:
        self.run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")

    def fetch(self, url: str) -> str:
        """The body of an HTTP answer, as somebody in here gets it."""
        script = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=30).read().decode())"
        return self.run(sys.executable, "-c", script, url)


@contextmanager
def network(*names: str) -> Iterator[tuple[Namespace, ...]]:
    """A namespace for each name, with loopback up and nothing else. Skips the test where there can be none."""
    obstacle = _obstacle()
    if obstacle:
        pytest.skip(obstacle)
    with ExitStack() as stack:
        made: list[Namespace] = []
        for name in names:
            # All belong to the first one's user namespace, in which whoever started the test is root.
            enter = (
                ("nsenter", "--target", str(made[0].pid), "--user", "--preserve-credentials") if made else ()
            )
            unshare = ("unshare", "--net") if made else ("unshare", "--map-root-user", "--net")
            holder = stack.enter_context(
                subprocess.Popen([*enter, *unshare, *_HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            )
            stack.callback(holder.kill)
            assert holder.stdout
            assert holder.stdout.readline() == b"held\n", name
            made.append(Namespace(name, holder.pid))
            made[-1].run("ip", "link", "set", "lo", "up")
        yield tuple(made)


def link(one: Namespace, address_of_one: str, other: Namespace, address_of_other: str) -> None:
    """A cable between two, with an address ("10.9.0.1/24") at each end. The interfaces have the other's name."""
    one.run(
        "ip",
        "link",
        "add",
        "name",
        other.name,
        "type",
        "veth",
        "peer",
        "name",
        one.name,
        "netns",
        str(other.pid),
    )
    for end, peer, address in ((one, other, address_of_one), (other, one, address_of_other)):
        end.run("ip", "link", "set", peer.name, "up")
        add_address(end, peer, address)


def add_address(at: Namespace, towards: Namespace, address: str) -> None:
    # Duplicate detection takes a second and has nothing to find here.
    nodad = ("nodad",) if ":" in address else ()
    at.run("ip", "address", "add", address, "dev", towards.name, *nodad)


def default_route(at: Namespace, via: str) -> None:
    at.run("ip", "-6" if ":" in via else "-4", "route", "add", "default", "via", via)
