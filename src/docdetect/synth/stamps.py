"""Stamps: a rubber cut by `round_stamps` or `straight_stamps`, inked, pressed and turned."""

from __future__ import annotations

from enum import Enum

import cv2
import numpy as np

from docdetect.synth.fonts import FontBook, Script
from docdetect.synth.ink import Ink, stamp_ink
from docdetect.synth.patch import INK_ALPHA, Patch
from docdetect.synth.pen import coloured
from docdetect.synth.round_stamps import oval_seal, round_dater, round_seal
from docdetect.synth.stamp_canvas import StampCanvas
from docdetect.synth.stamp_text import stamp_script
from docdetect.synth.straight_stamps import box_stamp, date_stamp, line_stamp, triangle_stamp
from docdetect.synth.wear import Wear, random_wear, worn
from docdetect.types import ByteArray

Rng = np.random.Generator


class StampShape(str, Enum):
    """What a stamp looks like."""

    ROUND = "round"
    OVAL = "oval"
    ROUND_DATE = "round_date"
    BOX = "box"
    DATE = "date"
    TRIANGLE = "triangle"
    LINES = "lines"  # several lines of text without a border


_MAKERS = {
    StampShape.ROUND: (0.53, round_seal),
    StampShape.OVAL: (0.06, oval_seal),
    StampShape.ROUND_DATE: (0.05, round_dater),
    StampShape.BOX: (0.11, box_stamp),
    StampShape.DATE: (0.04, date_stamp),
    StampShape.TRIANGLE: (0.04, triangle_stamp),
    StampShape.LINES: (0.17, line_stamp),
}


def make_stamp(
    rng: Rng,
    px_per_mm: float,
    fonts: FontBook,
    *,
    shape: StampShape | None = None,
    script: Script | None = None,
    ink: Ink | None = None,
    wear: Wear | None = None,
) -> Patch:
    """A stamp of kind "stamp_company", "stamp_official" or "stamp_notary"; round ones are 30 to 50 mm wide.

    Args:
        px_per_mm: resolution of the page it is meant for.
        fonts: what its text is set in.
        shape, script, ink, wear: fixed ones; None for the usual mixture.
    """
    shapes = list(_MAKERS)
    chosen = shape or shapes[int(rng.choice(len(shapes), p=[_MAKERS[one][0] for one in shapes]))]
    canvas, kind = _MAKERS[chosen][1](rng, fonts, script or stamp_script(rng, fonts), px_per_mm)
    straight = chosen in (StampShape.BOX, StampShape.DATE, StampShape.LINES, StampShape.TRIANGLE)
    degrees = _turn(rng, straight=straight)
    alpha = printed(rng, canvas, wear or random_wear(rng), degrees)
    return coloured(alpha, ink or stamp_ink(rng), kind)


def printed(rng: Rng, canvas: StampCanvas, wear: Wear, degrees: float) -> ByteArray:
    """The print of a canvas at page resolution, turned counterclockwise; with a part at least that can be seen."""
    turned = _turned(canvas.alpha, degrees)
    alpha = _shrunk(worn(rng, turned, wear, canvas.scale), canvas.factor)
    if int(alpha.max(initial=0)) < 3 * INK_ALPHA:
        alpha = _shrunk(turned, canvas.factor)
    return alpha


def _turn(rng: Rng, *, straight: bool) -> float:
    """Degrees: round stamps are set down at any angle, though mostly nearly upright; others along the lines."""
    if rng.random() < (0.04 if straight else 0.2):
        return float(rng.uniform(0, 360))
    return float(rng.normal(0, (14 if rng.random() < 0.2 else 4) if straight else 11))


def _turned(alpha: ByteArray, degrees: float) -> ByteArray:
    height, width = alpha.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    size_wh = int(np.ceil(width * cos + height * sin)) + 8, int(np.ceil(width * sin + height * cos)) + 8
    matrix[:, 2] += (size_wh[0] - width) / 2, (size_wh[1] - height) / 2
    return np.asarray(cv2.warpAffine(alpha, matrix, size_wh, flags=cv2.INTER_LINEAR), np.uint8)


def _shrunk(alpha: ByteArray, factor: int) -> ByteArray:
    height, width = alpha.shape
    padded = np.pad(alpha, ((0, -height % factor), (0, -width % factor)))
    size_wh = padded.shape[1] // factor, padded.shape[0] // factor
    return np.asarray(cv2.resize(padded, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
