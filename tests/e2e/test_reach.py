"""The call without eyes and without a mouse: what a screen reader is given, and what keys do."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import playwright.async_api

from tests.e2e.app_client import AppClient, meeting, needs_bundle
from tests.e2e.chromium import needs_chromium

pytestmark = [needs_chromium, needs_bundle]

# Attributes of live regions as the browser hands them to a screen reader, by what they are.
_LIVE = """() => [...document.querySelectorAll("[role=status], [role=alert], [role=log], [aria-live], output")].map((element) => {
  const { role } = element;
  return element.getAttribute("aria-live") ?? { status: "polite", alert: "assertive", log: "log" }[role] ?? "polite";
}).sort()"""

_FOCUS = """() => {
  const { activeElement: element } = document;
  if (element === document.body || element === null) return "";
  return element.getAttribute("aria-label") ?? element.innerText.trim().split("\\n")[0];
}"""

_SCREEN = """() => {
  navigator.mediaDevices.getDisplayMedia = async () => document.createElement("canvas").captureStream(1);
}"""
_STOPS = """([selector]) => [...document.querySelectorAll(`${selector} *`)]
  .filter((element) => element.matches('button, article') && element.tabIndex >= 0 && element.offsetParent !== null && !element.disabled)
  .map((element) => element.getAttribute("aria-label") ?? element.innerText.trim().split("\\n")[0])"""


async def tree(page: playwright.async_api.Page, *roles: str) -> list[tuple[str, str]]:
    """Role and name of what a screen reader finds, in its order; of these roles alone."""
    session = await page.context.new_cdp_session(page)
    answer = await session.send("Accessibility.getFullAXTree")
    await session.detach()
    nodes: dict[str, Any] = {node["nodeId"]: node for node in answer["nodes"]}
    found: list[tuple[str, str]] = []

    def walk(node: dict[str, Any]) -> None:
        role = node.get("role", {}).get("value")
        if not node.get("ignored") and role in roles:
            found.append((role, node.get("name", {}).get("value", "")))
        for child in node.get("childIds", []):
            if child in nodes:
                walk(nodes[child])

    walk(answer["nodes"][0])
    return found


class Reader:
    """One who has neither eyes nor a mouse, in a call."""

    def __init__(self, client: AppClient) -> None:
        assert isinstance(client.page, playwright.async_api.Page)
        self.client = client
        self.page = client.page

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.page.keyboard.press(key)

    async def focus(self) -> str:
        """The name of what has the focus."""
        return str(await self.page.evaluate(_FOCUS))

    async def until_focus(self, name: str) -> None:
        await self.client.until(f"({_FOCUS})() === {name!r}")

    async def until_label(self, *names: str) -> None:
        """Until there are buttons of these names in the bar."""
        for name in names:
            await self.client.until(
                f"[...document.querySelectorAll('.bar .ctl > span')].some(({{ innerText }}) => innerText === {name!r})"
            )

    async def until_panel(self, name: str | None) -> None:
        await self.client.until(
            "document.querySelector('.panel') === null"
            if name is None
            else f"document.querySelector('.panel')?.dataset.panel === {name!r}"
        )

    async def names(self, *roles: str) -> list[str]:
        return [name for _, name in await tree(self.page, *roles)]


async def three(stack: AsyncExitStack, folder: Path) -> tuple[Reader, AppClient, AppClient]:
    """Two are in a call, and a third comes in who cannot see it."""
    server, _, browser, link = await stack.enter_async_context(meeting(folder))
    ana = await AppClient.join(browser, server.url, link, "Ana Ruiz")
    ben = await AppClient.join(browser, server.url, link, "Ben")
    sam = await AppClient.join(browser, server.url, link, "Sam", muted=True)
    await sam.until("document.querySelectorAll('.tile:not(.sealed)').length === 2")
    await ana.press("Mute")
    await ana.press("Stop camera")
    await sam.until("document.querySelector('.tile[aria-label=\"Ana Ruiz, muted, camera off\"]') !== null")
    return Reader(sam), ana, ben


async def test_a_screen_reader_is_told_what_there_is(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        sam, ana, ben = await three(stack, tmp_path)
        page = sam.page
        # Whoever joins hears where they are.
        assert await sam.focus() == "Call, 3 people"
        assert await tree(page, "heading") == [("heading", "Call, 3 people")]
        assert (await sam.names("banner", "main", "complementary", "navigation")) == [
            "",
            "People",
            "Call controls",
        ]
        assert sorted(await sam.names("article")) == ["Ana Ruiz, muted, camera off", "Ben"]
        assert await page.evaluate(_LIVE) == ["assertive", "polite"]

        # A toggle's name says what pressing it does, and nothing else tells its state.
        assert await page.evaluate("document.querySelectorAll('[aria-pressed]').length") == 0
        buttons = await sam.names("button")
        for name in ("Unmute", "Stop camera", "Share screen", "People", "Chat", "More", "Leave"):
            assert buttons.count(name) == 1, buttons
        await sam.client.press("Unmute")
        await sam.until_label("Mute")
        await sam.client.press("Stop camera")
        await sam.until_label("Start camera")
        assert {"Mute", "Start camera"} < set(await sam.names("button"))
        # Pressing it away from the eyes took no focus from where it was.
        assert await sam.focus() == "Call, 3 people"

        # Who speaks is to be found, but changes no name and is in no region that is read out.
        await sam.client.until("document.querySelector('.tile.talk') !== null")
        assert sorted(await sam.names("article")) == ["Ana Ruiz, muted, camera off", "Ben"]
        assert await page.evaluate("document.querySelector('.tile.talk').innerText.includes('speaking')")

        # What comes in is said by the one polite region, and takes no focus.
        await ben.say("hello")
        await sam.client.until("document.querySelector('.ctl .n') !== null")
        assert "Chat 1 new message" in await sam.names("button")
        assert await sam.focus() == "Call, 3 people"

        for key, panel, title, below in (
            ("p", "people", "People", ["In the call"]),
            ("c", "chat", "Chat", []),
            ("i", "security", "Who can open this call", None),
            ("?", "shortcuts", "Keyboard shortcuts", []),
        ):
            await sam.press(key)
            await sam.until_panel(panel)
            await sam.until_focus(title)
            headings = await page.locator("h1, h2, h3").evaluate_all(
                "(all) => all.map((heading) => [heading.tagName, heading.innerText])"
            )
            assert headings[:2] == [["H1", "Call, 3 people"], ["H2", title]]
            assert all(level == "H3" for level, _ in headings[2:])
            if below is not None:
                assert [text for _, text in headings[2:]] == below
            assert ("complementary", title) in await tree(page, "complementary")
            wanted = ["assertive", "log", "polite"] if panel == "chat" else ["assertive", "polite"]
            assert await page.evaluate(_LIVE) == wanted
            if panel == "chat":
                assert ("log", "Messages") in await tree(page, "log")
            await sam.press("Escape")
            await sam.until_panel(None)
            await sam.until_focus("Call, 3 people")

        # One that leads to another: the first one's opener has the focus back.
        more = page.locator(".bar .ctl", has_text="More")
        await more.press("Enter")
        await sam.until_focus("More")
        await sam.client.press("Connection details")
        await sam.until_focus("Connection details")
        assert await page.evaluate(_LIVE) == ["assertive", "polite"]
        await sam.press("Escape")
        await sam.until_panel(None)
        await sam.until_focus("More")
        assert await page.evaluate("document.activeElement.matches('.bar .ctl')")

        # A menu of a tile: in by its button, out again to it.
        options = page.locator(".tile", has_text="Ben").get_by_label("Options for Ben")
        await options.press("Enter")
        await sam.until_focus("Pin")
        assert ("menu", "Options for Ben") in await tree(page, "menu")
        assert await sam.names("menuitem") == ["Pin", "Show whole picture", "Mute for me"]
        await sam.press("ArrowDown")
        assert await sam.focus() == "Show whole picture"
        await sam.press("Escape")
        await sam.until_focus("Options for Ben")
        assert await page.locator(".menu-pop").count() == 0

        # One who goes, while somebody reads: the focus stays.
        await ana.leave()
        await sam.client.until("document.querySelectorAll('.tile').length === 1")
        await sam.client.until("document.querySelector('.notice').innerText === 'Ana Ruiz left'")
        assert await sam.focus() == "Options for Ben"
        await sam.client.leave()
        await ben.leave()


async def test_keys_do_what_the_bar_does(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        sam, ana, ben = await three(stack, tmp_path)
        page, client = sam.page, sam.client
        await page.evaluate(_SCREEN)

        # Each does, and undoes.
        await sam.press("m")
        await sam.until_label("Mute")
        await sam.press("m")
        await sam.until_label("Unmute")
        await sam.press("v")
        await sam.until_label("Start camera")
        await sam.press("v")
        await sam.until_label("Stop camera")
        await sam.press("s")
        await sam.until_label("Stop sharing")
        await sam.press("s")
        await sam.until_label("Share screen")
        for key, panel in (("p", "people"), ("c", "chat"), ("i", "security"), ("?", "shortcuts")):
            await sam.press(key)
            await sam.until_panel(panel)
            await page.locator(".panel .shut").focus()  # not in the chat's field
            await sam.press(key)
            await sam.until_panel(None)
        await client.until("document.activeElement === document.querySelector('h1')")

        # Space is held to talk, and let go of.
        await page.keyboard.down(" ")
        await sam.until_label("Mute")
        await page.keyboard.up(" ")
        await sam.until_label("Unmute")

        # One large picture, everyone again.
        await sam.press("g")
        await client.until("JSON.parse(localStorage['sfu.preferences']).view === 'large'")
        await sam.press("g")
        await client.until("JSON.parse(localStorage['sfu.preferences']).view === 'everyone'")

        # F6 goes round by the parts of the page, with Shift the other way.
        await page.locator(".line .state").focus()
        for part in (".stage", ".bar", ".line"):
            await sam.press("F6")
            assert await page.evaluate("(part) => document.activeElement.closest(part) !== null", part)
        for part in (".bar", ".stage", ".line"):
            await sam.press("Shift+F6")
            assert await page.evaluate("(part) => document.activeElement.closest(part) !== null", part)
        await sam.press("p")
        await sam.until_focus("People")
        await sam.press("F6")
        assert await page.evaluate("document.activeElement.closest('.bar') !== null")
        await sam.press("Shift+F6")
        assert await sam.focus() == "People"
        await sam.press("Escape")
        await sam.until_panel(None)

        # In the bar and in the grid Tab stops once, and arrows go on from there.
        controls = [
            "Your picture, options",
            "Unmute",
            "Stop camera",
            "Share screen",
            "People",
            "Chat",
            "More",
            "Leave",
        ]
        await page.locator(".selfpic").focus()
        assert await page.evaluate(_STOPS, [".bar"]) == ["Your picture, options"]
        for name in [*controls[1:], controls[0]]:
            await sam.press("ArrowRight")
            assert await sam.focus() == name
            assert await page.evaluate(_STOPS, [".bar"]) == [name]
        await sam.press("ArrowLeft")
        assert await sam.focus() == "Leave"
        await page.evaluate("document.dir = 'rtl'")
        await sam.press("ArrowRight")
        assert await sam.focus() == "More"
        await page.evaluate("document.dir = 'ltr'")
        tiles = page.locator(".tile")
        first, second = [await tiles.nth(at).get_attribute("aria-label") for at in range(2)]
        await tiles.first.focus()
        await sam.press("ArrowRight")
        assert await sam.focus() == second
        stops = await page.evaluate(_STOPS, [".grid"])
        assert (stops[0], len(stops)) == (second, 3)  # with its two buttons
        await sam.press("ArrowLeft")
        assert await sam.focus() == first
        # One above the other: up and down.
        await page.set_viewport_size({"width": 500, "height": 800})
        await client.until("document.querySelectorAll('.tile')[1].getBoundingClientRect().left < 20")
        await sam.press("ArrowDown")
        assert await sam.focus() == second
        await sam.press("ArrowUp")
        assert await sam.focus() == first
        await sam.press("ArrowUp")
        assert await sam.focus() == first

        # So small a window has a page for each.
        await page.set_viewport_size({"width": 300, "height": 300})
        await client.until("document.querySelector('.pager .num')?.innerText === '1 of 2'")
        await sam.press("]")
        await client.until("document.querySelector('.pager .num').innerText === '2 of 2'")
        await sam.press("]")
        await sam.press("[")
        await client.until("document.querySelector('.pager .num').innerText === '1 of 2'")
        await page.set_viewport_size({"width": 1440, "height": 900})
        await client.until("document.querySelectorAll('.tile').length === 2")

        # Enter on a tile pins it, and lets go.
        await page.locator(".tile", has_text="Ben").focus()
        await sam.press("Enter")
        await client.until("document.querySelector('.tile.large')?.innerText.includes('Ben')")
        await page.locator(".tile", has_text="Ben").focus()
        await sam.press("Enter")
        await client.until("document.querySelector('.tile.large') === null")

        # Letters are letters in a field, and with Ctrl they are the browser's. Nothing leaves.
        await sam.press("c")
        await sam.until_focus("Chat")
        await page.locator("textarea").focus()
        await page.keyboard.type("mvspig [l] ?")
        assert await page.input_value("textarea") == "mvspig [l] ?"
        await page.fill("textarea", "")
        await sam.press("Escape")
        await sam.until_panel(None)
        await sam.press("l", "q", "x", "Control+m", "Alt+v", "Meta+p")
        assert {"Unmute", "Stop camera"} <= set(await sam.names("button"))
        await sam.until_panel(None)

        # They can be turned off: then only what is no letter does anything.
        await client.press("More")
        await page.locator("#single-keys").press(" ")
        await client.until("JSON.parse(localStorage['sfu.preferences']).singleKeys === false")
        assert await page.locator("[aria-keyshortcuts]").count() == 0
        await page.locator(".panel h2").focus()
        await sam.press("m", "v", "p", " ", "?")
        await sam.until_panel("more")
        assert {"Unmute", "Stop camera"} <= set(await sam.names("button"))
        await sam.press("F6", "Escape")
        await sam.until_panel(None)
        for one in (client, ana, ben):
            await one.leave()
