"""Fusion of the detections of several views of one page, so that every mark is there once and whole; pure.

All boxes are in px of one picture of the page. Boxes are merged (`docdetect.merging`) only afterwards. Fusion drops
what merging must not see: the same mark found in two views with slightly different boxes, and the part of a mark that
lies in one tile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docdetect.boxes import contained, iou, nms
from docdetect.inference.multi_view.tiling import clear_of_edges
from docdetect.types import BoolArray, Detections, FloatArray, IntArray, SizeWH

# IoU above which two boxes of different views are one mark. They are less alike than boxes of one view, where
# non-maximum suppression usually takes 0.7.
_SAME_MARK_IOU = 0.5
# A box that is cut by a tile's edge is part of a whole mark if more than this share of it lies in the mark's box.
_PART_FRAC = 0.8
# Boxes that are compared with all others at a time; this bounds the memory.
_BLOCK = 256


def fuse(found: Sequence[Detections], tiles: Sequence[IntArray | None]) -> Detections:
    """The detections of all views, by descending score.

    A box that a tile's edge cuts is dropped where another tile shows the same place clear of its edges, and where
    another view shows the whole mark. Of two boxes of one class with an IoU over 0.5 the one with the higher score
    stays.

    Args:
        found: the scored detections of each view, at least one view, all with the same `size_wh`.
        tiles: the tile of each view, (4,) px, or None for a view of the whole page.
    """
    size_wh = found[0].size_wh
    cut = np.concatenate([_cut(part.xyxy, tile, size_wh) for part, tile in zip(found, tiles, strict=True)])
    joined = _joined(found)
    whole, parts = joined.select(~cut), joined.select(cut)
    distinct = {tuple(tile.tolist()): tile for tile in tiles if tile is not None}
    for tile in distinct.values():
        parts = parts.select(~clear_of_edges(parts.xyxy, tile, size_wh))
    parts = parts.select(~_within_another(parts, whole))
    return _suppressed(_joined([whole, parts]))


def _cut(xyxy: FloatArray, tile: IntArray | None, size_wh: SizeWH) -> BoolArray:
    return np.zeros(len(xyxy), bool) if tile is None else ~clear_of_edges(xyxy, tile, size_wh)


def _joined(found: Sequence[Detections]) -> Detections:
    return Detections(
        np.concatenate([part.xyxy for part in found]),
        np.concatenate([part.class_ids for part in found]),
        found[0].size_wh,
        np.concatenate([_scores(part) for part in found]),
    )


def _within_another(parts: Detections, whole: Detections) -> BoolArray:
    """(N,) True for parts that lie mostly in a whole box of their class."""
    within = np.zeros(len(parts), bool)
    for start in range(0, len(parts), _BLOCK):
        block = slice(start, start + _BLOCK)
        alike = parts.class_ids[block, None] == whole.class_ids[None]
        within[block] = (alike & (contained(parts.xyxy[block], whole.xyxy) > _PART_FRAC)).any(axis=1)
    return within


def _suppressed(every: Detections) -> Detections:
    """Without boxes of a mark that has a surer box; ties are decided in an order that does not depend on the views."""
    ordered = every.select(np.lexsort([*every.xyxy.T[::-1], every.class_ids, -_scores(every)]))
    return ordered.select(nms(ordered.xyxy, _scores(ordered), ordered.class_ids, _SAME_MARK_IOU))


def _scores(found: Detections) -> FloatArray:
    assert found.scores is not None  # detections of a network always have scores
    return found.scores


def mean_of_scales(found: Sequence[Detections]) -> Detections:
    """The detections of one page at several sizes as one: weighted boxes fusion, by descending score.

    Boxes of one class with an IoU over 0.5 to the box that they are fused into are one mark. Its box is the mean of
    theirs, weighted by their scores, and its score the mean over all sizes of the highest score at each size, where a
    size that saw nothing counts as 0 (R. Solovyev et al. 2021, "Weighted boxes fusion").

    Args:
        found: the scored detections at each size, all with the same `size_wh`.
    """
    every = _joined(found)
    scale_of = np.repeat(np.arange(len(found)), [len(one) for one in found])
    order = np.lexsort([*every.xyxy.T[::-1], every.class_ids, -_scores(every)])
    every, scale_of = every.select(order), scale_of[order]
    fused: list[_FusedBox] = []
    for box, class_id, score, scale in zip(
        every.xyxy, every.class_ids.tolist(), _scores(every).tolist(), scale_of.tolist(), strict=True
    ):
        alike = [one for one in fused if one.class_id == class_id]
        overlaps = iou(box[None], np.array([one.box for one in alike], np.float32))[0] if alike else np.zeros(0)
        nearest = int(overlaps.argmax()) if alike else -1
        if alike and overlaps[nearest] > _SAME_MARK_IOU:
            alike[nearest].add(box, score, scale)
        else:
            fused.append(_FusedBox(class_id, box.astype(np.float64), score, {scale: score}))
    scores = np.array([sum(one.best.values()) / len(found) for one in fused], np.float32)
    xyxy = np.array([one.box for one in fused], np.float32).reshape(-1, 4)
    joined = Detections(xyxy, np.array([one.class_id for one in fused], np.int64), every.size_wh, scores)
    return joined.select(np.argsort(-scores, kind="stable"))


@dataclass
class _FusedBox:
    """A box that others are fused into: their mean weighted by score, the sum of weights, the best score by scale."""

    class_id: int
    box: NDArray[np.float64]
    weight: float
    best: dict[int, float]

    def add(self, box: FloatArray, score: float, scale: int) -> None:
        self.box = (self.box * self.weight + box * score) / (self.weight + score)
        self.weight += score
        self.best[scale] = max(self.best.get(scale, 0.0), score)
