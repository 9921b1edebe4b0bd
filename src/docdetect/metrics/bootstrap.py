"""Figures of many resamples at once, from one matching: the arithmetic of the bootstrap.

A resample is a row of whole weights: how often each group of pages was drawn. A detection of a group drawn twice
counts twice. Average precision needs only the true positives in descending score, the number of detections up to each
and the number of marks; all three are sums over groups, so a thousand resamples are three matrix products for each
class and IoU threshold. The result is what the library gives for the set with the drawn pages repeated (where a hit and
a miss have the same score their order decides, as it does within the library).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from docdetect.metrics.matching import ClassMatches, Float64Array, Matches, ratio, sums_by
from docdetect.types import IntArray

RECALLS = np.linspace(0.0, 1.0, 101)
"""The recalls at which COCO reads the precision."""
_IOU75 = 5


@dataclass(frozen=True)
class OperatingDraws:
    """Figures at thresholds by resample and class, float64 (B, K); NaN where a resample does not define one."""

    precision: Float64Array
    recall: Float64Array
    f1: Float64Array


@dataclass(frozen=True)
class Draws(OperatingDraws):
    """With average precision, float64 (B, K); NaN where a resample holds no mark of the class."""

    ap50: Float64Array
    ap75: Float64Array
    ap50_95: Float64Array


@dataclass(frozen=True)
class Counts:
    """What lies above a threshold, at IoU 0.5; arrays over groups (F,) or resamples (B,)."""

    hits: Float64Array
    detections: Float64Array
    marks: Float64Array

    def drawn(self, weights: IntArray) -> Counts:
        """(F,) counts -> (B,) counts of the resamples `weights` (B, F)."""
        return Counts(weights @ self.hits, weights @ self.detections, weights @ self.marks)

    @property
    def precision(self) -> Float64Array:
        """Hits among detections; NaN where there is no detection."""
        return ratio(self.hits, self.detections)

    @property
    def recall(self) -> Float64Array:
        """Hits among marks; NaN where there is no mark."""
        return ratio(self.hits, self.marks)

    @property
    def f1(self) -> Float64Array:
        """2 hits / (detections + marks), the harmonic mean of both; NaN where there is no mark."""
        return np.where(self.marks > 0, ratio(2 * self.hits, self.detections + self.marks), np.nan)


def group_weights(group_count: int, resamples: int, seed: int) -> IntArray:
    """`resamples` draws of `group_count` groups with replacement: int64 (B, F), each row adds up to F."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(group_count, np.full(group_count, 1 / group_count), size=resamples).astype(np.int64)


def metric_draws(matches: Matches, weights: IntArray, conf: Sequence[float]) -> Draws:
    """The figures of each resample.

    Args:
        matches: the matching of the whole set.
        weights: int64 (B, F) how often each group stands in each resample; a row of ones is the set itself.
        conf: threshold of precision, recall and F1 for each class.
    """
    operating = operating_draws(matches, weights, conf)
    ap = np.stack([average_precision(one, matches.group_ids, weights) for one in matches.classes], axis=1)
    return Draws(operating.precision, operating.recall, operating.f1, ap[:, :, 0], ap[:, :, _IOU75], ap.mean(axis=2))


def operating_draws(matches: Matches, weights: IntArray, conf: Sequence[float]) -> OperatingDraws:
    """Precision, recall and F1 of each resample; arguments as in `metric_draws`."""
    counts = [
        group_counts(one, matches, threshold).drawn(weights)
        for one, threshold in zip(matches.classes, conf, strict=True)
    ]
    return OperatingDraws(
        np.stack([count.precision for count in counts], axis=1),
        np.stack([count.recall for count in counts], axis=1),
        np.stack([count.f1 for count in counts], axis=1),
    )


def average_precision(one: ClassMatches, group_ids: IntArray, weights: IntArray) -> Float64Array:
    """COCO average precision of one class: float64 (B, 10) by resample and IoU threshold; NaN without marks.

    Formula: mean over 101 recalls of the greatest precision at that recall or a higher one (Lin et al., COCO, 2014).
    """
    group_count = weights.shape[1]
    marks = weights @ sums_by(group_ids, group_count, one.marks_per_page)
    detection_groups = group_ids[one.pages]
    result = np.zeros((len(weights), one.hits.shape[1]))
    for column in range(one.hits.shape[1]):
        ranks = np.flatnonzero(one.hits[:, column])
        found_before = weights @ _running_counts(detection_groups, ranks, group_count)
        hits_before = weights @ _running_counts(detection_groups[ranks], np.arange(len(ranks)), group_count)
        precision = ratio(hits_before, found_before, 0.0)
        result[:, column] = _mean_over_recalls(precision, hits_before, marks)
    result[marks == 0] = np.nan
    return result


def group_counts(one: ClassMatches, matches: Matches, conf: float) -> Counts:
    """Hits, detections and marks of one class by group, (F,) each, counting scores of `conf` and above."""
    kept = one.scores >= conf
    groups = matches.group_ids[one.pages[kept]]
    size = len(matches.groups)
    return Counts(
        sums_by(groups, size, one.hits[kept, 0]),
        sums_by(groups, size),
        sums_by(matches.group_ids, size, one.marks_per_page),
    )


def class_mean(values: Float64Array) -> Float64Array:
    """(B, K) -> (B,) mean over the classes that define the figure; NaN where none does."""
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0).sum(axis=1), defined.sum(axis=1).astype(np.float64))


def _running_counts(groups: IntArray, ranks: IntArray, group_count: int) -> Float64Array:
    """(F, M): how many of the first ranks[m] + 1 detections belong to each group."""
    counts = np.zeros((group_count, len(ranks)))
    if len(ranks):
        step = np.searchsorted(ranks, np.arange(ranks[-1] + 1))  # the first rank that includes the detection
        np.add.at(counts, (groups[: ranks[-1] + 1], step), 1)
    return counts.cumsum(axis=1)


def _mean_over_recalls(precision: Float64Array, hits: Float64Array, marks: Float64Array) -> Float64Array:
    """(B, M) precision and hits at each true positive, (B,) marks -> (B,).

    True positives of groups that were not drawn repeat the recall of the one before at a precision no higher, which
    the running maximum swallows."""
    from_right = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    envelope = np.concatenate([from_right, np.zeros((len(precision), 1))], axis=1)
    recall = ratio(hits, np.broadcast_to(marks[:, None], hits.shape), 0.0)
    rows = [line[np.searchsorted(reached, RECALLS)] for line, reached in zip(envelope, recall, strict=True)]
    table: Float64Array = np.asarray(rows, np.float64).reshape(len(precision), len(RECALLS))
    return np.asarray(table.mean(axis=1), np.float64)
