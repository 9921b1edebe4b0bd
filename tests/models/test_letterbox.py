"""Pages into pictures and boxes back, as Ultralytics does it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from docdetect.models.letterbox import boxes_to_page, fitted_letterbox, page_to_picture

SIDES = st.integers(1, 500)


def test_a4_makes_a_rectangle() -> None:
    assert fitted_letterbox((1654, 2339), 1024, 32).picture_wh == (736, 1024)
    assert fitted_letterbox((1024, 724), 1024, 32).picture_wh == (1024, 736)


@given(SIDES, SIDES, st.sampled_from([96, 160, 256]))
def test_pictures_are_those_of_ultralytics(width: int, height: int, imgsz: int) -> None:
    from ultralytics.data.augment import LetterBox

    page = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    fit = fitted_letterbox((width, height), imgsz, 32)
    picture = page_to_picture(page, fit)
    assert picture.shape == (fit.picture_wh[1], fit.picture_wh[0], 3)
    assert max(picture.shape) == imgsz
    np.testing.assert_array_equal(picture, LetterBox((imgsz, imgsz), auto=True, stride=32)(image=page))


@given(st.integers(2, 3000), st.integers(2, 3000))
def test_boxes_come_back(width: int, height: int) -> None:
    fit = fitted_letterbox((width, height), 1024, 32)
    whole = np.array([[0, 0, width, height], [width / 4, height / 4, width / 2, height / 2]], np.float32)
    gain = np.array([fit.inner_wh[0] / width, fit.inner_wh[1] / height] * 2)
    in_picture = (whole * gain + np.array([fit.left, fit.top] * 2)).astype(np.float32)
    np.testing.assert_allclose(boxes_to_page(in_picture, fit), whole, atol=0.01)
    outside = np.array([[-50, -50, 5000, 5000]], np.float32)
    np.testing.assert_array_equal(boxes_to_page(outside, fit), [[0, 0, width, height]])
