"""Media over TCP to somebody whose link is slow."""

from pathlib import Path
from typing import Any

from tests.e2e.chromium import chromium, needs_chromium, trusting
from tests.e2e.page_client import PageClient
from tests.e2e.progress import all_decode_all, until
from tests.e2e.server import serving
from tests.net.call import ALL_IPV4, ROOM, remote_paths, settings, two_networks

# Sound and half of the pictures would fit. The queue may hold what this carries in seven seconds.
SLOW = ("rate", "150kbit", "burst", "5k", "latency", "200ms")
DROPPED = 100
LATE_PACKETS_MAX = 200  # of sound, 50 a second
GROWN_BYTES_MAX = 8 << 20

_SENT = """(async () => {
    const stats = [...(await client.pc.getStats()).values()];
    return stats.find((s) => s.type === "outbound-rtp" && s.kind === "audio").packetsSent;
})()"""


async def _sound_received(client: PageClient) -> dict[str, Any]:
    slots = await client.page.evaluate("client.received()")
    found: dict[str, Any] = next(slot for slot in slots if slot["kind"] == "audio" and slot["packets"])
    return found


@needs_chromium
async def test_a_slow_receiver_loses_pictures_and_hears_all_in_time(tmp_path: Path) -> None:
    with two_networks() as (server_side, alice_side, bob_side):
        server_side.nft("""
            table inet firewall {
                chain input { type filter hook input priority 0; iif "bob" meta l4proto udp drop; }
            }
        """)
        media = 'addresses = ["10.9.0.1"]'
        async with serving(tmp_path, settings(ALL_IPV4, media), here=server_side.prefix) as server:
            reached = server.at("10.9.0.1")
            trust = [trusting(reached.url)]
            async with chromium(alice_side.prefix, trust) as hers, chromium(bob_side.prefix, trust) as his:
                alice = await PageClient.join(hers, reached, ROOM)
                bob = await PageClient.join(his, reached, ROOM, width=320, height=180)
                await all_decode_all([alice, bob])
                assert await remote_paths([bob]) == {("10.9.0.1", "tcp")}
                before = await server.metrics()
                heard = await _sound_received(bob)
                ahead = await alice.page.evaluate(_SENT) - heard["packets"]

                server_side.run("tc", "qdisc", "add", "dev", "bob", "root", "tbf", *SLOW)

                async def dropped() -> float:
                    name = 'sfu_worker_tcp_dropped_total{worker="%d"}'
                    now = await server.metrics()
                    return sum(now[name % worker] - before[name % worker] for worker in range(2))

                async def many_are() -> bool:
                    return await dropped() >= DROPPED

                await until(many_are, dropped)
                sound = await _sound_received(bob)
                late = await alice.page.evaluate(_SENT) - sound["packets"] - ahead
                assert sound["lost"] == heard["lost"]
                assert late < LATE_PACKETS_MAX
                memory = "sfu_process_resident_memory_bytes"
                assert (await server.metrics())[memory] - before[memory] < GROWN_BYTES_MAX

                server_side.run("tc", "qdisc", "del", "dev", "bob", "root")
                await all_decode_all([alice, bob])
                await alice.leave()
                await bob.leave()
