"""The fusion of what several views of a page show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from docdetect.inference.multi_view.fusion import fuse
from docdetect.types import Detections, IntArray

SIZE = (200, 100)
LEFT, RIGHT = np.array([0, 0, 120, 100]), np.array([80, 0, 200, 100])
Row = tuple[float, float, float, float, int, float]


def found(*rows: Row) -> Detections:
    """Rows of left, top, right, bottom, class, score."""
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(table[:, :4], table[:, 4].astype(np.int64), SIZE, table[:, 5])


def boxes(*looks: tuple[Detections, IntArray | None]) -> Any:
    """The fuse boxes; the same whatever the order of the looks."""
    result = fuse([one for one, _ in looks], [tile for _, tile in looks])
    turned = fuse([one for one, _ in looks[::-1]], [tile for _, tile in looks[::-1]])
    np.testing.assert_array_equal(result.xyxy, turned.xyxy)
    np.testing.assert_array_equal(result.class_ids, turned.class_ids)
    assert result.scores is not None
    assert (np.diff(result.scores) <= 0).all()
    return result.xyxy.tolist()


def test_a_mark_that_two_looks_see_is_there_once_as_the_surer_one_sees_it() -> None:
    coarse, fine = found((20, 20, 42, 42, 0, 0.6)), found((21, 21, 40, 40, 0, 0.8))
    assert boxes((coarse, None), (fine, LEFT)) == [[21, 21, 40, 40]]


def test_marks_of_other_classes_and_other_places_stay() -> None:
    one = found((20, 20, 40, 40, 0, 0.6), (20, 20, 40, 40, 1, 0.5))
    other = found((30, 30, 50, 50, 0, 0.9))
    assert len(boxes((one, None), (other, LEFT))) == 3


def test_a_mark_cut_by_a_tile_gives_way_to_the_neighbour_that_has_it_whole() -> None:
    cut = found((100, 40, 120, 60, 0, 0.9))  # ends at the left tile's edge
    whole = found((100, 40, 150, 60, 0, 0.5))
    assert boxes((found(), None), (cut, LEFT), (whole, RIGHT)) == [[100, 40, 150, 60]]


def test_what_is_cut_is_dropped_where_the_neighbour_sees_nothing() -> None:
    assert boxes((found(), None), (found((100, 40, 120, 60, 0, 0.9)), LEFT), (found(), RIGHT)) == []


def test_a_mark_larger_than_the_overlap_is_taken_from_the_whole_page() -> None:
    halves = (found((40, 40, 120, 60, 0, 0.9)), LEFT), (found((80, 40, 170, 60, 0, 0.9)), RIGHT)
    assert boxes((found((40, 38, 170, 62, 0, 0.4)), None), *halves) == [[40, 38, 170, 62]]


def test_a_mark_larger_than_the_overlap_that_the_whole_page_does_not_show_keeps_its_parts() -> None:
    halves = (found((40, 40, 120, 60, 0, 0.9)), LEFT), (found((80, 40, 170, 60, 0, 0.8)), RIGHT)
    assert boxes((found(), None), *halves) == [[40, 40, 120, 60], [80, 40, 170, 60]]


def test_the_edges_of_the_page_cut_nothing() -> None:
    assert (
        len(boxes((found(), None), (found((0, 0, 20, 20, 0, 0.9)), LEFT), (found((180, 80, 200, 100, 0, 0.9)), RIGHT)))
        == 2
    )


@pytest.mark.parametrize("count", [0, 700])
def test_any_number_of_boxes(count: int) -> None:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 90, (count, 2))
    rows = [(x, y, x + 5, y + 5, 0, s) for (x, y), s in zip(corners, rng.uniform(0, 1, count), strict=True)]
    kept = boxes((found(*rows), None), (found(*rows), LEFT), (found(), RIGHT))
    assert len(kept) <= count
    assert (len(kept) > 0) == (count > 0)
