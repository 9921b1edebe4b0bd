"""Precision, recall and F1 over the confidence threshold, and the threshold to choose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from docdetect.metrics.matching import ClassMatches, Matches
from docdetect.metrics.samples import Float64Array, ratio
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
