"""Fusion of the detections of several views of one page, so that every mark is there once and whole; pure.

All boxes are in px of one picture of the page. Boxes are merged (`docdetect.merging`) only afterwards. Fusion drops
what merging must not see: the same mark found in two views with slightly different boxes, and the part of a mark that
lies in one tile.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from docdetect.boxes import contained, nms
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
        np.concatenate([part.known_scores for part in found]),
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
    ordered = every.select(np.lexsort([*every.xyxy.T[::-1], every.class_ids, -every.known_scores]))
    return ordered.select(nms(ordered.xyxy, ordered.known_scores, ordered.class_ids, _SAME_MARK_IOU))
