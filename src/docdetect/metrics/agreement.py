"""How far two engines with the same weights agree, detection by detection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from docdetect import boxes
from docdetect.types import Detections

# IoU above which two detections of one class are taken for the same one.
_SAME_IOU = 0.5
# How much a difference of scores counts against IoU when the same detection is looked for.
_SCORE_WEIGHT = 0.1


@dataclass(frozen=True)
class Agreement:
    """How far two sets of detections agree.

    Attributes:
        marks: number of detections on both sides that reach the threshold.
        unmatched: number of those for which the other side has no detection of the same class with an IoU over 0.5,
            whatever its score.
        worst_px: largest difference of the position of a side of a box, in px of the page; 0 without any pair.
        worst_score: largest difference of confidence.
    """

    marks: int = 0
    unmatched: int = 0
    worst_px: float = 0.0
    worst_score: float = 0.0

    def within(self, px: float, score: float) -> bool:
        """Whether every mark has its like, within these differences."""
        return not self.unmatched and self.worst_px <= px and self.worst_score <= score


def agreement(ours: Sequence[Detections], theirs: Sequence[Detections], conf: float) -> Agreement:
    """Both sides of every page compared.

    Args:
        ours, theirs: detections of the same pages, found from a threshold well below `conf` on, so that a mark that one
            side has just above `conf` is not missing on the other for being just below.
        conf: which marks count.
    """
    total = Agreement()
    for one, other in zip(ours, theirs, strict=True):
        for of, among in ((one, other), (other, one)):
            total = _added(total, _one_way(of, among, conf))
    return total


def _one_way(of: Detections, among: Detections, conf: float) -> Agreement:
    counted = of.select(of.known_scores >= conf)
    if not len(counted) or not len(among):
        return Agreement(len(counted), len(counted))
    overlap = boxes.iou(counted.xyxy, among.xyxy)
    overlap[counted.class_ids[:, None] != among.class_ids[None]] = 0
    score_apart = np.abs(counted.known_scores[:, None] - among.known_scores[None])
    like = (overlap - _SCORE_WEIGHT * score_apart).argmax(axis=1)  # of boxes that coincide, the one as sure
    paired = overlap[np.arange(len(counted)), like] > _SAME_IOU
    if not paired.any():
        return Agreement(len(counted), len(counted))
    worst_px = np.abs(counted.xyxy - among.xyxy[like])[paired].max()
    worst_score = score_apart[np.arange(len(counted)), like][paired].max()
    return Agreement(len(counted), int((~paired).sum()), float(worst_px), float(worst_score))


def _added(a: Agreement, b: Agreement) -> Agreement:
    return Agreement(
        a.marks + b.marks,
        a.unmatched + b.unmatched,
        max(a.worst_px, b.worst_px),
        max(a.worst_score, b.worst_score),
    )
