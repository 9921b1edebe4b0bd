"""Box arithmetic on float arrays (N, 4) in xyxy order; pure NumPy.

Areas are of the continuous box: (right - left) * (bottom - top), so a box of zero width has area 0.
"""

from __future__ import annotations

import numpy as np

from docdetect.types import BoolArray, FloatArray, IntArray, SizeWH


def xywh_to_xyxy(xywh: FloatArray) -> FloatArray:
    """(N, 4) left, top, width, height -> (N, 4) left, top, right, bottom."""
    boxes = np.asarray(xywh, np.float32).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def xyxy_to_xywh(xyxy: FloatArray) -> FloatArray:
    """(N, 4) left, top, right, bottom -> (N, 4) left, top, width, height."""
    boxes = np.asarray(xyxy, np.float32).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def area(xyxy: FloatArray) -> FloatArray:
    """(N, 4) -> (N,) px²."""
    boxes = np.asarray(xyxy, np.float32).reshape(-1, 4)
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def clip(xyxy: FloatArray, size_wh: SizeWH) -> FloatArray:
    """The part of each box that lies on a page of `size_wh` px; a box wholly outside gets zero area."""
    width, height = size_wh
    boxes = np.asarray(xyxy, np.float32).reshape(-1, 4)
    return np.clip(boxes, 0, np.array([width, height, width, height], np.float32)).astype(np.float32)


def turned_back(xyxy: FloatArray, turns: int, size_wh: SizeWH) -> FloatArray:
    """Boxes in a picture of the page turned counter-clockwise -> boxes on the page.

    Args:
        xyxy: (N, 4) px of the turned picture, as `numpy.rot90(page, turns)` makes it.
        turns: quarter turns.
        size_wh: (width, height) px of the page, not of the turned picture.
    """
    width, height = size_wh
    left, top, right, bottom = np.asarray(xyxy, np.float32).reshape(-1, 4).T
    sides = (
        (left, top, right, bottom),
        (width - bottom, left, width - top, right),
        (width - right, height - bottom, width - left, height - top),
        (top, height - right, bottom, height - left),
    )[turns % 4]
    return np.stack(sides, axis=1).astype(np.float32)


def intersection(a: FloatArray, b: FloatArray) -> FloatArray:
    """(N, 4), (M, 4) -> (N, M) shared area in px²."""
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.clip(bottom_right - top_left, 0, None)
    shared: FloatArray = sides[..., 0] * sides[..., 1]
    return shared


def iou(a: FloatArray, b: FloatArray) -> FloatArray:
    """Intersection over union, (N, 4), (M, 4) -> (N, M) in [0, 1]; 0 where both boxes have no area."""
    shared = intersection(a, b)
    return _ratio(shared, area(a)[:, None] + area(b)[None, :] - shared)


def contained(a: FloatArray, b: FloatArray) -> FloatArray:
    """Share of each `a` that lies inside each `b`, (N, 4), (M, 4) -> (N, M) in [0, 1]; 0 for boxes without area."""
    shared = intersection(a, b)
    return _ratio(shared, np.broadcast_to(area(a)[:, None], shared.shape))


def ios(a: FloatArray, b: FloatArray) -> FloatArray:
    """Intersection over the smaller area, (N, 4), (M, 4) -> (N, M) in [0, 1]."""
    shared = intersection(a, b)
    return _ratio(shared, np.minimum(area(a)[:, None], area(b)[None, :]))


def nms(xyxy: FloatArray, scores: FloatArray, class_ids: IntArray, iou: float, most: int | None = None) -> IntArray:
    """Greedy non-maximum suppression within each class.

    The box with the highest score stays, all boxes of its class that overlap it by more than `iou` go, and so on with
    the boxes that are left. Of equal scores the first box counts as the higher one.

    Args:
        xyxy: (N, 4) px.
        scores: (N,).
        class_ids: (N,).
        iou: intersection over union above which two boxes of one class are one object, in [0, 1].
        most: boxes that stay at most; None is no limit.

    Returns:
        int64 (K,) positions of the boxes that stay, by descending score.
    """
    left = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    areas = (xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1])
    while len(left) and (most is None or len(kept) < most):
        best, left = left[0], left[1:]
        kept.append(int(best))
        others = xyxy[left]
        sides = np.minimum(xyxy[best, 2:], others[:, 2:]) - np.maximum(xyxy[best, :2], others[:, :2])
        shared = np.prod(np.maximum(sides, 0), axis=1)
        whole = areas[best] + areas[left] - shared
        same = (class_ids[left] == class_ids[best]) & (shared > iou * whole)
        left = left[~same]
    return np.array(kept, np.int64)


def union_box(xyxy: FloatArray) -> FloatArray:
    """(N, 4) with N >= 1 -> (4,) the smallest box around all of them."""
    return np.concatenate([xyxy[:, :2].min(axis=0), xyxy[:, 2:].max(axis=0)]).astype(np.float32)


def has_area(xyxy: FloatArray) -> BoolArray:
    """(N, 4) -> (N,) True where width and height are above 0."""
    boxes = np.asarray(xyxy, np.float32).reshape(-1, 4)
    return (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    quotient = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return np.asarray(np.minimum(quotient, 1), np.float32)
