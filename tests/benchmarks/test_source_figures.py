"""Figures over sources: average precision with weights is that of COCO, and the interval is over sources."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.source_figures import Outcomes, average_precision, difference, mean_over_sources, outcomes, together

from benchmarks import other_origins
from docdetect.metrics.matching import Sample
from docdetect.types import Detections

SIZE_WH = (200, 300)


def random_page(number: int, marks: int, rng: np.random.Generator) -> Sample:
    """A page with marks, a detection near some of them, and some false alarms."""
    corner = rng.uniform(0, 150, (marks, 2))
    truth = np.concatenate([corner, corner + rng.uniform(15, 50, (marks, 2))], axis=1).astype(np.float32)
    near = truth[rng.random(marks) < 0.8]
    wrong = rng.uniform(0, 100, (rng.integers(0, 4), 4))
    wrong[:, 2:] += wrong[:, :2]
    found = np.concatenate([near + rng.normal(0, 4, near.shape), near + rng.normal(0, 9, near.shape), wrong])
    found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 1)
    scores = rng.random(len(found)).astype(np.float32)
    return Sample(
        f"{number}.png",
        1,
        str(number),
        Detections(truth, rng.integers(0, 2, marks), SIZE_WH),
        Detections(found.astype(np.float32), rng.integers(0, 2, len(found)), SIZE_WH, scores),
    )


@pytest.fixture
def pages() -> list[Sample]:
    rng = np.random.default_rng(4)
    return [random_page(number, int(rng.integers(0, 6)), rng) for number in range(40)]


@pytest.mark.parametrize("iou", [0.3, 0.5])
def test_average_precision_is_that_of_pycocotools(pages: list[Sample], iou: float) -> None:
    for class_id in (0, 1):
        expected = other_origins.average_precision(pages, class_id, (iou,))
        assert expected is not None
        assert 0.1 < expected < 0.9
        assert average_precision(outcomes(pages, class_id, iou)) == pytest.approx(expected, abs=1e-6)


def test_a_weight_of_three_counts_false_alarms_as_three_pages_would(pages: list[Sample]) -> None:
    empty = [page for page in pages if not len(page.ground_truth)]
    marked = outcomes([page for page in pages if len(page.ground_truth)], 0, 0.3)
    assert empty
    repeated = together([marked, *[outcomes(empty, 0, 0.3)] * 3])
    weighted = together([marked, outcomes(empty, 0, 0.3).weighted(3)])
    assert average_precision(weighted) == pytest.approx(average_precision(repeated))
    assert average_precision(weighted) < average_precision(marked)
    assert weighted.above(0.5) == repeated.above(0.5)


def test_a_mark_is_found_once_and_without_marks_there_is_no_average_precision() -> None:
    box = np.array([[10, 10, 60, 60]], np.float32)
    scores = np.array([0.4, 0.9, 0.6], np.float32)
    found = Detections(np.repeat(box, 3, axis=0), np.zeros(3, np.int64), SIZE_WH, scores)
    one = outcomes([Sample("a", 1, "a", Detections(box, np.zeros(1, np.int64), SIZE_WH), found)], 0, 0.5)
    assert one.above(0.5) == (1, 1)
    assert one.above(0) == (1, 2)
    assert average_precision(one) == 1
    assert np.isnan(average_precision(outcomes([], 0, 0.5)))
    nothing_found = Outcomes(np.zeros(0, np.float32), np.zeros(0, bool), np.zeros(0), 4)
    assert average_precision(nothing_found) == 0


def test_the_interval_is_over_sources_and_differences_are_paired() -> None:
    ours = {name: 0.1 * position + 0.05 for position, name in enumerate("abcdefghij")}
    theirs = {name: 0.1 * position for position, name in enumerate("abcdefghij")}
    mean = mean_over_sources(ours)
    assert (mean.mean, mean.worst) == pytest.approx((0.5, 0.05))
    assert mean.worst_source == "a"
    assert 0.25 < mean.low < 0.45 < 0.55 < mean.high < 0.75
    gain = difference(ours, theirs)
    assert gain.mean == pytest.approx(gain.low) == pytest.approx(gain.high) == pytest.approx(0.05)
    with pytest.raises(ValueError, match="no source"):
        mean_over_sources({})
