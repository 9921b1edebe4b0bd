"""Sheets to pixels: strokes drawn at twice the size and averaged, as a scanner averages the ink under its cells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw

from docdetect.synth.fonts import FontFace
from docdetect.synth.sheet import RGB, Ellipse, Line, Picture, Sheet, Stroke, Text, em_advances
from docdetect.types import ByteArray, SizeWH

_FINER = 2  # unhinted, evenly grey text at the size of the page needs no more
_WHITE: RGB = (255, 255, 255)


def draw_sheet(sheet: Sheet, size_wh: SizeWH) -> ByteArray:
    """The strokes on white paper, uint8 (H, W, 3) RGB of `size_wh`; marks are not drawn."""
    width, height = size_wh
    image = Image.new("RGB", (width * _FINER, height * _FINER), _WHITE)
    pen = ImageDraw.Draw(image)
    px_per_mm = _FINER * width / sheet.width
    for stroke in sheet.strokes:
        _draw(image, pen, stroke, px_per_mm)
    fine = np.asarray(image)
    return np.asarray(cv2.resize(fine, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def _draw(image: Image.Image, pen: ImageDraw.ImageDraw, stroke: Stroke, px_per_mm: float) -> None:
    if isinstance(stroke, Text):
        _draw_text(image, pen, stroke, px_per_mm)
    elif isinstance(stroke, Line):
        points = [(x * px_per_mm, y * px_per_mm) for x, y in stroke.points]
        if stroke.fill is not None:
            pen.polygon(points, fill=stroke.fill)
        if stroke.width > 0:
            width, colour = _pen(stroke.width * px_per_mm, stroke.colour)
            pen.line(points, fill=colour, width=width, joint="curve" if width > 3 else None)
    elif isinstance(stroke, Ellipse):
        width, colour = _pen(stroke.width * px_per_mm, stroke.colour)
        x0, y0, x1, y1 = (value * px_per_mm for value in stroke.box)
        pen.ellipse((x0, y0, x1, y1), fill=stroke.fill, outline=colour if stroke.width > 0 else None, width=width)
    else:
        _draw_picture(image, stroke, px_per_mm)


def _pen(width_px: float, colour: RGB) -> tuple[int, RGB]:
    """Whole px and a colour; lines thinner than a px are made paler instead."""
    if width_px >= 1:
        return round(width_px), colour
    red, green, blue = (round(255 - (255 - value) * max(width_px, 0.3)) for value in colour)
    return 1, (red, green, blue)


def _draw_text(image: Image.Image, pen: ImageDraw.ImageDraw, stroke: Text, px_per_mm: float) -> None:
    style = stroke.style
    size_px = style.size_mm * px_per_mm
    x, y = stroke.x * px_per_mm, stroke.y * px_per_mm
    if stroke.turn == 0:
        _draw_run(pen, stroke.text, (x, y), (style.face, size_px), style.colour)
        return
    length, height = round(style.width(stroke.text) * px_per_mm) + 4, round(size_px * 1.6)
    mask = Image.new("L", (length, height))
    ascent = round(size_px * 1.15)
    _draw_run(ImageDraw.Draw(mask), stroke.text, (1, ascent), (style.face, size_px), 255)
    turned = mask.transpose(Image.Transpose.ROTATE_90)
    image.paste(style.colour, (round(x) - ascent, round(y) - turned.height), turned)


def _draw_run(
    pen: ImageDraw.ImageDraw, text: str, xy: tuple[float, float], font: tuple[FontFace, float], colour: RGB | int
) -> None:
    """Glyph by glyph from a cache: letting Pillow draw whole lines takes ten times as long."""
    face, size_px = font
    glyphs, advances = _glyphs(face, max(4, round(size_px))), em_advances(face)
    ink, _ = pen._getink(colour, colour)
    x, y = xy
    for letter in text:
        glyph = glyphs[letter]
        if glyph.mask is not None:
            pen.draw.draw_bitmap((round(x) + glyph.left, round(y) + glyph.top), glyph.mask, ink)
        x += advances[letter] * size_px


@dataclass(frozen=True)
class _Glyph:
    """A letter's mask, None where it is blank, and its offset from the pen's position on the baseline."""

    mask: Any
    left: int
    top: int


class _Glyphs(dict[str, _Glyph]):
    """The letters of one face at one size, drawn when they are first needed."""

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
