"""Figures over sources of documents: average precision of each, their mean with an interval, and the worst; pure.

This module is used by other benchmarks and is no program of its own. Sets of one origin are one source: their pages
resemble each other, so that counting them apart would make intervals too narrow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from docdetect.boxes import iou
from docdetect.metrics.bootstrap import RECALLS
from docdetect.metrics.matching import Float64Array, Sample
from docdetect.types import BoolArray, FloatArray

RESAMPLES, SEED = 5000, 0
"""Resamples of the bootstrap over sources, and the seed of its random generator."""


@dataclass(frozen=True)
class Outcomes:
    """The detections of one class on some pages, each compared with the marks of its page.

    Attributes:
        scores: float32 (N,), in no order.
        hits: bool (N,), whether the detection is a mark; each mark is found once, by the surest detection.
        weights: float64 (N,), how often each detection counts.
        marks: number of marks.
    """

    scores: FloatArray
    hits: BoolArray
    weights: Float64Array
    marks: int

    def weighted(self, weight: float) -> Outcomes:
        """The same detections, each counting `weight` times as often; the number of marks stays."""
        return Outcomes(self.scores, self.hits, self.weights * weight, self.marks)

    def above(self, conf: float) -> tuple[float, float]:
        """Weighted numbers of hits and of false alarms from the score `conf` on."""
        kept = self.scores >= conf
        return float(self.weights[kept & self.hits].sum()), float(self.weights[kept & ~self.hits].sum())


def outcomes(samples: Sequence[Sample], class_id: int, iou_at_least: float) -> Outcomes:
    """Compares the detections of a class with the marks, in descending score, as COCO does."""
    scores: list[FloatArray] = [np.zeros(0, np.float32)]
    hits: list[bool] = []
    marks = 0
    for sample in samples:
        truth = sample.ground_truth.of_classes((class_id,))
        found = sample.found.of_classes((class_id,))
        found = found.select(np.argsort(-found.known_scores, kind="stable"))
        marks += len(truth)
        scores.append(found.known_scores)
        if not len(truth):
            hits += [False] * len(found)
            continue
        overlap = iou(found.xyxy, truth.xyxy)
        for row in range(len(found)):
            best = int(overlap[row].argmax())
            hits.append(bool(overlap[row, best] >= iou_at_least))
            if hits[-1]:
                overlap[:, best] = -1
    every = np.concatenate(scores)
    return Outcomes(every, np.array(hits, bool), np.ones(len(every)), marks)


def together(parts: Sequence[Outcomes]) -> Outcomes:
    """The detections and marks of all parts."""
    return Outcomes(
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.hits for part in parts]),
        np.concatenate([part.weights for part in parts]),
        sum(part.marks for part in parts),
    )


def average_precision(one: Outcomes) -> float:
    """COCO average precision (the mean over 101 recalls) with weights; 0 without a detection, NaN without a mark."""
    if not one.marks:
        return float("nan")
    order = np.argsort(-one.scores, kind="stable")
    hits = np.cumsum(np.where(one.hits, one.weights, 0)[order])
    every = np.cumsum(one.weights[order])
    precision = np.maximum.accumulate((hits / np.maximum(every, 1e-12))[::-1])[::-1]
    reached = np.searchsorted(hits / one.marks, RECALLS - 1e-9)
    return float(np.append(precision, 0.0)[reached].mean())


@dataclass(frozen=True)
class SourceMean:
    """The mean of a figure over sources, its 95 % interval (bootstrap over sources), and the worst source."""

    mean: float
    low: float
    high: float
    worst: float
    worst_source: str

    def __str__(self) -> str:
        return f"{self.mean:.3f} ({self.low:.3f} to {self.high:.3f})"


def mean_over_sources(of_source: Mapping[str, float]) -> SourceMean:
    """The mean of one figure over sources. Raises ValueError: there is no source."""
    if not of_source:
        raise ValueError("no source to take the mean of")
    values = np.array(list(of_source.values()))
    drawn = np.random.default_rng(SEED).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(values[drawn].mean(axis=1), (2.5, 97.5))
    worst = min(of_source, key=lambda name: of_source[name])
    return SourceMean(float(values.mean()), float(low), float(high), of_source[worst], worst)


def difference(of_source: Mapping[str, float], beside: Mapping[str, float]) -> SourceMean:
    """What a figure gains over another one, source by source; the worst source is the one that loses most."""
    return mean_over_sources({name: value - beside[name] for name, value in of_source.items()})
