from __future__ import annotations

import contextlib
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf
import pytest

from docdetect.documents.document import DocumentError
from docdetect.documents.reader import open_document
from docdetect.documents.sizes import AtDpi, ExactSize, LongSide, RenderSize
from docdetect.documents.sources import DocumentFile, list_documents
from docdetect.types import ByteArray, FailureKind

RED, BLUE = (1, 0, 0), (0, 0, 1)


def made_pdf(path: Path, *edits: Callable[[Any], None], size_pt: tuple[float, float] = (200, 300)) -> DocumentFile:
    """One page for each edit: white, a red square over its top left 20 x 20 pt, then the edit."""
    with pymupdf.open() as pdf:
        for edit in edits:
            page = pdf.new_page(width=size_pt[0], height=size_pt[1])
            page.draw_rect((0, 0, 20, 20), color=None, fill=RED)
            edit(page)
        pdf.save(path)
    return list_documents(path)[0]


def plain(page: Any) -> None: ...


def is_red(pixels: ByteArray, x: int, y: int) -> bool:
    red, green, blue = (int(value) for value in pixels[y, x])
    return red > 200 and green < 60 and blue < 60


def failure_of(path: Path) -> FailureKind:
    with pytest.raises(DocumentError) as caught:
        open_document(list_documents(path)[0])
    assert str(path) in caught.value.message
    assert str(path) not in caught.value.failure.message
    return caught.value.failure.kind


@pytest.mark.parametrize(
    ("size", "size_wh", "dpi"),
    [
        (AtDpi(200), (556, 833), 200),
        (AtDpi(72), (200, 300), 72),
        (LongSide(1024), (683, 1024), 1024 / 300 * 72),
        (ExactSize(123, 457), (123, 457), 457 / 300 * 72),
        (LongSide(1), (1, 1), 1 / 300 * 72),
    ],
)
def test_a_page_is_rendered_at_exactly_the_size(
    tmp_path: Path, size: RenderSize, size_wh: tuple[int, int], dpi: float
) -> None:
    with open_document(made_pdf(tmp_path / "a.pdf", plain)) as document:
        page = document.render(1, size)
        assert document.page_info(1, size) == page.info
    assert page.info.size_wh == size_wh
    assert page.info.dpi == pytest.approx(dpi)
    assert page.info.size_pt == pytest.approx((200, 300))
    assert page.pixels.shape == (size_wh[1], size_wh[0], 3)
    assert page.pixels.flags.writeable


@pytest.mark.parametrize("side", [1, 7, 999, 4097, 20_000])
@pytest.mark.parametrize("size_pt", [(200.3, 300.7), (13.37, 9000.1), (595.276, 841.89)])
def test_rounding_never_adds_or_loses_a_pixel(tmp_path: Path, side: int, size_pt: tuple[float, float]) -> None:
    with open_document(made_pdf(tmp_path / "a.pdf", plain, size_pt=size_pt)) as document:
        assert document.render(1, ExactSize(side, 8)).pixels.shape == (8, side, 3)
        assert document.render(1, ExactSize(8, side)).pixels.shape == (side, 8, 3)


@pytest.mark.parametrize(
    ("rotation", "size_wh", "corner"),
    [(0, (200, 300), (5, 5)), (90, (300, 200), (294, 5)), (180, (200, 300), (194, 294)), (270, (300, 200), (5, 194))],
)
def test_rotation_is_applied(tmp_path: Path, rotation: int, size_wh: tuple[int, int], corner: tuple[int, int]) -> None:
    with open_document(made_pdf(tmp_path / "a.pdf", lambda page: page.set_rotation(rotation))) as document:
        page = document.render(1, AtDpi(72))
    assert page.info.size_wh == size_wh
    assert page.info.size_pt == pytest.approx(size_wh)
    assert is_red(page.pixels, *corner)
    assert (page.pixels < 128).any(axis=2).sum() == 400


@pytest.mark.parametrize(("rotation", "size_wh"), [(0, (100, 150)), (90, (150, 100))])
def test_only_the_crop_box_is_shown(tmp_path: Path, rotation: int, size_wh: tuple[int, int]) -> None:
    def crop(page: Any) -> None:
        page.draw_rect((50, 60, 60, 70), color=None, fill=BLUE)
        page.set_cropbox(pymupdf.Rect(50, 60, 150, 210))
        page.set_rotation(rotation)

    with open_document(made_pdf(tmp_path / "a.pdf", crop)) as document:
        page = document.render(1, AtDpi(72))
    assert page.info.size_wh == size_wh
    dark = np.argwhere((page.pixels < 128).any(axis=2))
    x0 = 0 if rotation == 0 else size_wh[0] - 10
    assert dark.min(axis=0).tolist() == [0, x0]
    assert dark.max(axis=0).tolist() == [9, x0 + 9]


def test_annotations_and_form_fields_are_drawn(tmp_path: Path) -> None:
    def mark(page: Any) -> None:
        square = page.add_rect_annot((100, 100, 140, 140))
        square.set_colors(stroke=RED, fill=RED)
        square.update()
        field = pymupdf.Widget()
        field.field_type, field.field_name, field.fill_color = pymupdf.PDF_WIDGET_TYPE_TEXT, "f", RED
        field.rect = pymupdf.Rect(100, 200, 140, 240)
        page.add_widget(field)

    with open_document(made_pdf(tmp_path / "a.pdf", mark)) as document:
        pixels = document.render(1, AtDpi(72)).pixels
    assert is_red(pixels, 120, 120)
    assert is_red(pixels, 120, 220)


def test_a_page_bomb_is_refused_before_it_is_rendered_and_its_neighbours_live(tmp_path: Path) -> None:
    def grow(page: Any) -> None:
        page.set_mediabox(pymupdf.Rect(0, 0, 14_400, 14_400))

    with open_document(made_pdf(tmp_path / "a.pdf", plain, grow)) as document:
        assert document.page_info(2, AtDpi(200)).size_wh == (40_000, 40_000)
        with pytest.raises(DocumentError, match="page 2: 40000 x 40000 px is over the limit") as caught:
            document.render(2, AtDpi(200))
        assert caught.value.failure.kind is FailureKind.TOO_LARGE
        assert document.render(2, LongSide(64)).info.size_wh == (64, 64)
        assert document.render(1, AtDpi(72)).info.number == 1


@pytest.mark.parametrize("number", [0, -1, 3])
def test_a_page_that_is_not_there_is_an_error(tmp_path: Path, number: int) -> None:
    with (
        open_document(made_pdf(tmp_path / "a.pdf", plain, plain)) as document,
        pytest.raises(DocumentError, match="the document has 2"),
    ):
        document.page_info(number, AtDpi(72))


@pytest.mark.parametrize(
    "box", ["[0 0 0 0]", "[10 10 10 500]", "[500 700 0 0]", "[0 0 1e30 1e30]", "[nan 0 1 1]", "[]"]
)
def test_degenerate_page_boxes_give_a_page_or_a_failure(tmp_path: Path, box: str) -> None:
    file = made_pdf(tmp_path / "a.pdf", plain)
    with pymupdf.open(file.path) as pdf:
        pdf.xref_set_key(pdf[0].xref, "MediaBox", box)
        pdf.saveIncr()
    with open_document(file) as document, contextlib.suppress(DocumentError):
        assert document.render(1, LongSide(50)).pixels.size


def test_an_encrypted_pdf_needs_its_password(tmp_path: Path) -> None:
    path = tmp_path / "locked.pdf"
    with pymupdf.open() as pdf:
        pdf.new_page()
        pdf.save(path, encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="open", owner_pw="own")
    assert failure_of(path) is FailureKind.ENCRYPTED
    with open_document(list_documents(path)[0], passwords=["wrong", "own"]) as document:
        assert document.page_count == 1


def test_a_pdf_encrypted_without_a_password_opens(tmp_path: Path) -> None:
    path = tmp_path / "free.pdf"
    with pymupdf.open() as pdf:
        pdf.new_page()
        pdf.save(path, encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="", owner_pw="own")
    with open_document(list_documents(path)[0]) as document:
        assert document.render(1, LongSide(10)).pixels.shape == (10, 7, 3)


@pytest.mark.parametrize("step", ["init_doc", "authenticate"])
def test_whatever_the_library_raises_on_opening_is_the_file_s_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "locked.pdf"
    with pymupdf.open() as pdf:
        pdf.new_page()
        pdf.save(path, encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="open", owner_pw="own")

    def stumble(*_: object) -> None:
        raise AttributeError("'NoneType' object has no attribute 'm_internal'")

    monkeypatch.setattr(pymupdf.Document, step, stumble)
    with pytest.raises(DocumentError) as caught, open_document(list_documents(path)[0], passwords=["own"]):
        pass
    assert caught.value.failure.kind is FailureKind.UNREADABLE


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", FailureKind.UNREADABLE),
        (b"hello", FailureKind.UNREADABLE),
        (b"%PDF-1.7\n%%EOF", FailureKind.UNREADABLE),
        (b"<html><body>hello</body></html>", FailureKind.UNREADABLE),
        (b"GIF89a" + bytes(50), FailureKind.UNREADABLE),
        (
            b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
            b"trailer<</Root 1 0 R/Size 3>>\n",
            FailureKind.EMPTY,
        ),
        (
            b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\ntrailer<</Root 1 0 R/Size 3>>\n",
            FailureKind.EMPTY,
        ),
    ],
)
def test_what_is_no_pdf_says_so(tmp_path: Path, content: bytes, kind: FailureKind) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(content)
    assert failure_of(path) is kind


@pytest.mark.parametrize("claimed", [3, 400, 2_000_000_000])
def test_a_lying_page_count_is_refused_or_bounded_by_the_objects_in_the_file(tmp_path: Path, claimed: int) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count "
        + str(claimed).encode()
        + b">>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 10 10]>>endobj\ntrailer<</Root 1 0 R/Size 4>>\n"
    )
    if claimed > 5:
        assert failure_of(path) is FailureKind.UNREADABLE
        return
    with open_document(list_documents(path)[0]) as document:
        assert document.page_count == claimed
        assert document.render(1, LongSide(10)).pixels.shape == (10, 10, 3)
        with pytest.raises(DocumentError, match="page 2"):
            document.render(2, LongSide(10))


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>\ntrailer<</Root 9 0 R>>\n")
    failure_of(path)
    assert capfd.readouterr() == ("", "")


def test_a_document_error_survives_the_way_between_processes(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"no")
    with pytest.raises(DocumentError) as caught:
        open_document(list_documents(path)[0])
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.message, copy.failure) == (caught.value.message, caught.value.failure)


def test_cyrillic_paths_open(tmp_path: Path) -> None:
    with open_document(made_pdf(tmp_path / "Акт приёмки.pdf", plain)) as document:
        assert document.page_info(1, AtDpi(72)).document == "Акт приёмки.pdf"


def test_real_pages_come_out_at_their_annotated_size(shared_data: Path) -> None:
    files = [file for file in list_documents(shared_data / "armeta" / "pdfs") if file.name.startswith("ТУ-")]
    for file in files[:2]:
        with open_document(file) as document:
            page = document.render(1, ExactSize(1190, 1684))
            assert 0.5 < (page.pixels > 200).mean() < 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse names that are not Unicode")
@pytest.mark.parametrize("where", ["file", "folder"])
def test_names_that_are_not_utf8_open(tmp_path: Path, where: str) -> None:
    name = os.fsdecode("договор".encode("cp866"))
    path = tmp_path / name / "a.pdf" if where == "folder" else tmp_path / f"{name}.pdf"
    path.parent.mkdir(exist_ok=True)
    made_pdf(tmp_path / "sound.pdf", plain).path.rename(path)
    (file,) = list_documents(path)
    with open_document(file) as document:
        page = document.render(1, AtDpi(72))
    assert is_red(page.pixels, 5, 5)
    assert page.info.document.isascii()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse names that are not Unicode")
def test_the_reason_for_a_file_with_such_a_name_is_true(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode("договор.pdf".encode("cp866"))
    path.write_bytes(b"")
    with pytest.raises(DocumentError) as caught:
        open_document(list_documents(path)[0])
    assert caught.value.failure.message == "the file is empty"
    path.unlink()
    path.write_bytes(b"%PDF-1.4 and nothing else")
    with pytest.raises(DocumentError) as caught:
        open_document(list_documents(path)[0])
    assert "damaged PDF" in caught.value.failure.message or "not a PDF" in caught.value.failure.message


def test_a_file_that_is_gone_is_not_called_damaged(tmp_path: Path) -> None:
    file = made_pdf(tmp_path / "a.pdf", plain)
    file.path.unlink()
    with pytest.raises(DocumentError) as caught:
        open_document(file)
    assert caught.value.failure.message == "cannot be read (No such file or directory)"
