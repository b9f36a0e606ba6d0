"""Two browsers with habits of their own in one room, without encryption."""

from pathlib import Path

from tests.e2e.chromium import chromium, needs_chromium
from tests.e2e.firefox import firefox, needs_firefox
from tests.e2e.page_client import PageClient
from tests.e2e.progress import all_decode_all
from tests.e2e.server import PAGE, serving
from tests.net.namespace import default_route, link, network

ROOM = "firefox-without-encryption-001"
SMALL = {"width": 320, "height": 180}

# Pages come from loopback, which browsers give camera and microphone to; media takes the other address, as Firefox has
# none on loopback.
SETTINGS = f"""
[http]
port = 0
web = "{PAGE}"
[media]
addresses = ["default"]
workers = 2
fill = 1
packets = 8192
"""


@needs_chromium
@needs_firefox
async def test_firefox_and_chromium_exchange_sound_and_pictures(tmp_path: Path) -> None:
    with network("here", "elsewhere") as (here, elsewhere):
        link(here, "10.9.0.2/24", elsewhere, "10.9.0.1/24")
        default_route(here, via="10.9.0.1")
        async with (
            serving(tmp_path, SETTINGS, here=here.prefix) as server,
            firefox(here.prefix) as fox,
            chromium(here.prefix) as chrome,
        ):
            browsers = (fox, fox, chrome)
            clients = [await PageClient.join(browser, server, ROOM, **SMALL) for browser in browsers]
            await all_decode_all(clients)

            await clients[0].page.evaluate("client.restart()")
            await all_decode_all(clients)
            for client in clients:
                await client.leave()
