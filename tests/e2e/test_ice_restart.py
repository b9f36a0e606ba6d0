"""A client restarts ICE in the middle of a call: the same participant and media, other credentials and another path."""

from pathlib import Path
from typing import Any

from tests.e2e.chromium import chromium, needs_chromium
from tests.e2e.page_client import PageClient
from tests.e2e.progress import all_decode_all, until
from tests.e2e.server import PAGE, serving

ROOM = "restart-without-encryption-001"
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
_UFRAGS = """() => [client.pc.localDescription, client.pc.remoteDescription].map(({ sdp }) =>
    sdp.match(/^a=ice-ufrag:(.*)$/m)[1])"""

# Who speaks changes by itself.
_EVENTS = "client.events.filter(({ type }) => type !== 'speakers')"


@needs_chromium
async def test_media_flows_on_over_an_ice_restart_and_nobody_else_notices(tmp_path: Path) -> None:
    async with serving(tmp_path, SETTINGS) as server, chromium() as browser:
        clients = [await PageClient.join(browser, server, ROOM, width=320, height=180) for _ in range(2)]
        restarting, other = clients
        await all_decode_all(clients)
        ufrags = await restarting.page.evaluate(_UFRAGS)
        path = await restarting.page.evaluate("client.path()")  # each gathering takes ports of its own
        events = await other.page.evaluate(_EVENTS)

        await restarting.page.evaluate("client.restart()")
        for before, after in zip(ufrags, await restarting.page.evaluate(_UFRAGS), strict=True):
            assert before != after

        async def path_now() -> Any:
            return await restarting.page.evaluate("client.path()")

        async def checked_anew() -> bool:
            return await path_now() not in (None, path)

        await until(checked_anew, path_now)
        await all_decode_all(clients)
        assert await other.page.evaluate(_EVENTS) == events
        for client in clients:
            await client.leave()
