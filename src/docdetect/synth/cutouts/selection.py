"""How good a cut-out is, and why a mark is not cut out at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np

from docdetect.boxes import iou
from docdetect.synth.cutouts.ink import Ink, ink_of
from docdetect.synth.cutouts.pieces import BoxPx
from docdetect.synth.cutouts.separation import Separated, separate, transparent
from docdetect.types import BoolArray, ByteArray, FloatArray

# How much of the page around a mark is looked at, as a share of the mark's longer side, and at least in px.
_AROUND_FRAC = 0.35
_LEAST_AROUND_PX = 16

# Least sides of a mark that is worth cutting out, and the shorter side from which its size does not lower the quality.
_LEAST_PX = 10
_FULL_SIZE_PX = 28

# Level of paper, out of 255, below which white writing on black is more likely than a dark photograph.
_DARK_PAPER = 75

# Share of the mark's ink that may lie in the box of another mark before the two count as crossing.
_CROSSING = 0.03

# Factor of the quality of a mark that looks like print.
_PRINT_LIKE = 0.45

# Overlap (IoU) from which two boxes of one category are one mark that was labelled twice.
_SAME_MARK = 0.7


class Reason(str, Enum):
    """Why a mark is left out; the value completes the sentence "the mark was left out: ..."."""

    SMALL = "it is too small"
    NO_INK = "no ink was found in its box"
    DARK = "the page is dark there, as in white writing on black"
    CROSSED = "another mark of the same ink lies on it"
    TWICE = "another label has the same box"


@dataclass(frozen=True)
class CutMark:
    """A mark that was cut out.

    Attributes:
        rgba: uint8 (H, W, 4), straight alpha, cropped to the ink.
        box: left, top, right, bottom px of the picture on the page.
        colour: name of the ink.
        quality: from 0 to 1.
    """

    rgba: ByteArray
    box: BoxPx
    colour: str
    quality: float


def cut_mark(
    pixels: ByteArray, box: BoxPx, others: Sequence[BoxPx], same: Sequence[BoxPx], *, handwritten: bool, code: bool
) -> CutMark | Reason:
    """Cuts one mark out of a page, or says why not.

    Args:
        pixels: the page, uint8 (H, W, 3) RGB.
        box: the mark's box, px of the page.
        others: boxes of all other marks of the page.
        same: those of the mark's own category that come before it.
        handwritten: whether marks of this category are written by hand.
        code: whether marks of this category are codes, whose boxes hold nothing else.
    """
    height, width = pixels.shape[:2]
    box = max(0, box[0]), max(0, box[1]), min(width, box[2]), min(height, box[3])
    if min(box[2] - box[0], box[3] - box[1]) < _LEAST_PX:
        return Reason.SMALL
    if (iou(_as_float(box), _as_float(*same)) > _SAME_MARK).any():
        return Reason.TWICE
    around = max(_LEAST_AROUND_PX, round(_AROUND_FRAC * max(box[2] - box[0], box[3] - box[1])))
    left, top = max(0, box[0] - around), max(0, box[1] - around)
    region = pixels[top : min(height, box[3] + around), left : min(width, box[2] + around)]
    if float(np.quantile(region.max(axis=2), 0.75)) < _DARK_PAPER:
        return Reason.DARK
    within = _moved(box, -left, -top)
    beside = [_moved(other, -left, -top) for other in others]
    ink = ink_of(region)
    found = separate(ink, within, handwritten=handwritten, others=beside, whole=code)
    if found is None:
        return Reason.NO_INK
    if not found.by_colour and not code and _crossed(found.mask, beside):
        return Reason.CROSSED
    return _cropped(ink, found, within, (left, top), code=code)


def _cropped(ink: Ink, found: Separated, box: BoxPx, origin: tuple[int, int], *, code: bool) -> CutMark | Reason:
    rgba = transparent(ink, found.mask)
    x, y, w, h = cv2.boundingRect((rgba[:, :, 3] > 0).astype(np.uint8))
    if min(w, h) < _LEAST_PX:
        return Reason.NO_INK
    quality = 1.0 if code else quality_of(ink, found, box)
    quality *= min(1.0, min(w, h) / _FULL_SIZE_PX)
    cut = np.ascontiguousarray(rgba[y : y + h, x : x + w])
    return CutMark(cut, _moved((x, y, x + w, y + h), *origin), found.colour, round(quality, 3))


def quality_of(ink: Ink, found: Separated, box: BoxPx) -> float:
    """How likely the cut-out is the whole mark and nothing else, from 0 to 1: a product of what speaks against it.

    Ink that does not reach across the box, ink that was taken away, faint ink, strokes that are cut off at the border
    of the box, and crumbs.
    """
    _, _, w, h = cv2.boundingRect(found.mask.astype(np.uint8))
    reach = min(1.0, w / (0.8 * (box[2] - box[0]))) * min(1.0, h / (0.7 * (box[3] - box[1])))
    tolerated = 0.6 if found.by_colour else 0.4
    whole = 1 - 0.9 * max(0.0, found.taken_away - tolerated) / (1 - tolerated)
    dark = min(1.0, float(np.quantile(ink.darkness[found.mask], 0.75)) / 0.35)
    edges = 1 - min(0.7, 4.0 * _cut_off(ink, found.mask, box))
    crumbs = 1 - min(0.8, 2.0 * _crumbs(found.mask))
    return float(reach**1.5 * whole * dark * edges * crumbs * (_PRINT_LIKE if found.print_like else 1.0))


def _cut_off(ink: Ink, mask: BoolArray, box: BoxPx) -> float:
    """Ink that goes on where the cut-out ends at the border of its box, as a share of half the box's perimeter."""
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    height, width = mask.shape
    cut = 0
    for row, beyond, at_border in ((y, y - 1, y <= box[1]), (y + h - 1, y + h, y + h >= box[3])):
        if at_border and 0 <= beyond < height:
            cut += int((mask[row] & ink.visible[beyond] & ~mask[beyond]).sum())
    for column, beyond, at_border in ((x, x - 1, x <= box[0]), (x + w - 1, x + w, x + w >= box[2])):
        if at_border and 0 <= beyond < width:
            cut += int((mask[:, column] & ink.visible[:, beyond] & ~mask[:, beyond]).sum())
    return float(cut / max(1, int(w + h)))


def _crumbs(mask: BoolArray) -> float:
    """Share of the ink that lies in pieces tiny beside the largest one."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    if not len(areas):
        return 0.0
    return float(areas[areas < max(4, 0.01 * areas.max())].sum() / areas.sum())


def _crossed(mask: BoolArray, others: Sequence[BoxPx]) -> bool:
    """Whether another mark's box holds more than a little of the ink."""
    total = max(1, int(mask.sum()))
    for other in others:
        left, top, right, bottom = (max(0, value) for value in other)
        if int(mask[top:bottom, left:right].sum()) > _CROSSING * total:
            return True
    return False


def _moved(box: BoxPx, x: int, y: int) -> BoxPx:
    return box[0] + x, box[1] + y, box[2] + x, box[3] + y


def _as_float(*boxes: BoxPx) -> FloatArray:
    return np.array(boxes, np.float32).reshape(-1, 4)
