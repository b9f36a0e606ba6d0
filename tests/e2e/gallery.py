"""Looks at states of the page in every shape and theme: axe-core finds nothing wrong, and a picture of each is kept.

As a program it makes the README's pictures of what is kept: `make pictures`.
"""

import base64
import json
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import playwright.async_api
import pytest

from tests.e2e.app_client import AppClient
from tests.e2e.portrait import Pixels, to_png

FOLDER = Path(__file__).parents[2] / "build" / "screens"
SHAPES = {
    "d": (1440, 900),
    "p": (390, 844),
    "t": (1024, 768),
    "l": (844, 390),
}  # desktop, phone, tablet, phone lying
MOST = ("d", "p")
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_DOCS = Path(__file__).parents[2] / "docs"
_README = {"call-9-d-dark": "call.webp", "call-9-p-light": "phone.webp", "no-key-d-light": "unopened.webp"}
_QUALITY = 88  # letters are sharp, and a picture has less than 100 kB

_AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
needs_axe = pytest.mark.skipif(not _AXE.is_file(), reason="needs axe-core: make node")

_RUN = """axe.run({ resultTypes: ["violations"] }).then(({ violations }) => violations.map(({ id, nodes }) =>
  `${id}: ${nodes.map(({ target, failureSummary }) => `${target.join(" ")} (${failureSummary})`).join("; ")}`))"""
# What changed is drawn by the frame after the next.
_DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"

# A camera and a screen that show one picture each, and a microphone that hears nothing, so that no sign of speech comes and goes.
_DEVICES = """async (pictures) => {
  const [camera, screen] = await Promise.all(pictures.map(async (png) => {
    const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
    const picture = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const canvas = document.createElement("canvas");
    canvas.width = picture.width; canvas.height = picture.height;
    const context = canvas.getContext("2d");
    const draw = () => context.drawImage(picture, 0, 0);
    draw();
    held.kept.push(setInterval(draw, 200));
    return () => canvas.captureStream(5).getVideoTracks()[0];
  }));
  const quiet = new AudioContext().createMediaStreamDestination();
  const microphone = () => quiet.stream.getAudioTracks()[0].clone();
  navigator.mediaDevices.getUserMedia = async ({ audio, video }) =>
    new MediaStream([...(audio ? [microphone()] : []), ...(video ? [camera()] : [])]);
  navigator.mediaDevices.getDisplayMedia = async () => new MediaStream([screen()]);
}"""


class Gallery:
    """`states`: what there is to be taken. What is found wrong is gathered, so that one run tells all of it."""

    def __init__(self, states: Iterable[str]) -> None:
        self._awaited = set(states)
        self._faults: list[str] = []
        FOLDER.mkdir(parents=True, exist_ok=True)

    async def take(
        self, client: AppClient, state: str, ready: str = "true", *, shapes: Iterable[str] = MOST
    ) -> None:
        """`ready`: an expression of the page that is to hold before it is looked at."""
        self._awaited.remove(state)
        page = _page_of(client)
        axe = await _Axe.beside(page)
        for shape in shapes:
            await self.shape(client, shape)
            for theme in THEMES:
                await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
                await page.evaluate(_DRAWN)
                await client.until(ready)
                await page.evaluate(_DRAWN)
                name = f"{state}-{shape}-{theme}"
                self._faults += [f"{name}: {violation}" for violation in await axe.violations()]
                await page.screenshot(path=FOLDER / f"{name}.png")
        await self.shape(client, "d")

    async def shape(self, client: AppClient, shape: str) -> None:
        width, height = SHAPES[shape]
        await _page_of(client).set_viewport_size({"width": width, "height": height})

    def close(self) -> None:
        """Fails with what was found wrong, or was not taken."""
        if self._faults or self._awaited:
            pytest.fail(
                "\n".join([*self._faults, *(f"not taken: {state}" for state in sorted(self._awaited))])
            )


def _page_of(client: AppClient) -> playwright.async_api.Page:
    assert isinstance(client.page, playwright.async_api.Page)
    return client.page


class _Axe:
    """axe-core in a world of its own beside the page's, whose policy and globals stay as they are."""

    def __init__(self, session: playwright.async_api.CDPSession, world: int) -> None:
        self._session = session
        self._world = world

    @classmethod
    async def beside(cls, page: playwright.async_api.Page) -> "_Axe":
        session = await page.context.new_cdp_session(page)
        tree = await session.send("Page.getFrameTree")
        frame = tree["frameTree"]["frame"]["id"]
        world = await session.send("Page.createIsolatedWorld", {"frameId": frame, "worldName": "axe"})
        axe = cls(session, world["executionContextId"])
        await axe._evaluate(_AXE.read_text(encoding="utf-8") + "; true")
        return axe

    async def violations(self) -> list[str]:
        found: list[str] = await self._evaluate(_RUN)
        return found

    async def _evaluate(self, expression: str) -> Any:
        answer = await self._session.send(
            "Runtime.evaluate",
            {"expression": expression, "contextId": self._world, "awaitPromise": True, "returnByValue": True},
        )
        assert "exceptionDetails" not in answer, json.dumps(answer["exceptionDetails"])
        return answer["result"]["value"]


async def give_devices(client: AppClient, camera: Pixels, screen: Pixels) -> None:
    """From now on that is what its camera and its screen show; before it is asked for them."""
    await client.page.evaluate(
        _DEVICES, [base64.b64encode(to_png(pixels)).decode() for pixels in (camera, screen)]
    )


def _to_webp(png: Path) -> bytes:
    with av.open(str(png)) as container:
        frame = next(container.decode(video=0)).reformat(format="bgra")
    codec = av.CodecContext.create("libwebp", "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height = frame.width, frame.height
    codec.pix_fmt, codec.time_base = "bgra", Fraction(1)  # libwebp makes its own colours of that
    codec.options = {"quality": str(_QUALITY), "compression_level": "6", "preset": "text"}
    return b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])


if __name__ == "__main__":
    for taken, name in _README.items():
        (_DOCS / name).write_bytes(_to_webp(FOLDER / f"{taken}.png"))
