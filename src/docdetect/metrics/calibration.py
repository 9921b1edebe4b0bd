"""Fitting of maps from scores to probabilities, and measures of how far scores are from probabilities.

A map never falls, so the order of calibrated detections never contradicts the order of their scores. Maps should be
fitted on out-of-fold predictions. The calibration error after mapping is cross-fitted over groups, because a map looks
good on the predictions that it was fitted to. The measures are reliability bins, the expected calibration error and the
Brier score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from docdetect.calibration import Calibration, ScoreMap
from docdetect.metrics.matching import Float64Array, Matches
from docdetect.types import BoolArray, IntArray

Method = Literal["auto", "platt", "isotonic"]

# Scores are moved this far away from 0 and 1, where the logit is infinite.
_EDGE = 1e-6

# Number of hits, and of misses, from which a method is used.
_FEWEST_PLATT = 5
_FEWEST_ISOTONIC = 100

# Most folds of groups in which maps are fitted to see how far the probabilities of other groups are off.
_MOST_FOLDS = 5


@dataclass(frozen=True)
class Pairs:
    """Scores of one class and whether each detection is a mark at IoU 0.5, with its group: arrays (N,)."""

    scores: Float64Array
    hits: BoolArray
    groups: IntArray


def score_pairs(matches: Matches, lowest: float = 0.05) -> tuple[Pairs, ...]:
    """The pairs of each class, of the detections whose score is `lowest` or more.

    Fainter detections are left out because they are many, nobody looks at them, and they would decide the fit.
    """
    pairs = []
    for one in matches.classes:
        kept = one.scores >= lowest
        pairs.append(Pairs(one.scores[kept], one.hits[kept, 0], matches.group_ids[one.pages[kept]]))
    return tuple(pairs)


def fit_map(pairs: Pairs, method: Method = "auto") -> ScoreMap:
    """The map of one class, by the method that is asked for.

    `platt`: logistic regression on the logit of the score, slope not below 0, targets smoothed (Platt 1999).
    `isotonic`: the best map that never falls (pool adjacent violators).
    `auto`: isotonic from 100 hits and 100 misses on (with fewer it follows noise), Platt from 5 of each on.
    With fewer than 5 hits or misses every method gives the identity.
    """
    rarer = int(min(pairs.hits.sum(), (~pairs.hits).sum()))
    if rarer < _FEWEST_PLATT:
        return ScoreMap("identity")
    if method == "isotonic" or (method == "auto" and rarer >= _FEWEST_ISOTONIC):
        return _isotonic(pairs)
    return _platt(pairs)


def cross_fitted(pairs: Pairs, method: Method = "auto") -> Float64Array:
    """(N,) probabilities, each from a map that was fitted on the groups of the other folds.

    There are as many folds as groups, at most five. With a single group all probabilities are NaN.
    """
    present = np.unique(pairs.groups)
    parts = min(_MOST_FOLDS, len(present))
    result = np.full(len(pairs.scores), np.nan)
    if parts < 2:
        return result
    fold_of = np.zeros(int(present.max()) + 1, np.int64)
    sizes = np.bincount(pairs.groups, minlength=len(fold_of))[present]
    fold_of[present[np.argsort(-sizes, kind="stable")]] = np.arange(len(present)) % parts
    for fold in range(parts):
        held_out = fold_of[pairs.groups] == fold
        others = Pairs(pairs.scores[~held_out], pairs.hits[~held_out], pairs.groups[~held_out])
        result[held_out] = fit_map(others, method)(pairs.scores[held_out])
    return result


def _isotonic(pairs: Pairs) -> ScoreMap:
    from scipy.optimize import isotonic_regression

    scores, place = np.unique(pairs.scores, return_inverse=True)
    weights = np.bincount(place).astype(np.float64)
    fitted = isotonic_regression(np.bincount(place, pairs.hits) / weights, weights=weights).x
    count = len(pairs.scores)
    probabilities = np.clip(fitted, 1 / (count + 2), (count + 1) / (count + 2))  # never quite sure (Laplace)
    steps = np.diff(probabilities) > 0
    ends = np.concatenate([[True], steps]) | np.concatenate([steps, [True]])  # first and last score of each level
    return ScoreMap("isotonic", tuple(scores[ends].tolist()), tuple(probabilities[ends].tolist()))


def _platt(pairs: Pairs) -> ScoreMap:
    from scipy.optimize import minimize
    from scipy.special import expit

    logits = _logit(pairs.scores)
    positive, negative = int(pairs.hits.sum()), int((~pairs.hits).sum())
    targets = np.where(pairs.hits, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def loss(parameters: Float64Array) -> tuple[float, Float64Array]:
        value = parameters[0] * logits + parameters[1]
        slack = expit(value) - targets
        return float((np.logaddexp(0, value) - targets * value).mean()), np.array(
            [(slack * logits).mean(), slack.mean()]
        )

    slope, offset = minimize(loss, [1.0, 0.0], jac=True, method="L-BFGS-B", bounds=[(0, None), (None, None)]).x
    knots = np.linspace(0, 1, 201)
    return ScoreMap("platt", tuple(knots.tolist()), tuple(expit(slope * _logit(knots) + offset).tolist()))


def _logit(scores: Float64Array) -> Float64Array:
    inside = np.clip(scores, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(inside) - np.log1p(-inside), np.float64)


BINS = 10
"""Number of equal parts of [0, 1] into which reliability sorts scores."""


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
        after: of cross-fitted probabilities; None with a single group, where nothing can be held out.
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
    """Maps fitted on all pairs, and for each class the reliability before and, cross-fitted over groups, after."""
    maps, rows = {}, []
    for name, one in zip(names, pairs, strict=True):
        score_map = fit_map(one, method)
        held_out = cross_fitted(one, method)
        after = None if np.isnan(held_out).any() or not len(held_out) else reliability(held_out, one.hits)
        maps[name] = score_map
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
    return Calibration(maps), tuple(rows)
