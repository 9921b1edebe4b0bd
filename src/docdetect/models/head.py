"""What the last layer of a YOLO network says, turned into boxes: one implementation for every engine, NumPy only.

The engines run the network up to its raw outputs. Decoding them here, in fp32, keeps coordinates exact whatever the
network's own precision (bf16 has steps of 4 px at 1000 px), costs next to nothing because only anchors that reach the
threshold are decoded, and makes the network independent of the size of its input.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from docdetect.boxes import contained, nms
from docdetect.models.letterbox import Letterbox, boxes_to_page
from docdetect.types import BoolArray, Detections, FloatArray, IntArray, SizeWH

MAX_MARKS = 300  # per page, as in Ultralytics
_MAX_CANDIDATES = 30_000  # the same
_PART_FRAC = 0.95  # of a box: with more of it in a surer box of its class, it is a part of that mark
_LOGIT_SLACK = 1e-3  # candidates are picked by logit; which of them count is decided by score


@dataclass(frozen=True)
class HeadSpec:
    """How a network's raw outputs are read.

    Attributes:
        class_names: in the order of their ids.
        strides: px per cell of each level, finest first.
        bins: of the distribution that a box side's distance is given as; 1 gives the distance itself.
        suppress: whether several boxes answer to one mark, so that non-maximum suppression is needed.
    """

    class_names: tuple[str, ...]
    strides: tuple[int, ...]
    bins: int = 16
    suppress: bool = True

    def __post_init__(self) -> None:
        if not self.class_names or not self.strides or self.bins < 1 or min(self.strides) < 1:
            raise ValueError(f"not a detection head: {self}")

    @property
    def picture_stride(self) -> int:
        """The number of px of which both sides of the network's input are a multiple."""
        return max(*self.strides, 32)


@dataclass(frozen=True)
class Raw:
    """The network's raw outputs for one picture, A anchors in the order of levels, rows and columns.

    Attributes:
        distances: float (4 * bins, A), of any precision: left, top, right, bottom, in cells, as logits of their bins.
        logits: float32 (C, A).
    """

    distances: FloatArray
    logits: FloatArray


def raw_to_detections(raw: Raw, spec: HeadSpec, fit: Letterbox, conf: float, iou: float) -> Detections:
    """Detections in px of the page, clipped, by descending score (above `conf`), equal scores in a fixed order.

    An anchor counts for its best class only; of boxes of one class that overlap by more than `iou` the surest stays,
    and parts of surer boxes are dropped. With an `iou` of 1 all stay.
    """
    anchors, scores, class_ids = _candidates(raw.logits, conf)
    xyxy = _decoded(raw.distances[:, anchors], anchors, spec, fit.picture_wh)
    kept = nms(xyxy, scores, class_ids, iou, MAX_MARKS) if spec.suppress else _surest(scores, MAX_MARKS)
    on_page, scores, class_ids = boxes_to_page(xyxy[kept], fit), scores[kept], class_ids[kept]
    order = np.lexsort((on_page[:, 0], on_page[:, 1], class_ids, -scores))
    found = Detections(on_page[order], class_ids[order], fit.page_wh, scores[order])
    return found.select(~parts(found.xyxy, found.class_ids)) if spec.suppress and iou < 1 else found


def parts(xyxy: FloatArray, class_ids: IntArray) -> BoolArray:
    """(N,) True for boxes of which more than 0.95 lies in one box before them of their class.

    The network often finds a capital or the first half of a signature beside the whole; their IoU is too low for
    non-maximum suppression.

    Args:
        xyxy: (N, 4), by descending score.
        class_ids: (N,).
    """
    within = (contained(xyxy, xyxy) > _PART_FRAC) & (class_ids[:, None] == class_ids[None])
    earlier: BoolArray = np.tril(within, k=-1).any(axis=1)
    return earlier


def _candidates(logits: FloatArray, conf: float) -> tuple[IntArray, FloatArray, IntArray]:
    """Anchors whose best class scores above `conf`, with that score and class; ascending by anchor."""
    lowest = -math.inf if conf <= 0 else math.inf if conf >= 1 else math.log(conf / (1 - conf))
    best = logits.max(axis=0)
    anchors = np.flatnonzero(best > lowest - _LOGIT_SLACK)
    scores = (1 / (1 + np.exp(-best[anchors]))).astype(np.float32)
    above = scores > conf
    anchors, scores = anchors[above], scores[above]
    if len(anchors) > _MAX_CANDIDATES:
        kept = np.sort(_surest(scores, _MAX_CANDIDATES))
        anchors, scores = anchors[kept], scores[kept]
    return anchors, scores, logits[:, anchors].argmax(axis=0)


def _surest(scores: FloatArray, most: int) -> IntArray:
    """Positions of the highest scores, at most so many, highest first."""
    return np.argsort(-scores, kind="stable")[:most]


def _decoded(distances: FloatArray, anchors: IntArray, spec: HeadSpec, picture_wh: SizeWH) -> FloatArray:
    """(4 * bins, N) distances of N anchors -> (N, 4) boxes in px of the picture."""
    cells = distances.reshape(4, spec.bins, -1).astype(np.float32)
    if spec.bins > 1:
        weights = np.exp(cells - cells.max(axis=1, keepdims=True, initial=-np.inf))
        weights /= weights.sum(axis=1, keepdims=True)
        bins = np.arange(spec.bins, dtype=np.float32)
        cells = np.einsum("b,sbn->sn", bins, weights)[:, None]
    sides = cells[:, 0].T
    points, strides = _anchor_points(picture_wh, spec.strides)
    at = points[anchors]
    return np.concatenate([at - sides[:, :2], at + sides[:, 2:]], axis=1) * strides[anchors]


@lru_cache(maxsize=64)
def _anchor_points(picture_wh: SizeWH, strides: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    """Centres of all cells, (A, 2) in cells of their level, and px per cell, (A, 1)."""
    points, scales = [], []
    for stride in strides:
        columns, rows = picture_wh[0] // stride, picture_wh[1] // stride
        y, x = np.mgrid[:rows, :columns]
        points.append(np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32) + np.float32(0.5))
        scales.append(np.full((rows * columns, 1), stride, np.float32))
    return np.concatenate(points), np.concatenate(scales)
