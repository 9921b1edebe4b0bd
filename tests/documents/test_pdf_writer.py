"""PDFs that docdetect writes: text that can be searched, shapes in their places, the same bytes every time."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pymupdf
import pytest

from docdetect.documents.pdf_writer import (
    PdfEllipse,
    PdfPage,
    PdfPath,
    PdfPicture,
    PdfScan,
    PdfText,
    builtin_fonts,
    write_pdf,
)
from docdetect.documents.reader import open_document
from docdetect.documents.sizes import LongSide
from docdetect.documents.sources import list_documents
from docdetect.types import ByteArray


def sheet(rotation: int = 0) -> PdfPage:
    ink = np.zeros((10, 10, 4), np.uint8)
    ink[:, :] = (0, 0, 255, 255)
    return PdfPage(
        (200, 300),
        (
            PdfText(20, 40, "Договор № 7, Қазақстан", 12, builtin_fonts()[4], (0, 0, 0)),
            PdfText(150, 250, "upwards", 12, builtin_fonts()[0], (0, 0, 0), 90),
            PdfPath(((20, 60), (60, 60), (60, 80), (20, 80), (20, 60)), 0, (0, 0, 0), (255, 0, 0)),
            PdfEllipse((100, 100, 140, 140), 2, (0, 128, 0)),
            PdfPicture(ink, (20, 200, 60, 240)),
        ),
        rotation,
    )


def render(data: bytes, folder: Path, number: int = 1) -> ByteArray:
    (folder / "a.pdf").write_bytes(data)
    with open_document(list_documents(folder)[0]) as document:
        return document.render(number, LongSide(300)).pixels


def test_text_can_be_read_and_shapes_are_in_their_places(tmp_path: Path) -> None:
    data = write_pdf([sheet()])
    with pymupdf.open(stream=data) as document:
        assert "Договор № 7, Қазақстан" in document[0].get_text()
        assert "upwards" in document[0].get_text()
    pixels = render(data, tmp_path)
    assert pixels.shape == (300, 200, 3)
    assert tuple(pixels[70, 40]) == (255, 0, 0)
    assert tuple(pixels[220, 40]) == (0, 0, 255)
    assert tuple(pixels[120, 120]) == (255, 255, 255)
    assert pixels[120, 100].min() < 100
    assert pixels[200:250, 140:152].min() < 100


def test_a_rotated_page_is_displayed_turned(tmp_path: Path) -> None:
    pixels = render(write_pdf([sheet(90)]), tmp_path)
    assert pixels.shape == (200, 300, 3)
    assert tuple(pixels[40, 300 - 70]) == (255, 0, 0)


def test_scans_fill_their_page_and_pages_keep_their_order(tmp_path: Path) -> None:
    picture = np.full((60, 40, 3), (10, 200, 10), np.uint8)
    done, jpeg = cv2.imencode(".jpg", picture)
    assert done
    data = write_pdf([sheet(), PdfScan((200, 300), bytes(jpeg))])
    assert np.abs(render(data, tmp_path, 2)[5:-5, 5:-5].astype(int) - (10, 200, 10)).max() < 12
    with pymupdf.open(stream=data) as document:
        assert document.page_count == 2


def test_the_same_pages_give_the_same_bytes() -> None:
    assert write_pdf([sheet(), sheet(180)]) == write_pdf([sheet(), sheet(180)])


def test_fonts_are_cut_down_to_the_letters_used() -> None:
    assert len(write_pdf([sheet()])) < 40_000


def test_no_pages_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one page"):
        write_pdf([])
