"""Calls through a server in one namespace by browsers in others."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from tests.e2e.chromium import chromium, trusting
from tests.e2e.page_client import PageClient
from tests.e2e.server import PAGE, Server
from tests.net.namespace import Namespace

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
