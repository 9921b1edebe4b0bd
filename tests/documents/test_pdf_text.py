"""The text layer of PDFs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pymupdf
import pytest

from docdetect.documents.document import DocumentError
from docdetect.documents.pdf_text import open_with_text, page_text
from docdetect.documents.sources import list_documents


def texts_of_the_document_in(folder: Path) -> list[str]:
    (file,) = list_documents(folder)
    with open_with_text(file) as document:
        return [page_text(document, number) for number in range(1, document.page_count + 1)]


def test_the_text_of_every_page_is_read(tmp_path: Path) -> None:
    pdf = pymupdf.open()
    pdf.new_page().insert_text((50, 50), "Agreement No 17")
    pdf.new_page()
    pdf.save(tmp_path / "a.pdf")
    assert [text.strip() for text in texts_of_the_document_in(tmp_path)] == ["Agreement No 17", ""]


def test_an_image_has_no_text_layer(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((20, 20, 3), 255, np.uint8))
    assert texts_of_the_document_in(tmp_path) == [""]


def test_a_damaged_pdf_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"no pdf at all")
    with pytest.raises(DocumentError, match=r"a\.pdf"):
        texts_of_the_document_in(tmp_path)
