"""A person in the real page, the bundle that `make web` builds, in whichever browser. All goes through what a person sees and
presses; hooks of the test only give it a camera of one colour and let it count.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import pytest

from sfu.http import static
from tests.e2e.chromium import Chromium, chromium
from tests.e2e.page_client import Browser, Page
from tests.e2e.progress import FRAMES, PATIENCE_S, until
from tests.e2e.proxy import Proxy
from tests.e2e.server import Server, serving

DIST = Path(static.__file__).parents[1] / "web" / "dist"
needs_bundle = pytest.mark.skipif(not (DIST / "manifest.json").is_file(), reason="needs the bundle: make web")

SETTINGS = """
[http]
port = 0
[media]
addresses = ["127.0.0.1"]
workers = 2
fill = 1
packets = 8192
"""

# Chromium leaves out the upper layers of so small a picture.
FLAGS = ("--force-fieldtrials=WebRTC-LegacySimulcastLayerLimit/Disabled/",)

# A camera is a canvas of one colour, by which a test knows whose picture it sees.
_HOOKS = """([color]) => {
  const held = globalThis.held = { connections: [], sockets: [], kept: [], microphones: [] };
  const Connection = RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Connection {
    constructor(...options) { super(...options); held.connections.push(this); }
  };
  const Socket = WebSocket;
  globalThis.WebSocket = class extends Socket {
    constructor(...options) { super(...options); held.sockets.push(this); }
  };
  const devices = navigator.mediaDevices, get = devices.getUserMedia.bind(devices);
  const camera = () => {
    const canvas = document.createElement("canvas");
    canvas.width = 320; canvas.height = 180;
    const context = canvas.getContext("2d");
    let n = 0;
    const draw = () => {
      context.fillStyle = color;
      context.fillRect(0, 0, 320, 180);
      context.fillStyle = "#000";
      context.fillRect((n++ * 8) % 320, 160, 16, 16);
    };
    draw();
    held.kept.push(canvas, setInterval(draw, 100));
    return canvas.captureStream(10).getVideoTracks()[0];
  };
  devices.getUserMedia = async ({ audio, video }) => {
    if (audio) held.microphones.push(audio);
    const tracks = audio ? (await get({ audio })).getAudioTracks() : [];
    return new MediaStream(video ? [...tracks, camera()] : tracks);
  };
}"""

_FILL = """([selector, value]) => {
  const field = document.querySelector(selector);
  field.value = value;
  field.form.requestSubmit();
}"""

# Without sending the form.
TYPE = """([selector, value]) => {
  const field = document.querySelector(selector);
  field.value = value;
}"""

LOBBY = "document.querySelector('.form [type=submit]:not(:disabled)') !== null"
# The link without key, and the key.
APART = "[...document.querySelectorAll('.parts .specimen')].map((part) => part.textContent)"

# A screen of one colour in place of the browser's own dialogue.
SCREEN = """() => {
  navigator.mediaDevices.getDisplayMedia = async () => {
    const canvas = document.createElement("canvas");
    canvas.width = 640; canvas.height = 360;
    const context = canvas.getContext("2d");
    let n = 0;
    const draw = () => {
      context.fillStyle = "#00ff00";
      context.fillRect(0, 0, 640, 360);
      context.fillStyle = "#000";
      context.fillRect((n++ * 8) % 640, 340, 16, 16);
    };
    draw();
    held.kept.push(canvas, setInterval(draw, 100));
    return canvas.captureStream(10);
  };
}"""

_PRESS = """([word]) => {
  const found = [...document.querySelectorAll("button")].filter(({ innerText, hidden }) => !hidden && innerText.trim().split("\\n")[0] === word);
  if (found.length === 0 || found[0].disabled) return false;
  found[0].click();
  return true;
}"""

# Frames decoded, by the receiver whose picture the tile shows: Firefox counts none that it presents.
_TILES = """async () => {
  const receivers = held.connections.flatMap((connection) => connection.getReceivers());
  const decoded = async (video) => {
    const [track] = video?.srcObject?.getTracks() ?? [];
    const receiver = track && receivers.find((receiver) => receiver.track === track);
    if (!receiver) return 0;
    const inbound = [...(await receiver.getStats()).values()].find(({ type }) => type === "inbound-rtp");
    return inbound?.framesDecoded ?? 0;
  };
  return Promise.all([...document.querySelectorAll(".tile")].map(async (tile) => ({
    label: tile.getAttribute("aria-label"),
    name: tile.querySelector(".tag > span").textContent,
    sender: tile.dataset.sender,
    slot: tile.dataset.slot === "" ? null : Number(tile.dataset.slot),
    sealed: tile.classList.contains("sealed"),
    talk: tile.classList.contains("talk"),
    frames: await decoded(tile.querySelector("video")),
  })));
}"""

# Only what opened gets to the decoder; what is made up for lack of it does not count.
_SOUNDS = """async () => {
  const samples = {};
  for (const player of document.querySelectorAll("audio")) {
    const [track] = player.srcObject.getTracks();
    const receivers = held.connections.flatMap((connection) => connection.getReceivers());
    const receiver = receivers.find((receiver) => receiver.track === track);
    const { sender } = player.dataset;
    if (!receiver || !sender) continue;
    for (const report of (await receiver.getStats()).values()) {
      if (report.type !== "inbound-rtp") continue;
      samples[sender] = (report.totalSamplesReceived ?? 0) - (report.concealedSamples ?? 0);
    }
  }
  return samples;
}"""

_COLOR = """([name]) => {
  const tile = [...document.querySelectorAll(".tile")].find((tile) => tile.querySelector(".tag > span").textContent === name);
  const video = tile?.querySelector("video");
  if (!video || video.videoWidth === 0 || getComputedStyle(video).visibility === "hidden") return null;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0, video.videoWidth, video.videoHeight / 2, 0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""

_SENT = """async () => {
  const sent = { audio: 0, video: 0, frames: 0 };
  for (const connection of held.connections) {
    for (const report of (await connection.getStats()).values()) {
      if (report.type !== "outbound-rtp") continue;
      sent[report.kind] += report.packetsSent ?? 0;
      sent.frames += report.framesSent ?? 0;
    }
  }
  return sent;
}"""


def script_with(piece: str) -> str:
    """The path of the page's one script that has it, once."""
    found = {
        f"/{script.name}": script.read_text(encoding="utf-8").count(piece) for script in DIST.glob("*.js")
    }
    [(path, count)] = [(path, count) for path, count in found.items() if count]
    assert count == 1
    return path


class AppClient:
    """One page. `name` is what the others should see, and what `progress` of theirs goes by."""

    def __init__(self, page: Page, name: str, color: str) -> None:
        self.page = page
        self.name = name
        self.color = color

    @classmethod
    async def open(cls, browser: Browser, url: str, name: str, *, color: str = "#0000ff") -> Self:
        """The first page, with the test's hooks in place."""
        client = cls(await browser.open_page(url), name, color)
        await client.until("document.querySelector('#link') !== null")
        await client.page.evaluate(_HOOKS, [color])
        return client

    @classmethod
    async def make_room(cls, browser: Browser, url: str) -> str:
        """The link that the page makes for a new room."""
        client = await cls.open(browser, url, "")
        await client.press("Make a room")
        await client.until("document.querySelector('.specimen.wide') !== null")
        link = await client.page.evaluate("document.querySelector('.specimen.wide').textContent")
        await client.close()
        return str(link)

    @classmethod
    async def join(
        cls, browser: Browser, url: str, link: str, name: str, *, color: str = "#0000ff", muted: bool = False
    ) -> Self:
        client = await cls.open(browser, url, name, color=color)
        await client.go_in(link, muted=muted)
        return client

    async def go_in(self, link: str, *, muted: bool = False) -> None:
        """From the first page by way of the lobby into the call."""
        await self.knock(link, muted=muted)
        await self.until("document.querySelector('.call') !== null")

    async def knock(self, link: str, *, muted: bool = False) -> None:
        """As far as pressing the button to join."""
        await self.enter_lobby(link)
        if not muted:
            await self._unmute()
        await self.page.evaluate(_FILL, ["#name", self.name])

    async def enter_lobby(self, link: str) -> None:
        await self.page.evaluate(_FILL, ["#link", link])
        await self.until("document.querySelector('.form [type=submit]:not(:disabled)') !== null")

    async def finish_lobby(self) -> None:
        """As the lobby stands, into the call."""
        await self.page.evaluate(_FILL, ["#name", self.name])
        await self.until("document.querySelector('.call') !== null")

    async def reload(self) -> None:
        """And in again: the link is still there. Chromium alone."""
        await self.page.reload()  # type: ignore[attr-defined]
        await self._go_in_from_lobby()

    @classmethod
    async def follow(cls, browser: Browser, link: str, name: str, *, color: str = "#0000ff") -> Self:
        """By the address bar, as who was sent the link."""
        client = cls(await browser.open_page(link), name, color)
        await client._go_in_from_lobby()
        return client

    async def _go_in_from_lobby(self) -> None:
        await self.until("document.querySelector('.form [type=submit]:not(:disabled)') !== null")
        await self.page.evaluate(_HOOKS, [self.color])
        await self.press("Stop camera")  # it was not the test's
        await self.press("Start camera")
        await self._unmute()
        await self.page.evaluate(_FILL, ["#name", self.name])
        await self.until("document.querySelector('.call') !== null")

    async def _unmute(self) -> None:
        """In the lobby, which remembers how it was left."""
        if await self.page.evaluate("document.querySelector('.under .ctl').dataset.off !== undefined"):
            await self.press("Unmute")
        await self.until(
            "document.querySelector('.form [type=submit]').textContent === 'Join with microphone on'"
        )

    async def press(self, word: str) -> None:
        """As soon as the button is there: the page draws once a frame."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not await self.page.evaluate(_PRESS, [word]):  # noqa: ASYNC110  over there
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pytest.fail(f"{self.name} finds no button {word}; the page says: {await self.text()}")

    async def until(self, condition: str) -> None:
        """Waits for an expression to be true in the page."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not await self.page.evaluate(f"Boolean({condition})"):  # noqa: ASYNC110  over there
                    await asyncio.sleep(0.1)
        except TimeoutError:
            pytest.fail(f"{self.name} waits in vain for {condition}; the page says: {await self.text()}")

    async def text(self) -> str:
        return str(await self.page.evaluate("document.querySelector('#app').innerText"))

    async def tiles(self) -> dict[str, dict[str, Any]]:
        """By the name that the tile bears."""
        found = await self.page.evaluate(f"({_TILES})()")
        return {tile["name"]: tile for tile in found}

    async def progress(self) -> dict[str, dict[str, int]]:
        """By the name that the page shows: frames presented and samples of sound decoded."""
        samples = await self.page.evaluate(f"({_SOUNDS})()")
        return {
            name: {"video": tile["frames"], "audio": samples.get(tile["sender"], 0) // 480}
            for name, tile in (await self.tiles()).items()
        }

    async def color_of(self, name: str) -> str | None:
        """Which of red, green, blue the picture under this name is most of; None where there is no picture."""
        pixel = await self.page.evaluate(_COLOR, [name])
        return None if pixel is None else ("red", "green", "blue")[pixel.index(max(pixel))]

    async def sent(self) -> dict[str, int]:
        """Packets of sound and pictures that have left, on all connections that there were, and frames."""
        sent: dict[str, int] = await self.page.evaluate(f"({_SENT})()")
        return sent

    async def say(self, text: str) -> None:
        await self._open_chat()
        await self.page.evaluate(_FILL, ["textarea", text])

    async def heard(self) -> list[tuple[str, str]]:
        """Lines of the chat with whom they are from."""
        await self._open_chat()
        lines = await self.page.evaluate(
            "[...document.querySelectorAll('.msg')].map((line) => [line.querySelector('b').textContent, "
            "line.querySelector('p').textContent])"
        )
        return [(who, text) for who, text in lines]

    async def _open_chat(self) -> None:
        if not await self.page.evaluate("document.querySelector('textarea') !== null"):
            await self.press("Chat")
            await self.until("document.querySelector('textarea') !== null")

    async def until_cut_off(self) -> None:
        """Until the page says that it has no signalling."""
        await self.until("document.querySelector('.line').innerText.includes('Reconnecting')")

    async def until_back(self) -> None:
        await self.until("!document.querySelector('.line .state').innerText.includes('Reconnecting')")

    async def leave(self) -> None:
        await self.press("Leave")
        await self.until("document.querySelector('.call') === null")
        await self.close()

    async def close(self) -> None:
        await self.page.close()


@asynccontextmanager
async def meeting(folder: Path) -> AsyncIterator[tuple[Server, Proxy, Chromium, str]]:
    """A server, a proxy in front of it for those who are to be lied to or cut off, a browser, and the link of a room on it."""
    async with (
        serving(folder, SETTINGS) as server,
        Proxy(server).run() as proxy,
        chromium(flags=FLAGS) as browser,
    ):
        yield server, proxy, browser, await AppClient.make_room(browser, server.url)


async def all_see_all(
    clients: Sequence[AppClient], *, silent: Sequence[str] = (), others: Sequence[str] = ()
) -> None:
    """Under the name of each, and no other, pictures and sound go on coming in at all the others. `others` are no pages."""
    names = {client.name for client in clients} | set(others)
    for client in clients:

        async def all_there(client: AppClient = client) -> bool:
            return set(await client.tiles()) == names - {client.name}

        await until(all_there, client.text)
    before = [await client.progress() for client in clients]

    async def progress() -> bool:
        for client, earlier in zip(clients, before, strict=True):
            now = await client.progress()
            for name in names - {client.name}:
                for kind in ("video", "audio"):
                    if kind == "audio" and name in silent:
                        continue
                    if now[name][kind] - earlier.get(name, {}).get(kind, 0) < FRAMES:
                        return False
            if any(tile["sealed"] for tile in (await client.tiles()).values()):
                return False  # decoded, and not shown
        return True

    async def state() -> object:
        return {client.name: await client.progress() for client in clients}

    await until(progress, state)


async def becomes(holds: Callable[[], Awaitable[bool]], *clients: AppClient) -> None:
    async def state() -> object:
        return [await client.text() for client in clients]

    await until(holds, state)
