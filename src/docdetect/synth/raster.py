"""Draws page layouts as pixels.

Everything is drawn at twice the size of the page and averaged, as a scanner averages the ink under each of its cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw

from docdetect.synth.fonts import FontFace
from docdetect.synth.ink import RGB
from docdetect.synth.page_layout import Ellipse, Line, PageLayout, Picture, Stroke, Text, em_advances
from docdetect.types import ByteArray, SizeWH

# How many times larger than the page the strokes are drawn; text without hinting needs no more to come out evenly grey.
_OVERSAMPLING = 2
_WHITE: RGB = (255, 255, 255)


def draw_layout(layout: PageLayout, size_wh: SizeWH) -> ByteArray:
    """Draws the strokes of a page layout on white paper, without the marks that belong into its slots.

    Returns:
        uint8 (H, W, 3) RGB of `size_wh` (width, height) px.
    """
    width, height = size_wh
    image = Image.new("RGB", (width * _OVERSAMPLING, height * _OVERSAMPLING), _WHITE)
    pen = ImageDraw.Draw(image)
    px_per_mm = _OVERSAMPLING * width / layout.width_mm
    for stroke in layout.strokes:
        _draw(image, pen, stroke, px_per_mm)
    oversampled = np.asarray(image)
    return np.asarray(cv2.resize(oversampled, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def _draw(image: Image.Image, pen: ImageDraw.ImageDraw, stroke: Stroke, px_per_mm: float) -> None:
    if isinstance(stroke, Text):
        _draw_text(image, pen, stroke, px_per_mm)
    elif isinstance(stroke, Line):
        points = [(x * px_per_mm, y * px_per_mm) for x, y in stroke.points]
        if stroke.fill is not None:
            pen.polygon(points, fill=stroke.fill)
        if stroke.width_mm > 0:
            width_px, colour = _line_width_and_colour(stroke.width_mm * px_per_mm, stroke.colour)
            pen.line(points, fill=colour, width=width_px, joint="curve" if width_px > 3 else None)
    elif isinstance(stroke, Ellipse):
        width_px, colour = _line_width_and_colour(stroke.width_mm * px_per_mm, stroke.colour)
        x0, y0, x1, y1 = (value * px_per_mm for value in stroke.box)
        outline = colour if stroke.width_mm > 0 else None
        pen.ellipse((x0, y0, x1, y1), fill=stroke.fill, outline=outline, width=width_px)
    else:
        _draw_picture(image, stroke, px_per_mm)


def _line_width_and_colour(width_px: float, colour: RGB) -> tuple[int, RGB]:
    """The width of a line in whole px, and its colour; a line thinner than 1 px becomes 1 px wide and paler instead."""
    if width_px >= 1:
        return round(width_px), colour
    red, green, blue = (round(255 - (255 - value) * max(width_px, 0.3)) for value in colour)
    return 1, (red, green, blue)


def _draw_text(image: Image.Image, pen: ImageDraw.ImageDraw, stroke: Text, px_per_mm: float) -> None:
    style = stroke.style
    size_px = style.size_mm * px_per_mm
    x, y = stroke.x_mm * px_per_mm, stroke.y_mm * px_per_mm
    if stroke.turn == 0:
        _draw_glyphs(pen, stroke.text, (x, y), (style.face, size_px), style.colour)
        return
    length, height = round(style.width(stroke.text) * px_per_mm) + 4, round(size_px * 1.6)
    mask = Image.new("L", (length, height))
    ascent = round(size_px * 1.15)
    _draw_glyphs(ImageDraw.Draw(mask), stroke.text, (1, ascent), (style.face, size_px), 255)
    turned = mask.transpose(Image.Transpose.ROTATE_90)
    image.paste(style.colour, (round(x) - ascent, round(y) - turned.height), turned)


def _draw_glyphs(
    pen: ImageDraw.ImageDraw, text: str, xy: tuple[float, float], font: tuple[FontFace, float], colour: RGB | int
) -> None:
    """Draws a run of text glyph by glyph from a cache: letting Pillow draw whole lines takes ten times as long."""
    face, size_px = font
    glyphs, advances = _glyphs(face, max(4, round(size_px))), em_advances(face)
    ink, _ = pen._getink(colour, colour)
    x, y = xy
    for letter in text:
        glyph = glyphs[letter]
        if glyph.mask is not None:
            pen.draw.draw_bitmap((round(x) + glyph.left_px, round(y) + glyph.top_px), glyph.mask, ink)
        x += advances[letter] * size_px


@dataclass(frozen=True)
class _Glyph:
    """A letter's mask (None for a blank letter) and the offset of the mask from the pen's position on the baseline."""

    mask: Any
    left_px: int
    top_px: int


class _Glyphs(dict[str, _Glyph]):
    """The letters of one font face at one size, each drawn when it is first needed."""

    def __init__(self, face: FontFace, size_px: int) -> None:
        super().__init__()
        self._font = face.sized(size_px)

    def __missing__(self, letter: str) -> _Glyph:
        mask, (left, top) = self._font.getmask2(letter, mode="L", anchor="ls")
        glyph = _Glyph(mask if min(mask.size) > 0 else None, int(left), int(top))
        self[letter] = glyph
        return glyph


@lru_cache(maxsize=400)
def _glyphs(face: FontFace, size_px: int) -> _Glyphs:
    return _Glyphs(face, size_px)


def _draw_picture(image: Image.Image, stroke: Picture, px_per_mm: float) -> None:
    x0, y0, x1, y1 = (round(value * px_per_mm) for value in stroke.box)
    size_wh = max(1, x1 - x0), max(1, y1 - y0)
    shrinks = size_wh[0] < stroke.rgba.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST
    picture = Image.fromarray(cv2.resize(stroke.rgba, size_wh, interpolation=method))
    image.paste(picture.convert("RGB"), (x0, y0), picture.getchannel("A"))
