"""How far two engines agree."""

from __future__ import annotations

import numpy as np
import pytest

from docdetect.metrics.agreement import Agreement, agreement
from docdetect.types import Detections


def found(*rows: tuple[float, float, int, float]) -> Detections:
    """Boxes of 40 x 20 px by left, top, class and score."""
    xyxy = np.array([(left, top, left + 40, top + 20) for left, top, _, _ in rows], np.float32).reshape(-1, 4)
    return Detections(xyxy, np.array([row[2] for row in rows]), (500, 700), np.array([row[3] for row in rows]))


def test_the_same_is_the_same() -> None:
    page = found((10, 10, 0, 0.9), (100, 10, 1, 0.5))
    assert agreement([page], [page], 0.15) == Agreement(4)
    assert agreement([found()], [found()], 0.15).within(0, 0)


def test_differences_are_the_worst_of_all_pairs() -> None:
    ours, theirs = found((10, 10, 0, 0.9), (100, 10, 1, 0.5)), found((10.5, 10, 0, 0.9), (100, 13, 1, 0.53))
    result = agreement([ours], [theirs], 0.15)
    assert result.worst_px == pytest.approx(3)
    assert result.worst_score == pytest.approx(0.03)
    assert not result.unmatched
    assert result.within(3.01, 0.031)
    assert not result.within(1, 0.05)


def test_a_mark_just_below_the_threshold_on_one_side_is_no_difference() -> None:
    result = agreement([found((10, 10, 0, 0.151))], [found((10, 10, 0, 0.149))], 0.15)
    assert (result.marks, result.unmatched) == (1, 0)


def test_a_mark_that_one_side_lacks_or_calls_otherwise_is_unmatched() -> None:
    assert agreement([found((10, 10, 0, 0.9))], [found()], 0.15).unmatched == 1
    assert agreement([found()], [found((10, 10, 0, 0.9))], 0.15).unmatched == 1
    assert agreement([found((10, 10, 0, 0.9))], [found((10, 10, 1, 0.9))], 0.15).unmatched == 2


def test_boxes_that_coincide_are_paired_by_confidence() -> None:
    page = found((10, 10, 0, 0.9), (10, 10, 0, 0.4))
    assert agreement([page], [page], 0.15) == Agreement(4)
