"""Pages into pictures and boxes back, as Ultralytics does it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from docdetect.models.letterbox import Framing, boxes_to_page, fitted_letterbox, inked_box, page_to_picture
from docdetect.types import ByteArray

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


PAPER = 240
TRIMMING = Framing(256, 32, trim=True)
A4_WH = 181, 256


def inked(*boxes: tuple[int, int, int, int], wh: tuple[int, int] = A4_WH) -> ByteArray:
    """A page of paper with black boxes."""
    page = np.full((wh[1], wh[0], 3), PAPER, np.uint8)
    for left, top, right, bottom in boxes:
        page[top:bottom, left:right] = 0
    return page


@st.composite
def pages(draw: st.DrawFn) -> ByteArray:
    """Pages of several sizes with a box of ink, their edges blank."""
    width, height = draw(st.integers(40, 600)), draw(st.integers(40, 600))
    left, top = draw(st.integers(1, width - 3)), draw(st.integers(1, height - 3))
    return inked(
        (left, top, draw(st.integers(left + 1, width - 1)), draw(st.integers(top + 1, height - 1))), wh=(width, height)
    )


@given(pages())
def test_what_is_left_of_a_page_is_a_part_of_its_picture_with_all_the_ink(page: ByteArray) -> None:
    fit = TRIMMING.of(page)
    whole_fit = fitted_letterbox((page.shape[1], page.shape[0]), 256, 32)
    whole, picture = page_to_picture(page, whole_fit), page_to_picture(page, fit)
    left, top = whole_fit.left - fit.left, whole_fit.top - fit.top
    assert {side % 32 for side in (left, top, *fit.picture_wh)} == {0}
    assert picture.shape == (fit.picture_wh[1], fit.picture_wh[0], 3)
    bottom, right = top + picture.shape[0], left + picture.shape[1]
    np.testing.assert_array_equal(picture, whole[top:bottom, left:right])
    dark = np.argwhere((whole < 100).all(axis=2))
    assert len(dark) == (picture < 100).all(axis=2).sum()


@given(pages())
def test_boxes_come_back_from_what_is_left_of_a_page(page: ByteArray) -> None:
    fit = TRIMMING.of(page)
    ink = inked_box(page)
    gain = np.array([fit.inner_wh[0] / fit.page_wh[0], fit.inner_wh[1] / fit.page_wh[1]] * 2)
    in_picture = (ink * gain + np.array([fit.left, fit.top] * 2)).astype(np.float32)
    np.testing.assert_allclose(boxes_to_page(in_picture[None], fit)[0], ink, atol=0.01)


def test_blank_borders_are_left_out_in_few_sizes() -> None:
    assert TRIMMING.of(inked((60, 40, 90, 60))).picture_wh == (128, 128)  # half of each side stays
    assert TRIMMING.of(inked((10, 10, 170, 100))).picture_wh == (192, 128)
    assert TRIMMING.of(inked((60, 100, 90, 250))).picture_wh == (128, 192)
    sizes = {TRIMMING.of(inked((60, 40, 90, bottom))).picture_wh for bottom in range(50, 250)}
    assert sizes == {(128, 128), (128, 192), (128, 256)}
    assert Framing(256, 32).of(inked((60, 40, 90, 60))).picture_wh == (192, 256)


def test_blank_pages_keep_half_of_each_side() -> None:
    assert inked_box(inked()).tolist() == [0, 0, 0, 0]
    assert TRIMMING.of(inked()).picture_wh == (128, 128)


def test_a_speck_at_the_edge_keeps_the_side() -> None:
    fit = TRIMMING.of(inked((60, 100, 90, 160), (0, 128, 1, 129)))
    assert fit.left >= 0
    assert TRIMMING.of(inked((60, 100, 90, 160), (0, 0, 1, 1), (180, 255, 181, 256))).picture_wh == (192, 256)


def test_faint_ink_is_ink_and_noise_is_none() -> None:
    page = inked()
    page[100:110, 60:90] = PAPER - 13, PAPER, PAPER
    assert inked_box(page).tolist() == [60, 100, 90, 110]
    noise = np.random.default_rng(0).integers(-10, 11, page.shape)
    assert inked_box((inked() + noise).astype(np.uint8)).tolist() == [0, 0, 0, 0]


def test_the_black_surround_of_a_scanner_is_a_border_too() -> None:
    page = inked((60, 100, 90, 160))
    framed = np.zeros((300, 300, 3), np.uint8)
    framed[22:278, 60:241] = page
    assert inked_box(framed).tolist() == [60, 22, 241, 278]
