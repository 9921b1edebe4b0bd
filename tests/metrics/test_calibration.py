"""Calibration, reliability, and the codecs."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docdetect.calibration import Calibration, ScoreMap, calibration_from_json, calibration_to_json
from docdetect.errors import InputError
from docdetect.metrics.calibration import (
    Method,
    Pairs,
    calibrate,
    cross_fitted,
    fit_map,
    reliability,
    score_pairs,
)
from docdetect.metrics.codec import predictions_from_json, predictions_to_json, to_plain
from docdetect.metrics.errors import MistakeKind
from docdetect.metrics.figures import Figure
from docdetect.metrics.matching import Sample, match

RandomSamples = Callable[..., list[Sample]]


def _overconfident(count: int, seed: int = 0) -> Pairs:
    """Scores whose true hit rate is score squared, in twenty groups."""
    generator = np.random.default_rng(seed)
    scores = generator.uniform(0.05, 1, count)
    return Pairs(scores, generator.random(count) < scores**2, generator.integers(0, 20, count))


@pytest.mark.parametrize("method", ["platt", "isotonic", "auto"])
def test_calibration_finds_the_true_rate(method: Method) -> None:
    pairs = _overconfident(4000)
    score_map = fit_map(pairs, method)
    grid = np.linspace(0.15, 0.95, 9)
    assert score_map(grid) == pytest.approx(grid**2, abs=0.08)
    before = reliability(pairs.scores, pairs.hits).error
    after = reliability(cross_fitted(pairs, method), pairs.hits).error
    assert before is not None
    assert after is not None
    assert after < before / 3


def test_the_method_follows_the_evidence() -> None:
    assert fit_map(_overconfident(4000)).method == "isotonic"
    assert fit_map(_overconfident(100)).method == "platt"
    assert fit_map(Pairs(np.array([0.9, 0.8]), np.array([True, False]), np.array([0, 1]))).method == "identity"
    all_hits = Pairs(np.linspace(0, 1, 50), np.ones(50, np.bool_), np.arange(50))
    assert fit_map(all_hits, "isotonic").method == "identity"


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=12, max_size=60),
    st.sampled_from(["platt", "isotonic"]),
)
def test_maps_never_fall_and_survive_json(rows: list[tuple[float, bool]], method: Method) -> None:
    scores, hits = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    score_map = fit_map(Pairs(scores, hits, np.arange(len(rows))), method)
    grid = np.linspace(0, 1, 333)
    values = score_map(grid)
    assert (np.diff(values) >= 0).all()
    assert values.min() >= 0
    assert values.max() <= 1
    calibration = Calibration({"qr": score_map}, "pages", "ab" * 32)
    assert calibration_from_json(json.loads(json.dumps(calibration_to_json(calibration))), "x") == calibration


def test_held_out_probabilities_do_not_know_their_group() -> None:
    pairs = _overconfident(400)
    altered = Pairs(pairs.scores, np.where(pairs.groups == 3, ~pairs.hits, pairs.hits), pairs.groups)
    mine = pairs.groups == 3
    np.testing.assert_array_equal(cross_fitted(pairs)[mine], cross_fitted(altered)[mine])
    assert (cross_fitted(pairs)[~mine] != cross_fitted(altered)[~mine]).any()
    assert np.isnan(cross_fitted(Pairs(pairs.scores, pairs.hits, np.zeros(400, np.int64)))).all()


def test_reliability_by_hand() -> None:
    figures = reliability(np.array([0.05, 0.95, 0.95, 1.0]), np.array([False, True, False, True]))
    assert [(one.low, one.count) for one in figures.bins] == [(0.0, 1), (0.9, 3)]
    assert figures.error == pytest.approx((0.05 + 3 * abs(2.9 / 3 - 2 / 3)) / 4)
    assert figures.brier == pytest.approx((0.05**2 + 0.05**2 + 0.95**2) / 4)
    assert reliability(np.zeros(0), np.zeros(0, np.bool_)).error is None


def test_calibrate_reports_every_class(random_samples: RandomSamples) -> None:
    names = ["qr", "signature", "stamp"]
    pairs = score_pairs(match(random_samples(120, seed=1), 3), lowest=0.05)
    calibration, rows = calibrate(pairs, names)
    assert [row.name for row in rows] == names
    assert all(row.after is not None and row.after.error is not None for row in rows)
    scores, classes = np.array([0.5, 0.5]), np.array([0, 2])
    applied = calibration.apply(scores, classes, names)
    assert applied.tolist() == [calibration.maps["qr"](scores)[0], calibration.maps["stamp"](scores)[0]]
    assert scores.tolist() == [0.5, 0.5]


_FALLING = {"method": "x", "scores": [1, 0], "probabilities": [0, 1]}


@pytest.mark.parametrize(
    "data", [[], {"qr": {}}, {"format": 2, "classes": []}, {"format": 2, "classes": {"qr": _FALLING}}]
)
def test_foreign_calibration_files_are_refused(data: object) -> None:
    with pytest.raises(InputError, match=r"^c\.json: not a calibration"):
        calibration_from_json(data, "c.json")


def test_a_class_without_a_map_keeps_its_scores() -> None:
    halved = Calibration({"stamp": ScoreMap("platt", (0.0, 1.0), (0.0, 0.5))})
    applied = halved.apply(np.array([0.3, 0.4], np.float32), np.array([0, 1]), ["qr", "stamp"])
    assert applied == pytest.approx([0.3, 0.2])


@pytest.mark.parametrize(
    ("scores", "probabilities"), [((0.0, 1.0), (0.5, 0.2)), ((1.0, 0.0), (0.0, 1.0)), ((0.0,), (1.5,)), ((), ())]
)
def test_a_map_that_falls_is_no_map(scores: tuple[float, ...], probabilities: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="score map"):
        ScoreMap("isotonic", scores, probabilities)


def test_predictions_round_trip(random_samples: RandomSamples) -> None:
    samples = random_samples(9, seed=4)
    names = ("qr", "signature", "stamp")
    restored, classes = predictions_from_json(json.loads(json.dumps(predictions_to_json(samples, names))), "x")
    assert classes == names
    for before, after in zip(samples, restored, strict=True):
        assert (before.document, before.page, before.group) == (after.document, after.page, after.group)
        np.testing.assert_allclose(after.found.xyxy, before.found.xyxy, atol=0.006)
        np.testing.assert_allclose(after.scores, before.scores, atol=1e-6)
        assert after.ground_truth.class_ids.tolist() == before.ground_truth.class_ids.tolist()
    with pytest.raises(InputError, match=r"^p\.json: not a predictions file"):
        predictions_from_json({"format": 1, "classes": [], "pages": [{}]}, "p.json")


def test_plain_data_has_no_nan() -> None:
    figure = Figure(float("nan"), 0.1, float("inf"))
    plain = to_plain({"figure": figure, "kind": MistakeKind.LOOSE, "array": np.array([1.0, np.nan]), "n": np.int64(3)})
    assert plain == {
        "figure": {"value": None, "low": 0.1, "high": None},
        "kind": "loose",
        "array": [1.0, None],
        "n": 3,
    }
