"""What the page does beside letting people meet: the room's link in two parts, one large picture, a screen, languages."""

import json
from pathlib import Path

from tests.e2e.app_client import (
    APART,
    FLAGS,
    LOBBY,
    SCREEN,
    SETTINGS,
    TYPE,
    AppClient,
    all_see_all,
    becomes,
    meeting,
    needs_bundle,
)
from tests.e2e.chromium import chromium, needs_chromium
from tests.e2e.server import serving

pytestmark = [needs_chromium, needs_bundle]


async def test_a_link_and_its_key_apart(tmp_path: Path) -> None:
    async with serving(tmp_path, SETTINGS) as server, chromium(flags=FLAGS) as browser:
        ana = await AppClient.open(browser, server.url, "Ana")
        await ana.press("Make a room")
        await ana.until("document.querySelector('.specimen.wide') !== null")
        await ana.press("Split it")
        await ana.until(f"{APART}.length === 2")
        link, key = await ana.page.evaluate(APART)
        await ana.press("Go in")
        await ana.until(LOBBY)
        assert "The server says no one is inside yet." in await ana.text()
        await ana.finish_lobby()

        ben = await AppClient.open(browser, server.url, "Ben")
        await ben.page.evaluate(TYPE, ["#link", link])
        await ben.press("Open")
        await ben.until("document.querySelector('#key') !== null")
        assert "This link needs its key." in await ben.text()
        wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
        await ben.page.evaluate(TYPE, ["#key", wrong])
        await ben.press("Open")
        await ben.until("document.querySelector('.err') !== null")
        assert "That key doesn\u2019t fit this link" in await ben.text()
        await ben.page.evaluate(TYPE, ["#key", key])
        await ben.press("Open")
        await ben.until(LOBBY)
        await ben.until("document.querySelector('.form').innerText.includes('1 person is inside')")
        await ben.finish_lobby()
        await all_see_all([ana, ben], silent=["Ana", "Ben"])
        await ana.leave()
        await ben.leave()


_STAGE = """() => [...document.querySelectorAll(".tile")].map((tile) => ({
  name: tile.querySelector(".tag > span").textContent,
  width: tile.clientWidth,
  isLarge: tile.classList.contains("large"),
}))"""


async def test_a_pin_makes_one_large_and_mounts_no_picture_anew(tmp_path: Path) -> None:
    async with meeting(tmp_path) as (server, _, browser, link):
        ana = await AppClient.join(browser, server.url, link, "Ana", muted=True)
        ben = await AppClient.join(browser, server.url, link, "Ben", muted=True)
        cem = await AppClient.join(browser, server.url, link, "Cem", muted=True)
        await all_see_all([ana, ben, cem], silent=["Ana", "Ben", "Cem"])
        await ana.page.evaluate(
            "document.querySelectorAll('video').forEach((video) => { video.isMarked = true; })"
        )
        await ana.page.evaluate("document.querySelector('.tile [aria-label=Pin]').click()")
        await ana.until("document.querySelector('.tile.large') !== null")
        large, small = sorted(await ana.page.evaluate(_STAGE), key=lambda tile: tile["name"])
        assert large["isLarge"]
        assert not small["isLarge"]
        assert large["width"] > 3 * small["width"]
        await all_see_all([ana, ben, cem], silent=["Ana", "Ben", "Cem"])
        await ana.page.evaluate("document.querySelector('.tile.large [aria-label=Unpin]').click()")
        await ana.until("document.querySelector('.tile.large') === null")
        assert await ana.page.evaluate(
            "[...document.querySelectorAll('.tile video')].every(({ isMarked }) => isMarked)"
        )
        for client in (ana, ben, cem):
            await client.leave()


async def test_a_screen_has_the_stage_until_it_is_stopped(tmp_path: Path) -> None:
    async with meeting(tmp_path) as (server, _, browser, link):
        ana = await AppClient.join(browser, server.url, link, "Ana", color="#ff0000", muted=True)
        ben = await AppClient.join(browser, server.url, link, "Ben", color="#0000ff", muted=True)
        await all_see_all([ana, ben], silent=["Ana", "Ben"])
        await ana.page.evaluate(SCREEN)
        await ana.press("Share screen")
        await ben.until("document.querySelector('.notice').innerText === 'Ana is showing a screen'")

        async def is_seen() -> bool:
            return await ben.color_of("Ana\u2019s screen") == "green" and await ben.color_of("Ana") == "red"

        await becomes(is_seen, ana, ben)
        assert await ben.page.evaluate("document.querySelector('.tile.large').dataset.show") == "screen"
        # One's own is not shown to oneself.
        assert set(await ana.tiles()) == {"Ben"}
        await ana.press("Stop sharing")
        await ben.until("document.querySelector('.tile.large') === null")
        assert set(await ben.tiles()) == {"Ana"}
        await ana.press("Share screen")
        await becomes(is_seen, ana, ben)
        await ana.leave()
        await ben.leave()


async def test_another_language_and_being_forgotten(tmp_path: Path) -> None:
    async with meeting(tmp_path) as (server, _, browser, link):
        ana = await AppClient.join(browser, server.url, link, "Ana", muted=True)
        await ana.press("More")
        await ana.until("document.querySelector('#language') !== null")
        for language, word in (("de", "Gehen"), ("es", "Salir")):
            await ana.page.evaluate(
                "([language]) => { const field = document.querySelector('#language'); field.value = language; "
                "field.dispatchEvent(new Event('change', { bubbles: true })); }",
                [language],
            )
            await ana.until(f"document.querySelector('.ctl.out').innerText === '{word}'")
            assert await ana.page.evaluate("document.documentElement.lang") == language
        kept = json.loads(await ana.page.evaluate("JSON.stringify({ ...localStorage })"))
        assert set(kept) == {"sfu.preferences"}
        assert json.loads(kept["sfu.preferences"])["name"] == "Ana"
        await ana.press("Olvídame aquí")
        await ana.until("localStorage.length === 0")
        await ana.press("Salir")
        await ana.until("document.querySelector('.call') === null")
        assert await ana.page.evaluate("sessionStorage.length") == 0
        await ana.close()
