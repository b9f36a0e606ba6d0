"""The crowd that other tests put into a room: everybody of it is seen as who they are."""

from pathlib import Path

import numpy as np

from tests.e2e.app_client import AppClient, becomes, meeting, needs_bundle
from tests.e2e.chromium import needs_chromium
from tests.e2e.crowd import cast, crowd
from tests.e2e.portrait import Pixels, portrait

pytestmark = [needs_chromium, needs_bundle]

CLOSE = 24  # of 255: what encoding and its narrower range of colours leave of a difference

# The wall beside the head, where portraits differ most.
_WALL = """() => Object.fromEntries([...document.querySelectorAll(".tile:not(.sealed)")].map((tile) => {
  const canvas = document.createElement("canvas"), video = tile.querySelector("video");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d");
  context.drawImage(video, video.videoWidth * 0.32, video.videoHeight * 0.04, 4, 4, 0, 0, 1, 1);
  return [tile.querySelector(".tag > span").textContent, [...context.getImageData(0, 0, 1, 1).data].slice(0, 3)];
}))"""


async def test_each_face_is_under_its_own_name(tmp_path: Path) -> None:
    roles = cast(8)  # one page of them
    async with meeting(tmp_path) as (server, _, browser, link), crowd(link, roles) as people:
        ana = await AppClient.join(browser, server.url, link, "You", muted=True)

        async def as_they_are() -> bool:
            walls = await ana.page.evaluate(_WALL)
            return walls.keys() == people.keys() and all(
                np.abs(np.array(walls[role.name]) - _wall(role.face).astype(int)).max() < CLOSE
                for role in roles
            )

        await becomes(as_they_are, ana)
        await people["Ana Ruiz"].speak()
        await ana.until("document.querySelector('.tile.talk .tag > span')?.textContent === 'Ana Ruiz'")
        await people["Ana Ruiz"].be_silent()
        await people["Ben Okafor"].share()
        await ana.until("document.querySelector('.tile.large.screen:not(.sealed)') !== null")
        await ana.leave()


def _wall(face: int) -> Pixels:
    pixels = portrait(face)
    height, width, _ = pixels.shape
    y, x = int(height * 0.04), int(width * 0.32)
    wall: Pixels = pixels[y : y + 4, x : x + 4].mean(axis=(0, 1)).astype(np.uint8)
    return wall
