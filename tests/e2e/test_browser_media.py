"""What a browser makes of pictures that our server forwards: lost packets, and simulcast layers to choose from."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.e2e.app_client import FLAGS
from tests.e2e.chromium import Chromium, chromium, needs_chromium
from tests.e2e.progress import FRAMES, until
from tests.e2e.proxy import Proxy
from tests.e2e.sdk_client import SdkClient, build_page
from tests.e2e.server import Server, serving
from tests.e2e.udp_proxy import UdpProxy, lossy
from tests.web.node import needs_node

pytestmark = [needs_chromium, *needs_node]

LOSS = 0.02
PICTURES = 5 * FRAMES  # to be seen while packets are lost
DROPPED = 20  # packets at least, in each direction
HEIGHTS = {"q": 45, "h": 90, "f": 180}  # of the layers of a camera of 320 x 180

Report = dict[str, Any]


async def received(client: SdkClient) -> Report:
    """The picture that comes in: of two people there is one."""
    reports = [
        report
        for report in await client.page.evaluate("client.stats()")
        if report["type"] == "inbound-rtp" and report["kind"] == "video" and report.get("framesDecoded")
    ]
    return reports[0] if reports else {}


async def sent(client: SdkClient) -> dict[str, Report]:
    """By layer."""
    return {
        report["rid"]: report
        for report in await client.page.evaluate("client.stats()")
        if report["type"] == "outbound-rtp" and report["kind"] == "video"
    }


async def state(*clients: SdkClient) -> object:
    return {client.name: (await received(client), await sent(client)) for client in clients}


@asynccontextmanager
async def lossy_page(
    server: Server, browser: Chromium, link: str, name: str, seed: int
) -> AsyncIterator[tuple[SdkClient, UdpProxy]]:
    """A page whose media passes a network that will lose some of it."""
    async with lossy(seed) as network, Proxy(server).run() as proxy:

        def through(message: dict[str, Any]) -> dict[str, Any]:
            is_answer = message["type"] == "answer"
            return message | {"sdp": network.through(message["sdp"])} if is_answer else message

        proxy.to_client = through
        client = await SdkClient.join(browser, proxy.url, link, name, camera="#00ff00", width=320, height=180)
        yield client, network
        await client.leave()


async def test_pictures_go_on_over_two_percent_of_loss_both_ways(tmp_path: Path) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    async with serving(tmp_path, build_page(folder)) as server, chromium(flags=FLAGS) as browser:
        link = await SdkClient.make_link(browser, server.url)
        async with (
            lossy_page(server, browser, link, "Ana", 31) as (ana, ana_network),
            lossy_page(server, browser, link, "Ben", 32) as (ben, ben_network),
        ):
            both = {ana: ana_network, ben: ben_network}

            async def all_flow() -> bool:
                return all([(await received(client)).get("framesDecoded", 0) >= FRAMES for client in both])

            await until(all_flow, lambda: state(ana, ben))
            assert all(min(network.passed.values()) > 0 for network in both.values()), "all goes that way"
            assert not any(max(network.dropped.values()) for network in both.values())
            decoded = {client: (await received(client))["framesDecoded"] for client in both}
            made = {client: _frames(await sent(client)) for client in both}
            for network in both.values():
                network.loss = LOSS

            async def enough() -> bool:
                """Pictures, losses, and pictures that would not be whole if nothing had been asked for again."""
                for client, network in both.items():
                    report = await received(client)
                    if (
                        report["framesDecoded"] - decoded[client] < PICTURES
                        or min(network.dropped.values()) < DROPPED
                        or report["nackCount"] == 0
                        or report.get("retransmittedPacketsReceived", 0) == 0
                    ):
                        return False
                return True

            await until(enough, lambda: state(ana, ben))
            for client, other in ((ana, ben), (ben, ana)):
                given = _frames(await sent(other)) - made[other]
                came = (await received(client))["framesDecoded"] - decoded[client]
                assert came > given * 0.8, "pictures are left out"


def _frames(layers: dict[str, Report]) -> int:
    """Pictures that the camera gave, by the layer that has most of them."""
    return max(int(layer.get("framesSent", 0)) for layer in layers.values())


async def test_layers_ramp_up_and_each_receiver_has_the_one_they_ask_for(tmp_path: Path) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    async with serving(tmp_path, build_page(folder)) as server, chromium(flags=FLAGS) as browser:
        link = await SdkClient.make_link(browser, server.url)

        async def join(name: str, **options: object) -> SdkClient:
            return await SdkClient.join(browser, server.url, link, name, **options)

        ana = await join("Ana", camera="#00ff00", width=320, height=180)

        async def all_layers_flow() -> bool:
            layers = await sent(ana)
            flowing = {
                rid: layer["frameHeight"] for rid, layer in layers.items() if layer["framesSent"] >= FRAMES
            }
            return flowing == HEIGHTS

        # Without feedback that it believes Chromium would stay at the lowest.
        await until(all_layers_flow, lambda: state(ana))
        ben, cem = await join("Ben"), await join("Cem")
        for small, large in ((ben, cem), (cem, ben), (ben, cem)):
            before = {client: await received(client) for client in (small, large)}
            await small.page.evaluate("client.look([{ slot: 0, name: 'Ana', maxHeight: 45 }])")
            await large.page.evaluate("client.look([{ slot: 0, name: 'Ana', maxHeight: 180 }])")

            async def as_asked(heights: dict[SdkClient, int] = {small: 45, large: 180}) -> bool:  # noqa: B006
                return all(
                    [
                        (await received(client)).get("frameHeight") == height
                        for client, height in heights.items()
                    ]
                )

            await until(as_asked, lambda: state(ana, ben, cem))
            for client, earlier in before.items():
                now = await received(client)
                assert now["trackIdentifier"] == earlier.get("trackIdentifier", now["trackIdentifier"])
                if earlier and now["frameHeight"] != earlier["frameHeight"]:
                    assert now["keyFramesDecoded"] > earlier["keyFramesDecoded"]

            shown = {client: (await received(client))["framesDecoded"] for client in before}

            async def go_on(shown: dict[SdkClient, int] = shown) -> bool:
                counts = [(await received(one))["framesDecoded"] - was for one, was in shown.items()]
                return min(counts) >= FRAMES and await as_asked()

            await until(go_on, lambda: state(ana, ben, cem))
        for client in (ana, ben, cem):
            await client.leave()
