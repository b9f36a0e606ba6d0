"""Calls through a server in one namespace by browsers in others."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from tests.e2e.chromium import chromium, trusting
from tests.e2e.page_client import PageClient
from tests.e2e.server import PAGE, Server
from tests.net.namespace import Namespace, default_route, link, network

ROOM = "networks-without-encryption-01"
ALL_IPV4, ALL_IPV6 = "0.0.0.0", "::"  # noqa: S104  of a network that ends with the test
SMALL = {"width": 320, "height": 180}


def settings(http: str, media: str) -> str:
    return f"""
[http]
address = "{http}"
port = 0
web = "{PAGE}"
[media]
workers = 2
fill = 1
packets = 8192
{media}
"""


@contextmanager
def two_networks() -> Iterator[tuple[Namespace, Namespace, Namespace]]:
    """Of the server, which is 10.9.0.1 to Alice and 10.8.0.1 to Bob, of Alice and of Bob."""
    with network("server", "alice", "bob") as (server, alice, bob):
        link(server, "10.9.0.1/24", alice, "10.9.0.2/24")
        link(server, "10.8.0.1/24", bob, "10.8.0.2/24")
        default_route(alice, via="10.9.0.1")
        default_route(bob, via="10.8.0.1")
        yield server, alice, bob


@asynccontextmanager
async def two_pages(server: Server, client: Namespace, **options: Any) -> AsyncIterator[list[PageClient]]:
    """Two participants in one Chromium that reach the server by its URL."""
    async with chromium(client.prefix, [trusting(server.url)]) as browser:
        clients = [await PageClient.join(browser, server, ROOM, **{**SMALL, **options}) for _ in range(2)]
        yield clients
        for each in clients:
            await each.leave()


async def remote_paths(clients: Sequence[PageClient]) -> set[tuple[str, str]]:
    """Addresses and protocols of the server that media takes."""
    paths = [await client.page.evaluate("client.path()") for client in clients]
    return {(path["remote"]["address"], path["remote"]["protocol"]) for path in paths}
