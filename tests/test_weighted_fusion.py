"""Several looks at one page as one, and when a page is looked at again."""

from __future__ import annotations

import numpy as np
import pytest

from docdetect.types import Detections
from docdetect.weighted_fusion import is_unsure, mean_of_looks

SIZE = (200, 200)


def scored(*boxes: tuple[float, float, float, float, int, float]) -> Detections:
    """Rows of left, top, right, bottom, class, score."""
    rows = np.array(boxes, np.float32).reshape(-1, 6)
    return Detections(rows[:, :4], rows[:, 4].astype(np.int64), SIZE, rows[:, 5])


def test_a_mark_has_the_mean_of_its_scores_in_all_looks() -> None:
    large = scored((10, 10, 50, 50, 1, 0.8), (100, 100, 140, 140, 2, 0.6))
    small = scored((14, 10, 54, 50, 1, 0.4))
    fused = mean_of_looks([large, small])
    assert fused.scores is not None
    assert fused.class_ids.tolist() == [1, 2]
    assert fused.scores.tolist() == pytest.approx([0.6, 0.3]), "a look that saw nothing counts as 0"
    assert fused.xyxy[0].tolist() == pytest.approx([10 + 4 / 3, 10, 50 + 4 / 3, 50]), "weighted by score: 2 to 1"


def test_boxes_of_other_classes_or_places_are_not_fused() -> None:
    fused = mean_of_looks(
        [scored((10, 10, 50, 50, 1, 0.8)), scored((10, 10, 50, 50, 2, 0.8), (60, 10, 90, 50, 1, 0.2))]
    )
    assert len(fused) == 3
    assert len(mean_of_looks([scored(), scored()])) == 0


def test_two_boxes_of_one_look_count_once() -> None:
    fused = mean_of_looks([scored((10, 10, 50, 50, 1, 0.8), (11, 10, 50, 50, 1, 0.6)), scored()])
    assert fused.scores is not None
    assert fused.scores.tolist() == pytest.approx([0.4])


def test_fusion_does_not_depend_on_the_order_of_the_looks_and_one_look_is_itself() -> None:
    looks = [scored((10, 10, 50, 50, 1, 0.8)), scored((14, 10, 54, 50, 1, 0.8)), scored((12, 12, 50, 52, 1, 0.3))]
    forward, backward = mean_of_looks(looks), mean_of_looks(looks[::-1])
    np.testing.assert_array_equal(forward.xyxy, backward.xyxy)
    np.testing.assert_array_equal(forward.scores, backward.scores)
    alone = mean_of_looks(looks[:1])
    assert alone.xyxy.tolist() == [[10, 10, 50, 50]]
    assert alone.scores is not None
    assert alone.scores.tolist() == pytest.approx([0.8])


@pytest.mark.parametrize(
    ("scores", "unsure"), [((), False), ((0.04,), False), ((0.05,), True), ((0.79,), True), ((0.8, 0.99, 0.01), False)]
)
def test_a_page_is_looked_at_again_where_a_detection_is_neither_sure_nor_negligible(
    scores: tuple[float, ...], unsure: bool
) -> None:
    boxes = [scored((10, 10, 50, 50, 1, float(np.float32(score)))) for score in scores]
    assert is_unsure(boxes) == unsure, "in the pictures of one page"
    assert is_unsure([scored(*((10, 10, 50, 50, 1, score) for score in scores))]) == unsure
