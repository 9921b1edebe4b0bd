"""The errors of a detector at its working thresholds, by kind and with the worst first, and the confusion matrix.

The kinds follow TIDE (Bolya et al., "TIDE: A General Toolbox for Identifying Object Detection Errors", 2020) with two
additions: marks that are met with a poor box count as loose too, and a mark is called missed only when no loose or
confused detection accounts for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from docdetect.boxes import area, contained, iou
from docdetect.metrics.matching import Matches, Sample
from docdetect.types import FloatArray, IntArray

# IoU with a mark of its class from which a detection is loose instead of false.
_NEAR_IOU = 0.1
# IoU from which a detection meets a mark.
_HIT_IOU = 0.5
# IoU from which a detection that meets a mark is no longer called loose.
_GOOD_IOU = 0.7
# Share of a detection inside a mark from which the detection belongs to that mark.
_INSIDE = 0.75


class MistakeKind(str, Enum):
    """What went wrong, in the order of the report."""

    MISSED = "missed"  # a mark that no detection meets
    FALSE = "false"  # a detection on no mark
    CONFUSED = "confused"  # a detection on a mark of another class
    LOOSE = "loose"  # the right class, IoU with the mark from 0.1 to under 0.7
    DUPLICATE = "duplicate"  # a further detection on a mark that was found


@dataclass(frozen=True)
class Mistake:
    """One error.

    Attributes:
        kind: what went wrong.
        sample: position of the page among the samples.
        class_id: class of the detection, or of the mark where it was missed.
        ground_truth: position of the mark among the page's true marks, or -1.
        found: position of the detection among the page's detections, or -1.
        score: confidence of the detection; of a missed mark that of its best detection below the threshold, else 0.
        iou: overlap of detection and mark, 0 without a pair.
        severity: orders the errors of one kind, the worst highest: the score of a false, confused or duplicate
            detection; 1 - IoU of a loose one; and 1 - score plus its share of the page of a missed mark.
    """

    kind: MistakeKind
    sample: int
    class_id: int
    ground_truth: int
    found: int
    score: float
    iou: float
    severity: float


def find_mistakes(samples: Sequence[Sample], matches: Matches, conf: Sequence[float]) -> tuple[Mistake, ...]:
    """All errors by kind, the worst first in each.

    Args:
        samples: the pages in the order in which they were matched.
        matches: from `matching.match` of these samples.
        conf: working threshold of each class.
    """
    partners = _partners(samples, matches, conf)
    mistakes = [
        mistake for index, sample in enumerate(samples) for mistake in _on_page(index, sample, partners[index], conf)
    ]
    kinds = list(MistakeKind)
    return tuple(sorted(mistakes, key=lambda m: (kinds.index(m.kind), -m.severity, m.sample, m.ground_truth, m.found)))


def mistake_counts(mistakes: Sequence[Mistake], class_count: int) -> dict[str, tuple[int, ...]]:
    """Kind -> number of mistakes by class id."""
    counted = Counter((mistake.kind, mistake.class_id) for mistake in mistakes)
    return {kind.value: tuple(counted[kind, k] for k in range(class_count)) for kind in MistakeKind}


def confusion_matrix(samples: Sequence[Sample], class_count: int, conf: Sequence[float]) -> IntArray:
    """How often a mark of one class was taken for one of another.

    Detections and marks are paired one to one at IoU 0.5 or more whatever their classes, the best overlaps first.

    Args:
        samples: pages with marks and detections.
        class_count: number of classes K.
        conf: working threshold of each class.

    Returns:
        int64 (K + 1, K + 1): rows are the classes of detections and, last, "nothing found"; columns are the classes of
        marks and, last, "no mark there".
    """
    matrix = np.zeros((class_count + 1, class_count + 1), np.int64)
    for sample in samples:
        found = sample.found.select(sample.scores >= np.asarray(conf)[sample.found.class_ids])
        overlap = iou(found.xyxy, sample.ground_truth.xyxy)
        pairs = np.argwhere(overlap >= _HIT_IOU)
        free_found, free_marks = set(range(len(found))), set(range(len(sample.ground_truth)))
        for detection, mark in pairs[np.argsort(-overlap[pairs[:, 0], pairs[:, 1]], kind="stable")].tolist():
            if detection in free_found and mark in free_marks:
                free_found.remove(detection)
                free_marks.remove(mark)
                matrix[found.class_ids[detection], sample.ground_truth.class_ids[mark]] += 1
        for detection in free_found:
            matrix[found.class_ids[detection], class_count] += 1
        for mark in free_marks:
            matrix[class_count, sample.ground_truth.class_ids[mark]] += 1
    return matrix


def _partners(samples: Sequence[Sample], matches: Matches, conf: Sequence[float]) -> list[dict[int, int]]:
    """For each page: detection -> the mark it meets at IoU 0.5, for detections at or above the thresholds."""
    partners: list[dict[int, int]] = [{} for _ in samples]
    for one, threshold in zip(matches.classes, conf, strict=True):
        for position in np.flatnonzero((one.scores >= threshold) & (one.partners >= 0)):
            partners[one.pages[position]][int(one.positions[position])] = int(one.partners[position])
    return partners


def _on_page(index: int, sample: Sample, partner: dict[int, int], conf: Sequence[float]) -> list[Mistake]:
    overlap = iou(sample.found.xyxy, sample.ground_truth.xyxy)
    shown = np.flatnonzero(sample.scores >= np.asarray(conf)[sample.found.class_ids])
    met = set(partner.values())
    mistakes, explained = [], set(met)
    for found in shown[np.argsort(-sample.scores[shown], kind="stable")]:
        kind, ground_truth = _error(sample, overlap, int(found), partner)
        if kind is None:
            continue
        if kind in (MistakeKind.LOOSE, MistakeKind.CONFUSED):
            explained.add(ground_truth)
        score, pair_iou = float(sample.scores[found]), float(overlap[found, ground_truth]) if ground_truth >= 0 else 0.0
        severity = 1 - pair_iou if kind is MistakeKind.LOOSE else score
        class_id = int(sample.found.class_ids[found])
        mistakes.append(Mistake(kind, index, class_id, ground_truth, int(found), score, pair_iou, severity))
    missed = (ground_truth for ground_truth in range(len(sample.ground_truth)) if ground_truth not in explained)
    return mistakes + [_missed(index, sample, overlap, ground_truth) for ground_truth in missed]


def _error(sample: Sample, overlap: FloatArray, found: int, partner: dict[int, int]) -> tuple[MistakeKind | None, int]:
    """The error of a detection (None: it is right) and the mark that it concerns, or -1."""
    if found in partner:
        ground_truth = partner[found]
        return (MistakeKind.LOOSE if overlap[found, ground_truth] < _GOOD_IOU else None), ground_truth
    if not len(sample.ground_truth):
        return MistakeKind.FALSE, -1
    same = sample.ground_truth.class_ids == sample.found.class_ids[found]
    of_class, of_others = np.where(same, overlap[found], 0), np.where(same, 0, overlap[found])
    nearest, other = int(of_class.argmax()), int(of_others.argmax())
    free = nearest not in partner.values()
    if not free and (of_class[nearest] >= _HIT_IOU or _nested(sample, found, nearest)):
        return MistakeKind.DUPLICATE, nearest
    if free and of_class[nearest] >= _NEAR_IOU:
        return MistakeKind.LOOSE, nearest
    if of_others[other] >= _HIT_IOU:
        return MistakeKind.CONFUSED, other
    return MistakeKind.FALSE, -1


def _nested(sample: Sample, found: int, ground_truth: int) -> bool:
    pair = sample.found.xyxy[found : found + 1], sample.ground_truth.xyxy[ground_truth : ground_truth + 1]
    return bool(contained(*pair)[0, 0] > _INSIDE)


def _missed(index: int, sample: Sample, overlap: FloatArray, ground_truth: int) -> Mistake:
    class_id = int(sample.ground_truth.class_ids[ground_truth])
    near = (overlap[:, ground_truth] >= _HIT_IOU) & (sample.found.class_ids == class_id)
    score = float(sample.scores[near].max()) if near.any() else 0.0
    width, height = sample.ground_truth.size_wh
    share = float(area(sample.ground_truth.xyxy[ground_truth])[0]) / (width * height)
    return Mistake(MistakeKind.MISSED, index, class_id, ground_truth, -1, score, 0.0, 1 - score + min(share, 1.0))
