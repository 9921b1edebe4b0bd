"""A drawing surface for stamps: rings, stars, text along lines and arcs, as one mask of ink.

Lengths and positions are in mm, the origin is the middle of the surface, and y points down.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from docdetect.synth.fonts import FontFace
from docdetect.types import ByteArray, FloatArray

# Resolution at which stamps are drawn, at least, before they are averaged down to the page's.
_DRAWN_PX_PER_MM = 11.0

# Fractional bits of the coordinates that OpenCV draws with.
_SUBPIXEL_BITS = 4

# The sides of cached polar grids are multiples of this length, so that few grids are computed.
_GRID_STEP_PX = 256

# Unicode letters from Devanagari to Malayalam, which change their form beside each other and are never spaced out.
_JOINED_LETTERS = range(0x900, 0xD80)

# Dashes of a broken ring: the part of each step that is drawn.
_DASH_SHARE = 0.62


class StampCanvas:
    """A drawing surface of `width_mm` x `height_mm` for a page of `px_per_mm`.

    Attributes:
        alpha: uint8 (H, W), how much ink lies on each pixel.
        factor: how many times larger than on the page the stamp is drawn.
        scale: resolution of `alpha`, px per mm.
        centre: (x, y) of the origin, px of `alpha`.
    """

    def __init__(self, width_mm: float, height_mm: float, px_per_mm: float) -> None:
        self.factor = max(1, round(_DRAWN_PX_PER_MM / px_per_mm))
        self.scale = px_per_mm * self.factor
        # Width and height are even, so that the middle falls between pixels as it does in the cached polar grids.
        rows, columns = (2 * round(length * self.scale / 2) for length in (height_mm, width_mm))
        self.alpha: ByteArray = np.zeros((rows, columns), np.uint8)
        self.centre = (self.alpha.shape[1] / 2, self.alpha.shape[0] / 2)

    def line(self, points_mm: NDArray[np.float64], width_mm: float, *, closed: bool = False) -> None:
        """Draws a polyline through points (N, 2), `width_mm` thick."""
        cv2.polylines(
            self.alpha, [self._fixed(points_mm)], closed, 255, self._px(width_mm), cv2.LINE_AA, _SUBPIXEL_BITS
        )

    def fill(self, points_mm: NDArray[np.float64], value: int = 255) -> None:
        """Fills a polygon with corners (N, 2); a `value` of 0 cuts it out of the ink."""
        cv2.fillPoly(self.alpha, [self._fixed(points_mm)], value, cv2.LINE_AA, _SUBPIXEL_BITS)

    def ring(self, radius_mm: float, width_mm: float, *, dashes: int = 0) -> None:
        """Draws a circle around the origin, `width_mm` thick; with `dashes` it is broken into so many dashes."""
        if not dashes:
            self.line(arc_points(radius_mm, 0, 2 * np.pi), width_mm, closed=True)
            return
        step = 2 * np.pi / dashes
        for position in range(dashes):
            self.line(arc_points(radius_mm, position * step, (position + _DASH_SHARE) * step), width_mm)

    def teeth(self, inner_mm: float, outer_mm: float, count: int, width_mm: float) -> None:
        """Draws `count` radial ticks from radius `inner_mm` to radius `outer_mm`."""
        for angle in np.arange(count) * (2 * np.pi / count):
            direction = np.array([np.cos(angle), np.sin(angle)])
            self.line(np.stack([direction * inner_mm, direction * outer_mm]), width_mm)

    def star(self, at_mm: tuple[float, float], radius_mm: float, points: int = 5, turn: float = 0.0) -> None:
        """Draws a filled star around `at_mm`, turned by `turn` radians from pointing upwards."""
        angles = np.arange(2 * points) * np.pi / points - np.pi / 2 + turn
        radii = np.where(np.arange(2 * points) % 2 == 0, radius_mm, radius_mm * 0.42)
        self.fill(np.stack([np.cos(angles) * radii, np.sin(angles) * radii], axis=1) + np.array(at_mm))

    def text(self, text: str, face: FontFace, centre_mm: tuple[float, float], height_mm: float, max_mm: float) -> float:
        """Draws a line of text around `centre_mm` and returns its width in mm.

        The letters are `height_mm` high; a text that is wider than `max_mm` is squeezed to this width.
        """
        strip = text_strip(text, face, max(5, round(height_mm * self.scale)), 0)
        width_px = min(strip.shape[1], max(1, round(max_mm * self.scale)))
        if width_px != strip.shape[1]:
            strip = np.asarray(cv2.resize(strip, (width_px, strip.shape[0]), interpolation=cv2.INTER_AREA), np.uint8)
        left = round(self.centre[0] + centre_mm[0] * self.scale - width_px / 2)
        top = round(self.centre[1] + centre_mm[1] * self.scale - strip.shape[0] / 2)
        self.add(strip, left, top)
        return float(width_px / self.scale)

    def add(self, picture: ByteArray, left: int, top: int) -> None:
        """Adds the ink of `picture`, uint8 (h, w), with its left top corner at a pixel; parts outside are cut off."""
        height, width = self.alpha.shape
        x0, y0 = max(left, 0), max(top, 0)
        x1, y1 = min(left + picture.shape[1], width), min(top + picture.shape[0], height)
        if x0 < x1 and y0 < y1:
            part = self.alpha[y0:y1, x0:x1]
            np.maximum(part, picture[y0 - top : y1 - top, x0 - left : x1 - left], out=part)

    def arc_text(
        self,
        text: str,
        face: FontFace,
        band_mm: tuple[float, float],
        span: tuple[float, float],
        *,
        upright_below: bool = False,
    ) -> float:
        """Draws text along an arc around the origin; its letters are spread to fill the span.

        Args:
            text: the letters.
            face: font face.
            band_mm: radii (inner, outer) between which the letters stand.
            span: where the middle of the text is, radians clockwise from the top, and the angle that it may take.
            upright_below: whether the letters' feet point outwards, as they do at the bottom of many stamps.

        Returns:
            The angle that the text takes, radians.
        """
        inner, outer = band_mm
        room_px = span[1] * (inner + outer) / 2 * self.scale
        height_px = max(5, round((outer - inner) * self.scale))
        spread, width_px = 0.0, _strip_width(text, face, height_px)
        if width_px < room_px:
            spread = min((room_px - width_px) / max(len(text), 1), height_px * 0.8)
        strip = text_strip(text, face, height_px, round(spread))
        taken = min(strip.shape[1], room_px) / room_px * span[1]
        angle, radius = self._polar()
        # Angle of each pixel from the middle of the text, clockwise.
        turned = angle - np.float32(span[0])
        turned -= np.float32(2 * np.pi) * np.rint(turned / np.float32(2 * np.pi))
        if upright_below:
            turned, depth = -turned, (radius - np.float32(inner * self.scale))
        else:
            depth = np.float32(outer * self.scale) - radius
        across = (turned / np.float32(taken) + np.float32(0.5)) * np.float32(strip.shape[1])
        down = depth * np.float32(strip.shape[0] / max((outer - inner) * self.scale, 1))
        drawn = cv2.remap(strip, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
        np.maximum(self.alpha, drawn, out=self.alpha)
        return float(taken)

    def _polar(self) -> tuple[FloatArray, FloatArray]:
        """For every pixel its angle clockwise from the top in radians, and its distance from the middle in px."""
        height, width = self.alpha.shape
        side = -(-max(height, width) // _GRID_STEP_PX) * _GRID_STEP_PX
        top, left = (side - height) // 2, (side - width) // 2
        angle, radius = _polar_grid(side)
        return angle[top : top + height, left : left + width], radius[top : top + height, left : left + width]

    def _fixed(self, points_mm: NDArray[np.float64]) -> NDArray[np.int32]:
        points = (points_mm * self.scale + np.array(self.centre)) * (1 << _SUBPIXEL_BITS)
        return np.asarray(np.rint(points), np.int32).reshape(-1, 1, 2)

    def _px(self, width_mm: float) -> int:
        return max(1, round(width_mm * self.scale))


def arc_points(radius_mm: float, from_rad: float, to_rad: float) -> NDArray[np.float64]:
    """Points (N, 2) on a circle around the origin, from one angle to another (radians clockwise from the right)."""
    angles = np.linspace(from_rad, to_rad, max(8, int(abs(to_rad - from_rad) * 24)))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius_mm


def text_strip(text: str, face: FontFace, height_px: int, spread_px: int) -> ByteArray:
    """Draws a line of text as a mask of ink, uint8 (height_px, W), cut to the letters' height.

    Capitals fill the height; a text with tails below the line is shrunk, so that it keeps them.

    Args:
        text: the letters.
        face: font face.
        height_px: height of the mask.
        spread_px: extra space after each letter; scripts whose letters join are set without it.
    """
    font = _strip_font(face, height_px)
    unspaced = spread_px == 0 or any(ord(sign) in _JOINED_LETTERS for sign in text)
    width = _strip_width(text, face, height_px) + (0 if unspaced else spread_px * len(text))
    image = Image.new("L", (max(width, 4), height_px * 2), 0)
    draw = ImageDraw.Draw(image)
    base = round(height_px * 1.4)
    if unspaced:
        draw.text((2, base), text, fill=255, font=font, anchor="ls")
    else:
        x = 2 + spread_px / 2
        for sign in text:
            draw.text((x, base), sign, fill=255, font=font, anchor="ls")
            x += font.getlength(sign) + spread_px
    strip = np.asarray(image)
    rows = np.flatnonzero(strip.any(axis=1))
    if not len(rows):
        return np.zeros((height_px, width), np.uint8)
    cut = strip[rows[0] : rows[-1] + 1]
    if len(cut) < height_px * 0.8:
        # A text of low letters or dots alone keeps its place on the line and is not stretched.
        cut = strip[max(base - height_px, 0) : base]
    return np.asarray(cv2.resize(cut, (width, height_px), interpolation=cv2.INTER_AREA), np.uint8)


def _strip_font(face: FontFace, height_px: int) -> ImageFont.FreeTypeFont:
    """The font whose capitals are `height_px` high."""
    return face.sized(round(height_px * 1.28))


def _strip_width(text: str, face: FontFace, height_px: int) -> int:
    """Width in px of the mask that `text_strip` draws without extra space between the letters."""
    return int(_strip_font(face, height_px).getlength(text)) + 4


@lru_cache(maxsize=8)
def _polar_grid(side: int) -> tuple[FloatArray, FloatArray]:
    """Angles and distances as in `StampCanvas._polar`, float32 (side, side).

    They are computed for few sizes and cut to the size of a canvas, since arctan2 takes long.
    """
    axis = np.arange(side, dtype=np.float32) + np.float32(0.5 - side / 2)
    right, down = np.meshgrid(axis, axis)
    return np.arctan2(right, -down).astype(np.float32), np.hypot(right, down).astype(np.float32)
