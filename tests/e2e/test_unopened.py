"""What a person is told where something does not open: on the tile that it should be in, on the line, and in the panels."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import playwright.async_api
import pytest

from sfu.client import frames
from sfu.client.conference import Conference
from sfu.client.inner import encode_inner
from sfu.client.keys import Source
from sfu.client.tracks import TestPattern, Tone
from tests.e2e.app_client import AppClient, all_see_all, meeting, needs_bundle, script_with
from tests.e2e.chromium import needs_chromium
from tests.e2e.proxy import Proxy

pytestmark = [needs_chromium, needs_bundle]

# What a server does to what a page receives, between the network and the page's own worker: `forge` changes a byte, `nokey` makes
# the KID one that nobody has.
_FAULTS = """
let faults = {};
const ours = self.onrtctransform;
const told = new BroadcastChannel("faults");
told.onmessage = ({ data }) => { faults = data; told.postMessage(null); };
self.onrtctransform = ({ transformer }) => {
  const { options, readable, writable } = transformer;
  if (options.direction !== "receive") return ours({ transformer });
  const change = new TransformStream({
    transform(frame, controller) {
      const fault = faults[options.slot] ?? faults[options.kind], data = new Uint8Array(frame.data.slice(0));
      const header = options.kind === "video" ? 1 : 0; // after what VP8 has in clear
      if (fault === "forge") data[data.length - 1] ^= 1;
      if (fault === "nokey") data[header + (data[header] >> 4 & 7) + 1] ^= 1; // the last byte of the KID
      if (fault) frame.data = data.buffer;
      controller.enqueue(frame);
    },
  });
  const sendKeyFrameRequest = () => transformer.sendKeyFrameRequest();
  ours({ transformer: { options, readable: readable.pipeThrough(change), writable, sendKeyFrameRequest } });
};
"""
_SET_FAULTS = """(faults) => new Promise((resolve) => {
  const channel = new BroadcastChannel("faults");
  channel.onmessage = () => { channel.close(); resolve(); };
  channel.postMessage(faults);
})"""
_SLOW, _QUICK = "var STEP_MS = 1e3;", "var STEP_MS = 300;"
_CLICK = """([name, word]) => {
  const tile = [...document.querySelectorAll(".tile")].find((tile) => tile.querySelector(".tag > span").textContent === name);
  [...tile.querySelectorAll("button")].find((button) => (button.ariaLabel ?? button.innerText) === word).click();
}"""
_LINE = "document.querySelector('.line .state')"
_SIGN = f"{_LINE}.querySelector('use').getAttribute('href')"


def _changed(path: str, text: str) -> str:
    """The page asks again for keys without long pauses, and its frames are the test's to change."""
    if path == "/worker.js":
        return text + _FAULTS
    return text.replace(_SLOW, _QUICK) if path == script_with(_SLOW) else text


class Viewer:
    """Cem, who looks at the others."""

    def __init__(self, client: AppClient) -> None:
        self.client = client
        self.press = client.press
        assert isinstance(client.page, playwright.async_api.Page)
        self.page = client.page

    async def suffer(self, **faults: str) -> None:
        """By kind or, with a `_` before it, by slot; from now on."""
        await self.page.evaluate(_SET_FAULTS, {key.removeprefix("_"): fault for key, fault in faults.items()})

    async def slot(self, name: str) -> str:
        return f"_{(await self.client.tiles())[name]['slot']}"

    async def sees(self, name: str, *words: str, sealed: bool = True) -> None:
        """The tile says all of it, and is hatched or not."""
        tile = f"[...document.querySelectorAll('.tile{'.sealed' if sealed else ':not(.sealed)'}')].find((tile) => tile.querySelector('.tag > span').textContent === '{name}')"
        for word in words or ("",):
            await self.client.until(f"({tile})?.innerText.includes('{word}')")

    async def is_told(self, state: str, sign: str) -> None:
        await self.client.until(f"{_LINE}.innerText === '{state}' && {_SIGN} === '#{sign}'")

    async def is_well(self) -> None:
        await self.is_told("Encrypted with the link\u2019s key", "seal")
        await self.client.until("document.querySelectorAll('.why, .tile.sealed, .tag .bad').length === 0")

    async def click(self, name: str, word: str) -> None:
        await self.page.evaluate(_CLICK, [name, word])


@asynccontextmanager
async def company(tmp_path: Path) -> AsyncIterator[tuple[Conference, Conference, Viewer, Proxy]]:
    async with meeting(tmp_path) as (_, proxy, browser, link):
        proxy.files = _changed
        async with Conference.join(link, name="Ana") as ana, Conference.join(link, name="Ben") as ben:
            for number, member in enumerate((ana, ben)):
                await member.publish(TestPattern(3 + number))
                await member.publish(Tone(440))
            cem = await AppClient.join(browser, proxy.url, link, "Cem", muted=True)
            await all_see_all([cem], others=["Ana", "Ben"])
            yield ana, ben, Viewer(cem), proxy
            await cem.close()


async def test_what_does_not_open_is_told_with_a_name_and_a_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with company(tmp_path) as (ana, ben, cem, _):
        await cem.is_well()

        # Changed on the way: the picture of one, then the sound of both, which has no tile of its own.
        await cem.suffer(**{await cem.slot("Ana"): "forge"})
        await cem.sees(
            "Ana", "Can\u2019t open Ana\u2019s video", "It was changed on the way and thrown away."
        )
        await cem.sees("Ben", sealed=False)
        await cem.is_told("1 person can\u2019t be opened", "alert")
        assert "Can\u2019t open Ana\u2019s video" in (await cem.client.tiles())["Ana"]["label"]
        await cem.suffer()
        await cem.is_well()
        await cem.suffer(audio="forge")
        await cem.sees("Ana", "sound can\u2019t be opened", sealed=False)
        await cem.is_told("2 people can\u2019t be opened", "alert")
        assert "Can\u2019t open Ana\u2019s sound" in (await cem.client.tiles())["Ana"]["label"]
        await cem.client.until("document.querySelectorAll('.tile.talk').length === 0")
        await ben.mute(Source.CAMERA)
        await cem.sees(
            "Ben", "Can\u2019t open Ben\u2019s sound", "It was changed on the way and thrown away."
        )
        await cem.press("People")
        await cem.client.until(
            "document.querySelector('.roster')?.innerText.includes('Can\\u2019t open Ana\\u2019s sound')"
        )
        await ben.mute(Source.CAMERA, False)
        await cem.suffer()
        await cem.is_well()

        # A key that is missing is asked for five times, then it is for people to do something.
        await cem.suffer(audio="nokey", **{await cem.slot("Ana"): "nokey"})
        await cem.sees("Ana", "Can\u2019t open Ana\u2019s video and sound", "Asking again, try", "of 5")
        await cem.sees("Ana", "It still hasn\u2019t arrived. Ask Ana to leave and come back.", "Ask again")
        await cem.click("Ana", "Ask again")
        await cem.sees("Ana", "Asking again, try")
        await cem.suffer()
        await cem.is_well()

        # A screen fails by itself.
        await ana.publish(TestPattern(9), Source.SCREEN)
        await cem.sees("Ana\u2019s screen", sealed=False)
        await cem.suffer(**{await cem.slot("Ana\u2019s screen"): "forge"})
        await cem.sees("Ana\u2019s screen", "Can\u2019t open Ana\u2019s screen")
        await cem.sees("Ana", sealed=False)
        await cem.is_told("1 person can\u2019t be opened", "alert")
        await cem.suffer()
        await cem.is_well()
        await ana.unpublish(Source.SCREEN)
        await cem.client.until("document.querySelectorAll('.tile').length === 2")

        # Only who has the key can have put in what this page does not know.
        monkeypatch.setattr(frames, "encode_inner", lambda *given: bytes((0x41,)) + encode_inner(*given)[1:])
        await cem.sees("Ana", "Ana\u2019s page is newer than yours. Reload to see it.", "Reload")
        monkeypatch.undo()
        await cem.is_well()
        monkeypatch.setattr(frames, "encode_inner", lambda *given: bytes((0x41,)) + encode_inner(*given)[1:])
        await cem.sees("Ana", "Reload")
        async with cem.page.expect_navigation():
            await cem.click("Ana", "Reload")
        await cem.client.until("document.querySelector('.form [type=submit]') !== null")
        monkeypatch.undo()


async def test_what_the_server_labels_as_somebodys_is_not_shown_as_theirs(tmp_path: Path) -> None:
    """The server sends Ben's picture in the place of Ana's, under her name, and keeps hers back."""
    async with company(tmp_path) as (ana, ben, cem, proxy):

        def gives_another(message: dict[str, Any]) -> dict[str, Any]:
            if message["type"] != "view":
                return message
            wanted = {ana.participant: ben.participant}
            slots = [
                slot | {"participant": wanted[slot["participant"]]}
                if slot["participant"] in wanted
                else slot | {"participant": "auto", "max_height": 0}
                for slot in message["slots"]
            ]
            return message | {"slots": slots}

        def calls_him_ana(message: dict[str, Any]) -> dict[str, Any]:
            if message["type"] != "slots":
                return message
            swap = {ana.participant: ben.participant, ben.participant: ana.participant}
            said = [
                slot | {"participant": swap.get(slot["participant"], slot["participant"])}
                for slot in message["slots"]
            ]
            return message | {"slots": said}

        proxy.to_server, proxy.to_client = gives_another, calls_him_ana
        await cem.click("Ana", "Pin")  # another view is asked for
        await cem.sees(
            "Ana",
            "Not shown: this isn\u2019t Ana",
            "The server labelled it Ana, but Ana\u2019s key didn\u2019t make it.",
        )
        await cem.sees("Ben", sealed=False)
        await cem.client.until(
            "document.querySelector('.notice').innerText.includes('The server labelled it Ana')"
        )
        await cem.is_told("1 person can\u2019t be opened", "alert")
        await cem.click("Ana", "What is this?")
        await cem.client.until("document.querySelector('.panel[data-panel=security] .lie') !== null")
        assert "The key says that Ben made it." in await cem.client.text()
        proxy.to_server = proxy.to_client = lambda message: message
        await cem.click("Ana", "Unpin")
        await cem.client.until(
            "!document.querySelector('.notice').innerText.includes('The server labelled it')"
        )
        await all_see_all([cem.client], others=["Ana", "Ben"])
        await cem.is_well()
