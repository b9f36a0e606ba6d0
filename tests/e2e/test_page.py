"""The real page, with encryption, through the real server: what people do in a call."""

import base64
from pathlib import Path
from typing import Any

import pytest

from sfu.e2ee.link import Link
from tests.e2e.app_client import FLAGS, SETTINGS, AppClient, all_see_all, becomes, meeting, needs_bundle
from tests.e2e.chromium import chromium, needs_chromium
from tests.e2e.progress import FRAMES
from tests.e2e.proxy import Proxy
from tests.e2e.server import serving

pytestmark = [needs_chromium, needs_bundle]


async def test_people_meet_and_part(tmp_path: Path) -> None:
    async with meeting(tmp_path) as (server, _, browser, link):
        assert link.startswith(f"{server.url}/#")
        ana = await AppClient.join(browser, server.url, link, "Ana", color="#ff0000")
        ben = await AppClient.join(browser, server.url, link, "Ben", color="#00ff00")
        await all_see_all([ana, ben])

        # One who comes late has everybody's picture.
        cem = await AppClient.join(browser, server.url, link, "Cem", color="#0000ff")
        await all_see_all([ana, ben, cem])
        for client in (ana, ben, cem):
            sdp = await client.page.evaluate("held.connections[0].localDescription.sdp")
            assert sdp.count("a=sendonly") >= 2
            assert "a=sendrecv" not in sdp
            answer = await client.page.evaluate("held.connections[0].remoteDescription.sdp")
            assert "playout-delay" in sdp
            assert "playout-delay" not in answer
            microphones = await client.page.evaluate("held.microphones")
            assert microphones
            for switch in ("echoCancellation", "noiseSuppression", "autoGainControl"):
                assert all(wanted[switch] is True for wanted in microphones)
            for name, color in (("Ana", "red"), ("Ben", "green"), ("Cem", "blue")):
                if name != client.name:
                    assert await client.color_of(name) == color

        # One leaves, and the next has the slot.
        slot = (await cem.tiles())["Ana"]["slot"]
        await ana.leave()
        dan = await AppClient.join(browser, server.url, link, "Dan", color="#ff0000")
        await all_see_all([ben, cem, dan])
        assert (await cem.tiles())["Dan"]["slot"] == slot

        # One goes without a word, as a page does that is closed: nobody looks at a frozen picture.
        await dan.close()

        async def gone() -> bool:
            return set(await cem.tiles()) == {"Ben"} and set(await ben.tiles()) == {"Cem"}

        await becomes(gone, ben, cem)
        await ben.leave()
        await cem.leave()


async def test_a_page_that_goes_away_says_that_it_leaves(tmp_path: Path) -> None:
    """It does not wait for the server to see its connection close, which a network may keep to itself."""
    async with meeting(tmp_path) as (server, proxy, browser, link):
        ana = await AppClient.join(browser, server.url, link, "Ana")
        ben = await AppClient.join(browser, proxy.url, link, "Ben")
        await all_see_all([ana, ben])

        async def said() -> bool:
            return any(b'"type":"leave"' in asked for asked in proxy.asked)

        assert not await said()
        await ben.page.goto("about:blank")  # type: ignore[attr-defined]
        await becomes(said, ana)
        await ana.until("document.querySelectorAll('.tile').length === 0")
        await ben.close()
        await ana.leave()


async def test_a_link_that_is_followed_stays_on_the_device(tmp_path: Path) -> None:
    """Out of the address bar and the history, into this tab's memory, and in nothing that is sent."""
    async with (
        serving(tmp_path, SETTINGS) as server,
        Proxy(server).run() as proxy,
        chromium(flags=FLAGS) as browser,
    ):
        link = await AppClient.make_room(browser, proxy.url)
        fragment = link.partition("#")[2]
        ana = await AppClient.join(browser, proxy.url, link, "Ana", color="#ff0000")
        ben = await AppClient.follow(browser, link, "Ben", color="#00ff00")
        await all_see_all([ana, ben])
        assert await ben.page.evaluate("location.href") == f"{proxy.url}/"
        history = await ben.page.evaluate("navigation.entries().map(({ url }) => url)")
        assert history
        assert not any("#" in url for url in history)
        assert await ben.page.evaluate("Object.values({ ...sessionStorage })") == [fragment]
        assert fragment not in await ben.page.evaluate(
            "JSON.stringify({ ...localStorage }) + document.cookie"
        )
        # A reload has it still.
        await ben.reload()
        await all_see_all([ana, ben])
        await ben.page.evaluate(
            "navigator.clipboard.writeText = async (text) => { globalThis.copied = text; }"
        )
        await ben.press("Copy link")
        await ben.until("globalThis.copied !== undefined")
        assert await ben.page.evaluate("copied") == link
        await ben.press("Leave")
        await ben.until("document.querySelector('.call') === null")
        assert await ben.page.evaluate("sessionStorage.length") == 0
        await ben.close()
        await ana.leave()
        # All came by here: the page's own requests, and what signalling carried.
        assert len(proxy.asked) > 20
        assert any(b'"join"' in asked for asked in proxy.asked)
        secret = Link.parse(link).secret.reveal()
        for part in (fragment.encode(), secret, secret.hex().encode(), base64.urlsafe_b64encode(secret)[:42]):
            assert not any(part in asked for asked in proxy.asked)


async def test_muting_and_the_camera(tmp_path: Path) -> None:
    async with meeting(tmp_path) as (server, _, browser, link):
        ana = await AppClient.join(browser, server.url, link, "Ana")
        ben = await AppClient.join(browser, server.url, link, "Ben", muted=True)
        await all_see_all([ana, ben], silent=["Ben"])
        assert (await ana.tiles())["Ben"]["label"].startswith("Ben, muted")
        assert (await ben.sent())["audio"] == 0, "joining unmutes nothing"

        async def says(client: AppClient, name: str, word: str, *, is_said: bool = True) -> None:
            async def said() -> bool:
                return (word in (await client.tiles())[name]["label"]) is is_said

            await becomes(said, client)

        await ben.press("Unmute")
        await says(ana, "Ben", "muted", is_said=False)
        await all_see_all([ana, ben])

        async def is_ringed() -> bool:
            return bool((await ana.tiles())["Ben"]["talk"])

        await becomes(is_ringed, ana)

        await ben.press("Mute")
        await says(ana, "Ben", "muted")
        before = await ben.sent()

        async def pictures_go_on() -> bool:
            return (await ben.sent())["frames"] >= before["frames"] + FRAMES

        await becomes(pictures_go_on, ben)
        after = await ben.sent()
        assert after["audio"] == before["audio"], "who is muted sends no sound, not even silence"

        await ben.press("Stop camera")
        await says(ana, "Ben", "camera off")
        assert await ana.color_of("Ben") is None
        await ben.press("Start camera")
        await says(ana, "Ben", "camera off", is_said=False)
        await all_see_all([ana, ben], silent=["Ben"])
        await ana.leave()
        await ben.leave()


async def test_a_camera_started_in_the_call_is_seen_and_its_size_told(tmp_path: Path) -> None:
    async with meeting(tmp_path) as (server, proxy, browser, link):
        offers: list[dict[str, object]] = []

        def note(message: dict[str, object]) -> dict[str, object]:
            if message["type"] == "offer":
                offers.append(message)
            return message

        proxy.to_server = note
        ana = await AppClient.join(browser, server.url, link, "Ana")
        ben = await AppClient.open(browser, proxy.url, "Ben")
        await ben.enter_lobby(link)
        await ben.press("Stop camera")
        await ben.finish_lobby()
        await ana.until("document.querySelector('.tile.sealed') !== null")  # nothing of his has opened

        async def offered() -> bool:
            return bool(offers)

        await becomes(offered, ana, ben)
        assert [offer["heights"] for offer in offers] == [{}]
        await ben.press("Start camera")
        await all_see_all([ana, ben], silent=["Ben"])
        assert [offer["heights"] for offer in offers] == [{}, {"1": [45, 90, 180]}]
        await ana.leave()
        await ben.leave()


async def test_chat_arrives_once_in_order_from_whom_it_is(tmp_path: Path) -> None:
    async with meeting(tmp_path) as (server, proxy, browser, link):
        ana = await AppClient.join(browser, proxy.url, link, "Ana", muted=True)
        ben = await AppClient.join(browser, server.url, link, "Ben", muted=True)
        await all_see_all([ana, ben], silent=["Ana", "Ben"])
        # Ana's connection breaks in the midst of it, and she writes on.
        for number in range(4):
            await ana.say(f"from Ana {number}")
        proxy.cut()
        for number in range(4, 8):
            await ana.say(f"from Ana {number}")
        for number in range(8):
            await ben.say(f"from Ben {number}")
        expected = {who: [f"from {who} {number}" for number in range(8)] for who in ("Ana", "Ben")}

        async def all_there() -> bool:
            return len(await ana.heard()) >= 16 and len(await ben.heard()) >= 16

        await becomes(all_there, ana, ben)
        for client in (ana, ben):
            heard = await client.heard()
            for who, lines in expected.items():
                label = "You" if who == client.name else who
                assert [text for name, text in heard if name == label] == lines
        await ana.leave()
        await ben.leave()


async def test_lines_beyond_the_rate_are_refused_and_sent_when_asked_again(tmp_path: Path) -> None:
    async with meeting(tmp_path) as (server, _, browser, link):
        ana = await AppClient.join(browser, server.url, link, "Ana", muted=True)
        ben = await AppClient.join(browser, server.url, link, "Ben", muted=True)
        await all_see_all([ana, ben], silent=["Ana", "Ben"])
        await ana.say("line 0")
        await ana.page.evaluate(_WRITE, [1, 100])
        await ana.until("document.querySelector('.sent.bad') !== null")
        assert "Not sent. Too many messages at once" in str(await ana.text())
        # What was refused stays to be seen, and goes once there is room for it.
        refused = await ana.page.evaluate(_REFUSED)
        assert all(20 <= int(text.removeprefix("line ")) < 100 for text in refused)

        async def sent() -> bool:
            await ana.press("Try again")
            return refused[0] not in await ana.page.evaluate(_REFUSED)

        await becomes(sent, ana)

        async def heard() -> bool:
            return ("Ana", refused[0]) in await ben.heard()

        await becomes(heard, ben)
        lines = [text for _, text in await ben.heard()]
        assert lines[:20] == [f"line {number}" for number in range(20)]
        assert len(lines) == len(set(lines))
        # A refused line takes no number: nothing is missing.
        assert await ben.page.evaluate("document.querySelectorAll('.since').length") == 1
        await ana.leave()
        await ben.leave()


# Own lines that have not gone, and are not on their way.
_REFUSED = """[...document.querySelectorAll(".msg:has(.sent.bad)")].map((line) => line.querySelector("p").textContent)"""

# Lines in one task, as nobody can type them.
_WRITE = """([begin, end]) => {
  const field = document.querySelector("textarea");
  for (let n = begin; n < end; n++) {
    field.value = `line ${n}`;
    field.form.requestSubmit();
  }
}"""


async def test_media_flows_while_signalling_is_cut(tmp_path: Path) -> None:
    async with meeting(tmp_path) as (server, proxy, browser, link):
        ana = await AppClient.join(browser, proxy.url, link, "Ana")
        ben = await AppClient.join(browser, server.url, link, "Ben")
        await all_see_all([ana, ben])
        proxy.is_down = True
        proxy.cut()
        await ana.until_cut_off()
        await all_see_all([ana, ben])
        await ben.press("Mute")
        proxy.is_down = False
        await ana.until_back()

        async def knows() -> bool:
            return "muted" in (await ana.tiles())["Ben"]["label"]

        await becomes(knows, ana)  # what was missed is told later
        assert await ana.page.evaluate("held.connections.length") == 1, "media was left alone"
        await ana.leave()
        await ben.leave()


async def test_another_network_is_healed(tmp_path: Path) -> None:
    async with meeting(tmp_path) as (server, proxy, browser, link):
        ana = await AppClient.join(browser, proxy.url, link, "Ana")
        ben = await AppClient.join(browser, server.url, link, "Ben")
        await all_see_all([ana, ben])

        # The browser says that the network may be another: ICE begins anew, and signalling by a new connection.
        ufrag = "held.connections[0].remoteDescription.sdp.match(/a=ice-ufrag:(\\S+)/)[1]"
        before = await ana.page.evaluate(ufrag)
        connections = proxy.connections
        await ana.page.evaluate("void dispatchEvent(new Event('online'))")
        await ana.until(f"{ufrag} !== {before!r}")
        await all_see_all([ana, ben])
        assert proxy.connections > connections
        assert await ana.page.evaluate("held.connections.length") == 1

        # The server has lost its side: another peer connection takes the place of the one before.
        def another_transport(message: dict[str, object]) -> dict[str, object]:
            if message["type"] == "answer" and message["transport"] == 1:
                return message | {"transport": 7}
            return message

        proxy.to_client = another_transport
        await ana.page.evaluate("void dispatchEvent(new Event('online'))")
        await ana.until("held.connections.length === 2")
        await all_see_all([ana, ben])
        assert await ana.page.evaluate("held.connections[0].connectionState") == "closed"
        await ana.leave()
        await ben.leave()


async def test_who_is_gone_for_too_long_comes_back_in(tmp_path: Path) -> None:
    async with meeting(tmp_path) as (server, proxy, browser, link):
        ana = await AppClient.join(browser, proxy.url, link, "Ana")
        ben = await AppClient.join(browser, server.url, link, "Ben")
        await all_see_all([ana, ben])

        def forget(message: dict[str, object]) -> dict[str, object]:
            # As a server does that has been restarted: it knows no such session.
            if message["type"] == "hello" and "resume" in message:
                proxy.to_server = lambda later: later
                return message | {"resume": {"session": "unknown", "seq": 0}}
            return message

        proxy.to_server = forget
        proxy.cut()
        await ana.until("held.connections.length === 2")

        # She is one and the same sender, whatever number the server has given her now.
        await all_see_all([ana, ben])
        assert await ben.page.evaluate("document.querySelectorAll('.tile').length") == 1
        await ana.leave()
        await ben.leave()


_KEPT = "sessionStorage.getItem('sfu.link') !== null"
_LOBBY = "document.querySelector('.form [type=submit]:not(:disabled)') !== null"


@pytest.mark.parametrize("code", ["unauthorised", "no_transform"])
async def test_nothing_of_the_link_stays_where_no_try_helps(tmp_path: Path, code: str) -> None:
    async with (
        serving(tmp_path, SETTINGS) as server,
        Proxy(server).run() as proxy,
        chromium(flags=FLAGS) as browser,
    ):
        link = await AppClient.make_room(browser, proxy.url)

        def refuse(message: dict[str, Any]) -> dict[str, Any]:
            is_joined = message["type"] == "joined"
            return (
                {"v": 0, "type": "error", "id": message["id"], "code": code, "message": ""}
                if is_joined
                else message
            )

        proxy.to_client = refuse
        ana = await AppClient.open(browser, proxy.url, "Ana")
        await ana.enter_lobby(link)
        assert await ana.page.evaluate(_KEPT)
        if code == "unauthorised":
            await ana.page.evaluate("document.querySelector('.form').requestSubmit()")
        else:
            # As a browser that has none, to which the link was given in the address bar.
            await ana.page.evaluate("delete globalThis.RTCRtpScriptTransform")
            await ana.page.evaluate("([link]) => { location.hash = new URL(link).hash; }", [link])
        expected = {"unauthorised": "asks for a pass", "no_transform": "can\u2019t keep a call sealed"}
        await ana.until(f"document.querySelector('#app').innerText.includes('{expected[code]}')")
        assert not await ana.page.evaluate(_KEPT)
        assert "#" not in str(await ana.page.evaluate("location.href"))
        await ana.close()
