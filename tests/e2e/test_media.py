"""Real clients through the real server, without encryption: what Gate 3 puts SFrame on top of."""

from functools import partial
from pathlib import Path

import aioice.ice
import aiortc.codecs.vpx
import pytest

from tests.e2e.aiortc_client import AiortcClient
from tests.e2e.chromium import chromium, needs_chromium
from tests.e2e.page_client import PageClient
from tests.e2e.progress import Client, all_decode_all, until
from tests.e2e.server import PAGE, Server, serving

ROOM = "media-without-encryption-00001"

SETTINGS = f"""
[http]
port = 0
web = "{PAGE}"
[media]
addresses = ["127.0.0.1"]
workers = 2
fill = 1
packets = 8192
"""


@pytest.fixture(autouse=True)
def _aiortc_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    # Its own packets have 1,300 bytes of payload; the server sends no datagram over 1,232.
    monkeypatch.setattr(aiortc.codecs.vpx, "PACKET_MAX", 1100)
    # It leaves loopback out of its candidates.
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])  # noqa: ARG005


async def _assert_over_two_workers(server: Server) -> None:
    metrics = await server.metrics()
    assert metrics['sfu_worker_transports{worker="0"}'] > 0
    assert metrics['sfu_worker_transports{worker="1"}'] > 0
    for worker in "01":
        for fault in (
            "srtp_refused",
            "rtp_unlatched",
            "rtcp_malformed",
            "oversize_dropped",
            "pool_exhausted",
        ):
            assert metrics[f'sfu_worker_{fault}_total{{worker="{worker}"}}'] == 0, fault


@needs_chromium
async def test_two_pages_and_python_exchange_sound_and_pictures(tmp_path: Path) -> None:
    async with serving(tmp_path, SETTINGS) as server, chromium() as browser:
        clients: list[Client] = [await PageClient.join(browser, server, ROOM)]
        clients.append(await AiortcClient.join(server, ROOM))
        clients.append(await PageClient.join(browser, server, ROOM))
        await all_decode_all(clients)
        await _assert_over_two_workers(server)

        # One leaves, and the slot goes to who comes next.
        await clients.pop(0).leave()
        clients.append(await PageClient.join(browser, server, ROOM))
        await all_decode_all(clients)
        for client in clients:
            await client.leave()


@needs_chromium
async def test_who_speaks_is_told_to_all(tmp_path: Path) -> None:
    async with serving(tmp_path, SETTINGS) as server, chromium() as browser:
        clients = [await PageClient.join(browser, server, ROOM) for _ in range(2)]
        # Chromium's fake microphone beeps.
        everybody = {client.participant for client in clients}
        for client in clients:
            await until(partial(_said, client, everybody), partial(_speakers, client))
        for client in clients:
            await client.leave()


async def _speakers(client: PageClient) -> list[dict[str, int]]:
    """All that the server has said of who speaks."""
    found: list[dict[str, int]] = await client.page.evaluate(
        "client.events.filter(({ type }) => type === 'speakers').flatMap(({ speakers }) => speakers)"
    )
    return found


async def _said(client: PageClient, participants: set[int]) -> bool:
    return participants <= {
        speaker["participant"] for speaker in await _speakers(client) if speaker["level"] < 60
    }


async def test_two_python_clients_exchange_sound_and_pictures(tmp_path: Path) -> None:
    async with serving(tmp_path, SETTINGS) as server:
        clients = [await AiortcClient.join(server, ROOM) for _ in range(2)]
        await all_decode_all(clients)
        await _assert_over_two_workers(server)
        for client in clients:
            await client.leave()
