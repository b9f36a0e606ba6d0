"""Drawn stand-ins for what cameras and screens show: people who can be told apart, and a page of a document."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av import VideoFrame

Color = tuple[int, int, int]
Mask = np.ndarray[Any, np.dtype[np.bool_]]
Pixels = np.ndarray[Any, np.dtype[np.uint8]]

WIDTH, HEIGHT = 320, 180  # in which all is drawn, whatever the size
SMOOTH = 2  # pixels drawn a side for one that is shown

_WALLS: Sequence[Color] = (
    (205, 184, 158), (150, 164, 172), (186, 178, 152), (122, 130, 142), (176, 190, 180), (196, 170, 160), (140, 134, 150),
)  # fmt: skip
_SKINS: Sequence[Color] = (
    (238, 202, 172), (214, 162, 122), (122, 76, 46), (94, 56, 36), (244, 214, 190), (176, 120, 82),
)  # fmt: skip
_HAIRS: Sequence[Color] = ((36, 28, 24), (96, 60, 36), (28, 24, 26), (190, 150, 96), (112, 106, 102))
_CLOTHES: Sequence[Color] = (
    (47, 72, 88), (122, 62, 54), (61, 90, 69), (40, 48, 59), (200, 188, 164), (84, 72, 94), (59, 99, 112),
)  # fmt: skip


class _Canvas:
    def __init__(self, width: int, height: int, ground: Color) -> None:
        rows, columns = height * SMOOTH, width * SMOOTH
        self._scale = columns / WIDTH
        self.y, self.x = np.mgrid[0:rows, 0:columns].astype(np.float32) / np.float32(self._scale)
        self.pixels = np.broadcast_to(np.array(ground, np.float32), (rows, columns, 3)).copy()

    def shade(self, strength: float) -> None:
        """The light comes from the upper left."""
        self.pixels *= (1 + strength * (0.5 - (self.x / WIDTH + self.y / HEIGHT) / 2))[..., None]

    def fill(self, where: Mask, color: Color, opacity: float = 1.0) -> None:
        self.pixels[where] = self.pixels[where] * (1 - opacity) + np.array(color, np.float32) * opacity

    def ellipse(self, x: float, y: float, rx: float, ry: float) -> Mask:
        found: Mask = ((self.x - x) / rx) ** 2 + ((self.y - y) / ry) ** 2 < 1
        return found

    def box(self, x: float, y: float, width: float, height: float) -> Mask:
        found: Mask = (self.x >= x) & (self.x < x + width) & (self.y >= y) & (self.y < y + height)
        return found

    def shown(self) -> Pixels:
        rows, columns, _ = self.pixels.shape
        blocks = self.pixels.reshape(rows // SMOOTH, SMOOTH, columns // SMOOTH, SMOOTH, 3)
        shown: Pixels = blocks.mean(axis=(1, 3)).clip(0, 255).astype(np.uint8)
        return shown


def portrait(number: int, *, width: int = 480, height: int = 270) -> Pixels:
    """Somebody in a room, RGB in the shape (height, width, 3). Whom depends on the number alone."""
    draw = np.random.default_rng(number + 1)
    canvas = _Canvas(width, height, _WALLS[number % len(_WALLS)])
    canvas.shade(0.35)
    _room(canvas, draw)
    _person(canvas, draw, number)
    return canvas.shown()


def _room(canvas: _Canvas, draw: np.random.Generator) -> None:
    left = 10 if draw.random() < 0.5 else 222
    match int(draw.integers(3)):
        case 0:  # a window
            canvas.fill(canvas.box(left, 14, 84, 100), (240, 240, 230))
            canvas.fill(canvas.box(left + 40, 14, 4, 100) | canvas.box(left, 62, 84, 4), (140, 134, 122))
        case 1:  # books
            for row in range(3):
                canvas.fill(canvas.box(left - 6, 42 + row * 44, 104, 4), (90, 76, 62))
                x = float(left)
                while x < left + 84:
                    across, up = draw.uniform(4, 10), draw.uniform(20, 32)
                    color = _CLOTHES[int(draw.integers(len(_CLOTHES)))]
                    canvas.fill(canvas.box(x, 42 + row * 44 - up, across, up), color, 0.8)
                    x += across + 1
        case _:  # a lamp
            canvas.fill(canvas.ellipse(left + 44, 46, 42, 42), (255, 232, 184), 0.45)
            canvas.fill(canvas.box(left + 42, 56, 4, 124), (80, 72, 62))
            slope = np.abs(canvas.x - left - 44) < 10 + (canvas.y - 26) * 0.25
            canvas.fill(slope & canvas.box(left, 26, 88, 32), (250, 230, 188))


def _person(canvas: _Canvas, draw: np.random.Generator, number: int) -> None:
    x, y = 160 + draw.uniform(-12, 12), 86 + draw.uniform(-4, 4)
    skin = _SKINS[number % len(_SKINS)]
    hair = _HAIRS[(number * 2 + 1) % len(_HAIRS)]
    cloth = _CLOTHES[(number * 3) % len(_CLOTHES)]
    dark = (int(skin[0] * 0.8), int(skin[1] * 0.8), int(skin[2] * 0.8))
    style = number % 4
    if style == 0:  # long
        canvas.fill(canvas.ellipse(x, y - 4, 36, 46) | canvas.box(x - 36, y - 4, 72, 62), hair)
    elif style == 2:  # curls
        for turn in np.linspace(-3.5, 0.36, 9):
            canvas.fill(canvas.ellipse(x + 31 * np.cos(turn), y - 10 + 31 * np.sin(turn), 15, 15), hair)
    elif style == 3:  # a bun
        canvas.fill(canvas.ellipse(x, y - 48, 13, 13), hair)
    canvas.fill(canvas.ellipse(x, y + 106, 92, 58), cloth)
    canvas.fill(canvas.box(x - 14, y + 20, 28, 34) | canvas.ellipse(x, y + 52, 22, 12), dark)
    canvas.fill(canvas.ellipse(x - 28, y + 2, 5, 8) | canvas.ellipse(x + 28, y + 2, 5, 8), dark)
    face = canvas.ellipse(x, y, 28, 38)
    canvas.fill(face, skin)
    canvas.fill(face & ~canvas.ellipse(x - 10, y - 2, 30, 42), dark, 0.6)
    fringe = canvas.ellipse(x, y - 4, 31, 40) & ~canvas.ellipse(x + 5, y + 12, 34, 36) & (canvas.y < y + 2)
    canvas.fill(fringe, hair)
    if style == 1 and number % 8 == 1:
        mouth = canvas.ellipse(x, y + 15, 13, 7)
        canvas.fill(face & (canvas.y > y + 8) & ~mouth, hair, 0.92)
    ink = (int(skin[0] * 0.36), int(skin[1] * 0.36), int(skin[2] * 0.36))
    for side in (-10, 10):
        canvas.fill(canvas.ellipse(x + side, y - 2, 2.6, 2.6), ink)
        brow = (
            canvas.ellipse(x + side, y - 6, 7, 6)
            & ~canvas.ellipse(x + side, y - 4.4, 8, 6)
            & (canvas.y < y - 6)
        )
        canvas.fill(brow, ink, 0.7)
        if number % 5 == 2:
            rim = canvas.ellipse(x + side, y - 2, 9, 7.5) & ~canvas.ellipse(x + side, y - 2, 7.6, 6.1)
            canvas.fill(rim, (30, 28, 26))
    smile = canvas.ellipse(x, y + 13, 9, 7) & ~canvas.ellipse(x, y + 11, 10, 7) & (canvas.y > y + 12)
    canvas.fill(smile, ink, 0.8)


def document(*, width: int = 1280, height: int = 720) -> Pixels:
    """A screen with a page on it: a plan, and lines of writing."""
    canvas = _Canvas(width, height, (251, 250, 247))
    ink, faint = (40, 38, 34), (150, 145, 134)
    canvas.fill(canvas.box(0, 0, WIDTH, 12), (236, 233, 226))
    canvas.fill(canvas.box(12, 4, 70, 4), faint)
    canvas.fill(canvas.box(12, 22, 60, 5), ink)
    for x, y, across, down in (
        (12, 38, 78, 54), (90, 38, 44, 34), (134, 38, 50, 54), (184, 38, 44, 54), (90, 72, 44, 20),
        (12, 108, 58, 52), (70, 108, 40, 52), (110, 108, 60, 52), (170, 108, 58, 52),
    ):  # fmt: skip
        canvas.fill(canvas.box(x, y, across + 0.7, down + 0.7), ink)
        canvas.fill(canvas.box(x + 0.7, y + 0.7, across - 0.7, down - 0.7), (255, 255, 255))
        canvas.fill(canvas.box(x + 4, y + 5, across * 0.5, 2.4), ink)
        canvas.fill(canvas.box(x + 4, y + 10, across * 0.3, 2), faint)
    for row, length in enumerate((58, 64, 40, 0, 62, 50, 0, 60, 66, 54, 30, 0, 48, 62)):
        canvas.fill(canvas.box(244, 40 + row * 8, length, 2.6), ink, 0.75)
    return canvas.shown()


def to_frame(pixels: Pixels) -> VideoFrame:
    return VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")


def to_png(pixels: Pixels) -> bytes:
    codec = av.CodecContext.create("png", "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.height, codec.width = pixels.shape[:2]
    codec.pix_fmt, codec.time_base = "rgb24", Fraction(1, 1)
    packets = [*codec.encode(VideoFrame.from_ndarray(pixels, format="rgb24")), *codec.encode(None)]
    return b"".join(bytes(packet) for packet in packets)
