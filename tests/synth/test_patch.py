"""Patches: cropped to their ink, laid on a page as ink or as a label, resized."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docdetect.synth.patch import MIN_INK_ALPHA, Patch, composite, ink_box, resized
from docdetect.types import ByteArray


def blob(width: int, height: int, alpha: int = 255, rgb: tuple[int, int, int] = (0, 0, 0)) -> Patch:
    rgba = np.empty((height, width, 4), np.uint8)
    rgba[:] = (*rgb, alpha)
    return Patch(rgba, "stamp_company")


def white_page(width: int = 40, height: int = 30) -> ByteArray:
    return np.full((height, width, 3), 255, np.uint8)


def test_crop_keeps_just_the_ink() -> None:
    rgba = np.zeros((20, 30, 4), np.uint8)
    rgba[5:9, 7:20, 3] = 200
    rgba[0, 0, 3] = MIN_INK_ALPHA - 1
    assert Patch.cropped(rgba, "").size_wh == (13, 4)


def test_a_picture_without_ink_is_no_patch() -> None:
    with pytest.raises(ValueError, match="no ink"):
        Patch.cropped(np.zeros((5, 5, 4), np.uint8), "")


def test_rgb_is_no_patch() -> None:
    with pytest.raises(ValueError, match="uint8"):
        Patch(np.zeros((5, 5, 3), np.uint8), "")


def test_ink_darkens_what_lies_below_and_hides_nothing() -> None:
    page = white_page()
    page[:, :20] = (200, 100, 50)
    composite(page, blob(40, 10, rgb=(100, 255, 255)), (0, 0))
    assert page[0, 0].tolist() == [78, 100, 50]
    assert page[0, 30].tolist() == [100, 255, 255]


def test_cover_hides_what_lies_below() -> None:
    page = np.zeros((30, 40, 3), np.uint8)
    composite(page, blob(5, 5, rgb=(9, 99, 199)), (2, 2), "cover")
    assert page[3, 3].tolist() == [9, 99, 199]
    assert page[0, 0].tolist() == [0, 0, 0]


@given(st.integers(-30, 60), st.integers(-30, 50), st.integers(1, 25), st.integers(1, 25))
def test_composite_returns_the_box_of_the_pixels_that_it_changed(x: int, y: int, width: int, height: int) -> None:
    page = white_page()
    box = composite(page, blob(width, height), (x, y))
    assert box == ink_box(255 - page[:, :, 0])


def test_resizing() -> None:
    assert resized(blob(60, 20), 0.5).size_wh == (30, 10)
    assert resized(blob(60, 20), 2).size_wh == (120, 40)


def test_strength_grows_with_darkness_and_cover() -> None:
    assert blob(4, 4).strength == 1
    assert blob(4, 4, alpha=128).strength == pytest.approx(0.5, abs=0.01)
    assert blob(4, 4, rgb=(255, 255, 255)).strength == 0
    assert blob(4, 4, alpha=3).strength == 0
    assert blob(4, 4, rgb=(255, 40, 40)).strength > 0.8
