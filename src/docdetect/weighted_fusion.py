"""Several looks at one page as one result: weighted boxes fusion, and when a second look is worth its time; pure.

A look is what one network finds on a page at one size. Looks differ in the size of the page (`infer --scales`), in the
network, or in both (`models/engines/ensemble.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docdetect.boxes import iou
from docdetect.types import Detections, FloatArray

LOWEST_OF_SEVERAL_LOOKS = 0.01
"""Lowest score of a detection that counts towards the mean over several looks."""

UNSURE = (0.05, 0.8)
"""A page is looked at again where a detection of the first look has a score in this range, upper end excluded."""

SAME_MARK_IOU = 0.5
"""IoU above which boxes of one network at different sizes are one mark. They are less alike than boxes of one look,
where non-maximum suppression usually takes 0.7."""

SAME_MARK_OF_NETWORKS_IOU = 0.4
"""The same for boxes of different networks, which are less alike still."""


def mean_of_looks(found: Sequence[Detections], same_mark_iou: float = SAME_MARK_IOU) -> Detections:
    """The detections of several looks at one page as one: weighted boxes fusion, by descending score.

    Boxes of one class with an IoU over `same_mark_iou` to the box that they are fused into are one mark. Its box is the
    mean of theirs, weighted by their scores, and its score the mean over all looks of the highest score in each look,
    where a look that saw nothing counts as 0 (R. Solovyev et al. 2021, "Weighted boxes fusion").

    Args:
        found: the scored detections of each look, at least one look, all with the same `size_wh`.
        same_mark_iou: in [0, 1].
    """
    look_of = np.repeat(np.arange(len(found)), [len(one) for one in found])
    scores = np.concatenate([one.known_scores for one in found])
    xyxy = np.concatenate([one.xyxy for one in found])
    class_ids = np.concatenate([one.class_ids for one in found])
    order = np.lexsort([*xyxy.T[::-1], class_ids, -scores])
    fused: list[_FusedBox] = []
    for position in order.tolist():
        box, class_id, score = xyxy[position], int(class_ids[position]), float(scores[position])
        alike = [one for one in fused if one.class_id == class_id]
        overlaps = iou(box[None], np.array([one.box for one in alike], np.float32))[0] if alike else np.zeros(0)
        nearest = int(overlaps.argmax()) if alike else -1
        if alike and overlaps[nearest] > same_mark_iou:
            alike[nearest].add(box, score, int(look_of[position]))
        else:
            fused.append(_FusedBox(class_id, box.astype(np.float64), score, {int(look_of[position]): score}))
    means = np.array([sum(one.best.values()) / len(found) for one in fused], np.float32)
    boxes = np.array([one.box for one in fused], np.float32).reshape(-1, 4)
    joined = Detections(boxes, np.array([one.class_id for one in fused], np.int64), found[0].size_wh, means)
    return joined.select(np.argsort(-means, kind="stable"))


def is_unsure(found: Sequence[Detections]) -> bool:
    """Whether a page should be looked at again: a detection in one of its pictures is neither sure nor negligible."""
    scores = np.concatenate([one.known_scores for one in found] or [np.zeros(0, np.float32)])
    return bool(((scores >= UNSURE[0]) & (scores < UNSURE[1])).any())


@dataclass
class _FusedBox:
    """A box that others are fused into: their mean weighted by score, the sum of weights, the best score by look."""

    class_id: int
    box: NDArray[np.float64]
    weight: float
    best: dict[int, float]

    def add(self, box: FloatArray, score: float, look: int) -> None:
        self.box = (self.box * self.weight + box * score) / (self.weight + score)
        self.weight += score
        self.best[look] = max(self.best.get(look, 0.0), score)
