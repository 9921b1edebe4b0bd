"""Box arithmetic: symmetry, bounds, and known values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from docdetect import boxes
from docdetect.types import FloatArray


@st.composite
def box_arrays(draw: st.DrawFn) -> FloatArray:
    corners = draw(hnp.arrays(np.float32, (draw(st.integers(0, 6)), 4), elements=st.floats(0, 500, width=32)))
    return np.concatenate(
        [np.minimum(corners[:, :2], corners[:, 2:]), np.maximum(corners[:, :2], corners[:, 2:])], axis=1
    )


@given(box_arrays(), box_arrays())
def test_iou_is_symmetric_and_bounded(a: FloatArray, b: FloatArray) -> None:
    values = boxes.iou(a, b)
    assert values.shape == (len(a), len(b))
    assert ((values >= 0) & (values <= 1)).all()
    np.testing.assert_allclose(values, boxes.iou(b, a).T, rtol=1e-5, atol=1e-6)


@given(box_arrays(), box_arrays())
def test_ios_is_the_larger_containment_and_at_least_iou(a: FloatArray, b: FloatArray) -> None:
    larger = np.maximum(boxes.contained(a, b), boxes.contained(b, a).T)
    np.testing.assert_allclose(boxes.ios(a, b), larger, rtol=1e-4, atol=1e-5)
    assert (boxes.ios(a, b) >= boxes.iou(a, b) - 1e-5).all()


@given(box_arrays())
def test_a_box_with_area_is_wholly_itself(a: FloatArray) -> None:
    solid = a[(a[:, 2] - a[:, 0] > 1) & (a[:, 3] - a[:, 1] > 1)]
    np.testing.assert_allclose(np.diag(boxes.iou(solid, solid)), 1, rtol=1e-4)


@given(box_arrays())
def test_xywh_and_xyxy_are_inverse(a: FloatArray) -> None:
    np.testing.assert_allclose(boxes.xywh_to_xyxy(boxes.xyxy_to_xywh(a)), a, atol=1e-3)


@given(box_arrays())
def test_clipping_keeps_boxes_on_the_page_and_is_idempotent(a: FloatArray) -> None:
    clipped = boxes.clip(a, (200, 100))
    assert (clipped >= 0).all()
    assert (clipped[:, [0, 2]] <= 200).all()
    assert (clipped[:, [1, 3]] <= 100).all()
    np.testing.assert_array_equal(boxes.clip(clipped, (200, 100)), clipped)


def test_known_values() -> None:
    a = np.array([[0, 0, 10, 10]], np.float32)
    b = np.array([[5, 0, 15, 10], [0, 0, 5, 5], [20, 20, 30, 30], [3, 3, 3, 3]], np.float32)
    assert boxes.intersection(a, b).tolist() == [[50, 25, 0, 0]]
    assert boxes.iou(a, b)[0].tolist() == pytest.approx([1 / 3, 0.25, 0, 0])
    assert boxes.contained(b, a)[:, 0].tolist() == pytest.approx([0.5, 1, 0, 0])
    assert boxes.ios(a, b)[0].tolist() == pytest.approx([0.5, 1, 0, 0])
    assert boxes.union_box(b).tolist() == [0, 0, 30, 30]
    assert boxes.has_area(b).tolist() == [True, True, True, False]


def test_suppression_keeps_other_classes_and_no_more_than_wanted() -> None:
    xyxy = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [1, 0, 11, 10], [50, 50, 60, 60]], np.float32)
    scores, class_ids = np.array([0.5, 0.9, 0.7, 0.7], np.float32), np.array([0, 0, 1, 0])
    assert boxes.nms(xyxy, scores, class_ids, 0.5).tolist() == [1, 2, 3]
    assert boxes.nms(xyxy, scores, class_ids, 1.0).tolist() == [1, 2, 3, 0]
    assert boxes.nms(xyxy, scores, class_ids, 0.5, most=2).tolist() == [1, 2]
