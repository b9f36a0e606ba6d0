"""A socket whose network takes next to nothing."""

from pathlib import Path

from tests.e2e.chromium import chromium, needs_chromium, trusting
from tests.e2e.page_client import PageClient
from tests.e2e.progress import all_decode_all, until
from tests.e2e.server import serving
from tests.net.call import ALL_IPV4, ROOM, settings, two_networks

# What waits in the queue counts against the socket's buffer, which holds less.
STUCK = ("rate", "8kbit", "burst", "2k", "limit", "64m")


@needs_chromium
async def test_the_other_sockets_of_a_worker_go_on(tmp_path: Path) -> None:
    """Alice and Carol have the worker's one address, Bob the other."""
    with two_networks() as (server_side, alice_side, bob_side):
        # Each reaches but its own address.
        server_side.nft("""
            table inet firewall {
                chain input {
                    type filter hook input priority 0;
                    iif "alice" ip daddr 10.8.0.1 meta l4proto udp drop;
                    iif "bob" ip daddr 10.9.0.1 meta l4proto udp drop;
                }
            }
        """)
        # A small buffer is full before Bob's browser gives up.
        media = 'addresses = ["10.9.0.1", "10.8.0.1"]\ntcp = false\nsocket_buffer_bytes = 65536'
        configuration = settings(ALL_IPV4, media).replace("workers = 2", "workers = 1")
        async with serving(tmp_path, configuration, here=server_side.prefix) as server:
            reached = server.at("10.9.0.1")
            trust = [trusting(reached.url)]
            async with chromium(alice_side.prefix, trust) as theirs, chromium(bob_side.prefix, trust) as his:
                alice = await PageClient.join(theirs, reached, ROOM, width=320, height=180)
                carol = await PageClient.join(theirs, reached, ROOM, width=320, height=180)
                bob = await PageClient.join(his, reached, ROOM)
                await all_decode_all([alice, carol, bob])
                server_side.run("tc", "qdisc", "add", "dev", "bob", "root", "tbf", *STUCK)

                async def blocked() -> float:
                    return (await server.metrics())['sfu_worker_send_blocked_total{worker="0"}']

                async def is_blocked() -> bool:
                    return await blocked() > 0

                await until(is_blocked, blocked)
                await all_decode_all([alice, carol])
                server_side.run("tc", "qdisc", "del", "dev", "bob", "root")
                await all_decode_all([alice, carol, bob])
                for client in (alice, carol, bob):
                    await client.leave()
