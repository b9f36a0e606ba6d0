"""That every screen fits, for everybody: small and large windows, 200 %, phones, longer words, other directions."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import playwright.async_api

from tests.e2e.app_client import FLAGS, SETTINGS, AppClient, all_see_all, becomes, meeting, needs_bundle
from tests.e2e.chromium import chromium, needs_chromium
from tests.e2e.fitting import DESK, LYING, MODES, NARROW, UPRIGHT, Frame, Mode
from tests.e2e.server import serving

pytestmark = [needs_chromium, needs_bundle]

LANGUAGES = ("de", "es")
Check = Callable[[str], Awaitable[None]]

_REFUSE = """() => {
  navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", "NotAllowedError"); };
}"""
_NO_COPY = "() => { navigator.clipboard.writeText = async () => { throw new Error(); }; }"
_NO_SERVER = """() => {
  globalThis.Socket = WebSocket;
  globalThis.WebSocket = class extends WebSocket {
    constructor() { super(`ws://${location.hostname}:9/`); }
  };
}"""
_SERVER = "() => { globalThis.WebSocket = Socket; }"
_SCREEN = """() => {
  navigator.mediaDevices.getDisplayMedia = async () => document.createElement("canvas").captureStream(1);
}"""
_CHOOSE = """([selector, value]) => {
  const field = document.querySelector(selector);
  field.value = value;
  field.dispatchEvent(new Event("change", { bubbles: true }));
}"""
_CLICK = "([selector]) => document.querySelector(selector).click()"  # a part of what pointers alone show
_KEEP = """([language]) => localStorage.setItem("sfu.preferences", JSON.stringify({ language }))"""


def checking(frame: Frame, found: list[str], modes: tuple[Mode, ...], language: str = "en") -> Check:
    async def check(screen: str) -> None:
        found.extend(await frame.check(f"{screen} ({language})", modes))
        if folder := os.environ.get("SFU_SCREENSHOTS"):
            for mode in modes:
                await frame.enter(mode)
                path = Path(folder, f"{language} {screen} {mode.name}.png")
                await frame.page.screenshot(path=path)
                await frame.leave(mode)

    return check


async def begin(page: playwright.async_api.Page, url: str) -> None:
    """At the first page, with no link kept."""
    await page.evaluate("sessionStorage.clear()")
    await page.goto(url)
    await page.wait_for_selector(".lead .btn")


async def visit(page: playwright.async_api.Page, url: str, check: Check) -> str:
    """Everything outside a call, as one who makes a room and one who is sent half a link; the room's link."""
    await begin(page, url)
    await page.click("summary")
    await check("landing")
    await page.click(".aside")
    await page.wait_for_selector("#key")
    await check("apart, asked")
    await page.click(".act .btn")  # back to start
    await page.click(".lead .btn.main")
    await page.wait_for_selector(".specimen.wide")
    link = await page.locator(".specimen.wide").inner_text()
    await page.evaluate(_NO_COPY)
    await page.click(".act .btn.big:not(.main)")
    await page.click(".way .btn")
    await page.wait_for_selector(".parts")
    await page.wait_for_function("document.querySelector('.col > [role=status]').innerText !== ''")
    await check("made")
    half = await page.locator(".parts .specimen").first.inner_text()
    await begin(page, url)
    await page.fill("#link", half)
    await page.press("#link", "Enter")
    await page.fill("#key", "no key of this link")
    await page.press("#key", "Enter")
    await page.wait_for_selector(".err")
    await check("apart")
    await begin(page, url)
    await page.fill("#link", link[:-9])
    await page.press("#link", "Enter")
    await page.wait_for_selector(".message .code")
    await check("error, link_cut")
    await page.click(".act > .btn")
    await page.fill("#link", link)
    await page.press("#link", "Enter")
    await page.wait_for_selector(".form [type=submit]:not(:disabled)")
    await check("lobby")
    await page.evaluate(_NO_SERVER)
    await page.click(".form [type=submit]")
    await page.wait_for_selector(".message .code")
    await check("unreachable")
    await page.evaluate(_REFUSE)
    await page.click(".message .btn:not(.main)")
    await page.wait_for_selector(".mirror.blocked")
    await check("lobby, blocked")
    return link


async def test_screens_before_a_call_fit(tmp_path: Path) -> None:
    async with serving(tmp_path, SETTINGS) as server, chromium(flags=FLAGS) as browser:
        page = await browser.open_page(server.url)
        frame = await Frame.around(page)
        found: list[str] = []
        await visit(page, server.url, checking(frame, found, MODES))
        for language in LANGUAGES:
            await page.evaluate(_KEEP, [language])
            await visit(page, server.url, checking(frame, found, (UPRIGHT, NARROW, LYING), language))
            await page.evaluate("localStorage.clear()")
        assert not found, "\n".join(found)


async def open_panels(client: AppClient, page: playwright.async_api.Page, check: Check) -> None:
    for key, panel in (("p", "people"), ("c", "chat"), ("i", "security"), ("?", "shortcuts")):
        await page.keyboard.press(key)
        await page.wait_for_selector(f"[data-panel={panel}]")
        if panel == "chat":
            await page.fill("textarea", "x" * 2001)
            await page.keyboard.press("Enter")
            await page.wait_for_selector("#too-long")
        await check(panel)
        await page.keyboard.press("Escape")
        await page.wait_for_selector(".panel", state="detached")
    more = page.locator(".bar [aria-expanded]").last
    await more.click()
    await page.wait_for_selector("[data-panel=more]")
    await check("more")
    await page.locator(".menu .act .btn").nth(1).click()
    await page.wait_for_selector(".facts")
    await check("details")
    await page.keyboard.press("Escape")
    await page.wait_for_selector(".panel", state="detached")


async def test_a_call_fits(tmp_path: Path) -> None:
    async with meeting(tmp_path) as (server, _, browser, link):
        sam = await AppClient.join(browser, server.url, link, "Sam", muted=True)
        page = sam.page
        assert isinstance(page, playwright.async_api.Page)
        frame = await Frame.around(page)
        found: list[str] = []
        check = checking(frame, found, MODES)
        await check("alone")
        ana = await AppClient.join(browser, server.url, link, "Ana Ruiz")
        ben = await AppClient.join(browser, server.url, link, "Ben")
        await all_see_all([sam, ana, ben], silent=["Sam"])
        await ana.press("Stop camera")
        await ben.say("Whoever reads this: https://example.org/" + 20 * "a-long-way/")
        await sam.until("document.querySelector('.notice').innerText === ''")
        await check("call")
        await open_panels(sam, page, check)

        await page.evaluate(_CLICK, [".acts .sq:last-child"])
        await page.wait_for_selector(".menu-pop")
        await check("menu of a tile")
        await page.keyboard.press("Escape")
        await page.click(".selfpic")
        await page.wait_for_selector(".menu-pop")
        await check("menu of oneself")
        await page.keyboard.press("Escape")
        await page.evaluate(_CLICK, [".acts .sq"])
        await page.wait_for_selector(".tile.large")
        await check("pinned")
        await page.evaluate(_CLICK, [".large .acts .sq"])
        # The longest that the line has to say, and what asks for an answer.
        await page.evaluate(_NO_SERVER)
        await page.evaluate("held.sockets.at(-1).close()")
        await sam.until_cut_off()
        await check("cut off")
        await page.evaluate(_SERVER)
        await sam.until_back()
        await page.evaluate(_SCREEN)
        await page.keyboard.press("s")
        await page.wait_for_selector(".notice .btn")
        await check("sharing")
        await page.keyboard.press("s")
        await page.wait_for_selector(".notice .btn", state="detached")

        for language in LANGUAGES:
            await page.locator(".bar [aria-expanded]").last.click()
            await page.wait_for_selector("#language")
            await page.evaluate(_CHOOSE, ["#language", language])
            await sam.until(f"document.documentElement.lang === '{language}'")
            await page.keyboard.press("Escape")
            speaking = checking(frame, found, (UPRIGHT, NARROW, LYING), language)
            await speaking("call")
            await open_panels(sam, page, speaking)
        await page.click(".ctl.out")
        await page.wait_for_selector(".message")
        await checking(frame, found, MODES, language)("left")
        await ana.leave()
        await ben.leave()
        assert not found, "\n".join(found)


_OUTLINES = """() => {
  const probe = document.querySelector(".call").appendChild(document.createElement("i"));
  probe.style.color = "Highlight";
  const highlight = getComputedStyle(probe).color;
  probe.remove();
  return { highlight, ...Object.fromEntries([...document.querySelectorAll(".tile")].map((tile) => {
    const { outlineWidth, outlineStyle, outlineColor, borderStyle } = getComputedStyle(tile);
    const signs = [];
    if (outlineStyle === "solid" && outlineColor === highlight) signs.push(outlineWidth);
    if (borderStyle === "dashed") signs.push("dashed");
    return [tile.querySelector(".tag > span").textContent, signs.join(" ")];
  })) };
}"""
_DURATIONS = """() => {
  const found = new Set();
  for (const element of document.querySelectorAll("*")) {
    for (const part of [null, "::before", "::after"]) {
      const { transitionDuration, transitionDelay, animationDuration, scrollBehavior } = getComputedStyle(element, part);
      for (const one of `${transitionDuration}, ${transitionDelay}, ${animationDuration}`.split(", ")) found.add(one);
      if (scrollBehavior !== "auto") found.add(scrollBehavior);
    }
  }
  return [...found].sort();
}"""
_BOX = """([selector]) => {
  const { left, right, top, bottom, width, height } = document.querySelector(selector).getBoundingClientRect();
  return { left, right, top, bottom, width, height };
}"""


async def test_modes_of_a_call(tmp_path: Path) -> None:
    """Forced colours, less motion, and where things lie on phones."""
    async with meeting(tmp_path) as (server, _, browser, link):
        sam = await AppClient.join(browser, server.url, link, "Sam", muted=True)
        page = sam.page
        assert isinstance(page, playwright.async_api.Page)
        frame = await Frame.around(page)
        ana = await AppClient.join(browser, server.url, link, "Ana")
        ben = await AppClient.join(browser, server.url, link, "Ben")
        await sam.until("document.querySelectorAll('.tile:not(.sealed)').length === 2")
        await ben.press("Mute")
        await ben.press("Stop camera")
        # One of whom nothing has come: neither sound nor a picture.
        eva = await AppClient.open(browser, server.url, "Eva")
        await eva.enter_lobby(link)
        await eva.press("Stop camera")
        await eva.finish_lobby()
        await sam.until("document.querySelectorAll('.tile.sealed').length === 1")

        async def box(selector: str) -> dict[str, float]:
            found: dict[str, float] = await page.evaluate(_BOX, [selector])
            return found

        assert await page.evaluate(_DURATIONS) != ["0s"]
        await page.emulate_media(reduced_motion="reduce")
        assert await page.evaluate(_DURATIONS) == ["0s"]
        await page.emulate_media(reduced_motion="no-preference")

        async def is_ringed() -> bool:
            found = await page.evaluate(_OUTLINES)
            return (found["Ana"], found["Ben"], found["Eva"]) == ("4px", "", "dashed")

        await page.emulate_media(forced_colors="active")
        await becomes(is_ringed, sam)
        await page.emulate_media(forced_colors="none")

        # A phone that stands: what is pressed lies in the lower third, a panel under a strip of 26 %.
        await frame.enter(UPRIGHT)
        height, width = UPRIGHT.height, UPRIGHT.width
        tops = await page.locator(".bar .ctl:visible").evaluate_all(
            "(all) => all.map((one) => one.getBoundingClientRect().top)"
        )
        assert len(tops) == 5
        assert min(tops) >= height * 2 / 3
        await page.keyboard.press("c")
        await page.wait_for_selector(".panel .tail")
        await frame.settle()
        assert abs((await box(".stage"))["height"] - 0.26 * height) <= 2
        assert (await box(".panel"))["top"] >= (await box(".stage"))["bottom"]
        assert (await box(".panel"))["height"] > height / 2
        assert (await box(".panel .tail"))["top"] >= height * 2 / 3
        assert await page.locator(".tile:visible").count() == 1
        await page.keyboard.press("Escape")
        await page.wait_for_selector(".panel", state="detached")

        # One that lies: the line is lower, the bar a column under the right thumb; mirrored under the left one.
        for mode in (LYING, LYING.mirrored()):
            await frame.enter(mode)
            line, bar, stage = await box(".line"), await box(".bar"), await box(".stage")
            assert line["height"] == 36
            assert bar["height"] > bar["width"] * 2
            lefts = await page.locator(".bar .ctl:visible").evaluate_all(
                "(all) => all.map((one) => one.getBoundingClientRect().left)"
            )
            assert len(lefts) == 5
            assert len(set(lefts)) == 1
            if mode.direction == "ltr":
                assert bar["right"] == mode.width - mode.insets[1]
                assert bar["left"] >= stage["right"]
            else:
                assert bar["left"] == mode.insets[3]
                assert bar["right"] <= stage["left"]
            await frame.leave(mode)

        # On a desk the panel is at the side, and everything changes sides with the direction.
        for mode in (DESK, DESK.mirrored()):
            await frame.enter(mode)
            await page.keyboard.press("p")
            await page.wait_for_selector(".panel")
            await frame.settle()
            panel, stage = await box(".panel"), await box(".stage")
            assert panel["width"] == 364
            isolated = [await box(".line .state"), await box(".selfpic"), await box(".tile")]
            if mode.direction == "ltr":
                assert panel["left"] >= stage["right"]
                assert all(one["left"] < width for one in isolated)
            else:
                assert panel["right"] <= stage["left"]
                assert all(one["right"] > mode.width - width for one in isolated)
            await page.keyboard.press("Escape")
            await page.wait_for_selector(".panel", state="detached")
            await frame.leave(mode)
        for one in (sam, ana, ben, eva):
            await one.leave()
