"""What merging the boxes of one mark does to the figures: errors before and after, wrong merges, duplicates left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from docdetect.boxes import iou
from docdetect.merging import GroupingSettings, merge_boxes
from docdetect.metrics.bootstrap import Counts, group_counts
from docdetect.metrics.errors import MistakeKind, find_mistakes
from docdetect.metrics.matching import Matches, Sample, match
from docdetect.types import Detections

# IoU from which a detection meets a mark.
_HIT_IOU = 0.5


@dataclass(frozen=True)
class StageFigures:
    """The set at the working thresholds, all classes pooled, before or after grouping.

    Attributes:
        stage: "raw" or "grouped".
        detections, hits, marks: counts at IoU 0.5.
        precision, recall, f1: of these counts; None where undefined.
        duplicates: further detections on a mark that was found.
        confused: detections on a mark of another class.
        false: detections on no mark.
        missed: marks that nothing found.
    """

    stage: str
    detections: int
    hits: int
    marks: int
    precision: float | None
    recall: float | None
    f1: float | None
    duplicates: int
    confused: int
    false: int
    missed: int


@dataclass(frozen=True)
class WrongMerge:
    """A merged box that holds several marks: position of the page, of the box after merging, and of the marks."""

    sample: int
    found: int
    ground_truths: tuple[int, ...]


@dataclass(frozen=True)
class GroupingFigures:
    """The figures before and after merging, and the merges that joined boxes of several marks."""

    raw: StageFigures
    grouped: StageFigures
    wrong_merges: tuple[WrongMerge, ...]


def group_samples(
    samples: Sequence[Sample], conf: Sequence[float], settings: GroupingSettings
) -> tuple[list[Sample], list[tuple[tuple[int, ...], ...]]]:
    """The samples as `infer` gives them: detections at or above the thresholds, grouped; and for each grouped box the
    positions of its members among the page's detections above the thresholds."""
    grouped, members = [], []
    for sample in samples:
        boxes, parts = merge_boxes(sample.above(conf).found, settings)
        grouped.append(replace(sample, found=boxes))
        members.append(parts)
    return grouped, members


def grouping_figures(
    samples: Sequence[Sample], names: Sequence[str], conf: Sequence[float], settings: GroupingSettings
) -> GroupingFigures:
    """What `settings` make of the detections at the thresholds `conf`."""
    raw = [sample.above(conf) for sample in samples]
    grouped, members = group_samples(samples, conf, settings)
    merges = [
        merge
        for index, (sample, parts) in enumerate(zip(raw, members, strict=True))
        for merge in _wrong_merges(index, sample, parts)
    ]
    return GroupingFigures(_stage("raw", raw, names, conf), _stage("grouped", grouped, names, conf), tuple(merges))


def _stage(stage: str, samples: Sequence[Sample], names: Sequence[str], conf: Sequence[float]) -> StageFigures:
    matches = match(samples, len(names))
    counts = _pooled(matches, conf)
    kinds = [mistake.kind for mistake in find_mistakes(samples, matches, conf)]
    precision, recall, f1 = (
        None if np.isnan(value[0]) else float(value[0]) for value in (counts.precision, counts.recall, counts.f1)
    )
    return StageFigures(
        stage,
        int(counts.detections[0]),
        int(counts.hits[0]),
        int(counts.marks[0]),
        precision,
        recall,
        f1,
        kinds.count(MistakeKind.DUPLICATE),
        kinds.count(MistakeKind.CONFUSED),
        kinds.count(MistakeKind.FALSE),
        kinds.count(MistakeKind.MISSED),
    )


def _pooled(matches: Matches, conf: Sequence[float]) -> Counts:
    counts = [group_counts(one, matches, least) for one, least in zip(matches.classes, conf, strict=True)]
    hits, detections, marks = (
        np.array([sum(float(getattr(count, part).sum()) for count in counts)])
        for part in ("hits", "detections", "marks")
    )
    return Counts(hits, detections, marks)


def _wrong_merges(index: int, sample: Sample, parts: Sequence[tuple[int, ...]]) -> list[WrongMerge]:
    marks = _mark_of_each(sample.found, sample.ground_truth)
    merges = []
    for position, part in enumerate(parts):
        swallowed = sorted({marks[member] for member in part} - {-1})
        if len(swallowed) > 1:
            merges.append(WrongMerge(index, position, tuple(swallowed)))
    return merges


def _mark_of_each(found: Detections, ground_truth: Detections) -> list[int]:
    """For each detection the mark of its class that it overlaps most, at least at IoU 0.5, or -1."""
    if not len(found) or not len(ground_truth):
        return [-1] * len(found)
    overlap = iou(found.xyxy, ground_truth.xyxy) * (found.class_ids[:, None] == ground_truth.class_ids[None, :])
    nearest = overlap.argmax(axis=1)
    return [int(mark) if line[mark] >= _HIT_IOU else -1 for line, mark in zip(overlap, nearest, strict=True)]
