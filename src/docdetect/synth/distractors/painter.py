"""What all printed distractors share: a painter of coloured pictures in layers, and the choice of a kind to draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import TypeAlias, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from docdetect.synth.fonts import FontBook, FontFace
from docdetect.synth.ink import RGB
from docdetect.synth.patch import Patch
from docdetect.synth.stamps.canvas import StampCanvas
from docdetect.synth.stamps.emblems import set_emblem
from docdetect.types import ByteArray, FloatArray

Points = NDArray[np.float64]
Rng = np.random.Generator

WHITE: RGB = (255, 255, 255)

Maker: TypeAlias = Callable[[Rng, float, FontBook], Patch]
"""Draws one kind of picture at a resolution in px per mm."""

Kind = TypeVar("Kind", bound=Enum)


class Painter:
    """Paints masks in colours, one over the other; lengths are in mm and the origin is the middle of the picture."""

    def __init__(self, width_mm: float, height_mm: float, px_per_mm: float) -> None:
        self._size = (width_mm, height_mm, px_per_mm)
        blank = self.layer()
        self.scale, self._factor = blank.scale, blank.factor
        height, width = blank.alpha.shape
        self._colour: FloatArray = np.full((height, width, 3), 255, np.float32)
        self._alpha: FloatArray = np.zeros((height, width), np.float32)

    def layer(self) -> StampCanvas:
        """An empty mask of the size of the picture, to draw on."""
        return StampCanvas(*self._size)

    def paint(self, mask: ByteArray, colour: RGB, to_colour: RGB | None = None) -> None:
        """Lays a colour where a mask is.

        Args:
            mask: uint8 (H, W) of the picture's size, 255 where the colour covers what lies below.
            colour: the colour, or the colour at the top of a gradient.
            to_colour: the colour at the bottom of a gradient; None for one colour.
        """
        # Most masks cover a small part of the picture, and the rest of it stays as it is.
        left, top, width, height = cv2.boundingRect(mask)
        rows, columns = slice(top, top + height), slice(left, left + width)
        cover: FloatArray = np.asarray(mask[rows, columns, None], np.float32) / np.float32(255)
        shade: FloatArray = np.array(colour, np.float32)[None, None, :]
        if to_colour is not None:
            along = np.linspace(0, 1, len(mask), dtype=np.float32)[rows, None, None]
            shade = np.asarray(shade * (1 - along) + np.array(to_colour, np.float32) * along, np.float32)
        below, alpha = self._colour[rows, columns], self._alpha[rows, columns]
        below[:] = below * (1 - cover) + shade * cover
        np.maximum(alpha, cover[:, :, 0], out=alpha)

    def fill(self, points: Points, colour: RGB, to_colour: RGB | None = None) -> None:
        """Paints a filled polygon with corners (N, 2) in mm; the colours are those of `paint`."""
        layer = self.layer()
        layer.fill(points)
        self.paint(layer.alpha, colour, to_colour)

    def outline(self, points: Points, width_mm: float, colour: RGB) -> None:
        """Paints a closed line through points (N, 2) in mm."""
        layer = self.layer()
        layer.line(points, width_mm, closed=True)
        self.paint(layer.alpha, colour)

    def text(self, text: str, face: FontFace, at: tuple[float, float, float, float], colour: RGB) -> None:
        """Paints a line of text; `at` is centre x, centre y, height of the letters and greatest width, all in mm."""
        layer = self.layer()
        layer.text(text, face, at[:2], at[2], at[3])
        self.paint(layer.alpha, colour)

    def emblem(self, rng: Rng, centre_mm: tuple[float, float], size_mm: float, colour: RGB) -> None:
        """Paints a random emblem, `size_mm` wide and high, around `centre_mm`."""
        layer = self.layer()
        set_emblem(rng, layer, centre_mm, size_mm)
        self.paint(layer.alpha, colour)

    def patch(self) -> Patch:
        """The picture at the page's resolution, as a distractor. Raises ValueError when nothing was painted."""
        height, width = self._alpha.shape
        size_wh = width // self._factor, height // self._factor
        colour = cv2.resize(self._colour, size_wh, interpolation=cv2.INTER_AREA)
        alpha = cv2.resize(self._alpha, size_wh, interpolation=cv2.INTER_AREA)
        rgba = np.dstack([np.clip(colour, 0, 255), alpha * 255])
        return Patch.cropped(np.rint(rgba).astype(np.uint8), "")


def polygon(count: int, radius: float, turn: float = 0.0) -> Points:
    """The corners (count, 2) of a regular polygon around the origin; with many corners it is a circle.

    Args:
        count: number of corners.
        radius: distance of the corners from the origin, mm.
        turn: angle by which the polygon is turned, radians.
    """
    angles = np.arange(count) * 2 * np.pi / count + turn
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius


def print_colour(rng: Rng) -> RGB:
    """A colour of printed names and signs: mostly black or dark grey, else blue, red, green, violet or brown."""
    if rng.random() < 0.65:
        shade = int(rng.integers(8, 60))
        return shade, shade, shade
    hues = ((0, 70, 150), (170, 25, 40), (0, 100, 70), (85, 45, 120), (120, 80, 20))
    red, green, blue = (int(np.clip(value + rng.normal(0, 15), 0, 220)) for value in hues[int(rng.integers(5))])
    return red, green, blue


def draw_kind(
    p_and_makers: Mapping[Kind, tuple[float, Maker]], rng: Rng, px_per_mm: float, fonts: FontBook, kind: Kind | None
) -> Patch:
    """Draws one of several kinds of pictures.

    Args:
        p_and_makers: each kind with its probability and the function that draws it.
        rng: random generator.
        px_per_mm: resolution of the page that the picture is for.
        fonts: font faces for the picture's text.
        kind: what to draw; None to draw lots.
    """
    kinds = list(p_and_makers)
    chosen = kind or kinds[int(rng.choice(len(kinds), p=[p_and_makers[one][0] for one in kinds]))]
    return p_and_makers[chosen][1](rng, px_per_mm, fonts)
