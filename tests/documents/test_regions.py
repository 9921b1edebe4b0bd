"""Parts of pages at the resolution that the document has, and codes read from them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pymupdf
import pytest
import zxingcpp
from PIL import Image

from docdetect.documents.codes import read_codes_from_document
from docdetect.documents.document import DocumentError
from docdetect.documents.reader import DocumentOpener
from docdetect.documents.regions import box_to_px, render_regions
from docdetect.documents.sizes import BoxFrac
from docdetect.documents.sources import DocumentFile, list_documents
from docdetect.types import ByteArray

TEXT = "https://example.org/договор/17?" + "x" * 60
RED = (255, 0, 0)


def scanned_page(code_px: int = 130) -> ByteArray:
    """A4 at 150 px/inch with a code at (1000, 1500) and a red square over the top left 62 px."""
    page = np.full((1754, 1240, 3), 255, np.uint8)
    code = zxingcpp.create_barcode(TEXT, zxingcpp.BarcodeFormat.QRCode)
    picture = Image.fromarray(np.array(code.to_image(scale=8))).convert("RGB")
    page[1500 : 1500 + code_px, 1000 : 1000 + code_px] = np.array(picture.resize((code_px, code_px)))
    page[:62, :62] = RED
    return page


CODE: BoxFrac = (1000 / 1240, 1500 / 1754, 1130 / 1240, 1630 / 1754)


def made(path: Path, rotation: int = 0) -> DocumentFile:
    """The page as an image file, or as the scan in a PDF, by the suffix."""
    if path.suffix != ".pdf":
        Image.fromarray(scanned_page()).save(path)
        return list_documents(path)[0]
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=595.2, height=841.92)
        stream = io.BytesIO()
        Image.fromarray(scanned_page()).save(stream, "PNG")
        page.insert_image(page.rect, stream=stream.getvalue())
        page.set_rotation(rotation)
        pdf.save(path)
    return list_documents(path)[0]


@pytest.mark.parametrize("name", ["a.pdf", "a.png"])
def test_a_scan_is_cut_at_its_own_resolution(tmp_path: Path, name: str) -> None:
    file = made(tmp_path / name)
    (corner, code) = render_regions(file, 1, [(0, 0, 0.1, 0.1), CODE], None)
    assert corner.shape == pytest.approx((176, 124, 3), abs=1)
    assert code.shape == pytest.approx((130, 130, 3), abs=2)
    assert corner[30, 30].tolist() == pytest.approx(RED, abs=3)
    assert corner[100, 100].tolist() == [255, 255, 255]


def test_a_part_of_a_pdf_comes_at_the_resolution_asked_for(tmp_path: Path) -> None:
    (corner,) = render_regions(made(tmp_path / "a.pdf"), 1, [(0, 0, 0.5, 0.5)], 36)
    assert corner.shape == pytest.approx((210, 149, 3), abs=1)


def test_parts_of_a_turned_page_are_those_that_are_displayed(tmp_path: Path) -> None:
    (corner,) = render_regions(made(tmp_path / "a.pdf", rotation=90), 1, [(0.9, 0, 1, 0.1)], None)
    assert corner.shape == pytest.approx((124, 176, 3), abs=1)
    assert corner[30, -30].tolist() == pytest.approx(RED, abs=3)


def test_parts_of_an_encrypted_pdf_open_with_its_password(tmp_path: Path) -> None:
    with pymupdf.open(made(tmp_path / "a.pdf").path) as pdf:
        pdf.save(tmp_path / "b.pdf", encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="secret")
    (file,) = list_documents(tmp_path / "b.pdf")
    with pytest.raises(DocumentError, match="needs a password"):
        render_regions(file, 1, [CODE], None)
    opener = DocumentOpener(("secret",))
    assert render_regions(file, 1, [CODE], None, opener)[0].shape == pytest.approx((130, 130, 3), abs=2)
    assert read_codes_from_document(file, 1, [CODE], opener) == [TEXT]


def test_a_drawn_page_is_drawn_finely(tmp_path: Path) -> None:
    with pymupdf.open() as pdf:
        pdf.new_page(width=200, height=300).draw_rect((0, 0, 20, 20), fill=(1, 0, 0))
        pdf.save(tmp_path / "a.pdf")
    (part,) = render_regions(list_documents(tmp_path)[0], 1, [(0, 0, 0.36, 0.24)], None)
    assert part.shape == (600, 600, 3)


def test_a_part_of_a_huge_page_stays_within_the_budget(tmp_path: Path) -> None:
    with pymupdf.open() as pdf:
        pdf.new_page(width=14_400, height=14_400)
        pdf.save(tmp_path / "a.pdf")
    (part,) = render_regions(list_documents(tmp_path)[0], 1, [(0, 0, 1, 1)], None)
    assert part.shape[0] * part.shape[1] == pytest.approx(25_000_000, rel=0.01)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ((0, 0, 1, 1), (0, 0, 10, 20)),
        ((0.26, 0.26, 0.34, 0.34), (2, 5, 4, 7)),
        ((1, 1, 1, 1), (9, 19, 10, 20)),
        ((0.5, 0.5, 0.5, 0.5), (5, 10, 6, 11)),
    ],
)
def test_parts_are_whole_pixels_within_the_page(part: BoxFrac, expected: tuple[int, int, int, int]) -> None:
    assert box_to_px(part, (10, 20)) == expected


@pytest.mark.parametrize(("name", "rotation"), [("a.pdf", 0), ("a.pdf", 270), ("a.png", 0)])
def test_codes_are_read_from_the_finest_pixels(tmp_path: Path, name: str, rotation: int) -> None:
    left, top, right, bottom = CODE
    box = CODE if rotation == 0 else (top, 1 - right, bottom, 1 - left)
    assert read_codes_from_document(made(tmp_path / name, rotation), 1, [(0, 0.5, 0.1, 0.6), box]) == [None, TEXT]


def test_a_code_drawn_on_a_coarse_scan_is_read_as_drawn(tmp_path: Path) -> None:
    code = zxingcpp.create_barcode(TEXT, zxingcpp.BarcodeFormat.QRCode)
    modules = np.array(code.to_image(scale=1)) < 128
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=595, height=842)
        stream = io.BytesIO()
        Image.new("L", (595, 842), 250).save(stream, "PNG")
        page.insert_image(page.rect, stream=stream.getvalue())
        shape = page.new_shape()
        for row, column in np.argwhere(modules).tolist():
            shape.draw_rect(pymupdf.Rect(100 + column, 100 + row, 101 + column, 101 + row))
        shape.finish(width=0, fill=(0, 0, 0), color=None)
        shape.commit()
        pdf.save(tmp_path / "a.pdf")
    side = modules.shape[0]
    box = (100 / 595, 100 / 842, (100 + side) / 595, (100 + side) / 842)
    assert read_codes_from_document(list_documents(tmp_path)[0], 1, [box]) == [TEXT]
