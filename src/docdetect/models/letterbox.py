"""A page of any size into the picture that the network sees, and its boxes back onto the page; as in training."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from docdetect import boxes
from docdetect.types import ByteArray, FloatArray, SizeWH

_PADDING_VALUE = 114  # grey, as in Ultralytics


@dataclass(frozen=True)
class Letterbox:
    """Where a page lies in its picture; all in px.

    Attributes:
        page_wh: the page.
        inner_wh: the page in the picture, aspect kept.
        left, top: of the page in the picture.
        picture_wh: the picture, both sides multiples of the network's stride.
    """

    page_wh: SizeWH
    inner_wh: SizeWH
    left: int
    top: int
    picture_wh: SizeWH


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


def page_to_picture(page: ByteArray, fit: Letterbox) -> ByteArray:
    """uint8 (H, W, 3) page -> uint8 (H', W', 3) picture of `fit.picture_wh`, grey around the page."""
    if fit.page_wh != fit.inner_wh:
        page = cv2.resize(page, fit.inner_wh, interpolation=cv2.INTER_LINEAR)
    picture = np.empty((fit.picture_wh[1], fit.picture_wh[0], 3), np.uint8)
    right, bottom = fit.left + fit.inner_wh[0], fit.top + fit.inner_wh[1]
    picture[: fit.top], picture[bottom:] = _PADDING_VALUE, _PADDING_VALUE
    picture[fit.top : bottom, : fit.left], picture[fit.top : bottom, right:] = _PADDING_VALUE, _PADDING_VALUE
    picture[fit.top : bottom, fit.left : right] = page
    return picture


def boxes_to_page(xyxy: FloatArray, fit: Letterbox) -> FloatArray:
    """(N, 4) px of the picture -> (N, 4) px of the page, clipped to it."""
    offset = np.array([fit.left, fit.top] * 2, np.float32)
    gain = np.array([fit.inner_wh[0] / fit.page_wh[0], fit.inner_wh[1] / fit.page_wh[1]] * 2, np.float32)
    return boxes.clip((xyxy - offset) / gain, fit.page_wh)
