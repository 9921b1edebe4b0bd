"""The outputs of a YOLO network, decoded into boxes: one implementation for every engine, in NumPy only.

An engine runs the network up to its raw outputs. Decoding them here, in fp32, keeps coordinates exact whatever
precision the network is computed in (bf16 has steps of 4 px at 1000 px). Decoding costs next to nothing, because only
the anchors that reach the threshold are decoded, and it makes the network independent of the size of its input.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from docdetect.boxes import contained, nms
from docdetect.models.letterbox import Letterbox, boxes_to_page
from docdetect.types import BoolArray, Detections, FloatArray, IntArray, SizeWH

MAX_MARKS = 300
"""Most marks of a page, as in Ultralytics."""
# Most candidates of a page before non-maximum suppression, as in Ultralytics.
_MAX_CANDIDATES = 30_000
# A box of which more than this share lies in a surer box of its class is a part of that mark.
_PART_FRAC = 0.95
# Candidates are picked by logit, and with this slack, because their score decides which of them count.
_LOGIT_SLACK = 1e-3


@dataclass(frozen=True)
class HeadSpec:
    """How a network's raw outputs are read.

    Attributes:
        class_names: class names in the order of their ids.
        strides: px per cell of each level of the head, the finest level first.
        bins: number of bins of the distribution that gives the distance of a box side; 1 gives the distance itself.
        suppress: whether several boxes may answer to one mark, so that non-maximum suppression is needed.
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
    """The network's raw outputs for one picture, with A anchors in the order of levels, rows and columns.

    Attributes:
        distances: float of any precision, (4 * bins, A): the distances of the left, top, right and bottom side from the
            anchor, in cells, as logits of their bins.
        logits: float32 (C, A), one logit for each class.
    """

    distances: FloatArray
    logits: FloatArray


def raw_to_detections(raw: Raw, spec: HeadSpec, fit: Letterbox, conf: float, iou: float) -> Detections:
    """The detections of a page, in px of the page and clipped to it, by descending score.

    An anchor counts for its best class only. Non-maximum suppression follows, then the boxes that are parts of surer
    boxes are dropped. Equal scores come in a fixed order.

    Args:
        raw: the raw outputs for the picture of the page.
        spec: how they are read.
        fit: where the page lies in the picture.
        conf: scores must be above this one, in [0, 1).
        iou: of two boxes of one class that overlap more than this, the surer one stays; with 1 all boxes stay.
    """
    anchors, scores, class_ids = _candidates(raw.logits, conf)
    xyxy = _decoded(raw.distances[:, anchors], anchors, spec, fit.picture_wh)
    kept = nms(xyxy, scores, class_ids, iou, MAX_MARKS) if spec.suppress else _highest(scores, MAX_MARKS)
    on_page, scores, class_ids = boxes_to_page(xyxy[kept], fit), scores[kept], class_ids[kept]
    order = np.lexsort((on_page[:, 0], on_page[:, 1], class_ids, -scores))
    found = Detections(on_page[order], class_ids[order], fit.page_wh, scores[order])
    return found.select(~parts(found.xyxy, found.class_ids)) if spec.suppress and iou < 1 else found


def parts(xyxy: FloatArray, class_ids: IntArray) -> BoolArray:
    """(N,) True for each box of which more than 0.95 lies in one surer box of its class.

    A network often finds a capital letter or the first half of a signature beside the whole signature; the IoU of the
    two is too low for non-maximum suppression.

    Args:
        xyxy: (N, 4), by descending score.
        class_ids: (N,).
    """
    within = (contained(xyxy, xyxy) > _PART_FRAC) & (class_ids[:, None] == class_ids[None])
    earlier: BoolArray = np.tril(within, k=-1).any(axis=1)
    return earlier


def _candidates(logits: FloatArray, conf: float) -> tuple[IntArray, FloatArray, IntArray]:
    """The anchors whose best class scores above `conf`, ascending, with that score and class."""
    lowest = -math.inf if conf <= 0 else math.inf if conf >= 1 else math.log(conf / (1 - conf))
    best = logits.max(axis=0)
    anchors = np.flatnonzero(best > lowest - _LOGIT_SLACK)
    scores = (1 / (1 + np.exp(-best[anchors]))).astype(np.float32)
    above = scores > conf
    anchors, scores = anchors[above], scores[above]
    if len(anchors) > _MAX_CANDIDATES:
        kept = np.sort(_highest(scores, _MAX_CANDIDATES))
        anchors, scores = anchors[kept], scores[kept]
    return anchors, scores, logits[:, anchors].argmax(axis=0)


def _highest(scores: FloatArray, most: int) -> IntArray:
    """Positions of the highest scores, at most so many, the highest first."""
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
    """The centres of all cells, (A, 2) in cells of their level, and the px per cell, (A, 1)."""
    points, scales = [], []
    for stride in strides:
        columns, rows = picture_wh[0] // stride, picture_wh[1] // stride
        y, x = np.mgrid[:rows, :columns]
        points.append(np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32) + np.float32(0.5))
        scales.append(np.full((rows * columns, 1), stride, np.float32))
    return np.concatenate(points), np.concatenate(scales)
