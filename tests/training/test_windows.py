"""Windows of pages: where they lie, and what of the marks is in them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docdetect.training.windows import choose_window, cut
from docdetect.types import FloatArray

BOXES = np.array([[10, 10, 60, 40], [500, 700, 620, 760]], np.float32)
NONE = np.zeros((0, 4), np.float32)


@given(st.integers(0, 10_000), st.integers(50, 900), st.integers(50, 900), st.sampled_from([64, 320, 448]))
def test_a_window_lies_on_its_page(seed: int, width: int, height: int, side: int) -> None:
    boxes = np.array([[0, 0, width, height], [width - 5, 0, width, 5]], np.float32)
    left, top = choose_window(boxes, NONE, (width, height), (side, side), np.random.default_rng(seed))
    assert 0 <= left <= max(0, width - side)
    assert 0 <= top <= max(0, height - side)


def test_most_windows_hold_the_middle_of_a_mark_and_some_are_anywhere() -> None:
    rng = np.random.default_rng(0)
    corners = [choose_window(BOXES, NONE, (724, 1024), (320, 320), rng) for _ in range(400)]
    middles = (BOXES[:, :2] + BOXES[:, 2:]) / 2
    held = [
        any(left <= x <= left + 320 and top <= y <= top + 320 for x, y in middles.tolist()) for left, top in corners
    ]
    assert 0.75 < np.mean(held) < 0.98
    assert len(set(corners)) > 200


@pytest.mark.parametrize(("boxes", "least", "most"), [(BOXES[:1], 0.25, 0.45), (NONE, 0.65, 0.95)])
def test_windows_hold_distractors_too(boxes: FloatArray, least: float, most: float) -> None:
    rng = np.random.default_rng(0)
    corners = [choose_window(boxes, BOXES[1:], (724, 1024), (320, 320), rng) for _ in range(400)]
    held = [left <= 560 <= left + 320 and top <= 730 <= top + 320 for left, top in corners]
    assert least < np.mean(held) < most


def test_pixels_and_boxes_move_together() -> None:
    page = np.full((1024, 724, 3), 255, np.uint8)
    page[700:760, 500:620] = (1, 2, 3)
    window, boxes, kept = cut(page, BOXES, (400, 650), (320, 320))
    assert window.shape == (320, 320, 3)
    assert kept.tolist() == [False, True]
    left, top, right, bottom = boxes[0].astype(int).tolist()
    assert (window[top:bottom, left:right] == (1, 2, 3)).all()
    assert (window == (1, 2, 3)).all(axis=2).sum() == 120 * 60


@pytest.mark.parametrize(("left", "expected"), [(560, 1), (600, 0)])
def test_a_mark_of_which_little_is_left_is_no_mark(left: int, expected: int) -> None:
    _, boxes, kept = cut(np.zeros((1024, 1000, 3), np.uint8), BOXES, (left, 650), (320, 320))
    assert kept.sum() == len(boxes) == expected


def test_beyond_the_page_there_is_paper() -> None:
    window, _, _ = cut(np.zeros((100, 80, 3), np.uint8), BOXES[:1], (0, 0), (320, 320))
    assert (window[:100, :80] == 0).all()
    assert (window[100:] == 255).all()
    assert (window[:, 80:] == 255).all()


def test_a_window_of_a_pages_size_is_the_page() -> None:
    page = np.arange(1024 * 724, dtype=np.uint32).view(np.uint8)[: 1024 * 724 * 3].reshape(1024, 724, 3)
    rng = np.random.default_rng(0)
    assert {choose_window(BOXES, NONE, (724, 1024), (736, 1024), rng) for _ in range(50)} == {(0, 0)}
    window, boxes, kept = cut(page, BOXES, (0, 0), (736, 1024))
    assert window.shape == (1024, 736, 3)
    assert (window[:, :724] == page).all()
    assert (window[:, 724:] == 255).all()
    np.testing.assert_array_equal(boxes, BOXES)
    assert kept.all()
