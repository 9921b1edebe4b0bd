"""Figures with intervals, thresholds, empty pages, and the paired comparison."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from docdetect.errors import InputError
from docdetect.metrics.bootstrap import group_weights
from docdetect.metrics.codec import figures_from_json, to_plain
from docdetect.metrics.figures import (
    BootstrapSettings,
    Figure,
    ThresholdRule,
    best_conf,
    class_figures,
    curve_at,
    empty_pages,
    interval,
    mean_best_conf,
    precision_recall,
)
from docdetect.metrics.matching import Sample, match
from docdetect.metrics.paired import compare
from docdetect.types import Detections

MakeSample = Callable[..., Sample]
RandomSamples = Callable[..., list[Sample]]
NAMES = ("qr", "signature", "stamp")
FEW = BootstrapSettings(resamples=200)


def test_weights_draw_every_group_as_often_as_there_are_groups() -> None:
    weights = group_weights(7, 500, seed=3)
    assert weights.shape == (500, 7)
    assert (weights.sum(axis=1) == 7).all()
    assert (weights == group_weights(7, 500, seed=3)).all()
    assert (weights != group_weights(7, 500, seed=4)).any()
    assert weights.mean(axis=0) == pytest.approx([1] * 7, abs=0.2)


def test_figures_lie_in_their_intervals_and_repeat(random_samples: RandomSamples) -> None:
    matches = match(random_samples(60, seed=1), 3)
    rows = class_figures(matches, NAMES, [0.25] * 3, FEW)
    assert [row.name for row in rows] == ["all", *NAMES]
    for row in rows:
        for figure in (row.ap50, row.ap75, row.ap50_95, row.working.precision, row.working.recall, row.best.f1):
            assert figure.value is not None
            assert figure.low is not None
            assert figure.high is not None
            assert 0 <= figure.low <= figure.value <= figure.high <= 1
    assert rows[0].ap50.value == pytest.approx(matches.ap[:, 0].mean())
    assert rows[0].marks == sum(row.marks for row in rows[1:])
    assert class_figures(matches, NAMES, [0.25] * 3, FEW) == rows
    assert class_figures(matches, NAMES, [0.25] * 3, replace(FEW, seed=9)) != rows


def test_more_groups_narrow_the_interval(random_samples: RandomSamples) -> None:
    widths = []
    for pages in (36, 360):
        row = class_figures(match(random_samples(pages, seed=5), 3), NAMES, [0.25] * 3, FEW)[0]
        assert row.ap50.high is not None
        assert row.ap50.low is not None
        widths.append(row.ap50.high - row.ap50.low)
    assert widths[1] < widths[0] / 2


def test_a_class_without_marks_has_no_figures_and_does_not_lower_the_mean(make_sample: MakeSample) -> None:
    sample = make_sample([(0, 0, 100, 100, 0)], [(0, 0, 100, 100, 0, 0.9)])
    together, first, second, _ = class_figures(match([sample], 3), NAMES, [0.5] * 3, FEW)
    assert first.ap50 == Figure(1.0), "no interval from a single group"
    assert together.ap50.value == 1.0
    assert second.ap50.value is None
    assert second.working.precision.value is None
    assert second.working.f1.value is None


def test_working_figures_by_hand(make_sample: MakeSample) -> None:
    """At 0.5: one right, one wrong, one mark missed (its detection scores 0.4)."""
    sample = make_sample(
        [(0, 0, 100, 100, 0), (200, 0, 300, 100, 0)],
        [(0, 0, 100, 100, 0, 0.9), (500, 500, 600, 600, 0, 0.5), (200, 0, 300, 100, 0, 0.4)],
    )
    row = class_figures(match([sample], 1), ["qr"], [0.5], FEW)[1]
    assert (row.working.precision.value, row.working.recall.value, row.working.f1.value) == (0.5, 0.5, 0.5)
    assert (row.marks, row.detections) == (2, 2)


def test_false_alarms_on_empty_pages(make_sample: MakeSample) -> None:
    alarm = (0, 0, 50, 50, 1, 0.8)
    pages = [
        make_sample([], [alarm, alarm], page=1),
        make_sample([], [(0, 0, 50, 50, 1, 0.1)], page=2),
        make_sample([(300, 300, 400, 400, 0)], [alarm], page=3),
    ]
    figures = empty_pages(match(pages, 2), [0.25, 0.25], FEW)
    assert (figures.pages, figures.false_positives, figures.per_class) == (2, 2, (0, 2))
    assert figures.per_page == Figure(1.0)
    full = empty_pages(match(pages[2:], 2), [0.25, 0.25], FEW)
    assert full.per_page == Figure(None)


def test_interval_leaves_out_what_is_undefined() -> None:
    assert interval(0.5, np.array([np.nan, np.nan]), 0.95, 9) == Figure(0.5)
    assert interval(np.nan, np.array([0.5]), 0.95, 9) == Figure(None)
    assert interval(0.5, np.array([0.5]), 0.95, 4) == Figure(0.5)
    figure = interval(0.5, np.array([np.nan, *np.linspace(0, 1, 101)]), 0.9, 5)
    assert figure.low == pytest.approx(0.05)
    assert figure.high == pytest.approx(0.95)


def test_curve_counts_scores_that_reach_the_threshold(make_sample: MakeSample) -> None:
    found = [(0, 0, 100, 100, 0, 0.75), (500, 500, 600, 600, 0, 0.5)]
    one = match([make_sample([(0, 0, 100, 100, 0)], found)], 1).classes[0]
    curve = curve_at(one, np.array([0.5, 0.6, 0.75, 0.76]))
    assert curve.precision[:3].tolist() == [0.5, 1, 1]
    assert np.isnan(curve.precision[3])
    assert curve.recall.tolist() == [1, 1, 1, 0]
    assert curve.f1.tolist() == [pytest.approx(2 / 3), 1, 1, 0]
    recall, precision = precision_recall(one)
    assert recall.tolist() == [0, 1, 1]
    assert precision.tolist() == [1, 1, 0.5]


def test_the_chosen_threshold_lies_between_the_scores_that_it_parts(make_sample: MakeSample) -> None:
    marks = [(100 * k, 0, 100 * k + 50, 50, 0) for k in range(10)]
    hits = [(*mark, 0.4 + k / 50) for k, mark in enumerate(marks)]
    misses = [(100 * k, 500, 100 * k + 50, 550, 0, 0.2 + k / 200) for k in range(6)]
    one = match([make_sample(marks, hits + misses)], 1).classes[0]
    assert best_conf(one) == pytest.approx((0.4 + 0.225) / 2, abs=1e-6)
    assert best_conf(one, ThresholdRule(fewest_marks=11, fallback=0.33)) == 0.33
    assert best_conf(one, ThresholdRule(lowest=0.35)) == 0.35
    assert best_conf(one, ThresholdRule(tolerance=0.9)) < 0.21


def test_mean_best_threshold_falls_back_without_marks(make_sample: MakeSample) -> None:
    assert mean_best_conf(match([make_sample([], [])], 1), 0.25) == 0.25


def test_a_clearly_better_model_is_called_better(random_samples: RandomSamples) -> None:
    worse = random_samples(60, seed=1, skill=0.9)
    better = [replace(sample, found=_perfect(sample)) for sample in worse]
    differences = {(d.metric, d.name): d for d in compare(worse, better[::-1], NAMES, ([0.25] * 3,) * 2, FEW)}
    gain = differences["ap50", "all"]
    assert gain.outcome == "better"
    assert gain.probability == 1.0
    assert gain.b == 1.0
    assert gain.difference.low is not None
    assert gain.difference.low > 0
    back = {(d.metric, d.name): d for d in compare(better, worse, NAMES, ([0.25] * 3,) * 2, FEW)}
    assert back["ap50", "all"].outcome == "worse"
    assert back["ap50", "all"].difference.value == pytest.approx(-(gain.difference.value or 0))


def test_a_model_against_itself_is_noise(random_samples: RandomSamples) -> None:
    samples = random_samples(40, seed=2)
    for difference in compare(samples, samples, NAMES, ([0.25] * 3,) * 2, FEW):
        assert (difference.outcome, difference.probability) == ("noise", 0.5)
        assert difference.difference == Figure(0.0, 0.0, 0.0)


def test_a_class_within_one_group_gets_no_outcome(random_samples: RandomSamples, make_sample: MakeSample) -> None:
    """All QR codes of a real set stood in one document, and every resample agreed to the last digit."""
    box = (0, 0, 100, 100, 0)
    others = [
        replace(one, ground_truth=one.ground_truth.select(one.ground_truth.class_ids > 0))
        for one in random_samples(48, seed=2)
    ]
    found, lost = (
        [*others, make_sample([box], detections, document="qr.pdf", group="qr")] for detections in ([(*box, 0.9)], [])
    )
    differences = {(d.metric, d.name): d for d in compare(lost, found, NAMES, ([0.25] * 3,) * 2, FEW)}
    recall = differences["recall", "qr"]
    assert (recall.outcome, recall.probability, recall.difference) == ("too few groups", None, Figure(1.0))
    rows = class_figures(match(found, 3), NAMES, [0.25] * 3, FEW)
    assert rows[1].ap50.low is None
    assert rows[2].ap50.low is not None


def test_different_pages_or_marks_are_refused(random_samples: RandomSamples, make_sample: MakeSample) -> None:
    samples = random_samples(6, seed=1)
    with pytest.raises(ValueError, match=r"1 pages stand in one set only, e\.g\. document_1\.pdf page 3"):
        compare(samples, samples[:-1], NAMES, ([0.25] * 3,) * 2)
    a, b = make_sample([(0, 0, 9, 9, 0)], []), make_sample([(0, 0, 9, 12, 0)], [])
    with pytest.raises(ValueError, match=r"a\.pdf page 1: the two sets have different marks"):
        compare([a], [b], NAMES, ([0.25] * 3,) * 2)


def _perfect(sample: Sample) -> Detections:
    return replace(sample.ground_truth, scores=np.full(len(sample.ground_truth), 0.9, np.float32))


def test_a_class_without_marks_has_no_say_in_the_mean(make_sample: MakeSample) -> None:
    mark = (100, 100, 200, 200)
    false = [(600, 600, 700, 700, 1, 0.9)]
    sample = make_sample([(*mark, 0)], [(*mark, 0, 0.9), *false])
    rows = class_figures(match([sample], 2), NAMES[:2], [0.25] * 2, BootstrapSettings(resamples=0))
    together, with_marks, without = rows
    assert (together.pages, together.marks, together.detections, together.hits, together.wrong) == (1, 1, 2, 1, 1)
    assert (with_marks.pages, without.pages) == (1, 0)
    assert together.working.precision == together.ap50 == Figure(1.0)
    assert without.ap50 == without.working.recall == Figure(None)


def test_without_resamples_the_figures_are_the_same_and_have_no_intervals(random_samples: RandomSamples) -> None:
    matches = match(random_samples(60, seed=1), 3)
    once = class_figures(matches, NAMES, [0.25] * 3, BootstrapSettings(resamples=0))
    for row, other in zip(once, class_figures(matches, NAMES, [0.25] * 3, FEW), strict=True):
        assert row.ap50_95 == Figure(other.ap50_95.value)
        assert row.best.f1.value == other.best.f1.value
    assert figures_from_json(json.loads(json.dumps(to_plain(once))), "x") == once
    with pytest.raises(InputError, match=r"^x: its figures cannot be read"):
        figures_from_json([{"name": "all"}], "x")
