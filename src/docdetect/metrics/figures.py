"""The figures of docdetect: the one definition of average precision, precision, recall and F1 for every command.

Average precision is COCO's: the mean, over 101 recalls, of the greatest precision at that recall or a higher one, with
IoU 0.5 (AP50), 0.75 (AP75), or the mean of ten thresholds from 0.5 to 0.95 (AP50-95). It uses detections of every
confidence from 0.001 on. Precision, recall and F1 are counts at a named confidence threshold and IoU 0.5. A figure is a
share in [0, 1]; its interval comes from a bootstrap by group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from docdetect.metrics.bootstrap import (
    Counts,
    OperatingDraws,
    class_mean,
    group_weights,
    metric_draws,
    operating_draws,
)
from docdetect.metrics.matching import ClassMatches, Float64Array, Matches, ratio, sums_by
from docdetect.types import IntArray

GRID = np.linspace(0.01, 0.99, 99)
"""Thresholds at which curves of several classes are averaged."""


@dataclass(frozen=True)
class Curve:
    """One class at IoU 0.5; float64 (N,) each, by ascending threshold.

    Attributes:
        conf: thresholds.
        precision: NaN where no detection reaches the threshold.
        recall: NaN for a class without marks.
        f1: NaN for a class without marks.
    """

    conf: Float64Array
    precision: Float64Array
    recall: Float64Array
    f1: Float64Array


@dataclass(frozen=True)
class ThresholdRule:
    """How a threshold is chosen from an F1 curve.

    Attributes:
        tolerance: of all thresholds whose F1 is at most this far below the best, the lowest is taken: a faint mark that
            is lost costs more than a false alarm that a person dismisses.
        fewest_marks: with fewer marks than this the curve is noise and the fallback is taken.
        fallback: that threshold.
        lowest: never below this.
        highest: never above this.
    """

    tolerance: float = 0.005
    fewest_marks: int = 10
    fallback: float = 0.25
    lowest: float = 0.05
    highest: float = 0.9


def curve_at(one: ClassMatches, conf: Float64Array) -> Curve:
    """The curve of one class at the given thresholds (a detection counts when its score reaches the threshold)."""
    ascending = one.scores[::-1]
    detections = len(ascending) - np.searchsorted(ascending, conf)
    running = np.concatenate([[0], np.cumsum(one.hits[:, 0])]).astype(np.float64)
    hits = running[detections]
    marks = one.mark_count
    if marks == 0:
        undefined = np.full(len(conf), np.nan)
        return Curve(conf, _precision(hits, detections), undefined, undefined)
    return Curve(conf, _precision(hits, detections), hits / marks, 2 * hits / (detections + marks))


def precision_recall(one: ClassMatches) -> tuple[Float64Array, Float64Array]:
    """Recall (N + 1,), ascending, and the greatest precision from that recall on, for the plot at IoU 0.5."""
    hits = np.cumsum(one.hits[:, 0])
    precision = _precision(hits.astype(np.float64), np.arange(1, len(hits) + 1))
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    recall = hits / max(one.mark_count, 1)
    return np.concatenate([[0.0], recall]), np.concatenate([envelope[:1], envelope]) if len(envelope) else np.zeros(1)


def mean_best_conf(matches: Matches, fallback: float) -> float:
    """The single threshold at which the mean F1 of the classes that have marks is greatest; `fallback` without any."""
    curves = [curve_at(one, GRID).f1 for one in matches.classes if one.mark_count]
    if not curves:
        return fallback
    return float(GRID[int(np.mean(curves, axis=0).argmax())])


def best_conf(one: ClassMatches, rule: ThresholdRule | None = None) -> float:
    """The threshold of one class by `rule`, halfway between the two scores it separates, so that it does not hang on
    the last digit of one detection."""
    rule = rule or ThresholdRule()
    if one.mark_count < rule.fewest_marks or not one.hits[:, 0].any():
        return rule.fallback
    scores = np.unique(one.scores)
    scores = scores[(scores >= rule.lowest) & (scores <= rule.highest)]
    if not len(scores):
        return rule.fallback
    curve = curve_at(one, scores)
    good = np.flatnonzero(curve.f1 >= curve.f1.max() - rule.tolerance)
    chosen = scores[good[0]]
    below = one.scores[one.scores < chosen]
    nearest = below.max() if len(below) else chosen
    return float(np.clip((chosen + nearest) / 2, rule.lowest, rule.highest))


def best_confs(matches: Matches, rule: ThresholdRule | None = None) -> tuple[float, ...]:
    """`best_conf` of every class, in the order of class ids."""
    return tuple(best_conf(one, rule) for one in matches.classes)


def _precision(hits: Float64Array, detections: IntArray) -> Float64Array:
    return ratio(hits, detections.astype(np.float64))


FEWEST_GROUPS = 5
"""With fewer groups than this a bootstrap over them says nothing: with one its interval has no width at all."""


@dataclass(frozen=True)
class BootstrapSettings:
    """How intervals are made: the percentile bootstrap (Efron 1979) over groups."""

    resamples: int = 1000
    level: float = 0.95
    seed: int = 0


@dataclass(frozen=True)
class Figure:
    """A value and its interval; None where the set does not define it, or has too few groups for an interval."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Operating:
    """Precision, recall and F1 at one threshold, IoU 0.5."""

    conf: float
    precision: Figure
    recall: Figure
    f1: Figure


@dataclass(frozen=True)
class ClassFigures:
    """One class, or "all": sums of the counts, and the mean of the figures over the classes that have marks.

    Attributes:
        name: class name, or "all".
        pages: number of pages with a mark of the class; of "all" the number of all pages.
        marks: number of true marks.
        detections: number of detections at the working threshold.
        hits: number of those that meet a mark at IoU 0.5.
        ap50, ap75, ap50_95: COCO average precision.
        working: at the working threshold.
        best: at the threshold where F1 is best on this very set (for "all": the mean F1 at one common threshold), hence
            a little too good; its intervals hold the threshold fixed.
    """

    name: str
    pages: int
    marks: int
    detections: int
    hits: int
    ap50: Figure
    ap75: Figure
    ap50_95: Figure
    working: Operating
    best: Operating

    @property
    def wrong(self) -> int:
        """Number of detections at the working threshold that meet no mark, or one that a surer detection has met."""
        return self.detections - self.hits


@dataclass(frozen=True)
class EmptyPages:
    """False positives on pages without any mark, at the working threshold."""

    pages: int
    false_positives: int
    per_page: Figure
    per_class: tuple[int, ...]


def class_figures(
    matches: Matches, names: Sequence[str], conf: Sequence[float], settings: BootstrapSettings | None = None
) -> tuple[ClassFigures, ...]:
    """Figures of "all" first, then of each class.

    Args:
        matches: from `matching.match`.
        names: class names in the order of ids.
        conf: working threshold of each class.
        settings: resamples, level and seed; the same seed gives the same intervals. With 0 resamples the figures are
            the same and have no intervals.
    """
    settings = settings or BootstrapSettings()
    weights = group_weights(len(matches.groups), settings.resamples, settings.seed)
    once = np.ones((1, len(matches.groups)), np.int64)

    def at(thresholds: Sequence[float]) -> _Sampled:
        point, drawn = (operating_draws(matches, rows, thresholds) for rows in (once, weights))
        return _Sampled(point, drawn, settings.level, matches)

    per_class, common = best_confs(matches), mean_best_conf(matches, float(np.mean(conf)))
    point, drawn = (metric_draws(matches, rows, conf) for rows in (once, weights))
    working = _Sampled(point, drawn, settings.level, matches)
    best_each, best_common = at(per_class), at([common] * len(names))
    rows = [
        ClassFigures(
            name,
            int((one.marks_per_page > 0).sum()),
            one.mark_count,
            int((one.scores >= conf[k]).sum()),
            int(one.hits[one.scores >= conf[k], 0].sum()),
            *working.average_precisions(k),
            working.operating(k, conf[k]),
            best_each.operating(k, per_class[k]),
        )
        for k, (name, one) in enumerate(zip(names, matches.classes, strict=True))
    ]
    together = ClassFigures(
        "all",
        len(matches.group_ids),
        sum(row.marks for row in rows),
        sum(row.detections for row in rows),
        sum(row.hits for row in rows),
        *working.average_precisions(None),
        working.operating(None, float(np.mean(conf))),
        best_common.operating(None, common),
    )
    return together, *rows


def empty_pages(matches: Matches, conf: Sequence[float], settings: BootstrapSettings | None = None) -> EmptyPages:
    """How often a page without marks raises a false alarm."""
    settings = settings or BootstrapSettings()
    size = len(matches.groups)
    pages = sums_by(matches.group_ids, size, matches.empty)
    per_class, by_group = [], np.zeros(size)
    for one, threshold in zip(matches.classes, conf, strict=True):
        wrong = (one.scores >= threshold) & matches.empty[one.pages]
        per_class.append(int(wrong.sum()))
        by_group += sums_by(matches.group_ids[one.pages[wrong]], size)
    weights = group_weights(size, settings.resamples, settings.seed)
    rates = Counts(by_group, pages, pages)  # alarms per page is a ratio of sums, as precision is
    drawn = rates.drawn(weights).precision
    point = by_group.sum() / pages.sum() if pages.any() else np.nan
    figure = interval(float(point), drawn, settings.level, int((pages > 0).sum()))
    return EmptyPages(int(pages.sum()), sum(per_class), figure, tuple(per_class))


def interval(value: float, drawn: Float64Array, level: float, groups: int) -> Figure:
    """A figure with the percentile interval of its resamples; those that do not define it (NaN) are left out.

    Args:
        value: of the whole set; NaN where it is not defined.
        drawn: (B,) of the resamples.
        level: share of the resamples inside the interval.
        groups: how many have a say in it; with fewer than `FEWEST_GROUPS` there is no interval.
    """
    defined = drawn[~np.isnan(drawn)]
    if np.isnan(value) or not len(defined) or groups < FEWEST_GROUPS:
        return Figure(None if np.isnan(value) else float(value))
    tail = (1 - level) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Figure(float(value), float(low), float(high))


@dataclass(frozen=True)
class _Sampled:
    """The set itself (one row) and its resamples at one choice of thresholds."""

    point: OperatingDraws
    drawn: OperatingDraws
    level: float
    matches: Matches

    def average_precisions(self, class_id: int | None) -> tuple[Figure, Figure, Figure]:
        return self._figure("ap50", class_id), self._figure("ap75", class_id), self._figure("ap50_95", class_id)

    def operating(self, class_id: int | None, conf: float) -> Operating:
        precision, recall, f1 = (self._figure(name, class_id) for name in ("precision", "recall", "f1"))
        return Operating(conf, precision, recall, f1)

    def _figure(self, name: str, class_id: int | None) -> Figure:
        point, drawn = column(self.point, name, class_id), column(self.drawn, name, class_id)
        return interval(float(point[0]), drawn, self.level, self.matches.groups_with_marks(class_id))


def column(draws: OperatingDraws, name: str, class_id: int | None) -> Float64Array:
    """(B,) one figure of one class or, where `class_id` is None, its mean over the classes that have marks."""
    values: Float64Array = getattr(draws, name)
    if class_id is not None:
        return values[:, class_id]
    return class_mean(np.where(np.isnan(draws.recall), np.nan, values))
