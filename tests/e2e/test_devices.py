"""Microphones, cameras and speakers of the page: chosen, changed, refused, in use elsewhere, pulled out and plugged in."""

import json
from pathlib import Path
from typing import Any

import playwright.async_api

from tests.e2e.app_client import SETTINGS, AppClient, all_see_all, becomes, needs_bundle
from tests.e2e.chromium import Chromium, chromium, needs_chromium
from tests.e2e.progress import FRAMES
from tests.e2e.server import serving

pytestmark = [needs_chromium, needs_bundle]

# What the second camera of three gives, 16 bits of grey, no connection sends.
FLAGS = ("--use-fake-device-for-media-stream=device-count=3",)

# Chromium's own fake devices, with faults: `refuse` names the error that a kind is refused with, `denied` what the browser says
# is blocked, `hidden` what is not plugged in, `hold` keeps the next answer until it is called. `speech` is a microphone that
# hears somebody without a break.
_FAULTS = """() => {
  const devices = navigator.mediaDevices;
  const get = MediaDevices.prototype.getUserMedia, list = MediaDevices.prototype.enumerateDevices;
  const faults = globalThis.faults = { refuse: {}, denied: [], hidden: [], asked: 0, tracks: {}, isSpeech: false, sinks: [], held: null };
  faults.hold = () => { let release; faults.held = new Promise((resolve) => { release = resolve; }); faults.release = release; };
  const speech = () => {
    const context = faults.context = new AudioContext();
    const output = context.createMediaStreamDestination();
    const tone = new OscillatorNode(context, { frequency: 300 });
    tone.connect(output);
    tone.start();
    return output.stream;
  };
  devices.getUserMedia = async (wanted) => {
    faults.asked += 1;
    await faults.held;
    for (const kind of ["audio", "video"]) {
      const id = wanted[kind]?.deviceId?.exact ?? "";
      const refused = faults.refuse[kind];
      if (wanted[kind] && refused && (!refused.id || refused.id === id)) throw new DOMException("as the test has it", refused.name);
    }
    const stream = faults.isSpeech && wanted.audio ? speech() : await get.call(devices, wanted);
    for (const track of stream.getTracks()) faults.tracks[track.kind] = track;
    return stream;
  };
  devices.enumerateDevices = async () => (await list.call(devices)).filter(({ kind }) => !faults.hidden.includes(kind));
  navigator.permissions.query = async ({ name }) => ({ state: faults.denied.includes(name) ? "denied" : "granted" });
  faults.plug = () => devices.dispatchEvent(new Event("devicechange"));
  faults.unplug = (kind) => {
    faults.tracks[kind].stop();
    faults.tracks[kind].dispatchEvent(new Event("ended"));
  };
  const setSinkId = HTMLMediaElement.prototype.setSinkId;
  HTMLMediaElement.prototype.setSinkId = function (id) { faults.sinks.push(id); return setSinkId.call(this, id); };
}"""

_CHOOSE = """([selector, at]) => {
  const field = document.querySelector(selector);
  field.selectedIndex = at;
  field.dispatchEvent(new Event("change", { bubbles: true }));
  return field.value;
}"""

_JOIN_WORDS = "document.querySelector('.form [type=submit]').textContent"
_READY = "document.querySelector('.form [type=submit]:not(:disabled)') !== null"


class Owner(AppClient):
    """Somebody whose devices have faults."""

    @classmethod
    async def at_home(cls, browser: Chromium, url: str, name: str) -> "Owner":
        client = await cls.open(browser, url, name)
        await client.page.evaluate(_FAULTS)
        return client

    async def refuse(self, **kinds: str | None) -> None:
        """By kind of media (audio, video) the name of the error that getUserMedia has for it."""
        refused = {kind: {"name": name} for kind, name in kinds.items() if name}
        await self.page.evaluate("([refused]) => { faults.refuse = refused; }", [refused])

    async def set(self, **values: Any) -> None:
        await self.page.evaluate("([values]) => void Object.assign(faults, values)", [values])

    async def plug(self) -> None:
        await self.page.evaluate("faults.plug()")

    async def unplug(self, kind: str) -> None:
        await self.page.evaluate(f"faults.unplug('{kind}')")

    async def choose(self, selector: str, at: int) -> str:
        return str(await self.page.evaluate(_CHOOSE, [selector, at]))

    async def until_line(self, text: str) -> None:
        await self.until(f"document.querySelector('.notice').innerText.includes({json.dumps(text)})")

    async def until_join(self, words: str) -> None:
        await self.until(f"{_JOIN_WORDS} === {words!r}")

    async def enter_lobby(self, link: str) -> None:
        """Also from the lobby, anew."""
        if await self.page.evaluate("document.querySelector('.lobby') !== null"):
            await self.press("Another link")
            await self.until("document.querySelector('#link') !== null")
        await super().enter_lobby(link)


async def test_the_lobby_says_what_is_wrong_with_a_device_and_goes_on_when_it_is_not(tmp_path: Path) -> None:
    async with serving(tmp_path, SETTINGS) as server, chromium(flags=FLAGS) as browser:
        link = await AppClient.make_room(browser, server.url)
        ana = await Owner.at_home(browser, server.url, "Ana")

        # Both blocked: one word for them, and whoever has said no is not asked for each.
        await ana.refuse(audio="NotAllowedError", video="NotAllowedError")
        await ana.set(denied=["microphone", "camera"])
        await ana.enter_lobby(link)
        said = await ana.text()
        assert "Your browser is blocking the camera and microphone" in said
        assert "allow both, then try again. You can also join and only listen." in said
        assert await ana.page.evaluate("faults.asked") == 1
        assert await ana.page.evaluate("document.querySelectorAll('[role=alert]').length") == 1
        await ana.until_join("Join and listen")
        await ana.refuse()
        await ana.press("Try again")
        await ana.until_join("Join muted")
        await ana.until("document.querySelector('.mirror video').videoWidth > 0")

        # One of them: the other is there all the same.
        await ana.refuse(video="NotAllowedError")
        await ana.set(denied=["camera"])
        await ana.enter_lobby(link)
        await ana.until_join("Join muted, camera off")
        assert "Your browser is blocking the camera\n" in await ana.text()
        await ana.refuse(audio="NotAllowedError")
        await ana.set(denied=["microphone"])
        await ana.enter_lobby(link)
        await ana.until("document.querySelector('.mirror video') !== null")
        assert "Your browser is blocking the microphone. Press" in await ana.text()
        assert await ana.page.evaluate(_JOIN_WORDS) == "Join muted"

        # In use elsewhere: by its name, where that is known, until it is free.
        await ana.refuse(audio="NotReadableError", video="NotReadableError")
        await ana.enter_lobby(link)
        await ana.until_join("Join and listen")
        await ana.press("Try again")
        await ana.until("document.querySelector('.trouble') !== null")
        assert "The microphone is in use elsewhere. Close the other program" in await ana.text()
        assert "The camera is in use elsewhere" in await ana.text()
        await ana.refuse(video="NotReadableError")
        await ana.page.evaluate("document.querySelector('.trouble button').click()")
        await ana.until_join("Join muted, camera off")
        await ana.refuse()
        await ana.plug()
        await ana.until_join("Join muted")
        await ana.until("document.querySelectorAll('[role=alert]').length === 0")

        # None: one that is plugged in is noticed, though the browser tells no names without a permission.
        await ana.refuse(audio="NotFoundError", video="NotFoundError")
        await ana.set(hidden=["audioinput", "videoinput"])
        await ana.enter_lobby(link)
        said = await ana.text()
        assert "No camera found" in said
        assert "Plug one in; we\u2019ll notice. You can join without." in said
        assert "No microphone found" in said
        assert await ana.page.evaluate("document.querySelector('#lobby-camera')") is None
        await ana.plug()  # something else
        await ana.until_join("Join and listen")
        await ana.refuse()
        await ana.set(hidden=[])
        await ana.plug()
        await ana.until_join("Join muted")
        assert await ana.page.evaluate("document.querySelectorAll('[role=alert]').length") == 0

        # Pulled out in the lobby.
        await ana.refuse(audio="NotFoundError")
        await ana.unplug("audio")
        await ana.until("document.querySelector('.trouble') !== null")
        assert "No microphone found" in await ana.text()
        # What is pressed is what one gets, once it is there.
        await ana.press("Unmute")
        await ana.until("document.querySelector('.trouble') !== null")
        await ana.refuse()
        await ana.press("Unmute")
        await ana.until_join("Join with microphone on")
        await ana.close()


async def test_devices_are_chosen_tried_and_remembered(tmp_path: Path) -> None:
    async with serving(tmp_path, SETTINGS) as server, chromium(flags=FLAGS) as browser:
        link = await AppClient.make_room(browser, server.url)
        ana = await Owner.at_home(browser, server.url, "Ana")
        await ana.set(isSpeech=True)
        await ana.page.evaluate(
            "localStorage.setItem('sfu.preferences', JSON.stringify({ cameraOff: true }))"
        )
        await ana.enter_lobby(link)

        # The level of what the microphone hears; a tone on the speakers that were chosen.
        await ana.until("document.querySelector('.meter').ariaValueNow > 0")
        await ana.page.evaluate("faults.context.suspend()")
        await ana.until("document.querySelector('.meter').ariaValueNow === '0'")
        speakers = await ana.choose("#lobby-speakers", 1)
        await ana.press("Test")
        await ana.until("faults.sinks.length > 0")
        assert await ana.page.evaluate("faults.sinks") == [speakers]
        await ana.until(
            "[...document.querySelectorAll('button')].some((button) => button.innerText === 'Playing')"
        )
        await ana.until(
            "[...document.querySelectorAll('button')].some((button) => button.innerText === 'Test')"
        )

        # A camera that is off stays off when another is chosen: it is for when it is turned on.
        camera = await ana.choose("#lobby-camera", 2)
        await ana.until_join("Join muted, camera off")
        await ana.press("Start camera")
        await ana.until_join("Join muted")
        assert await ana.page.evaluate("faults.tracks.video.getSettings().deviceId") == camera
        await ana.finish_lobby()

        kept = json.loads(await ana.page.evaluate("localStorage.getItem('sfu.preferences')"))
        assert {name: kept[name] for name in ("name", "camera", "speakers", "muted", "cameraOff")} == {
            "name": "Ana",
            "camera": camera,
            "speakers": speakers,
            "muted": True,
            "cameraOff": False,
        }
        assert isinstance(ana.page, playwright.async_api.Page)
        await ana.page.reload()
        await ana.until(_READY)
        await ana.until("document.querySelector('#lobby-speakers') !== null")
        chosen = "['#lobby-camera', '#lobby-speakers', '#name'].map((id) => document.querySelector(id).value)"
        assert await ana.page.evaluate(chosen) == [camera, speakers, "Ana"]
        await ana.until_join("Join muted")
        await ana.finish_lobby()

        # Nothing of it after being forgotten; what is chosen from then on is remembered again.
        await ana.press("More")
        await ana.press("Forget me here")
        await ana.until_line("Nothing of you is kept")
        assert await ana.page.evaluate("localStorage.length") == 0
        await ana.leave()


async def test_devices_change_and_vanish_in_the_call(tmp_path: Path) -> None:
    async with serving(tmp_path, SETTINGS) as server, chromium(flags=FLAGS) as browser:
        link = await AppClient.make_room(browser, server.url)
        ben = await AppClient.join(browser, server.url, link, "Ben", muted=True)
        ana = await Owner.at_home(browser, server.url, "Ana")
        await ana.go_in(link)
        await all_see_all([ana, ben], silent=["Ben"])

        async def says(word: str, *, is_said: bool) -> None:
            async def said() -> bool:
                return (word in (await ben.tiles())["Ana"]["label"]) is is_said

            await becomes(said, ben, ana)

        async def is_heard_and_seen() -> None:
            await all_see_all([ana, ben], silent=["Ben"])

        # Others take the place of those in use, and are sent.
        await ana.press("More")
        await ana.until("document.querySelector('#call-camera') !== null")
        for field, kind, at in (("#call-camera", "video", 2), ("#call-microphone", "audio", 1)):
            chosen = await ana.choose(field, at)
            await ana.until(f"faults.tracks.{kind}.getSettings().deviceId === {chosen!r}")
        await is_heard_and_seen()

        # One that is in use elsewhere leaves the one before, and says so.
        other = await ana.page.evaluate("document.querySelector('#call-microphone').options[2].value")
        await ana.set(refuse={"audio": {"name": "NotReadableError", "id": other}})
        await ana.choose("#call-microphone", 2)
        await ana.until("document.querySelector('.panel .trouble') !== null")
        assert "is in use elsewhere. Close the other" in await ana.text()
        assert await ana.page.evaluate("faults.tracks.audio.readyState") == "live"
        await is_heard_and_seen()
        await ana.refuse()

        # Pulled out: another goes on in its place.
        await ana.unplug("audio")
        await ana.until_line("was unplugged. Using Fake")
        await is_heard_and_seen()

        # The last one: others are told, and it comes back muted.
        await ana.refuse(audio="NotFoundError")
        await ana.set(hidden=["audioinput"])
        await ana.unplug("audio")
        await says("muted", is_said=True)
        await ana.refuse()
        await ana.set(hidden=[])
        before = await ana.sent()
        asked = await ana.page.evaluate("faults.asked")
        await ana.plug()
        await ana.until(f"faults.asked > {asked}")
        await ana.until("document.querySelector('.panel .meter') !== null")
        after = await ana.sent()
        assert await ana.page.evaluate("document.querySelector('.ctls .ctl span').innerText") == "Unmute"
        assert after["audio"] == before["audio"]
        await ana.press("Unmute")
        await says("muted", is_said=False)
        await is_heard_and_seen()

        # A camera is turned on by nobody but its owner.
        await ana.refuse(video="NotFoundError")
        await ana.unplug("video")
        await says("camera off", is_said=True)
        await ana.press("Start camera")
        await ana.until_line("No camera found. Plug one in")
        await ana.refuse()
        asked = await ana.page.evaluate("faults.asked")
        await ana.plug()
        await ana.until("document.querySelector('.panel .trouble') === null")
        assert await ana.page.evaluate("faults.asked") == asked
        await ana.press("Start camera")
        await says("camera off", is_said=False)

        # The person takes the permission back.
        await ana.refuse(audio="NotAllowedError")
        await ana.unplug("audio")
        await ana.until_line("Your browser is blocking the microphone. Press the icon")
        await says("muted", is_said=True)
        await ana.leave()
        await ben.leave()


async def test_held_to_talk_and_heard_in_vain(tmp_path: Path) -> None:
    async with serving(tmp_path, SETTINGS) as server, chromium(flags=FLAGS) as browser:
        link = await AppClient.make_room(browser, server.url)
        ana = await Owner.at_home(browser, server.url, "Ana")
        assert isinstance(ana.page, playwright.async_api.Page)
        keyboard = ana.page.keyboard
        # To listen alone, with no devices at all.
        await ana.refuse(audio="NotFoundError", video="NotFoundError")
        await ana.set(hidden=["audioinput", "videoinput"])
        await ana.enter_lobby(link)
        await ana.until_join("Join and listen")
        await ana.finish_lobby()
        ben = await AppClient.join(browser, server.url, link, "Ben")
        await ana.until("document.querySelectorAll('.tile').length === 1")

        async def heard() -> bool:
            return (await ana.progress())["Ben"]["audio"] >= FRAMES

        await becomes(heard, ana)
        assert await ana.sent() == {"audio": 0, "video": 0, "frames": 0}
        await ana.press("Unmute")
        await ana.until_line("No microphone found")

        # A key that was let go before the microphone was there leaves it off.
        await ana.refuse()
        await ana.set(hidden=[], isSpeech=True)
        await ana.page.evaluate("faults.hold()")
        await keyboard.down(" ")
        await ana.until("faults.asked > 0")
        await keyboard.up(" ")
        await ana.page.evaluate("faults.release()")
        await ana.until("faults.context !== undefined")
        await ana.until_line("You are muted: no one hears you.")  # the microphone is there, and hears her
        assert (await ana.sent())["audio"] == 0

        muted = "document.querySelector('.ctls .ctl').dataset.off !== undefined"
        await keyboard.down(" ")
        await ana.until(f"!({muted})")

        async def hears() -> bool:
            tile = (await ben.tiles())["Ana"]
            return "muted" not in tile["label"] and (await ben.progress())["Ana"]["audio"] >= FRAMES

        await becomes(hears, ben, ana)
        await keyboard.up(" ")
        await ana.until(muted)
        # Not while a field is written in.
        await ana.press("Chat")
        await ana.until("document.querySelector('textarea') !== null")
        await ana.page.focus("textarea")
        await keyboard.down(" ")
        assert await ana.page.evaluate(muted)
        await keyboard.up(" ")
        await ana.leave()
        await ben.leave()
