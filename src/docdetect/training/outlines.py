"""Boxes that stay tight when a page is turned in training: around each mark's ink, not around its turned box.

The box around a turned box is too large for all that does not fill its corners: at 5 degrees by 8 % for a round stamp,
in height by 4 % for every time that a signature is wider than high. Networks learn such boxes and draw them on straight
pages. Kalra et al. 2021, "Towards Rotation Invariance in Object Detection", turn an ellipse in place of the box; here
the ink says the shape.

Imported after `prepare_ultralytics` only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from ultralytics.data.augment import Compose, RandomPerspective

from docdetect.types import ByteArray, FloatArray, SizeWH

_LEAST_CONTRAST = 24  # grey levels between ink and paper; with less, the shape is noise
_LEAST_SPAN_FRAC = 0.5  # of the box's width and height that the ink must span, else it is not the mark's


class TightPerspective(RandomPerspective):  # type: ignore[misc]
    """Ultralytics' rotation, shift and scale, for marks with outlines: as strict with slivers as for those without."""

    @staticmethod
    def box_candidates(*arguments: Any, area_thr: float = 0.1, **keywords: Any) -> Any:
        """As Ultralytics', which keeps marks with outlines down to a hundredth of their area."""
        return RandomPerspective.box_candidates(*arguments, area_thr=max(area_thr, 0.1), **keywords)


def turn_outlines(transforms: Compose) -> None:
    """Replaces Ultralytics' geometric step by `TightPerspective`, wherever it stands in `transforms`."""
    for k, step in enumerate(transforms.transforms):
        if isinstance(step, Compose):
            turn_outlines(step)
        elif type(step) is RandomPerspective:
            tight = TightPerspective()
            tight.__dict__.update(step.__dict__)
            transforms.transforms[k] = tight


def set_size(transforms: Compose, size_wh: SizeWH) -> None:
    """Sets the size in px of what `TightPerspective` makes, which is square in Ultralytics, wherever it stands."""
    for step in transforms.transforms:
        if isinstance(step, Compose):
            set_size(step, size_wh)
        elif isinstance(step, TightPerspective):
            step.size = size_wh


def outlines(pixels: ByteArray, boxes: FloatArray) -> list[FloatArray]:
    """The convex outline of each mark, which touches all four sides of its box.

    Args:
        pixels: uint8 (H, W, 3), a page as it is displayed.
        boxes: float32 (N, 4) xyxy px.

    Returns:
        For each box float32 (K, 2) px, K >= 3: the convex hull of what is darker than the paper in it, stretched to the
        box; the box's corners where it is too faint to tell, or spans less than half of the box.
    """
    return [_outline(pixels, box) for box in boxes]


def unit_outlines(pixels: ByteArray, centred: FloatArray) -> Sequence[FloatArray]:
    """As `outlines`, for boxes as centre, width and height in 0..1 of the page, and outlines in 0..1."""
    size = np.array([pixels.shape[1], pixels.shape[0]], np.float32)
    middles, halves = centred[:, :2] * size, centred[:, 2:] * size / 2
    boxes = np.concatenate([middles - halves, middles + halves], axis=1)
    return [outline / size for outline in outlines(pixels, boxes)]


def _outline(pixels: ByteArray, box: FloatArray) -> FloatArray:
    height, width = pixels.shape[:2]
    left, top = (max(0, int(value)) for value in np.floor(box[:2]))
    right, bottom = min(width, int(np.ceil(box[2]))), min(height, int(np.ceil(box[3])))
    corners = np.array([box[[0, 1]], box[[2, 1]], box[[2, 3]], box[[0, 3]]], np.float32)
    if right - left < 3 or bottom - top < 3:
        return corners
    darkness = 255 - pixels[top:bottom, left:right].min(axis=2)  # the darkest channel: coloured ink is dark in one
    _, ink = cv2.threshold(darkness, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    dark, light = darkness[ink > 0], darkness[ink == 0]
    if not len(dark) or not len(light) or dark.mean() - light.mean() < _LEAST_CONTRAST:
        return corners
    hull = cv2.convexHull(cv2.findNonZero(ink)).reshape(-1, 2).astype(np.float32)
    low, high = hull.min(axis=0), hull.max(axis=0)
    span = high - low
    if len(hull) < 3 or (span + 1 < _LEAST_SPAN_FRAC * np.array([right - left, bottom - top])).any():
        return corners
    return np.asarray(box[:2] + (hull - low) / span * (box[2:] - box[:2]), np.float32)
