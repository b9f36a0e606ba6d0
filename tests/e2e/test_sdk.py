"""The SDK in a browser, without an app: what only a browser shows of it."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.app_client import FLAGS
from tests.e2e.chromium import Chromium, chromium, needs_chromium
from tests.e2e.progress import until
from tests.e2e.sdk_client import SdkClient, Tile, build_page
from tests.e2e.server import serving
from tests.web.node import needs_node

pytestmark = [needs_chromium, *needs_node]


@dataclass
class House:
    browser: Chromium
    url: str
    link: str

    async def join(self, name: str, **options: object) -> SdkClient:
        return await SdkClient.join(self.browser, self.url, self.link, name, **options)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    folder = tmp_path / "page"
    folder.mkdir()
    async with serving(tmp_path, build_page(folder)) as server, chromium(flags=FLAGS) as browser:
        yield House(browser, server.url, await SdkClient.make_link(browser, server.url))


def shown(tiles: Sequence[Tile], name: str, source: str, **more: object) -> Tile | None:
    """The tile in which something of that person's source was decoded."""
    wanted = {"name": name, "source": source, **more}
    return next((tile for tile in tiles if tile["decoded"] and wanted.items() <= tile.items()), None)


async def test_more_slots_show_more(house: House) -> None:
    ana = await house.join("Ana")
    ben = await house.join("Ben", camera="#00ff00")
    before = await ana.until_tiles(lambda tiles: bool(shown(tiles, "Ben", "camera", color="green")))
    there = await ana.page.evaluate("client.conference.tiles.length")
    await ana.page.evaluate("client.conference.growSlots(3)")  # fewer than there are
    assert await ana.page.evaluate("client.conference.tiles.length") == there
    await ana.page.evaluate("client.conference.growSlots(18)")
    assert await ana.page.evaluate("client.conference.tiles.length") == there + 4
    assert (
        await ana.page.evaluate("client.conference.tiles.slice(-4).map(({ kind }) => kind)")
        == ["video", "audio"] * 2
    )
    # Nothing of what was there has moved, and a new slot shows what it is asked to.
    assert (shown(before, "Ben", "camera") or {}).get("slot") == 0
    await ana.page.evaluate("(slot) => client.look([{ slot, name: 'Ben' }])", there)
    await ana.until_tiles(lambda tiles: bool(shown(tiles, "Ben", "camera", slot=there, color="green")))
    # As many pairs as the server takes, and the call goes on.
    await ana.page.evaluate("client.conference.growSlots(1000)")
    assert (
        await ana.page.evaluate("client.conference.tiles.filter(({ kind }) => kind === 'video').length") == 49
    )
    last = await ana.page.evaluate("client.conference.tiles.findLast(({ kind }) => kind === 'video').slot")
    await ana.page.evaluate("(slot) => client.look([{ slot, name: 'Ben' }])", last)
    await ana.until_tiles(lambda tiles: bool(shown(tiles, "Ben", "camera", slot=last, color="green")))
    await ana.leave()
    await ben.leave()


async def test_how_the_call_is_doing(house: House) -> None:
    ana = await house.join("Ana")
    assert (await ana.page.evaluate("client.conference.quality()"))["limit"] is None
    ben = await house.join("Ben", camera="#00ff00")
    await ana.until_tiles(lambda tiles: bool(shown(tiles, "Ben", "camera")))
    found: dict[str, Any] = {}

    async def told() -> bool:
        for who in (ana, ben):
            found[who.name] = await who.page.evaluate("client.conference.quality()")
        return bool(
            found["Ana"]["received"]
            and found["Ben"]["sent"]
            and found["Ana"]["limit"]
            and found["Ben"]["limit"]
        )

    async def state() -> object:
        return found

    await until(told, state)
    assert found["Ana"]["transport"] == "udp"
    assert found["Ana"]["sent"] == []
    (picture,) = found["Ana"]["received"]
    assert (picture["source"], picture["width"] / picture["height"]) == (
        "camera",
        pytest.approx(16 / 9, 0.05),
    )
    assert {layer["source"] for layer in found["Ben"]["sent"]} == {"camera"}
    assert found["Ben"]["received"] == []
    await ana.leave()
    await ben.leave()


async def test_a_key_that_is_missing_is_asked_for(house: House) -> None:
    ana = await house.join("Ana")
    await ana.page.evaluate("client.spoil(true)")
    ben = await house.join("Ben", camera="#00ff00")
    failures: list[dict[str, Any]] = []

    async def asked_twice() -> bool:
        failures[:] = await ana.page.evaluate("client.failures()")
        return any(failure["kind"] == "video" and failure["tries"] >= 2 for failure in failures)

    async def state() -> object:
        return failures

    await until(asked_twice, state)
    assert {(failure["reason"], failure["from"]) for failure in failures} == {("no_key", None)}
    assert await ana.tiles() == []
    await ana.page.evaluate("client.spoil(false)")
    await ana.page.evaluate("client.failures().forEach(({ slot }) => client.conference.askAgain(slot))")
    await ana.until_tiles(
        lambda tiles: bool(shown(tiles, "Ben", "camera", color="green") and shown(tiles, "Ben", "microphone"))
    )
    assert await ana.page.evaluate("client.failures()") == []
    # And who speaks is who opened.
    await ana.until_true(
        "client.conference.people.some(({ name, sender }) => name === 'Ben' && client.conference.speaking.has(sender))"
    )
    await ana.leave()
    await ben.leave()


async def test_a_screen_is_seen_beside_the_camera(house: House) -> None:
    ana = await house.join("Ana", camera="#ff0000")
    ben = await house.join("Ben")
    await ben.until_tiles(lambda tiles: bool(shown(tiles, "Ana", "camera", color="red")))

    def all_of_ana(color: str) -> Callable[[Sequence[Tile]], bool]:
        return lambda tiles: all(
            (
                shown(tiles, "Ana", "camera", color="red"),
                shown(tiles, "Ana", "microphone"),
                shown(tiles, "Ana", "screen", color=color),
                shown(tiles, "Ana", "screen_audio"),
            )
        )

    # Seated by the server's choice, then where and as high as it is asked for.
    await ana.page.evaluate("client.share('#0000ff')")
    await ben.until_tiles(all_of_ana("blue"))
    await ben.page.evaluate(
        "client.look([{ slot: 0, name: 'Ana', source: 'screen', maxHeight: 360 }, { slot: 2, name: 'Ana' }])"
    )
    await ben.until_tiles(
        lambda tiles: (
            all_of_ana("blue")(tiles)
            and bool(shown(tiles, "Ana", "screen", slot=0) and shown(tiles, "Ana", "camera", slot=2))
        )
    )
    await ben.until_true(
        "client.conference.quality().then((quality) => quality.received.some(({ source, height }) => source === 'screen' && height === 360))"
    )
    assert await ben.page.evaluate("client.people().find(({ name }) => name === 'Ana')?.screen") == "on"

    # It stops and begins again, with another picture and of another size; nothing of it fails to open.
    await ana.page.evaluate("client.share(null)")
    await ben.until_tiles(lambda tiles: not any(tile["source"].startswith("screen") for tile in tiles))
    await ben.until_true("client.people().find(({ name }) => name === 'Ana')?.screen === 'muted'")
    await ben.page.evaluate("client.look([])")
    await ana.page.evaluate("client.share('#00ff00', 1440)")
    await ben.until_tiles(all_of_ana("green"))
    # In both layers, of which the higher is no higher than may be.
    await ana.until_true(
        "client.conference.quality().then(({ sent }) => [540, 1080].every((height) => sent.some((layer) => layer.source === 'screen' && layer.height === height)))"
    )
    # Slots that come after a screen's m-lines have the numbers that the server gives them.
    there = await ana.page.evaluate("client.conference.tiles.length")
    await ana.page.evaluate("client.conference.growSlots(17)")
    await ben.page.evaluate("client.share('#0000ff')")
    await ana.until_tiles(lambda tiles: bool(shown(tiles, "Ben", "screen", color="blue")))
    await ana.page.evaluate("(slot) => client.look([{ slot, name: 'Ben', source: 'screen' }])", there)
    await ana.until_tiles(lambda tiles: bool(shown(tiles, "Ben", "screen", slot=there, color="blue")))
    for who in (ana, ben):
        assert await who.page.evaluate("client.notices") == []
    await ana.leave()
    await ben.until_true(
        "client.notices.some(({ code, name, reason }) => code === 'gone' && name === 'Ana' && reason === 'left')"
    )
    await ben.leave()
