"""Whether a page lies on its side."""

from __future__ import annotations

import numpy as np
import pymupdf
import pytest

from docdetect.inference.multi_view.orientation import count_words, is_sideways
from docdetect.types import ByteArray

TEXT = "The contractor shall hand over the works, and the customer shall accept them and pay the price agreed upon. "
RUSSIAN = "Подрядчик обязуется сдать работы, а заказчик обязуется принять их и оплатить согласованную цену. "


def page(text: str, *, rulings: bool = False) -> ByteArray:
    """A page of text, uint8 (H, W, 3), 1024 px high."""
    with pymupdf.open() as pdf:
        sheet = pdf.new_page(width=595, height=842)
        sheet.insert_htmlbox(pymupdf.Rect(60, 60, 535, 780), f"<p style='font-size:11px'>{text * 18}</p>")
        for x in range(60, 540, 40) if rulings else ():
            sheet.draw_line((x, 60), (x, 780))
        pixmap = sheet.get_pixmap(matrix=pymupdf.Matrix(1024 / 842, 1024 / 842), alpha=False)
        return np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.width, 3)


@pytest.mark.parametrize("text", [TEXT, RUSSIAN])
@pytest.mark.parametrize("rulings", [False, True])
def test_pages_on_their_side_are_told_from_upright_ones(text: str, rulings: bool) -> None:
    pixels = page(text, rulings=rulings)
    assert [is_sideways(np.rot90(pixels, turns)) for turns in range(4)] == [False, True, False, True]
    across, upward = count_words(pixels)
    assert across > 5 * upward


def test_grey_paper_does_not_matter() -> None:
    pixels = np.rot90(page(TEXT)) // 3 * 2 + 40
    assert is_sideways(pixels.astype(np.uint8))


@pytest.mark.parametrize("shape", [(1, 1, 3), (1024, 1, 3), (724, 1024, 3), (3, 4000, 3)])
def test_a_page_without_text_is_upright(shape: tuple[int, int, int]) -> None:
    assert not is_sideways(np.full(shape, 255, np.uint8))
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    assert not is_sideways(noise)
