"""Detections against ground truth: precision and recall at one threshold, average precision over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from docdetect import boxes
from docdetect.evaluation.predictions import PredictedImage
from docdetect.types import BoolArray, Detections, FloatArray, IntArray

IOUS = np.linspace(0.5, 0.95, 10)


@dataclass(frozen=True)
class Outcome:
    """All detections of a dataset, each with whether it is right.

    Attributes:
        right: bool (N, 10), at IoU 0.5, 0.55, ... 0.95.
        scores: float32 (N,).
        class_ids: int64 (N,).
        true_ids: int64 (M,), classes of the true marks.
        pages_with: int64 (K,), pages that have a mark of each class.
        pages: how many there are.
    """

    right: BoolArray
    scores: FloatArray
    class_ids: IntArray
    true_ids: IntArray
    pages_with: IntArray
    pages: int


@dataclass(frozen=True)
class ClassRow:
    """A line of the table; figures are None where there is nothing to divide by.

    Attributes:
        name: the class, or `all` for the mean over classes that have marks.
        pages: pages with a mark of the class.
        marks: true marks.
        found, wrong: detections from the threshold on that are right and that are not, at IoU 0.5.
        precision, recall: of those.
        ap50, ap50_95: average precision over all thresholds, at IoU 0.5 and as the mean of 0.5..0.95.
    """

    name: str
    pages: int
    marks: int
    found: int
    wrong: int
    precision: float | None
    recall: float | None
    ap50: float | None
    ap50_95: float | None


@dataclass(frozen=True)
class BestF1:
    """Mean precision and recall at the threshold with the best mean F1: what Ultralytics prints as P and R."""

    conf: float
    precision: float
    recall: float


def judge(pages: Sequence[PredictedImage], class_count: int) -> Outcome:
    """Matches detections to ground truth by descending score: each takes the free mark that it overlaps most."""
    right = [matches(page.found, page.image.ground_truth) for page in pages]
    ground_truths = [page.image.ground_truth.class_ids for page in pages]
    return Outcome(
        right=np.concatenate([*right, np.zeros((0, len(IOUS)), np.bool_)]),
        scores=np.concatenate([*(_scores(page.found) for page in pages), np.zeros(0, np.float32)]),
        class_ids=np.concatenate([*(page.found.class_ids for page in pages), np.zeros(0, np.int64)]),
        true_ids=np.concatenate([*ground_truths, np.zeros(0, np.int64)]),
        pages_with=sum(
            (np.bincount(np.unique(ids), minlength=class_count) for ids in ground_truths),
            np.zeros(class_count, np.int64),
        ),
        pages=len(pages),
    )


def matches(found: Detections, ground_truth: Detections) -> BoolArray:
    """bool (N, 10): whether each detection is right at each IoU of `IOUS`; a mark makes one detection right only."""
    right: BoolArray = np.zeros((len(found), len(IOUS)), np.bool_)
    overlap = boxes.iou(found.xyxy, ground_truth.xyxy) * (found.class_ids[:, None] == ground_truth.class_ids[None, :])
    if not overlap.size:
        return right
    order = np.argsort(-_scores(found), kind="stable")
    for column, least in enumerate(IOUS):
        free = np.ones(len(ground_truth), np.bool_)
        for position in order:
            mark = int(np.argmax(np.where(free, overlap[position], 0)))
            if free[mark] and overlap[position, mark] >= least:
                free[mark] = False
                right[position, column] = True
    return right


def table(outcome: Outcome, class_names: Sequence[str], conf: float, ap: FloatArray) -> tuple[ClassRow, ...]:
    """A row for each class, then their mean.

    Args:
        outcome: see `judge`.
        class_names: in the order of their ids.
        conf: threshold of found, wrong, precision and recall.
        ap: float (K, 10) average precision of each class at `IOUS`; NaN for classes without marks.
    """
    counted = outcome.scores >= conf
    rows = []
    for class_id, name in enumerate(class_names):
        right = outcome.right[counted & (outcome.class_ids == class_id), 0]
        found, shown, marks = int(right.sum()), len(right), int((outcome.true_ids == class_id).sum())
        rows.append(
            ClassRow(
                name=name,
                pages=int(outcome.pages_with[class_id]),
                marks=marks,
                found=found,
                wrong=shown - found,
                precision=found / shown if shown else None,
                recall=found / marks if marks else None,
                ap50=float(ap[class_id, 0]) if marks else None,
                ap50_95=float(ap[class_id].mean()) if marks else None,
            )
        )
    return (*rows, _mean_row(rows, outcome.pages))


def _mean_row(rows: Sequence[ClassRow], pages: int) -> ClassRow:
    return ClassRow(
        name="all",
        pages=pages,
        marks=sum(row.marks for row in rows),
        found=sum(row.found for row in rows),
        wrong=sum(row.wrong for row in rows),
        precision=_mean([row.precision for row in rows if row.marks]),
        recall=_mean([row.recall for row in rows]),
        ap50=_mean([row.ap50 for row in rows]),
        ap50_95=_mean([row.ap50_95 for row in rows]),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _scores(found: Detections) -> FloatArray:
    assert found.scores is not None
    return found.scores
