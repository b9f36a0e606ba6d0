"""The page in a real Firefox, with somebody in Chromium: the way through a call, and what it says where there is none."""

from contextlib import AsyncExitStack
from pathlib import Path

from sfu.e2ee.link import Link
from tests.e2e.app_client import FLAGS, AppClient, all_see_all, becomes, needs_bundle
from tests.e2e.chromium import chromium, needs_chromium
from tests.e2e.firefox import firefox, needs_firefox
from tests.e2e.server import serving
from tests.net.namespace import default_route, link, network

pytestmark = [needs_chromium, needs_firefox, needs_bundle]

# Pages come from loopback, media takes the other address, as Firefox has none on loopback.
SETTINGS = """
[http]
port = 0
[media]
addresses = ["default"]
packets = 8192
[limits]
participants_per_room = 2
[server]
drain_s = 0.1
"""

_LOBBY = "document.querySelector('.form [type=submit]:not(:disabled)') !== null"
_SUBMIT = "void document.querySelector('.form').requestSubmit()"
_TYPE = "([selector, value]) => { document.querySelector(selector).value = value; }"
# Refuses as a browser does in which nobody may have a camera, or that finds none.
_REFUSE = """([name]) => {
  held.get ??= navigator.mediaDevices.getUserMedia;
  navigator.mediaDevices.getUserMedia = name ? async () => { throw new DOMException("", name); } : held.get;
}"""


async def _says(client: AppClient, words: str) -> None:
    await client.until(f"document.querySelector('#app').innerText.includes({words!r})")


async def test_the_way_through_a_call_and_where_there_is_none(tmp_path: Path) -> None:
    with network("here", "elsewhere") as (here, elsewhere):
        link(here, "10.9.0.2/24", elsewhere, "10.9.0.1/24")
        default_route(here, via="10.9.0.1")
        async with AsyncExitStack() as stack:
            fox = await stack.enter_async_context(firefox(here.prefix))
            chrome = await stack.enter_async_context(chromium(here.prefix, FLAGS))
            async with serving(tmp_path, SETTINGS, here=here.prefix) as server:
                room = await AppClient.make_room(fox, server.url)
                fia = await AppClient.open(fox, server.url, "Fia", color="#ff0000")

                # A link that lost its end, and a key of another one.
                await fia.page.evaluate(_TYPE, ["#link", room[:-9]])
                await fia.press("Open")
                await _says(fia, "This link isn\u2019t whole")
                await fia.press("Back to start")
                apart, key = Link.parse(room).split()
                await fia.page.evaluate(_TYPE, ["#link", apart])
                await fia.press("Open")
                await fia.until("document.querySelector('#key') !== null")
                await fia.page.evaluate(_TYPE, ["#key", ("A" if key[0] != "A" else "B") + key[1:]])
                await fia.press("Open")
                await _says(fia, "That key doesn\u2019t fit this link")
                await fia.press("Back to start")
                await fia.until("document.querySelector('#link') !== null")

                # No devices, for one reason or the other.
                await fia.page.evaluate(_REFUSE, ["NotAllowedError"])
                await fia.enter_lobby(room)
                await _says(fia, "Your browser is blocking the camera and microphone")
                assert "Join and listen" in await fia.text()
                await fia.page.evaluate(_REFUSE, ["NotFoundError"])
                await fia.press("Try again")
                await _says(fia, "No camera found")
                await fia.page.evaluate(_REFUSE, [""])
                await fia.press("Try again")
                await fia.until("document.querySelector('.mirror video') !== null")

                # In, seen and heard, read and muted; for a third there is no room.
                await fia.press("Unmute")
                await fia.finish_lobby()
                ana = await AppClient.join(chrome, server.url, room, "Ana", color="#0000ff")
                await all_see_all([fia, ana])
                assert await ana.color_of("Fia") == "red"
                assert await fia.color_of("Ana") == "blue"
                await fia.say("from Firefox")
                await ana.say("from Chromium")

                async def read() -> bool:
                    return ("Fia", "from Firefox") in await ana.heard() and (
                        "Ana",
                        "from Chromium",
                    ) in await fia.heard()

                await becomes(read, fia, ana)
                await fia.press("Mute")

                async def is_muted() -> bool:
                    return "muted" in (await ana.tiles())["Fia"]["label"]

                await becomes(is_muted, ana)
                late = await AppClient.open(fox, server.url, "Late")
                await late.enter_lobby(room)
                await late.page.evaluate(_SUBMIT)
                await _says(late, "This room is full")
                await late.close()

                # Out, and in again.
                await fia.press("Leave")
                await _says(fia, "You left the call")
                await fia.page.evaluate(
                    "[...document.querySelectorAll('button')].find(({ innerText }) => innerText.startsWith('Go back in')).click()"
                )
                await fia.until(_LOBBY)
                await fia.finish_lobby()
                await all_see_all([fia, ana], silent=["Fia"])
                await ana.leave()
                await fia.press("Leave")
                await _says(fia, "You left the call")
                await fia.press("Back to start")
                await fia.until("document.querySelector('#link') !== null")
                await fia.enter_lobby(room)
            await fia.page.evaluate(_SUBMIT)
            await _says(fia, "doesn\u2019t answer")
            assert "try again in a moment" in await fia.text()
            await fia.close()
