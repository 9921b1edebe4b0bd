"""Matching as Ultralytics does it, and the table: figures at a threshold, average precision over all of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from docdetect import boxes
from docdetect.datasets.reader import LabelledImage
from docdetect.evaluation.figures import IOUS, judge, matches, table
from docdetect.evaluation.predictions import PredictedImage
from docdetect.types import Detections

SIZE = (100, 100)


def detections(xyxy: list[list[float]], ids: list[int], scores: list[float] | None) -> Detections:
    values = None if scores is None else np.array(scores, np.float32)
    return Detections(np.array(xyxy, np.float32).reshape(-1, 4), np.array(ids, np.int64), SIZE, values)


def predicted(ground_truth: Detections, found: Detections) -> PredictedImage:
    return PredictedImage(LabelledImage(Path("a.png"), "a.png", ground_truth), found)


@pytest.mark.parametrize("seed", range(8))
def test_matches_as_ultralytics(seed: int) -> None:
    import torch

    from docdetect.models.ultralytics_setup import prepare_ultralytics

    prepare_ultralytics()
    from ultralytics.models.yolo.detect import DetectionValidator

    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 60, (12, 2))
    marks = np.concatenate([corner, corner + rng.uniform(10, 40, (12, 2))], axis=1).astype(np.float32)
    noisy = np.clip(np.repeat(marks, 3, axis=0) + rng.normal(0, 3, (36, 4)), 0, 100).astype(np.float32)
    noisy[:, 2:] = np.maximum(noisy[:, 2:], noisy[:, :2])
    scores = np.sort(rng.permutation(36))[::-1] / 40
    ground_truth = Detections(marks, rng.integers(0, 2, 12), SIZE)
    found = Detections(noisy, rng.integers(0, 2, 36), SIZE, scores.astype(np.float32))
    validator = DetectionValidator.__new__(DetectionValidator)
    validator.iouv = torch.from_numpy(IOUS)
    overlap = torch.from_numpy(boxes.iou(ground_truth.xyxy, found.xyxy))
    theirs = validator.match_predictions(
        torch.from_numpy(found.class_ids), torch.from_numpy(ground_truth.class_ids), overlap
    ).numpy()
    np.testing.assert_array_equal(matches(found, ground_truth), theirs)


def test_one_mark_makes_one_detection_right() -> None:
    ground_truth = detections([[0, 0, 10, 10]], [0], None)
    found = detections([[0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 8]], [0, 0, 1], [0.5, 0.9, 0.95])
    right = matches(found, ground_truth)
    assert right[:, 0].tolist() == [False, True, False]


def test_table_counts_from_the_threshold_on_and_says_nothing_where_there_is_nothing() -> None:
    ground_truth = detections([[0, 0, 10, 10], [50, 50, 60, 60]], [0, 0], None)
    found = detections([[0, 0, 10, 10], [20, 20, 30, 30], [50, 50, 60, 60]], [0, 0, 0], [0.9, 0.25, 0.1])
    outcome = judge([predicted(ground_truth, found)], 3)
    ap = np.array([[0.8] * 10, [np.nan] * 10, [np.nan] * 10], np.float32)
    first, second, _, mean = table(outcome, ("qr", "signature", "stamp"), 0.25, ap)
    assert (first.marks, first.found, first.wrong) == (2, 1, 1)
    assert (first.precision, first.recall) == (0.5, 0.5)
    assert first.ap50 == pytest.approx(0.8)
    assert (second.precision, second.recall, second.ap50) == (None, None, None)
    assert (mean.name, mean.pages, mean.precision) == ("all", 1, 0.5)
    assert mean.ap50 == pytest.approx(0.8)


def test_no_pages_with_anything() -> None:
    empty = predicted(detections([], [], None), detections([], [], []))
    outcome = judge([empty], 2)
    assert outcome.right.shape == (0, 10)
    *_, mean = table(outcome, ("a", "b"), 0.25, np.full((2, 10), np.nan, np.float32))
    assert (mean.marks, mean.precision, mean.ap50) == (0, None, None)
