"""Whether one set of predictions is better than another, or the difference is noise.

The test is a paired bootstrap: both sets are evaluated on the same resamples of groups of pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from docdetect.metrics.bootstrap import Draws, group_weights, metric_draws
from docdetect.metrics.figures import BootstrapSettings, Figure, column, interval
from docdetect.metrics.matching import Float64Array, Sample, match


@dataclass(frozen=True)
class Difference:
    """One figure of B minus that of A.

    Attributes:
        metric: field of `Draws`: ap50, ap75, ap50_95, precision, recall, f1.
        name: class name, or "all".
        a, b: the two values; None where undefined.
        difference: b - a with its interval.
        probability: share of the resamples in which B is ahead, ties counted half; None without an interval.
        outcome: "better", "worse", or "noise" where the interval holds 0; "too few groups" where there is no interval;
            "undefined" without values.
    """

    metric: str
    name: str
    a: float | None
    b: float | None
    difference: Figure
    probability: float | None
    outcome: str


def compare(
    a: Sequence[Sample],
    b: Sequence[Sample],
    names: Sequence[str],
    conf: tuple[Sequence[float], Sequence[float]],
    settings: BootstrapSettings | None = None,
) -> tuple[Difference, ...]:
    """Differences B - A for each metric, of "all" first and then of each class.

    Args:
        a, b: the same pages with the same marks (in any order), found by A and by B.
        names: class names in the order of ids.
        conf: working thresholds by class, of A and of B.
        settings: resamples, level and seed.

    Raises:
        ValueError: the pages or their marks differ.
    """
    settings = settings or BootstrapSettings()
    first, second = _aligned(a, b)
    weights = group_weights(len({sample.group for sample in first}), settings.resamples, settings.seed)
    once = np.ones((1, weights.shape[1]), np.int64)
    matches = match(first, len(names)), match(second, len(names))
    drawn = [metric_draws(one, weights, chosen) for one, chosen in zip(matches, conf, strict=True)]
    points = [metric_draws(one, once, chosen) for one, chosen in zip(matches, conf, strict=True)]
    return tuple(
        _difference(
            (metric.name, label),
            _pair(points, metric.name, k),
            _pair(drawn, metric.name, k),
            settings.level,
            matches[0].groups_with_marks(k),
        )
        for metric in fields(Draws)
        for k, label in [(None, "all"), *enumerate(names)]
    )


def _aligned(a: Sequence[Sample], b: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    by_page = [{(s.document, s.page): s for s in samples} for samples in (a, b)]
    if by_page[0].keys() != by_page[1].keys():
        odd = sorted(by_page[0].keys() ^ by_page[1].keys())
        raise ValueError(f"{len(odd)} pages stand in one set only, e.g. {odd[0][0]} page {odd[0][1]}")
    pairs = [(by_page[0][key], by_page[1][key]) for key in sorted(by_page[0])]
    for left, right in pairs:
        if not _same_ground_truth(left, right):
            raise ValueError(f"{left.document} page {left.page}: the two sets have different marks or groups")
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _same_ground_truth(left: Sample, right: Sample) -> bool:
    if (left.group, left.labelled) != (right.group, right.labelled):
        return False
    if len(left.ground_truth) != len(right.ground_truth):
        return False
    other = right.ground_truth.scaled(left.ground_truth.size_wh)
    return bool(
        (left.ground_truth.class_ids == other.class_ids).all()
        and np.allclose(left.ground_truth.xyxy, other.xyxy, atol=0.51, rtol=0)
    )


def _pair(draws: Sequence[Draws], metric: str, class_id: int | None) -> tuple[Float64Array, Float64Array]:
    first, second = (column(one, metric, class_id) for one in draws)
    return first, second


def _difference(
    key: tuple[str, str],
    points: tuple[Float64Array, Float64Array],
    drawn: tuple[Float64Array, Float64Array],
    level: float,
    groups: int,
) -> Difference:
    a, b = float(points[0][0]), float(points[1][0])
    change = drawn[1] - drawn[0]
    figure = interval(b - a, change, level, groups)
    defined = change[~np.isnan(change)]
    known = figure.low is not None
    probability = float((defined > 0).mean() + (defined == 0).mean() / 2) if known else None
    values = [None if np.isnan(value) else value for value in (a, b)]
    return Difference(*key, values[0], values[1], figure, probability, _outcome(figure))


def _outcome(figure: Figure) -> str:
    if figure.value is None:
        return "undefined"
    if figure.low is None or figure.high is None:
        return "too few groups"
    if figure.low > 0:
        return "better"
    return "worse" if figure.high < 0 else "noise"
