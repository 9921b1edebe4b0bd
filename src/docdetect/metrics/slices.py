"""Recall by the size of marks and by their contact with other marks, and counts by document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docdetect.boxes import area, contained, intersection, iou
from docdetect.metrics.matching import Float64Array, Matches, Sample
from docdetect.types import BoolArray, IntArray

# Share of a mark inside a mark of another class from which the two count as nested.
_INSIDE = 0.75


@dataclass(frozen=True)
class Slice:
    """Marks that have something in common.

    Attributes:
        label: what they have in common.
        marks: how many there are.
        recall: share found at the working thresholds, IoU 0.5; None without marks.
        recall_any: share found by a detection of any score.
        mean_iou: mean overlap of those found at the working thresholds; None when none is.
    """

    label: str
    marks: int
    recall: float | None
    recall_any: float | None
    mean_iou: float | None


@dataclass(frozen=True)
class DocumentFigures:
    """One document at the working thresholds: pages, marks, marks found, false detections."""

    document: str
    group: str
    pages: int
    marks: int
    hits: int
    false: int


@dataclass(frozen=True)
class Marks:
    """Every true mark of the set; arrays (G,).

    Attributes:
        class_ids: int64.
        share: float64, area over page area.
        touching: whether it shares area with a mark of another class.
        inside: whether more than three quarters of it lie in a mark of another class, or of one in it.
        best_score: float64, score of the detection that meets it at IoU 0.5, or -1.
        overlap: float64, IoU with that detection, or 0.
    """

    class_ids: IntArray
    share: Float64Array
    touching: BoolArray
    inside: BoolArray
    best_score: Float64Array
    overlap: Float64Array


def list_marks(samples: Sequence[Sample], matches: Matches) -> Marks:
    """The true marks of all pages, in the order of samples, with what was found of them."""
    starts = np.cumsum([0, *(len(sample.ground_truth) for sample in samples)])
    best_score, overlap = np.full(starts[-1], -1.0), np.zeros(starts[-1])
    for one in matches.classes:
        for position in np.flatnonzero(one.partners >= 0):
            page, ground_truth, found = one.pages[position], one.partners[position], one.positions[position]
            mark = starts[page] + ground_truth
            best_score[mark] = one.scores[position]
            pair = (
                samples[page].ground_truth.xyxy[ground_truth : ground_truth + 1],
                samples[page].found.xyxy[found : found + 1],
            )
            overlap[mark] = iou(*pair)[0, 0]
    contacts = [_contacts(sample) for sample in samples]
    return Marks(
        np.concatenate([sample.ground_truth.class_ids for sample in samples]),
        np.concatenate(
            [area(s.ground_truth.xyxy) / (s.ground_truth.size_wh[0] * s.ground_truth.size_wh[1]) for s in samples]
        ).astype(np.float64),
        np.concatenate([touching for touching, _ in contacts]),
        np.concatenate([inside for _, inside in contacts]),
        best_score,
        overlap,
    )


def by_size(marks: Marks, names: Sequence[str], conf: Sequence[float]) -> tuple[Slice, ...]:
    """Each class cut into thirds by the marks' share of the page."""
    slices = []
    for class_id, name in enumerate(names):
        of_class = marks.class_ids == class_id
        if not of_class.any():
            continue
        low, high = np.quantile(marks.share[of_class], [1 / 3, 2 / 3])
        parts = (
            (f"{name}, small (up to {low:.2%} of the page)", marks.share <= low),
            (f"{name}, middle", (marks.share > low) & (marks.share <= high)),
            (f"{name}, large (over {high:.2%})", marks.share > high),
        )
        slices += [_slice(label, marks, of_class & part, conf) for label, part in parts]
    return tuple(slices)


def by_contact(marks: Marks, names: Sequence[str], conf: Sequence[float]) -> tuple[Slice, ...]:
    """Each class cut by contact with marks of other classes: apart, touching, mostly one inside the other."""
    slices = []
    for class_id, name in enumerate(names):
        of_class = marks.class_ids == class_id
        parts = (
            ("apart", ~marks.touching),
            ("touching another class", marks.touching & ~marks.inside),
            ("nested with another class", marks.inside),
        )
        slices += [_slice(f"{name}, {label}", marks, of_class & part, conf) for label, part in parts if of_class.any()]
    return tuple(slices)


def by_document(samples: Sequence[Sample], matches: Matches, conf: Sequence[float]) -> tuple[DocumentFigures, ...]:
    """Counts of every document, the one with the most errors first."""
    shown, hits = np.zeros(len(samples), np.int64), np.zeros(len(samples), np.int64)
    for one, threshold in zip(matches.classes, conf, strict=True):
        kept = one.scores >= threshold
        shown += np.bincount(one.pages[kept], minlength=len(samples))
        hits += np.bincount(one.pages[kept & one.hits[:, 0]], minlength=len(samples))
    pages: dict[str, list[int]] = {}
    for index, sample in enumerate(samples):
        pages.setdefault(sample.document, []).append(index)
    rows = [
        DocumentFigures(
            document,
            samples[where[0]].group,
            len(where),
            sum(len(samples[index].ground_truth) for index in where),
            int(hits[where].sum()),
            int((shown - hits)[where].sum()),
        )
        for document, where in pages.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-(row.marks - row.hits + row.false), row.document)))


def _contacts(sample: Sample) -> tuple[BoolArray, BoolArray]:
    boxes, classes = sample.ground_truth.xyxy, sample.ground_truth.class_ids
    others = classes[:, None] != classes[None, :]
    touching: NDArray[np.bool_] = ((intersection(boxes, boxes) > 0) & others).any(axis=1)
    nested = np.maximum(contained(boxes, boxes), contained(boxes, boxes).T) > _INSIDE
    inside: NDArray[np.bool_] = (nested & others).any(axis=1)
    return touching, inside


def _slice(label: str, marks: Marks, chosen: BoolArray, conf: Sequence[float]) -> Slice:
    count = int(chosen.sum())
    if not count:
        return Slice(label, 0, None, None, None)
    found = chosen & (marks.best_score >= np.asarray(conf)[marks.class_ids])
    return Slice(
        label,
        count,
        float(found.sum() / count),
        float((chosen & (marks.best_score >= 0)).sum() / count),
        float(marks.overlap[found].mean()) if found.any() else None,
    )
