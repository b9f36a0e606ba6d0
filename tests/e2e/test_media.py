"""Real clients through the real server, without encryption: what Gate 3 puts SFrame on top of."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol

import aioice.ice
import aiortc.codecs.vpx
import pytest

from tests.e2e.aiortc_client import AiortcClient
from tests.e2e.chromium import ChromiumClient, chromium, needs_chromium
from tests.e2e.server import PAGE, Server, serving

ROOM = "media-without-encryption-00001"
PATIENCE_S = 120  # for a machine that is loaded; nothing is measured
FRAMES = 30

SETTINGS = f"""
[http]
port = 0
web = "{PAGE}"
[media]
addresses = ["127.0.0.1"]
workers = 2
packets = 8192
"""


class Client(Protocol):
    participant: int

    async def progress(self) -> dict[int, dict[str, int]]: ...
    async def leave(self) -> None: ...


@pytest.fixture(autouse=True)
def _aiortc_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    # Its own packets have 1,300 bytes of payload; the server sends no datagram over 1,232.
    monkeypatch.setattr(aiortc.codecs.vpx, "PACKET_MAX", 1100)
    # It leaves loopback out of its candidates.
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])  # noqa: ARG005


async def _until(holds: Callable[[], Awaitable[bool]], state: Callable[[], Awaitable[object]]) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not await holds():  # noqa: ASYNC110  a browser's counters raise no event
                await asyncio.sleep(0.2)
    except TimeoutError:
        pytest.fail(f"no progress: {await state()}")


async def _all_decode_all(clients: Sequence[Client]) -> None:
    """Frames and sound of everybody go on coming in at everybody else."""
    before = [await client.progress() for client in clients]

    async def progress() -> bool:
        for client, earlier in zip(clients, before, strict=True):
            now = await client.progress()
            for other in clients:
                if other is client:
                    continue
                for kind in ("audio", "video"):
                    gained = now.get(other.participant, {}).get(kind, 0)
                    gained -= earlier.get(other.participant, {}).get(kind, 0)
                    if gained < FRAMES:
                        return False
        return True

    async def state() -> object:
        return {client.participant: await client.progress() for client in clients}

    await _until(progress, state)


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
        clients: list[Client] = [await ChromiumClient.join(browser, server, ROOM)]
        clients.append(await AiortcClient.join(server, ROOM))
        clients.append(await ChromiumClient.join(browser, server, ROOM))
        await _all_decode_all(clients)
        await _assert_over_two_workers(server)

        # One leaves, and the slot goes to who comes next.
        await clients.pop(0).leave()
        clients.append(await ChromiumClient.join(browser, server, ROOM))
        await _all_decode_all(clients)
        for client in clients:
            await client.leave()


async def test_two_python_clients_exchange_sound_and_pictures(tmp_path: Path) -> None:
    async with serving(tmp_path, SETTINGS) as server:
        clients = [await AiortcClient.join(server, ROOM) for _ in range(2)]
        await _all_decode_all(clients)
        await _assert_over_two_workers(server)
        for client in clients:
            await client.leave()
