"""How far confidence is from probability: reliability bins, expected calibration error, Brier score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from docdetect.metrics.calibration import Calibration, Method, Pairs, cross_fitted, fit_map
from docdetect.metrics.samples import Float64Array
from docdetect.types import BoolArray

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Detections whose score lies in [low, high): how many, their mean score, and the share that are marks."""

    low: float
    high: float
    count: int
    mean_score: float
    hit_rate: float


@dataclass(frozen=True)
class Reliability:
    """How scores relate to hits.

    Attributes:
        bins: those of ten equal bins that hold a detection.
        error: expected calibration error (Naeini et al. 2015): mean distance of score and hit rate over the bins,
            weighted by their counts; None without detections.
        brier: mean squared distance of score and hit; None without detections.
    """

    bins: tuple[Bin, ...]
    error: float | None
    brier: float | None


@dataclass(frozen=True)
class ClassCalibration:
    """One class: what its map does.

    Attributes:
        name: class name.
        method: identity, platt or isotonic.
        pairs, hits: detections used and how many of them are marks.
        before: reliability of the raw scores.
        after: of cross-fitted probabilities; None with a single family, where nothing can be held out.
    """

    name: str
    method: str
    pairs: int
    hits: int
    before: Reliability
    after: Reliability | None


def reliability(scores: Float64Array, hits: BoolArray) -> Reliability:
    """Bins and errors of (N,) scores and hits."""
    if not len(scores):
        return Reliability((), None, None)
    place = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
    bins = tuple(
        Bin(
            index / BINS,
            (index + 1) / BINS,
            int((place == index).sum()),
            float(scores[place == index].mean()),
            float(hits[place == index].mean()),
        )
        for index in np.unique(place).tolist()
    )
    error = sum(one.count * abs(one.mean_score - one.hit_rate) for one in bins) / len(scores)
    return Reliability(bins, error, float(((scores - hits) ** 2).mean()))


def calibrate(
    pairs: Sequence[Pairs], names: Sequence[str], method: Method = "auto"
) -> tuple[Calibration, tuple[ClassCalibration, ...]]:
    """Maps fitted on all pairs, and for each class the reliability before and, cross-fitted over families, after."""
    maps, rows = [], []
    for name, one in zip(names, pairs, strict=True):
        score_map = fit_map(one, method)
        held_out = cross_fitted(one, method)
        after = None if np.isnan(held_out).any() or not len(held_out) else reliability(held_out, one.hits)
        maps.append(score_map)
        rows.append(
            ClassCalibration(
                name,
                score_map.method,
                len(one.scores),
                int(one.hits.sum()),
                reliability(one.scores, one.hits),
                after,
            )
        )
    return Calibration(tuple(names), tuple(maps)), tuple(rows)
