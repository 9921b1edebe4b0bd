"""Matching and average precision: by hand, against the library, and against Ultralytics."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from docdetect.metrics.bootstrap import class_mean, metric_draws
from docdetect.metrics.matching import Float64Array, Matches, Sample, match

MakeSample = Callable[..., Sample]
RandomSamples = Callable[..., list[Sample]]


def test_average_precision_by_hand(make_sample: MakeSample) -> None:
    """Two marks; detections by score: right, wrong, right. Precision 1 up to recall 0.5, then 2/3."""
    sample = make_sample(
        [(0, 0, 100, 100, 0), (200, 0, 300, 100, 0)],
        [(0, 0, 100, 100, 0, 0.9), (500, 500, 600, 600, 0, 0.8), (200, 0, 300, 100, 0, 0.7)],
    )
    matches = match([sample], 1)
    assert matches.ap[0] == pytest.approx([(51 * 1 + 50 * 2 / 3) / 101] * 10)
    assert matches.classes[0].partners.tolist() == [0, -1, 1]
    assert matches.classes[0].hits[:, 0].tolist() == [True, False, True]


def test_matching_keeps_to_the_class_and_to_one_mark_each(make_sample: MakeSample) -> None:
    box = (0, 0, 100, 100)
    sample = make_sample([(*box, 0)], [(*box, 1, 0.99), (*box, 0, 0.5), (*box, 0, 0.4)])
    matches = match([sample], 2)
    assert matches.classes[0].partners.tolist() == [0, -1]
    assert matches.classes[0].positions.tolist() == [1, 2]
    assert matches.classes[1].partners.tolist() == [-1]
    assert np.isnan(matches.ap[1]).all()


def test_a_set_without_marks_or_detections_has_no_average_precision(make_sample: MakeSample) -> None:
    matches = match([make_sample([], []), make_sample([], [], page=2)], 2)
    assert np.isnan(matches.ap).all()
    assert matches.empty.tolist() == [True, True]


def test_no_pages_and_foreign_classes_are_refused(make_sample: MakeSample) -> None:
    with pytest.raises(ValueError, match="no pages"):
        match([], 1)
    with pytest.raises(ValueError, match=r"a\.pdf page 1: a class id of 2"):
        match([make_sample([(0, 0, 9, 9, 2)], [])], 2)


@pytest.mark.parametrize(("pages", "skill"), [(1, 0.9), (7, 0.5), (60, 0.9), (60, 0.0), (60, 1.0)])
def test_our_average_precision_is_the_librarys(random_samples: RandomSamples, pages: int, skill: float) -> None:
    matches = match(random_samples(pages, seed=pages, skill=skill), 3)
    draws = metric_draws(matches, np.ones((1, len(matches.groups)), np.int64), [0.25] * 3)
    np.testing.assert_allclose(draws.ap50[0], matches.ap[:, 0], atol=1e-12)
    np.testing.assert_allclose(draws.ap75[0], matches.ap[:, 5], atol=1e-12)
    np.testing.assert_allclose(draws.ap50_95[0], matches.ap.mean(axis=1), atol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_ultralytics_within_half_a_point(random_samples: RandomSamples, seed: int) -> None:
    samples = random_samples(150, seed=seed, skill=(0.98, 0.9, 0.75, 0.6)[seed])
    matches, (ap, curves) = match(samples, 3), _ultralytics(samples, 3)
    assert matches.ap[:, 0].mean() == pytest.approx(ap[:, 0].mean(), abs=0.005)
    assert matches.ap.mean() == pytest.approx(ap.mean(), abs=0.005)
    conf = 0.25
    ours = metric_draws(matches, np.ones((1, len(matches.groups)), np.int64), [conf] * 3)
    theirs = [curve[:, round(conf * 999)].mean() for curve in curves]
    assert class_mean(ours.precision)[0] == pytest.approx(theirs[0], abs=0.005)
    assert class_mean(ours.recall)[0] == pytest.approx(theirs[1], abs=0.005)


def _ultralytics(samples: list[Sample], class_count: int) -> tuple[Float64Array, tuple[Float64Array, Float64Array]]:
    """AP (K, 10), precision and recall (K, 1000) over confidence, by Ultralytics' own matching and DetMetrics."""
    torch = pytest.importorskip("torch")
    importlib.import_module("docdetect.models")  # tames Ultralytics before it is imported
    from ultralytics.engine.validator import BaseValidator
    from ultralytics.utils.metrics import DetMetrics, box_iou

    metrics = DetMetrics({index: str(index) for index in range(class_count)})
    holder: Any = BaseValidator.__new__(BaseValidator)
    holder.iouv = torch.linspace(0.5, 0.95, 10)
    for number, sample in enumerate(samples):
        order = np.argsort(-sample.scores, kind="stable")
        found = sample.found.select(order)
        classes, true_classes = torch.from_numpy(found.class_ids), torch.from_numpy(sample.ground_truth.class_ids)
        overlap = box_iou(torch.from_numpy(sample.ground_truth.xyxy), torch.from_numpy(found.xyxy))
        correct = BaseValidator.match_predictions(holder, classes, true_classes, overlap).numpy()
        metrics.update_stats(
            {
                "tp": correct,
                "conf": found.scores,
                "pred_cls": found.class_ids,
                "target_cls": sample.ground_truth.class_ids,
                "target_img": np.unique(sample.ground_truth.class_ids),
                "im_name": str(number),
            }
        )
    metrics.process()
    return metrics.box.all_ap, (metrics.box.p_curve, metrics.box.r_curve)


def _repeated(samples: list[Sample], times: dict[str, int]) -> list[Sample]:
    return [sample for sample in samples for _ in range(times[sample.group])]


def _weights(matches: Matches, seed: int) -> dict[str, int]:
    generator = np.random.default_rng(seed)
    count = len(matches.groups)
    return dict(zip(matches.groups, generator.multinomial(count, [1 / count] * count).tolist(), strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_a_resample_has_the_librarys_figures_of_the_repeated_pages(random_samples: RandomSamples, seed: int) -> None:
    samples = random_samples(30, seed=seed)
    matches = match(samples, 3)
    times = _weights(matches, seed)
    weights = np.array([[times[group] for group in matches.groups]], np.int64)
    draws, repeated = metric_draws(matches, weights, [0.3] * 3), match(_repeated(samples, times), 3)
    np.testing.assert_allclose(draws.ap50[0], repeated.ap[:, 0], atol=1e-12)
    np.testing.assert_allclose(draws.ap50_95[0], repeated.ap.mean(axis=1), atol=1e-12)
    direct = metric_draws(repeated, np.ones((1, len(repeated.groups)), np.int64), [0.3] * 3)
    np.testing.assert_allclose(draws.precision, direct.precision)
    np.testing.assert_allclose(draws.recall, direct.recall)
    np.testing.assert_allclose(draws.f1, direct.f1)
