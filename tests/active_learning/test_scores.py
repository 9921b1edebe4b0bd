"""The scores of a page, on numbers that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from docdetect.active_learning.diversity import distances, k_center
from docdetect.active_learning.scores import (
    binary_entropy,
    class_weights,
    disagreement,
    highest_by_class,
    lacks_scores,
    page_mean,
    second_look_score,
)
from docdetect.types import Detections

SIZE = (100, 100)


def found(*boxes: tuple[float, float, float, float], classes: tuple[int, ...], scores: tuple[float, ...]) -> Detections:
    return Detections(np.array(boxes, np.float32), np.array(classes), SIZE, np.array(scores, np.float32))


def test_entropy_is_a_bit_where_nothing_is_known_and_nothing_where_all_is() -> None:
    entropy = binary_entropy(np.array([0.0, 0.11, 0.5, 0.89, 1.0]))
    assert entropy == pytest.approx([0, 0.4999, 1, 0.4999, 0], abs=1e-3)


def test_the_three_highest_of_each_class_are_kept() -> None:
    highest = highest_by_class(np.array([0.1, 0.9, 0.5, 0.7, 0.3]), np.array([1, 1, 1, 1, 0]), 3)
    assert highest == pytest.approx(np.array([[0.3, 0, 0], [0.9, 0.7, 0.5], [0, 0, 0]], np.float32))


def test_a_crowded_page_does_not_win_by_number_and_a_lone_box_does_not_win_at_all() -> None:
    one, three, crowd = np.zeros((1, 2, 3)), np.full((1, 2, 3), 0.0), np.full((1, 2, 3), 0.6)
    one[0, 0, 0] = 0.9
    three[0, 0] = 0.6
    worth = [float(page_mean(page.astype(np.float32), np.ones(2))[0]) for page in (one, three, crowd)]
    assert worth == pytest.approx([0.3, 0.6, 0.6], abs=1e-6)


def test_rare_classes_weigh_more_within_bounds() -> None:
    weights = class_weights(np.array([1000, 100, 0]))
    assert weights[0] == 0.5
    assert weights[2] == 2.0
    assert weights[0] <= weights[1] < weights[2]
    assert class_weights(np.array([7, 7])) == pytest.approx([1, 1])


def test_disagreement_is_that_of_the_mark_whose_boxes_overlap_least() -> None:
    raw = found((0, 0, 10, 10), (0, 0, 10, 10), (50, 50, 60, 60), (60, 50, 70, 60), classes=(0,) * 4, scores=(0.9,) * 4)
    marks = found((0, 0, 10, 10), (50, 50, 70, 60), classes=(0, 0), scores=(0.9, 0.9))
    assert disagreement(raw, marks, ((0, 1), (2, 3))) == pytest.approx(0.5)
    assert disagreement(raw, marks, ((0,), (2,))) == 0


def test_the_pages_of_a_document_share_what_it_lacks() -> None:
    p_possible = np.array([[0.0, 0.0], [0.09, 0.0], [0.01, 0.0]], np.float32)
    shares = lacks_scores(p_possible, [True, False])
    assert shares.sum() == pytest.approx(1)
    assert shares.argmax() == 1
    assert lacks_scores(p_possible, [False, True]) == pytest.approx([1 / 3] * 3)
    assert lacks_scores(p_possible, [False, False]).sum() == 0


def test_a_second_look_that_agrees_scores_nothing_and_marks_of_one_side_count() -> None:
    marks = found((0, 0, 10, 10), classes=(1,), scores=(0.9,))
    again = found((0, 0, 10, 9), classes=(1,), scores=(0.9,))
    other_class = found((0, 0, 10, 10), classes=(0,), scores=(0.9,))
    assert second_look_score(marks, np.array([0.9]), again) == pytest.approx(0, abs=1e-6)
    assert second_look_score(marks, np.array([0.9]), Detections.none(SIZE)) == pytest.approx(0.3)
    assert second_look_score(marks, np.array([0.9]), other_class) == pytest.approx(0.6)
    assert second_look_score(Detections.none(SIZE), np.zeros(0), again) == pytest.approx(0.3)


def circle(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_distances_go_from_nothing_to_one() -> None:
    assert distances(circle(0, 90, 180), circle(0)[0]) == pytest.approx([0, 0.7071, 1], abs=1e-3)


def test_of_equal_worth_the_farthest_page_comes_next_and_of_equal_distance_the_one_of_more_worth() -> None:
    features = circle(0, 5, 180, 90)
    order = [one.position for one in k_center(np.ones(4), features, np.zeros((0, 2), np.float32), 3)]
    assert order == [0, 2, 3]  # 5 degrees is hardly another page than 0
    order = [one.position for one in k_center(np.array([0.1, 0.9, 0.2, 0.2]), features, features[:0], 2)]
    assert order == [1, 2]


def test_pages_that_are_known_push_their_like_to_the_end() -> None:
    features = circle(0, 120)
    order = k_center(np.array([1.0, 0.9]), features, circle(1), 5)
    assert [one.position for one in order] == [1, 0]
    assert order[1].distance < 0.02 < order[0].distance
    assert k_center(np.zeros(0), features[:0], features[:0], 5) == []
