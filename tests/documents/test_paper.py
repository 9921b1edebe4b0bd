"""How large the paper of a page is, as far as its file can be believed."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from PIL import Image

from docdetect.documents.reader import open_document
from docdetect.documents.sizes import paper_of_picture
from docdetect.documents.sources import list_documents

A0_PT = (2384.0, 3370.0)


def paper_of(path: Path) -> tuple[float, float]:
    with open_document(list_documents(path)[0]) as document:
        return document.paper_in(1)


def scan(path: Path, size_wh: tuple[int, int], size_pt: tuple[float, float], *, share: float = 1.0) -> Path:
    """A PDF page with a picture of `size_wh` px over a share of its height."""
    stream = io.BytesIO()
    Image.new("L", size_wh, 200).save(stream, "PNG")
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=size_pt[0], height=size_pt[1])
        page.insert_image(
            pymupdf.Rect(0, 0, size_pt[0], size_pt[1] * share), stream=stream.getvalue(), keep_proportion=False
        )
        pdf.save(path)
    return path


def test_a_drawn_page_is_as_large_as_it_says(tmp_path: Path) -> None:
    with pymupdf.open() as pdf:
        pdf.new_page(width=A0_PT[0], height=A0_PT[1]).set_rotation(90)
        pdf.save(tmp_path / "a.pdf")
    assert paper_of(tmp_path / "a.pdf") == pytest.approx((46.8, 33.1), abs=0.1)


def test_a_scan_with_a_resolution_of_scanners_is_as_large_as_its_page(tmp_path: Path) -> None:
    assert paper_of(scan(tmp_path / "a.pdf", (4967, 7021), A0_PT)) == pytest.approx((33.1, 46.8), abs=0.1)


def test_a_page_of_a_point_for_each_pixel_of_its_scan_is_no_drawing(tmp_path: Path) -> None:
    path = scan(tmp_path / "a.pdf", (2480, 3508), (2480.0, 3508.0))
    assert paper_of(path) == pytest.approx((2480 / 400, 3508 / 400), rel=0.01)


def test_a_coarse_picture_on_a_drawing_says_nothing_about_the_drawing(tmp_path: Path) -> None:
    path = scan(tmp_path / "a.pdf", (500, 300), A0_PT, share=0.3)
    assert paper_of(path) == pytest.approx((33.1, 46.8), abs=0.1)


@pytest.mark.parametrize(
    ("dpi", "paper_in"), [(None, (2, 3)), (72, (2, 3)), (96, (2, 3)), (100, (8, 12)), (200, (4, 6)), (1, (2, 3))]
)
def test_a_resolution_that_nobody_scans_at_is_not_believed(
    tmp_path: Path, dpi: int | None, paper_in: tuple[float, float]
) -> None:
    stated: dict[str, Any] = {} if dpi is None else {"dpi": (dpi, dpi)}
    Image.new("L", (800, 1200), 255).save(tmp_path / "a.jpg", **stated)
    assert paper_of(tmp_path / "a.jpg") == pytest.approx(paper_in, rel=0.01)


@pytest.mark.parametrize(
    ("size_wh", "dpi", "paper_in"),
    [
        ((560, 12_000), None, (8.27, 177.2)),  # a strip of pages one below the other
        ((12_000, 560), None, (177.2, 8.27)),
        ((560, 12_000), 72, (8.27, 177.2)),
        ((560, 12_000), 400, (8.27, 177.2)),  # 1.4 inches: no paper is so narrow
        ((1728, 12_000), 204, (8.47, 58.8)),  # a long fax
        ((900, 6_000), 300, (3, 20)),  # a receipt
        ((5000, 20_000), None, (12.5, 50)),  # wide enough at 400 px/inch
        ((3000, 300), None, (82.7, 8.27)),
        ((1, 20_000), None, (8.27, 165_400)),
        ((1, 1), None, (1 / 400, 1 / 400)),
        ((2480, 3508), None, (6.2, 8.77)),
    ],
)
def test_the_shape_decides_where_the_resolution_is_not_plausible(
    size_wh: tuple[int, int], dpi: float | None, paper_in: tuple[float, float]
) -> None:
    assert paper_of_picture(size_wh, dpi) == pytest.approx(paper_in, rel=0.01)
