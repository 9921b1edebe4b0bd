"""The kind of a file: by content where that tells, else by suffix."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image, features

from docdetect.documents.kinds import DocumentKind, document_kind
from docdetect.documents.reader import open_document
from docdetect.documents.sizes import LongSide
from docdetect.documents.sources import list_documents


def picture(format_name: str) -> bytes:
    stream = io.BytesIO()
    image = Image.new("RGB", (40, 60), "white")
    image.paste((255, 0, 0), (0, 0, 40, 30))
    image.save(stream, format_name)
    return stream.getvalue()


def pdf() -> bytes:
    with pymupdf.open() as document:
        page = document.new_page(width=40, height=60)
        page.draw_rect((0, 0, 40, 30), color=None, fill=(1, 0, 0))
        return bytes(document.tobytes())


FORMATS = ["PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF", "JPEG2000", "AVIF"]


@pytest.mark.parametrize("name", ["scan", "scan.signed", "scan.jfif", "scan.pdf", "scan.jpg"])
@pytest.mark.parametrize("format_name", FORMATS)
def test_a_picture_is_read_whatever_its_name_is(tmp_path: Path, name: str, format_name: str) -> None:
    if format_name == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow does not read AVIF")
    path = tmp_path / name
    path.write_bytes(picture(format_name))
    (file,) = list_documents(tmp_path)
    assert file.kind is DocumentKind.IMAGE
    with open_document(file) as document:
        pixels = document.render(1, LongSide(60)).pixels.astype(int)
    assert np.abs(pixels[10, 20] - (255, 0, 0)).max() < 30
    assert np.abs(pixels[50, 20] - (255, 255, 255)).max() < 30


@pytest.mark.parametrize("name", ["scan", "scan.pdf.signed", "scan.jpg", "scan.txt"])
@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\r\n\n"])
def test_a_pdf_is_read_whatever_its_name_is(tmp_path: Path, name: str, before: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(before + pdf())
    (file,) = list_documents(tmp_path)
    assert file.kind is DocumentKind.PDF
    with open_document(file) as document:
        assert document.page_count == 1


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.pdf", b"junk before %PDF-1.4", DocumentKind.PDF),
        ("a.tiff", b"", DocumentKind.IMAGE),
        ("a.heic", b"x", DocumentKind.IMAGE),
        ("a", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", DocumentKind.IMAGE),
        ("a", b"\0\0\0\x18ftypisom\0\0\0\0isomiso2", None),
        ("a.nef", b"MM\0*", None),
        ("a.docx", b"PK\x03\x04", None),
        ("notes", b"BMW is a car", None),
        ("notes.txt", b"junk before %PDF-1.4", None),
        ("a.json", b"{}", None),
    ],
)
def test_what_says_nothing_is_what_its_suffix_says(
    tmp_path: Path, name: str, content: bytes, kind: DocumentKind | None
) -> None:
    (tmp_path / name).write_bytes(content)
    assert document_kind(tmp_path / name) is kind


def test_a_photo_of_a_phone_with_the_wrong_suffix_is_read(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
    heif.register_heif_opener()
    Image.new("RGB", (40, 60), "white").save(tmp_path / "a.heic")
    (tmp_path / "a.heic").rename(tmp_path / "IMG_1.jpg")
    (file,) = list_documents(tmp_path)
    with open_document(file) as document:
        assert document.render(1, LongSide(60)).pixels.min() > 240
