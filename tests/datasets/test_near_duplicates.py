"""Near-duplicate pages: the same words at the same places."""

from __future__ import annotations

import numpy as np
import pytest

from docdetect.datasets.groups import NEAR_DUPLICATE, ink_agreement
from docdetect.datasets.page_fingerprints import fingerprint
from docdetect.datasets.split import PageKey
from docdetect.types import BoolArray, ByteArray
from tests.support.pages import rescanned, stamped, text_page


def ink(page: ByteArray) -> BoolArray:
    return fingerprint(PageKey("a", 1), page).ink()


def test_a_page_agrees_with_itself() -> None:
    page = ink(text_page(1))
    assert ink_agreement(page, page) == pytest.approx(1.0)


@pytest.mark.parametrize("degrees", [-2.0, 0.0, 1.5])
@pytest.mark.parametrize("scale", [0.96, 1.0, 1.03])
def test_another_scan_with_another_stamp_agrees(degrees: float, scale: float) -> None:
    page = text_page(1)
    other = rescanned(stamped(page, (450, 700)), 2, degrees=degrees, scale=scale)
    assert ink_agreement(ink(page), ink(other)) > 0.7


def test_other_words_in_the_same_layout_do_not_agree() -> None:
    assert ink_agreement(ink(text_page(1)), ink(text_page(2))) < 0.8 * NEAR_DUPLICATE


def test_the_same_stamp_on_other_text_does_not_agree() -> None:
    first, second = (stamped(text_page(seed), (350, 700), 110) for seed in (1, 2))
    assert ink_agreement(ink(first), ink(second)) < 0.8 * NEAR_DUPLICATE


def test_a_letterhead_alone_is_no_near_duplicate_of_the_letter() -> None:
    letter = text_page(1)
    letterhead = letter.copy()
    letterhead[160:] = 252
    assert ink_agreement(ink(letterhead), ink(letter)) < NEAR_DUPLICATE


def test_pages_of_other_formats_compare() -> None:
    assert ink_agreement(ink(text_page(1)), ink(text_page(2, size_wh=(990, 700)))) < NEAR_DUPLICATE


def test_blank_paper_agrees_with_nothing() -> None:
    blank = np.zeros((640, 450), bool)
    assert ink_agreement(blank, blank) == 0.0
    assert ink_agreement(blank, ink(text_page(1))) == 0.0
