"""Every screen and state of the page that can occur, on a desktop and on a phone, in light and in dark: axe-core finds nothing wrong
with it, and build/screens keeps a picture of each, `<state>-<shape>-<light|dark>.png`. states.py has their names, and why one differs
from how it was drawn.
"""

import base64
import hashlib
import os
import signal
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from sfu.client.keys import Source
from sfu.e2ee.link import Link
from tests.e2e.app_client import AppClient, meeting, needs_bundle
from tests.e2e.chromium import needs_chromium
from tests.e2e.crowd import NAMES, Member, cast, crowd
from tests.e2e.gallery import SHAPES, Gallery, give_devices, needs_axe
from tests.e2e.portrait import document, portrait
from tests.e2e.proxy import Message, Proxy
from tests.e2e.server import Server
from tests.e2e.states import BEFORE, IN_A_CALL, ON_THE_WAY_IN, REFUSALS

pytestmark = [needs_chromium, needs_bundle, needs_axe]

_CHECK_BYTES = 4  # at the end of a link
_VERSION, _SUITE, _FLAGS = range(3)  # its first bytes

_TITLE = "document.querySelector('h1').innerText"
_FILL = """([selector, value]) => {
  const field = document.querySelector(selector);
  field.value = value;
  field.form.requestSubmit();
}"""
_NO_DEVICES = """([name]) => {
  navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", name); };
  if (name !== "NotReadableError") navigator.mediaDevices.enumerateDevices = async () => [];
}"""
_NO_MICROPHONE = """() => {
  const { mediaDevices } = navigator, get = mediaDevices.getUserMedia;
  mediaDevices.getUserMedia = async (wanted) => {
    if (wanted.audio) throw new DOMException("", "NotFoundError");
    return get(wanted);
  };
}"""
_NO_TRANSFORM = """() => {
  delete globalThis.RTCRtpScriptTransform;
  delete RTCRtpSender.prototype.createEncodedStreams;
}"""

# Nothing is said in the line, and of nobody on the page a picture is awaited.
_CALM = (
    "document.querySelector('.notice p').textContent === ''"
    " && [...document.querySelectorAll('.tile.sealed')].every((tile) => tile.innerText.includes('not heard yet'))"
)


def _said_on_tiles(words: str) -> str:
    return f"[...document.querySelectorAll('.tile .why')].some((why) => why.innerText.includes({words!r}))"


def _one(selector: str) -> str:
    return f"document.querySelectorAll({selector!r}).length === 1"


_AWAY = "[...document.querySelectorAll('.tile')].some((tile) => tile.innerText.includes('reconnecting'))"


async def _open(browser: Any, url: str, name: str) -> AppClient:
    """At the first page, with a face."""
    client = await AppClient.open(browser, url, name)
    await give_devices(client, portrait(len(NAMES)), document())
    return client


async def _click(client: AppClient, selector: str) -> None:
    await client.until(f"document.querySelector({selector!r}) !== null")
    await client.page.evaluate("([selector]) => document.querySelector(selector).click()", [selector])


def _refuse(code: str, message: Message) -> Message:
    return {"v": 0, "type": "closing", "seq": 1, "code": code} if message["type"] == "joined" else message


def _altered(link: str, at: int) -> str:
    """A link whose byte at this place is another, and which is whole in itself."""
    page, _, fragment = link.partition("#")
    data = base64.urlsafe_b64decode(fragment + "=" * (-len(fragment) % 4))
    body = bytearray(data[:-_CHECK_BYTES])
    body[at] = 0x7E
    data = bytes(body) + hashlib.sha256(body).digest()[:_CHECK_BYTES]
    return f"{page}#{base64.urlsafe_b64encode(data).decode().rstrip('=')}"


async def test_before_a_call(tmp_path: Path) -> None:
    gallery = Gallery(BEFORE)
    async with meeting(tmp_path) as (server, proxy, browser, link):
        ana = await _open(browser, server.url, "Ana")
        await gallery.take(ana, "landing")
        await _click(ana, "summary")
        await gallery.take(ana, "landing-sees", "document.querySelector('details').open")
        await ana.press("My key came separately")
        await gallery.take(ana, "apart-unknown", "document.querySelector('#key') !== null")
        await ana.press("Back to start")
        await ana.press("Make a room")
        await gallery.take(ana, "made", "document.querySelector('svg.code') !== null")
        await ana.press("Split it")
        await ana.until("document.querySelectorAll('.parts .specimen').length === 2")
        apart, key = await ana.page.evaluate(
            "[...document.querySelectorAll('.parts .specimen')].map((part) => part.textContent)"
        )
        await gallery.take(ana, "made-split")
        await ana.close()

        ben = await _open(browser, server.url, "Ben")
        await ben.page.evaluate(_FILL, ["#link", apart])
        await gallery.take(ben, "apart", "document.querySelector('#key') !== null")
        await ben.page.evaluate(_FILL, ["#key", key[:-1] + ("A" if key[-1] != "A" else "B")])
        await gallery.take(ben, "key-wrong", "document.querySelector('.err') !== null")
        await ben.press("Back to start")
        for state, wrong in (
            ("link-cut", link[:-20]),
            ("link-mistyped", link[:-1] + ("A" if link[-1] != "A" else "B")),
            ("link-version", _altered(link, _VERSION)),
            ("link-suite", _altered(link, _SUITE)),
            ("link-flags", _altered(link, _FLAGS)),
        ):
            await ben.page.evaluate(_FILL, ["#link", wrong])
            await gallery.take(ben, state, "document.querySelector('.message') !== null")
            await ben.press("Back to start")
            await ben.until("document.querySelector('.landing') !== null")

        await ben.enter_lobby(link)
        await gallery.take(ben, "lobby", "document.querySelector('.mirror video')?.videoWidth > 0")
        await ben.press("Stop camera")
        await gallery.take(ben, "lobby-camera-off", "document.querySelector('.mirror .why') !== null")
        await ben.press("Start camera")
        await ben.press("Another link")
        await ben.page.evaluate(_NO_MICROPHONE)
        await ben.enter_lobby(link)
        await gallery.take(
            ben,
            "lobby-microphone",
            "document.querySelector('.form').innerText.includes('No microphone found')",
        )
        for state, name in (
            ("lobby-blocked", "NotAllowedError"),
            ("lobby-busy", "NotReadableError"),
            ("lobby-none", "NotFoundError"),
        ):
            await ben.press("Another link")
            await ben.page.evaluate(_NO_DEVICES, [name])
            await ben.enter_lobby(link)
            await gallery.take(ben, state, "document.querySelector('.mirror.blocked') !== null")
        await ben.press("Another link")
        await ben.page.evaluate(_NO_TRANSFORM)
        await ben.page.evaluate(_FILL, ["#link", link])
        await gallery.take(ben, "no-transform", f"{_TITLE}.includes('sealed')")
        await ben.close()

        proxy.files = lambda path, text: "throw new Error('no');" if path == "/worker.js" else text
        cem = await _open(browser, proxy.url, "Cem")
        await cem.page.evaluate(_FILL, ["#link", link])
        await gallery.take(cem, "worker-failed", "document.querySelector('.code') !== null")
        await cem.close()
    gallery.close()


async def test_on_the_way_in(tmp_path: Path) -> None:
    gallery = Gallery(ON_THE_WAY_IN)
    # With somebody inside none of those who come makes a room, of which an address may make so many in a minute.
    async with meeting(tmp_path) as (_, proxy, browser, link), crowd(link, cast(2)):
        ana = await _open(browser, proxy.url, "Ana")
        proxy.to_server = lambda message: None if message["type"] == "join" else message
        await ana.knock(link, muted=True)
        await gallery.take(ana, "joining", f"{_TITLE} === 'Joining …'")
        proxy.is_down = True
        proxy.cut()
        await gallery.take(ana, "unreachable", "document.querySelector('.code') !== null")
        await ana.press("Stop trying")
        proxy.is_down = False
        proxy.to_server = lambda message: message
        for code in REFUSALS:
            proxy.to_client = partial(_refuse, code)
            await ana.press("Join muted")
            await ana.until(f"document.querySelector('.code')?.innerText.endsWith({code!r})")
            await gallery.take(ana, code.replace("_", "-"))
            await ana.press("Back to start")
            await ana.enter_lobby(link)

        # By itself another link leads to another room; a server can put whoever has it into this one.
        room, other = Link.parse(link).room_id, Link.make(f"{proxy.url}/").reveal()
        proxy.to_client = lambda message: message
        proxy.to_server = lambda message: message | {"room": room} if message["type"] == "join" else message
        await ana.press("Another link")
        await ana.go_in(other, muted=True)
        await gallery.take(
            ana,
            "other-key",
            f"{_CALM} && document.querySelector('.alone.bad h2').innerText.startsWith('2 ')",
        )
        await ana.press("People")
        await gallery.take(ana, "other-key-people", "document.querySelector('.panel .warning') !== null")
        await ana.press("Leave")
        await ana.close()
    gallery.close()


async def test_in_a_call(tmp_path: Path) -> None:
    gallery = Gallery(IN_A_CALL)
    roles = cast(
        24, without_camera=["Lars Nygaard"], muted=["Kemi Adeyemi", "Hiro Tanaka"], unheard=["Pavel Novák"]
    )
    people: dict[str, Member] = {}
    async with (
        meeting(tmp_path) as (server, proxy, browser, link),
        Proxy(server).run() as fragile,
        AsyncExitStack() as stack,
    ):
        sam = await _open(browser, proxy.url, "Sam")

        async def until_inside(count: int, via: Proxy | None = None) -> None:
            coming = crowd(link, roles[len(people) : count - 1], server=via.url if via else None)
            people.update(await stack.enter_async_context(coming))
            await sam.until(f"document.querySelector('.line .count').innerText.startsWith('{count} ')")

        await sam.go_in(link, muted=True)
        await gallery.take(sam, "call-alone", _CALM)
        await until_inside(2)
        await gallery.take(sam, "call-2", _CALM, shapes=SHAPES)
        await until_inside(3)
        await gallery.take(sam, "call-3", _CALM)
        await until_inside(8)
        await until_inside(9, fragile)
        await people["Jonas Weber"].speak()
        await gallery.take(
            sam, "call-9", f"{_CALM} && document.querySelector('.tile.talk') !== null", shapes=SHAPES
        )
        await _seats(gallery, sam, people)
        fragile.is_down = True
        fragile.cut()
        await gallery.take(sam, "away", _AWAY)
        fragile.is_down = False
        await sam.until(f"!({_AWAY})")
        await _panels(gallery, sam, people)
        await _unopened(gallery, sam, people)
        await _cut_off(gallery, sam, proxy, server)
        await people["Jonas Weber"].be_silent()
        await until_inside(25)
        await people["Zoe Papadaki"].speak()
        await gallery.take(sam, "call-25", f"{_CALM} && document.querySelector('.tile.talk') !== null")
        await gallery.shape(sam, "p")
        await _click(sam, "[aria-label='Next page']")
        await gallery.take(
            sam, "call-25-page-2", f"{_CALM} && document.querySelector('.who') !== null", shapes=["p"]
        )
        await people["Zoe Papadaki"].be_silent()
        await sam.press("Leave")
        await gallery.take(sam, "left", f"{_TITLE} === 'You left the call'")
        await sam.close()
    gallery.close()


async def _seats(gallery: Gallery, sam: AppClient, people: dict[str, Member]) -> None:
    """Who sits where, and how large."""
    await _click(sam, "[aria-label='Options for Ana Ruiz']")
    await gallery.take(sam, "tile-menu", "document.querySelector('.tile .menu-pop') !== null")
    await sam.press("Pin")
    await gallery.take(sam, "pinned", f"{_CALM} && document.querySelector('.tile.large') !== null")
    await people["Ben Okafor"].share()
    await gallery.take(sam, "share-offered", "document.querySelector('.notice .btn') !== null")
    await sam.press("Show")
    await gallery.take(
        sam, "share", f"{_CALM} && document.querySelector('.tile.large.screen') !== null", shapes=SHAPES
    )
    await _click(sam, "[aria-label='Hide people']")
    await gallery.take(sam, "share-alone", f"{_CALM} && document.querySelectorAll('.tile').length === 1")
    await _click(sam, "[aria-label='Show people']")
    await people["Ben Okafor"].stop_sharing()
    await sam.until("document.querySelector('.tile.large') === null")

    await sam.press("More")
    await sam.press("One large")
    await sam.press("More")
    await gallery.take(sam, "one-large", f"{_CALM} && document.querySelector('.tile.large') !== null")
    await sam.press("More")
    await sam.press("Everyone")
    await sam.press("More")

    await _click(sam, ".selfpic")
    await gallery.take(sam, "self-menu", "document.querySelector('.self .menu-pop') !== null")
    await sam.press("Move it to the others")
    await gallery.take(sam, "self-in-grid", _CALM)
    await _click(sam, ".selfpic")
    await sam.press("Hide my picture")
    await gallery.take(sam, "self-hidden", _CALM)
    await _click(sam, ".selfpic")
    await sam.press("Move it back here")

    await sam.press("Share screen")
    await gallery.take(sam, "sharing", "document.querySelector('.notice .btn') !== null")
    await sam.press("Stop sharing")
    await people["Hiro Tanaka"].conference.set_recording(True)
    await gallery.take(sam, "recording", f"{_CALM} && document.querySelector('.line .rec') !== null")
    await people["Hiro Tanaka"].conference.set_recording(False)


async def _panels(gallery: Gallery, sam: AppClient, people: dict[str, Member]) -> None:
    def is_open(panel: str) -> str:
        return f"document.querySelector('.panel').dataset.panel === '{panel}' && {_CALM}"

    await sam.press("People")
    await gallery.take(sam, "panel-people", is_open("people"))
    await sam.press("Chat")
    await people["Ana Ruiz"].say("The plan is at https://example.org/plan/4, on one page.")
    await people["Mina Rahimi"].say("Thank you.\nDoes the ramp have room beside the door?")
    await sam.until("document.querySelectorAll('.msg').length === 2")
    await sam.page.evaluate(_FILL, ["textarea", "It does: 1.40 m."])
    await gallery.take(
        sam,
        "panel-chat",
        f"{is_open('chat')} && document.querySelector('.sent')?.textContent.startsWith('Sent to')",
    )
    await _click(sam, ".line .state")
    await gallery.take(sam, "panel-security", is_open("security"))
    await sam.press("More")
    await gallery.take(sam, "panel-more", is_open("more"))
    await sam.press("Connection details")
    await gallery.take(
        sam, "panel-details", f"{is_open('details')} && document.querySelectorAll('.details li').length > 8"
    )
    await sam.press("More")
    await sam.press("Keyboard shortcuts")
    await gallery.take(sam, "panel-shortcuts", is_open("shortcuts"))
    await _click(sam, ".panel .shut")


async def _unopened(gallery: Gallery, sam: AppClient, people: dict[str, Member]) -> None:
    """On a tile, why nothing is to be seen on it."""
    ana, ben, jonas = people["Ana Ruiz"], people["Ben Okafor"], people["Jonas Weber"]
    ana.lose_key()
    await gallery.take(sam, "no-key", "document.querySelector('.why b') !== null")
    await gallery.take(sam, "no-key-still", "document.querySelector('.why .btn') !== null")
    ben.be_changed(Source.CAMERA)
    jonas.be_changed(Source.MICROPHONE)
    await gallery.take(
        sam,
        "changed",
        "document.querySelectorAll('.why b').length === 2 && document.querySelector('.tag .bad') !== null",
    )
    jonas.be_well(Source.MICROPHONE)
    ben.be_well(Source.CAMERA)
    await ana.find_key()
    await sam.until(_CALM)
    ben.be_newer(Source.CAMERA)
    await gallery.take(sam, "newer", f"{_said_on_tiles('newer than yours')} && {_one('.why b')}")
    ben.be_well(Source.CAMERA)
    await sam.until(_CALM)


async def _cut_off(gallery: Gallery, sam: AppClient, proxy: Proxy, server: Server) -> None:
    proxy.is_down = True
    proxy.cut()
    said = "document.querySelector('.notice').innerText.includes"
    await gallery.take(sam, "reconnecting", f"{said}('Reconnecting')")
    proxy.is_down = False
    await sam.until_back()
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        await gallery.take(sam, "media-lost", f"{said}('Connection lost')")
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    await sam.until_back()
    await sam.until(_CALM)
