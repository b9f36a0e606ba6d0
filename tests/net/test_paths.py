"""Media between real browsers and the server over networks that are not plain."""

from collections.abc import Sequence
from pathlib import Path

from tests.e2e.chromium import needs_chromium
from tests.e2e.page_client import PageClient
from tests.e2e.progress import all_decode_all, until
from tests.e2e.server import serving
from tests.net.call import ALL_IPV4, ALL_IPV6, remote_paths, settings, two_pages
from tests.net.namespace import add_address, default_route, link, network


async def local_address(client: PageClient) -> str:
    path = await client.page.evaluate("client.path()")
    return str(path["local"]["address"]) if path else ""


async def all_leave_from(clients: Sequence[PageClient], address: str) -> None:
    """Waits until what they send comes from that address."""

    async def addresses() -> list[str]:
        return [await local_address(client) for client in clients]

    async def moved() -> bool:
        return all(found == address for found in await addresses())

    await until(moved, addresses)


@needs_chromium
async def test_ipv6_only(tmp_path: Path) -> None:
    with network("server", "client") as (server_side, client_side):
        link(server_side, "fd09::1/64", client_side, "fd09::2/64")
        default_route(client_side, via="fd09::1")
        media = 'addresses = ["fd09::1"]'
        async with (
            serving(tmp_path, settings(ALL_IPV6, media), here=server_side.prefix) as server,
            two_pages(server.at("[fd09::1]"), client_side) as clients,
        ):
            await all_decode_all(clients)
            assert await remote_paths(clients) == {("fd09::1", "udp")}


@needs_chromium
async def test_udp_blocked(tmp_path: Path) -> None:
    with network("server", "client") as (server_side, client_side):
        link(server_side, "10.9.0.1/24", client_side, "10.9.0.2/24")
        default_route(client_side, via="10.9.0.1")
        server_side.nft("""
            table inet firewall {
                chain input { type filter hook input priority 0; iif "client" meta l4proto udp drop; }
            }
        """)
        media = 'addresses = ["10.9.0.1"]'
        async with (
            serving(tmp_path, settings(ALL_IPV4, media), here=server_side.prefix) as server,
            two_pages(server.at("10.9.0.1"), client_side) as clients,
        ):
            await all_decode_all(clients)
            assert await remote_paths(clients) == {("10.9.0.1", "tcp")}


@needs_chromium
async def test_the_second_address_answers_for_itself(tmp_path: Path) -> None:
    """The kernel would rather answer from the first, which a client takes for nobody's answer."""
    with network("server", "client") as (server_side, client_side):
        link(server_side, "10.9.0.1/24", client_side, "10.9.0.2/24")
        add_address(server_side, client_side, "10.8.0.1/24")
        default_route(client_side, via="10.9.0.1")
        server_side.nft("""
            table inet firewall {
                chain input { type filter hook input priority 0; ip daddr 10.9.0.1 meta l4proto udp drop; }
            }
        """)
        media = 'addresses = ["10.9.0.1", "10.8.0.1"]'
        async with (
            serving(tmp_path, settings(ALL_IPV4, media), here=server_side.prefix) as server,
            two_pages(server.at("10.9.0.1"), client_side) as clients,
        ):
            await all_decode_all(clients)
            assert await remote_paths(clients) == {("10.8.0.1", "udp")}


@needs_chromium
async def test_one_to_one_nat(tmp_path: Path) -> None:
    with network("server", "nat", "client") as (server_side, nat, client_side):
        link(server_side, "10.9.0.2/24", nat, "10.9.0.1/24")
        link(client_side, "10.8.0.2/24", nat, "10.8.0.1/24")
        # The client has a route to the network outside the NAT only.
        add_address(nat, client_side, "10.8.0.9/24")
        default_route(server_side, via="10.9.0.1")
        default_route(client_side, via="10.8.0.1")
        nat.enable_forwarding()
        nat.nft("""
            table ip nat {
                chain prerouting {
                    type nat hook prerouting priority dstnat;
                    ip daddr 10.8.0.9 dnat to 10.9.0.2
                }
                chain postrouting {
                    type nat hook postrouting priority srcnat;
                    ip saddr 10.9.0.2 snat to 10.8.0.9
                }
            }
            table ip filter {
                chain forward {
                    type filter hook forward priority 0;
                    iif "client" ct original ip daddr 10.9.0.2 drop
                }
            }
        """)
        media = 'addresses = ["10.9.0.2"]\nadvertised = {"10.9.0.2" = "10.8.0.9"}'
        async with (
            serving(tmp_path, settings(ALL_IPV4, media), here=server_side.prefix) as server,
            two_pages(server.at("10.8.0.9"), client_side) as clients,
        ):
            await all_decode_all(clients)
            assert await remote_paths(clients) == {("10.8.0.9", "udp")}


@needs_chromium
async def test_one_of_the_clients_two_addresses_goes(tmp_path: Path) -> None:
    """The browser takes the other candidate pair by itself; the server follows the check that nominates it."""
    with network("server", "client") as (server_side, client_side):
        link(server_side, "10.9.0.1/24", client_side, "10.9.0.2/24")
        add_address(client_side, server_side, "10.8.0.2/24")
        add_address(server_side, client_side, "fd09::1/64")
        add_address(client_side, server_side, "fd09::2/64")
        server_side.run("ip", "route", "add", "10.8.0.0/24", "dev", "client")
        # Holds also when the address beside it has gone.
        client_side.run("ip", "route", "add", "10.9.0.1/32", "dev", "server")
        default_route(client_side, via="10.9.0.1")
        default_route(client_side, via="fd09::1")
        media = 'addresses = ["10.9.0.1"]'
        async with (
            serving(tmp_path, settings(ALL_IPV6, media), here=server_side.prefix) as server,
            two_pages(server.at("[fd09::1]"), client_side) as clients,
        ):
            await all_decode_all(clients)
            first = await local_address(clients[0])
            client_side.run("ip", "address", "del", f"{first}/24", "dev", "server")
            await all_leave_from(clients, "10.8.0.2" if first == "10.9.0.2" else "10.9.0.2")
            await all_decode_all(clients)


@needs_chromium
async def test_the_clients_only_address_changes(tmp_path: Path) -> None:
    """Another network: the client restarts ICE. Signalling goes over IPv6, which stays; media has IPv4 only."""
    with network("server", "client") as (server_side, client_side):
        link(server_side, "10.9.0.1/16", client_side, "10.9.0.2/16")
        add_address(server_side, client_side, "fd09::1/64")
        add_address(client_side, server_side, "fd09::2/64")
        default_route(client_side, via="10.9.0.1")
        default_route(client_side, via="fd09::1")
        media = 'addresses = ["10.9.0.1"]'
        async with (
            serving(tmp_path, settings(ALL_IPV6, media), here=server_side.prefix) as server,
            two_pages(server.at("[fd09::1]"), client_side) as clients,
        ):
            await all_decode_all(clients)
            client_side.run("ip", "address", "del", "10.9.0.2/16", "dev", "server")
            add_address(client_side, server_side, "10.9.0.3/16")
            default_route(client_side, via="10.9.0.1")
            for client in clients:
                await client.page.evaluate("client.restart()")
            await all_leave_from(clients, "10.9.0.3")
            await all_decode_all(clients)
