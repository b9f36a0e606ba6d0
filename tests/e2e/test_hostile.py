"""A server that lies, and a page whose parts fail: what is sealed stays so, and nobody is shown as somebody else."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import av
import pytest
from cryptography.exceptions import InvalidTag

from sfu.client.conference import Conference
from sfu.client.envelope import Codec, envelope_of, parse_envelope
from sfu.client.inner import parse_inner
from sfu.client.keys import RoomKeys
from sfu.client.sframe import parse_header
from sfu.client.tracks import TestPattern, Tone
from sfu.e2ee.link import Link
from tests.e2e.app_client import (
    FLAGS,
    SETTINGS,
    AppClient,
    all_see_all,
    becomes,
    meeting,
    needs_bundle,
    script_with,
)
from tests.e2e.chromium import chromium, needs_chromium
from tests.e2e.progress import FRAMES, until
from tests.e2e.proxy import Proxy
from tests.e2e.server import serving
from tests.e2e.tap import Tap, opus_frames, vp8_frames

pytestmark = [needs_chromium, needs_bundle]

_RECEIVED = """async () => {
  const received = { packets: 0, frames: 0 };
  for (const connection of held.connections) {
    for (const report of (await connection.getStats()).values()) {
      if (report.type !== "inbound-rtp") continue;
      received.packets += report.packetsReceived ?? 0;
      received.frames += report.framesDecoded ?? 0;
    }
  }
  return received;
}"""


async def test_another_secret_opens_nothing_and_the_page_says_so(tmp_path: Path) -> None:
    async with meeting(tmp_path) as (server, proxy, browser, link):
        other = await AppClient.make_room(browser, server.url)
        ana = await AppClient.join(browser, server.url, link, "Ana")
        ben = await AppClient.join(browser, server.url, link, "Ben")

        # By itself another link leads to another room. The server puts whoever has it into this one.
        def into_the_room(message: dict[str, Any]) -> dict[str, Any]:
            return message | {"room": Link.parse(link).room_id} if message["type"] == "join" else message

        proxy.to_server = into_the_room
        eve = await AppClient.join(browser, proxy.url, other, "Eve")
        await all_see_all([ana, ben])

        async def media() -> dict[str, int]:
            received: dict[str, int] = await eve.page.evaluate(f"({_RECEIVED})()")
            return received

        async def has_media() -> bool:
            return (await media())["packets"] > 10 * FRAMES

        await becomes(has_media, eve)
        await eve.until(
            "document.querySelector('.line').innerText.includes('2 people can\\u2019t be opened')"
        )
        assert "sealed with another key" in await eve.text()
        assert await eve.tiles() == {}
        assert (await media())["frames"] == 0
        # Nor does she get a word in.
        await eve.say("let me in")
        await ana.until(
            "document.querySelector('.line').innerText.includes('1 person can\\u2019t be opened')"
        )
        assert set(await ana.tiles()) == {"Ben"}
        assert await ana.heard() == []
        for client in (ana, ben, eve):
            await client.leave()


async def test_a_lie_about_slots_puts_no_face_under_another_name(tmp_path: Path) -> None:
    async with meeting(tmp_path) as (server, proxy, browser, link):
        ana = await AppClient.join(browser, server.url, link, "Ana", color="#ff0000")
        ben = await AppClient.join(browser, server.url, link, "Ben", color="#00ff00")
        await all_see_all([ana, ben])
        lies = 0

        def swap(message: dict[str, Any]) -> dict[str, Any]:
            nonlocal lies
            if message["type"] == "slots":
                for slot in message["slots"]:
                    lies += slot["participant"] in {1, 2}
                    slot["participant"] = {1: 2, 2: 1}.get(slot["participant"], slot["participant"])
            return message

        proxy.to_client = swap
        cem = await AppClient.join(browser, proxy.url, link, "Cem")
        await cem.until("document.querySelector('.line').innerText.includes('key didn\\u2019t make it')")
        await all_see_all([ana, ben, cem])
        assert lies >= 4
        assert await cem.color_of("Ana") == "red"
        assert await cem.color_of("Ben") == "green"
        # Who speaks goes by the key as well.
        await ana.press("Mute")

        async def only_ben() -> bool:
            tiles = await cem.tiles()
            return "muted" in tiles["Ana"]["label"] and not tiles["Ana"]["talk"] and tiles["Ben"]["talk"]

        await becomes(only_ben, cem)
        for client in (ana, ben, cem):
            await client.leave()


# What the server does to what a page receives, between the network and the page's own worker: on a word from the test, slot 0
# goes on with another slot's differences, in the packets of the picture that was there, and no key frame comes any more.
_SWITCH = """
const channel = new BroadcastChannel("hostile"), theirs = [], ours = self.onrtctransform;
let isHostile = false, switched = 0;
channel.onmessage = ({ data }) => void (isHostile = data);
self.onrtctransform = ({ transformer }) => {
  const { options, readable, writable } = transformer;
  if (options.direction !== "receive" || options.kind !== "video") return ours({ transformer });
  const change = new TransformStream({
    transform(frame, controller) {
      if (!isHostile) return controller.enqueue(frame);
      if (frame.type === "key") return;
      if (options.slot !== 0) return void theirs.push(frame.data);
      const data = theirs.shift();
      if (data === undefined) return;
      frame.data = data;
      controller.enqueue(frame);
      channel.postMessage(++switched);
    },
  });
  const sendKeyFrameRequest = () => isHostile ? Promise.resolve() : transformer.sendKeyFrameRequest();
  ours({ transformer: { options, readable: readable.pipeThrough(change), writable, sendKeyFrameRequest } });
};
"""


async def test_differences_of_another_are_not_drawn_on_the_picture_that_was_there(tmp_path: Path) -> None:
    """A slot is switched in the middle, without a key frame: all of it genuine, and none of it the picture of who made it."""
    async with meeting(tmp_path) as (server, proxy, browser, link):
        ana = await AppClient.join(browser, server.url, link, "Ana", color="#ff0000")
        ben = await AppClient.join(browser, server.url, link, "Ben", color="#00ff00")
        await all_see_all([ana, ben])
        proxy.files = lambda path, text: text + _SWITCH if path == "/worker.js" else text
        cem = await AppClient.join(browser, proxy.url, link, "Cem")
        await all_see_all([ana, ben, cem])
        shown = {"Ana": ("red", ana), "Ben": ("green", ben)}
        (first,) = [name for name, tile in (await cem.tiles()).items() if tile["slot"] == 0]
        (other,) = set(shown) - {first}
        await cem.page.evaluate(
            "(() => { const channel = globalThis.hostile = new BroadcastChannel('hostile'); globalThis.switched = 0;"
            " channel.onmessage = ({ data }) => { globalThis.switched = data; }; channel.postMessage(true); })()"
        )

        async def is_taken_away() -> bool:
            assert await cem.color_of(first) in {shown[first][0], None}
            assert await cem.color_of(other) in {shown[other][0], None}
            tile = (await cem.tiles())[first]
            return bool(tile["sealed"]) and int(await cem.page.evaluate("switched")) > FRAMES

        await becomes(is_taken_away, cem)
        assert await cem.color_of(first) is None
        await cem.page.evaluate("hostile.postMessage(false)")
        await all_see_all([ana, ben, cem])
        for name, (color, _) in shown.items():
            assert await cem.color_of(name) == color
        for client in (ana, ben, cem):
            await client.leave()


def _without_the_flag(path: str, text: str) -> str:
    flag = "encodedInsertableStreams: true"
    return text.replace(flag, "encodedInsertableStreams: false") if path == script_with(flag) else text


def _as_it_is(_path: str, text: str) -> str:
    return text


FLAG = pytest.mark.parametrize("flag", [_as_it_is, _without_the_flag], ids=["with-flag", "without-flag"])


@pytest.mark.parametrize(
    "code, flag",
    [("", _as_it_is), ("", _without_the_flag), ("throw new Error('no')", _as_it_is)],
    ids=["silent-with-flag", "silent-without-flag", "broken"],
)
async def test_a_page_whose_worker_does_not_start_does_not_even_join(
    tmp_path: Path, code: str, flag: Callable[[str, str], str]
) -> None:
    async with meeting(tmp_path) as (_, proxy, browser, link):
        proxy.files = lambda path, text: code if path == "/worker.js" else flag(path, text)
        ana = await AppClient.open(browser, proxy.url, "Ana")
        await ana.page.evaluate(
            "([link]) => { const field = document.querySelector('#link'); field.value = link; field.form.requestSubmit(); }",
            [link],
        )
        await ana.until("document.querySelector('#app').innerText.includes('worker_failed')")
        assert await ana.page.evaluate("held.connections.length") == 0
        assert await ana.page.evaluate("held.sockets.length") == 0
        await ana.close()


def _without_waiting(path: str, text: str) -> str:
    """A page that gives its senders their tracks at once, as it should not."""
    waiting = "await sender.ready;"
    return text.replace(waiting, "") if path == script_with(waiting) else text


@FLAG
@pytest.mark.parametrize("handler", [None, "null", "() => {}"], ids=["ours", "none", "idle"])
async def test_a_transform_that_does_not_run_lets_nothing_through(
    tmp_path: Path, handler: str | None, flag: Callable[[str, str], str]
) -> None:
    """Even where the page does not wait for it. With our own handler the same page sends: the control."""

    def change(path: str, text: str) -> str:
        if path == "/worker.js" and handler:
            return text + f"\nself.onrtctransform = {handler};"
        return flag(path, _without_waiting(path, text))

    async with meeting(tmp_path) as (server, proxy, browser, link):
        proxy.files = change
        ben = await AppClient.join(browser, server.url, link, "Ben")
        eve = await AppClient.join(browser, proxy.url, link, "Eve")
        if handler is None:
            await all_see_all([ben, eve])
        else:
            await eve.until("held.connections[0].connectionState === 'connected'")
            await eve.until("held.connections[0].getSenders().filter(({ track }) => track).length === 2")

            async def has_encoded() -> bool:
                return (await eve.sent())["frames"] > FRAMES  # of the encoder; before the transform

            await becomes(has_encoded, eve)
            sent = await eve.sent()
            assert (sent["audio"], sent["video"]) == (0, 0)
            tile = (await ben.tiles())["Eve"]
            assert tile["sealed"]
            assert "not heard yet" in tile["label"]
        await eve.leave()
        await ben.leave()


@FLAG
async def test_a_worker_that_dies_takes_all_sending_with_it(
    tmp_path: Path, flag: Callable[[str, str], str]
) -> None:
    """Its counters are gone: the page begins anew as another sender, and gives up where that leads nowhere."""

    def change(path: str, text: str) -> str:
        if path == "/worker.js":
            return text + "\nself.onrtctransform = () => { throw new Error('no'); };"
        return flag(path, _without_waiting(path, text))

    async with meeting(tmp_path) as (server, proxy, browser, link):
        proxy.files = change
        ben = await AppClient.join(browser, server.url, link, "Ben", muted=True)
        eve = await AppClient.open(browser, proxy.url, "Eve")
        await eve.knock(link)
        await eve.until("document.querySelector('#app').innerText.includes('worker_failed')")
        assert await eve.page.evaluate("held.connections.length > 1")
        sent = await eve.sent()
        assert (sent["audio"], sent["video"]) == (0, 0)
        await ben.until("document.querySelectorAll('.tile').length === 0")
        await eve.close()
        await ben.leave()


_DIES_WHEN_TOLD = "new BroadcastChannel('die').onmessage = () => { throw new Error('told to'); };"
_SAYINGS = """(() => {
  const said = globalThis.said = [];
  const line = document.querySelector(".line");
  new MutationObserver(() => said.push(line.innerText)).observe(line, { subtree: true, childList: true, characterData: true });
})()"""


async def test_who_loses_the_worker_in_a_call_comes_back_as_somebody_else_and_nobody_sees_two(
    tmp_path: Path,
) -> None:
    async with meeting(tmp_path) as (server, proxy, browser, link):
        ana = await AppClient.join(browser, server.url, link, "Ana")
        async with Conference.join(link, name="Ben") as ben:
            await ben.publish(TestPattern(9))
            await ben.publish(Tone(440))
            proxy.files = lambda path, text: text + _DIES_WHEN_TOLD if path == "/worker.js" else text
            eve = await AppClient.join(browser, proxy.url, link, "Eve")
            await all_see_all([ana, eve], others=["Ben"])
            before = {person.name: person for person in ben.people}
            tile = (await ana.tiles())["Eve"]
            await eve.page.evaluate(_SAYINGS)
            await eve.page.evaluate("new BroadcastChannel('die').postMessage(null)")

            async def another_eve() -> bool:
                now = [person for person in ben.people if person.name == "Eve"]
                eves = [sender for name, sender in await senders(ana) if name == "Eve"]
                return bool(
                    len(now) == len(eves) == 1
                    and now[0].sender != before["Eve"].sender
                    and now[0].participant != before["Eve"].participant
                    and eves[0] not in {tile["sender"], None}
                )

            async def senders(client: AppClient) -> list[tuple[str, str]]:
                return [
                    tuple(pair)
                    for pair in await client.page.evaluate(
                        "[...document.querySelectorAll('.tile')].map((tile) => "
                        "[tile.querySelector('.tag > span').textContent, tile.dataset.sender])"
                    )
                ]

            await becomes(another_eve, ana, eve)
            await all_see_all([ana, eve], others=["Ben"])
            assert len(ben.people) == 2
            assert sorted(name for name, _ in await senders(ana)) == ["Ben", "Eve"]
            assert sorted(name for name, _ in await senders(eve)) == ["Ana", "Ben"]
            said = "\n".join(await eve.page.evaluate("said"))
            assert "keys were lost" in said
            # Nobody else has come or gone, and no server has lost anybody.
            for wrong in ("left", "joined", "Connection lost", "said you had gone", "can\u2019t be opened"):
                assert wrong not in said
        await eve.leave()
        await ana.leave()


async def _payload_type(client: AppClient, codec: str) -> int:
    await client.until("held.connections[0]?.connectionState === 'connected'")
    sdp = await client.page.evaluate("held.connections[0].localDescription.sdp")
    return int(next(line for line in sdp.splitlines() if f" {codec}/" in line).split(":")[1].split()[0])


async def test_the_server_sees_sframe_and_no_counter_twice(tmp_path: Path) -> None:
    """One participant id is given to two pages and to a reload, as a hostile server does that hopes for a repeated nonce."""
    settings = SETTINGS + "[trace]\nenabled = true\n"
    async with (
        serving(tmp_path, settings) as server,
        Proxy(server).run() as proxy,
        chromium(flags=FLAGS) as browser,
    ):
        link = await AppClient.make_room(browser, server.url)
        room = Link.parse(link).room_id
        given: list[int] = []

        def same(message: dict[str, Any]) -> dict[str, Any]:
            if message["type"] != "joined":
                return message
            given.append(message["participant"])
            return message | {"participant": 1}

        proxy.to_client = same
        tap = Tap()
        taken: dict[Codec, list[bytes]] = {Codec.OPUS: [], Codec.VP8: []}

        async def take(client: AppClient) -> None:
            """What this page sends from now on, until it is enough."""
            opus, vp8 = await _payload_type(client, "opus"), await _payload_type(client, "VP8")

            def frames() -> dict[Codec, list[bytes]]:
                return {
                    Codec.OPUS: opus_frames(tap.packets, opus),
                    Codec.VP8: vp8_frames(tap.packets, vp8),
                }

            tap.packets.clear()
            async with tap.follow(server, room, given[-1]):

                async def enough() -> bool:
                    return all(len(found) >= 100 for found in frames().values())

                async def state() -> object:
                    return {codec: len(found) for codec, found in frames().items()}

                await until(enough, state)
            for codec, found in frames().items():
                taken[codec].extend(found)

        ben = await AppClient.join(browser, server.url, link, "Ben")
        ana = await AppClient.join(browser, proxy.url, link, "Ana")
        await take(ana)
        cem = await AppClient.join(browser, proxy.url, link, "Cem")
        await take(cem)
        await ana.reload()
        await take(ana)
        assert len(set(given)) == len(given) == 3

        # A counter stands for one frame, whoever sends it and however often it comes.
        seen: dict[tuple[int, int], bytes] = {}
        # The link's key opens all that was taken, another link's none of it.
        keys, others = RoomKeys(Link.parse(link).secret), RoomKeys(Link.make().secret)
        for codec, frames in taken.items():
            for frame in frames:
                envelope = parse_envelope(codec, frame)
                sealed = frame[len(envelope.clear) :]
                header, begin = parse_header(sealed)
                digest = hashlib.sha256(sealed).digest()
                assert seen.setdefault((header.kid, header.counter), digest) == digest
                opened = keys.of_kid(header.kid).open(header, envelope.metadata, sealed[begin:])
                inner = parse_inner(opened)
                assert inner.time_ms
                assert envelope_of(codec, inner.frame) == envelope, "what is in clear is what is within"
                with pytest.raises(InvalidTag):
                    others.of_kid(header.kid).open(header, envelope.metadata, sealed[begin:])
        assert len({kid for kid, _ in seen}) == 6
        assert len(seen) > 300
        # Opus at constant bit rate: sizes tell nothing.
        assert len({len(frame) - len_of_header(frame) for frame in taken[Codec.OPUS]}) == 1
        for client in (ana, cem, ben):
            await client.leave()


def len_of_header(frame: bytes) -> int:
    return parse_header(frame)[1]


# Frames wait for seconds before they are shown, as they do where a server sends a playout delay.
_WAIT = """() => {
  for (const connection of held.connections)
    for (const receiver of connection.getReceivers()) if (receiver.track.kind === "video") receiver.jitterBufferTarget = 4000;
}"""
_WAITED = """async () => {
  let waited = 0;
  for (const connection of held.connections)
    for (const report of (await connection.getStats()).values()) {
      if (report.type !== "inbound-rtp" || report.kind !== "video" || !report.framesDecoded) continue;
      waited = Math.max(waited, report.framesReceived - report.framesDecoded);
    }
  return waited;
}"""
# What is in the tile of this name, seen or not.
_WATCH = """([name]) => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  held.watched = [];
  held.kept.push(setInterval(() => {
    const tile = [...document.querySelectorAll(".tile")].find((tile) => tile.querySelector(".tag > span").textContent === name);
    const video = tile?.querySelector("video");
    if (!video || video.videoWidth === 0) return;
    context.drawImage(video, 0, 0, video.videoWidth, video.videoHeight / 2, 0, 0, 1, 1);
    const [red, green] = context.getImageData(0, 0, 1, 1).data;
    const isSeen = getComputedStyle(video).visibility !== "hidden" && !tile.classList.contains("sealed");
    held.watched.push(`${isSeen ? "seen" : "hidden"} ${red > 128 ? "red" : green > 128 ? "green" : "other"}`);
  }, 20));
}"""


async def test_a_picture_that_waits_in_the_browser_is_not_shown_under_the_next_name(tmp_path: Path) -> None:
    async with meeting(tmp_path) as (server, _, browser, link):
        ana = await AppClient.join(browser, server.url, link, "Ana", color="#ff0000", muted=True)
        cem = await AppClient.join(browser, server.url, link, "Cem", color="#0000ff", muted=True)
        ben = await AppClient.open(browser, server.url, "Ben", color="#00ff00")
        await ben.enter_lobby(link)
        await all_see_all([ana, cem], silent=["Ana", "Cem"])
        slot = (await cem.tiles())["Ana"]["slot"]
        await cem.page.evaluate(_WAIT)

        async def waits() -> bool:
            return int(await cem.page.evaluate(f"({_WAITED})()")) >= 20

        await becomes(waits, cem)
        await cem.page.evaluate(_WATCH, ["Ben"])
        await ana.press("Leave")
        await ben.finish_lobby()

        async def is_seen() -> bool:
            return await cem.color_of("Ben") == "green" and not (await cem.tiles())["Ben"]["sealed"]

        await becomes(is_seen, cem)
        assert (await cem.tiles())["Ben"]["slot"] == slot
        watched = set(await cem.page.evaluate("held.watched"))
        assert "hidden red" in watched, "it waited there, or nothing has been shown by this"
        assert "seen red" not in watched
        assert "seen green" in watched
        for client in (ana, ben, cem):
            await client.close()


# The page does nothing else for so long, from now on, or each time it has told the worker that it has drawn who is where. What
# the browser draws by itself goes on.
_BUSY = """([ms, isAfter]) => {
  const work = () => { for (const end = performance.now() + ms; performance.now() < end;); };
  if (!isAfter) return new Promise((done) => setTimeout(() => { work(); done(); }));
  const post = Worker.prototype.postMessage;
  Worker.prototype.postMessage = function (message, ...rest) {
    post.call(this, message, ...rest);
    if (message.method === "drawn") work();
  };
}"""
_PLACE = """([name]) => {
  const tile = [...document.querySelectorAll(".tile")].find((tile) => tile.querySelector(".tag > span").textContent === name);
  const { x, y, width, height } = tile.getBoundingClientRect();
  return [(x + width / 2) / innerWidth, (y + height / 4) / innerHeight];
}"""
LIE = 1_000_000  # an id that no request of a page has


class Screencast:
    """What is on the screen at one place of the page: seen from outside, as by who sits before it."""

    def __init__(self, client: AppClient, place: tuple[float, float]) -> None:
        self.colors: list[str] = []
        self._client = client
        self._place = place

    @asynccontextmanager
    async def run(self) -> AsyncIterator[Self]:
        self._session = await self._client.page.context.new_cdp_session(self._client.page)  # type: ignore[attr-defined]
        self._session.on("Page.screencastFrame", self._on_frame)
        await self._session.send("Page.startScreencast", {"format": "png"})
        yield self
        await self._session.send("Page.stopScreencast")
        await self._session.detach()

    async def _on_frame(self, event: dict[str, Any]) -> None:
        await self._session.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})
        (frame,) = av.CodecContext.create("png", "r").decode(av.Packet(base64.b64decode(event["data"])))
        picture = frame.to_ndarray(format="rgb24")
        x, y = (int(part * size) for part, size in zip(self._place, (frame.width, frame.height), strict=True))
        pixel = picture[y, x].tolist()
        self.colors.append(
            ("red", "green", "blue")[pixel.index(max(pixel))] if max(pixel) - min(pixel) > 100 else "other"
        )


@pytest.mark.parametrize(
    "busy_ms, is_after", [(4_000, False), (1_500, True)], ids=["before-it-hears", "once-it-has-drawn"]
)
async def test_a_page_that_is_busy_shows_nobody_in_the_tile_of_another(
    tmp_path: Path, busy_ms: int, is_after: bool
) -> None:
    """The server puts Ben where the page shows Ana."""
    async with meeting(tmp_path) as (server, proxy, browser, link):
        ana = await AppClient.join(browser, server.url, link, "Ana", color="#ff0000", muted=True)
        ben = await AppClient.join(browser, server.url, link, "Ben", color="#00ff00", muted=True)
        moved = asyncio.Event()

        def swallow(message: dict[str, Any]) -> dict[str, Any] | None:
            if message.get("id") == LIE:
                moved.set()
            return None if message.get("id") == LIE else message

        proxy.to_client = swallow
        cem = await AppClient.join(browser, proxy.url, link, "Cem", muted=True)
        await all_see_all([ana, ben, cem], silent=["Ana", "Ben", "Cem"])
        before = await cem.tiles()
        slots = [{"slot": before["Ana"]["slot"], "participant": 2}]
        async with Screencast(cem, await cem.page.evaluate(_PLACE, ["Ana"])).run() as screen:

            async def has_seen(color: str) -> bool:
                return screen.colors[-1:] == [color]

            await becomes(lambda: has_seen("red"), cem)
            busy = asyncio.create_task(cem.page.evaluate(_BUSY, [busy_ms, is_after]))
            await proxy.say({"v": 0, "id": LIE, "type": "view", "slots": slots})
            await busy
            assert is_after or moved.is_set()

            async def is_moved() -> bool:
                tiles = await cem.tiles()
                return tiles["Ben"]["slot"] == before["Ana"]["slot"] and await cem.color_of("Ben") == "green"

            await becomes(is_moved, cem)
            await all_see_all([ana, ben, cem], silent=["Ana", "Ben", "Cem"])
            assert await cem.color_of("Ana") == "red"
            assert set(screen.colors) <= {"red", "other"}
        for client in (ana, ben, cem):
            await client.leave()
