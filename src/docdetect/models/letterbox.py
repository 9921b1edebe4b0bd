"""Letterbox: pages of any size become the pictures that a network sees, and boxes of pictures go back to the pages.

The page is scaled and padded as in training. The blank margins of a page can be left out of the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from docdetect import boxes
from docdetect.types import ByteArray, FloatArray, IntArray, SizeWH

# The grey of the padding, as in Ultralytics.
PADDING_VALUE = 114
# A pixel that differs from the colour of the paper by no more than this, in each channel, is paper and not ink.
_PAPER_TOLERANCE = 12
# Px of the picture that stay around the ink when blank margins are left out.
_MARGIN_PX = 4
# The sizes of pictures differ by multiples of so many strides, so that few sizes occur.
_STEP_STRIDES = 2
# Share of each side of the whole picture that stays at least, so that the network keeps some context.
_LEAST_FRAC = 0.5


@dataclass(frozen=True)
class Letterbox:
    """Where a page lies in its picture; all lengths in px.

    Attributes:
        page_wh: size of the page.
        inner_wh: size of the scaled page; its aspect is that of the page.
        left, top: place of the scaled page's left top corner in the picture; negative where blank margins are left out.
        picture_wh: size of the picture; both sides are multiples of the network's stride.
    """

    page_wh: SizeWH
    inner_wh: SizeWH
    left: int
    top: int
    picture_wh: SizeWH


@dataclass(frozen=True)
class Framing:
    """How pages become pictures.

    Attributes:
        imgsz: px, the long side of the picture of a whole page.
        stride: px, the stride of the network.
        trim: leave out the blank margins of pages, for pictures of fewer px at the same scale.
    """

    imgsz: int
    stride: int
    trim: bool = False

    def of(self, page: ByteArray) -> Letterbox:
        """The letterbox of a page, uint8 (H, W, 3)."""
        fit = fitted_letterbox((page.shape[1], page.shape[0]), self.imgsz, self.stride)
        return without_borders(fit, inked_box(page), self.stride) if self.trim else fit


def fitted_letterbox(page_wh: SizeWH, imgsz: int, stride: int) -> Letterbox:
    """The smallest picture of a page whose long side is `imgsz` px: an A4 page at 1024 px makes 1024 x 736, not square.

    The rounding is that of Ultralytics' `LetterBox(auto=True)`.
    """
    gain = min(imgsz / page_wh[0], imgsz / page_wh[1])
    inner_wh = max(round(page_wh[0] * gain), 1), max(round(page_wh[1] * gain), 1)
    spare = [(imgsz - side) % stride / 2 for side in inner_wh]
    left, top = (round(half - 0.1) for half in spare)
    right, bottom = (round(half + 0.1) for half in spare)
    return Letterbox(page_wh, inner_wh, left, top, (inner_wh[0] + left + right, inner_wh[1] + top + bottom))


def without_borders(fit: Letterbox, inked_xyxy: IntArray, stride: int) -> Letterbox:
    """The letterbox of a whole page, without the strips at its sides that have no ink and are whole strides wide.

    What stays lies on the same grid of strides, so the network computes the same there, as far as it does not look at
    what was left out.

    Args:
        fit: the letterbox of the whole page.
        inked_xyxy: (4,) px of the page, see `inked_box`.
        stride: px, the stride of the network.
    """
    gain = fit.inner_wh[0] / fit.page_wh[0]
    left, top, right, bottom = (side * gain for side in inked_xyxy.tolist())
    x, width = _kept(left + fit.left, right + fit.left, fit.picture_wh[0], stride)
    y, height = _kept(top + fit.top, bottom + fit.top, fit.picture_wh[1], stride)
    return replace(fit, left=fit.left - x, top=fit.top - y, picture_wh=(width, height))


def _kept(first: float, end: float, side: int, stride: int) -> tuple[int, int]:
    """Start and length in px of the stretch of one side of the picture that shows the ink from `first` to `end`."""
    step = _STEP_STRIDES * stride
    start = max(0, math.floor((first - _MARGIN_PX) / stride) * stride)
    needed = max(end + _MARGIN_PX - start, side * _LEAST_FRAC)
    length = side - max(0, math.floor((side - needed) / step)) * step
    return min(start, side - length), length


def inked_box(page: ByteArray) -> IntArray:
    """(4,) x0, y0, x1, y1 in px around everything on a page that is not paper.

    The colour of the paper is the median colour of the page's edges. A blank page has a box without area. Where the
    edges have no single colour, the box is the whole page; a speck at an edge extends the box to that edge.

    Args:
        page: uint8 (H, W, 3).
    """
    edges = np.concatenate([page[0], page[-1], page[:, 0], page[:, -1]])
    paper = np.median(edges, axis=0)
    clean = cv2.inRange(page, paper - _PAPER_TOLERANCE, paper + _PAPER_TOLERANCE)
    left, top, width, height = cv2.boundingRect(cv2.bitwise_not(clean))
    return np.array([left, top, left + width, top + height], np.int64)


def page_to_picture(page: ByteArray, fit: Letterbox) -> ByteArray:
    """uint8 (H, W, 3) page -> uint8 (H', W', 3) picture of `fit.picture_wh`, grey around the page."""
    if fit.page_wh != fit.inner_wh:
        page = cv2.resize(page, fit.inner_wh, interpolation=cv2.INTER_LINEAR)
    shown = page[max(0, -fit.top) : fit.picture_wh[1] - fit.top, max(0, -fit.left) : fit.picture_wh[0] - fit.left]
    left, top = max(0, fit.left), max(0, fit.top)
    right, bottom = left + shown.shape[1], top + shown.shape[0]
    picture = np.empty((fit.picture_wh[1], fit.picture_wh[0], 3), np.uint8)
    picture[:top], picture[bottom:] = PADDING_VALUE, PADDING_VALUE
    picture[top:bottom, :left], picture[top:bottom, right:] = PADDING_VALUE, PADDING_VALUE
    picture[top:bottom, left:right] = shown
    return picture


def boxes_to_page(xyxy: FloatArray, fit: Letterbox) -> FloatArray:
    """(N, 4) boxes in px of the picture -> (N, 4) boxes in px of the page, clipped to the page."""
    offset = np.array([fit.left, fit.top] * 2, np.float32)
    gain = np.array([fit.inner_wh[0] / fit.page_wh[0], fit.inner_wh[1] / fit.page_wh[1]] * 2, np.float32)
    return boxes.clip((xyxy - offset) / gain, fit.page_wh)
