"""Runs of packets that the kernel does not take."""

import subprocess
from pathlib import Path

from tests.e2e.chromium import chromium, needs_chromium, trusting
from tests.e2e.page_client import PageClient
from tests.e2e.progress import all_decode_all, until
from tests.e2e.server import Server, serving
from tests.net.call import ALL_IPV4, ROOM, settings, two_networks, two_pages
from tests.net.namespace import default_route, link, network

_REFUSE = Path(__file__).with_name("refuse_gso.c")
_ERRORS = 20


def _build(folder: Path) -> Path:
    library = folder / "refuse_gso.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, _REFUSE], check=True, timeout=60)
    return library


async def _count(server: Server, figure: str) -> float:
    metrics = await server.metrics()
    return sum(metrics[f'sfu_worker_{figure}_total{{worker="{worker}"}}'] for worker in range(2))


@needs_chromium
async def test_without_gso_packets_go_singly(tmp_path: Path) -> None:
    library = _build(tmp_path)
    with network("server", "client") as (server_side, client_side):
        link(server_side, "10.9.0.1/24", client_side, "10.9.0.2/24")
        default_route(client_side, via="10.9.0.1")
        configuration = settings(ALL_IPV4, 'addresses = ["10.9.0.1"]')
        preload = {"LD_PRELOAD": str(library)}
        async with (
            serving(tmp_path, configuration, preload, here=server_side.prefix) as server,
            two_pages(server.at("10.9.0.1"), client_side, width=640, height=360) as clients,
        ):

            async def given_up() -> float:
                return await _count(server, "gso_fallbacks")

            async def once_at_each_address() -> bool:
                return await given_up() == 2

            await until(once_at_each_address, given_up)
            errors = await _count(server, "send_errors")
            await all_decode_all(clients)
            assert await given_up() == 2
            assert await _count(server, "send_errors") == errors


@needs_chromium
async def test_a_route_that_takes_nothing_is_not_blamed_on_gso(tmp_path: Path) -> None:
    with two_networks() as (server_side, alice_side, bob_side):
        media = 'addresses = ["10.9.0.1"]\ntcp = false'
        async with serving(tmp_path, settings(ALL_IPV4, media), here=server_side.prefix) as server:
            reached = server.at("10.9.0.1")
            trust = [trusting(reached.url)]
            async with chromium(alice_side.prefix, trust) as hers, chromium(bob_side.prefix, trust) as his:
                alice = await PageClient.join(hers, reached, ROOM)
                bob = await PageClient.join(his, reached, ROOM)
                await all_decode_all([alice, bob])
                server_side.run("ip", "route", "add", "blackhole", "10.8.0.2/32")

                async def refused() -> float:
                    return await _count(server, "send_errors")

                async def often() -> bool:
                    return await refused() >= _ERRORS

                await until(often, refused)
                server_side.run("ip", "route", "del", "blackhole", "10.8.0.2/32")
                await all_decode_all([alice, bob])
                assert await _count(server, "gso_fallbacks") == 0
                await alice.leave()
                await bob.leave()
