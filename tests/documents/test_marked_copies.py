"""Marks as annotations: where they are displayed, what stays untouched, and which PDFs must not be written to."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf
import pytest

from docdetect.documents import marked_copies
from docdetect.documents.document import DocumentError
from docdetect.documents.marked_copies import PdfMark, write_marked_pdf
from docdetect.documents.reader import DocumentOpener
from docdetect.documents.sources import list_documents
from docdetect.errors import OutputError
from docdetect.files import sha256_file
from docdetect.types import ByteArray, FailureKind

RED_BOX = (60.0, 80.0, 140.0, 120.0)  # pt of the unturned page, whose left top is (0, 0)
BLUE = (25, 90, 230)
Edit = Callable[[Any, Any], None]


def make(path: Path, edit: Edit = lambda pdf, page: None, **options: Any) -> Path:
    """A page of 200 x 300 pt with a red box, edited."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=200, height=300)
        page.draw_rect(pymupdf.Rect(RED_BOX), color=None, fill=(1, 0, 0))
        edit(pdf, page)
        pdf.save(path, **options)
    return path


def turned(degrees: int) -> Edit:
    return lambda pdf, page: page.set_rotation(degrees)


def cropped(pdf: Any, page: Any) -> None:
    page.set_cropbox(pymupdf.Rect(30, 50, 180, 280))


def cropped_and_turned(pdf: Any, page: Any) -> None:
    cropped(pdf, page)
    page.set_rotation(270)


def shifted(pdf: Any, page: Any) -> None:
    page.set_mediabox(pymupdf.Rect(-50, -20, 200, 300))


def in_units(unit: str, degrees: int) -> Edit:
    def edit(pdf: Any, page: Any) -> None:
        cropped(pdf, page)
        page.set_rotation(degrees)
        pdf.xref_set_key(page.xref, "UserUnit", unit)

    return edit


def pixels(path: Path, *, annotations: bool = True) -> ByteArray:
    with pymupdf.open(path) as pdf:
        pixmap = pdf[0].get_pixmap(dpi=144, annots=annotations)
        found: ByteArray = np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.width, 3).copy()
        return found


def extent(mask: Any) -> tuple[float, float, float, float]:
    """Left, top, right, bottom in points of what is set in a picture at 144 px/inch."""
    rows, columns = np.nonzero(mask)
    left, top, right, bottom = (value / 2 for value in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    return left, top, right, bottom


def is_red(picture: ByteArray) -> Any:
    return (picture[..., 0] > 200) & (picture[..., 1] < 60) & (picture[..., 2] < 60)


def is_blue(picture: ByteArray) -> Any:
    return (picture[..., 0] < 90) & (picture[..., 2] > 180)


def mark_it(path: Path, target: Path, *marks: PdfMark, passwords: tuple[str, ...] = ()) -> bytes:
    (file,) = list_documents(path)
    write_marked_pdf(file, sha256_file(path), marks or (mark((10, 10, 50, 50)),), target, DocumentOpener(passwords))
    assert [found.name for found in target.parent.iterdir()] == [target.name], "no temporary file is left"
    return target.read_bytes()


def mark(box_pt: tuple[float, float, float, float], title: str = "stamp", content: str = "confidence 0.93") -> PdfMark:
    return PdfMark(1, box_pt, title, content, BLUE)


def streams(path: Path, password: str = "") -> list[bytes]:
    with pymupdf.open(path) as pdf:
        if password:
            assert pdf.authenticate(password)
        return [pdf.xref_stream_raw(xref) for page in pdf for xref in page.get_contents()]


@pytest.mark.parametrize(
    "edit",
    [
        *(turned(degrees) for degrees in (0, 90, 180, 270)),
        cropped,
        cropped_and_turned,
        shifted,
        *(in_units(unit, degrees) for unit in ("2", "0.5") for degrees in (0, 90, 180, 270)),
    ],
    ids=["0", "90", "180", "270", "cropped", "cropped-270", "shifted"]
    + [f"unit-{unit}-{degrees}" for unit in ("2", "0.5") for degrees in (0, 90, 180, 270)],
)
def test_the_frame_stands_around_the_mark_as_displayed(tmp_path: Path, edit: Edit) -> None:
    source, target = make(tmp_path / "in" / "a.pdf", edit), tmp_path / "out" / "a.pdf"
    shown = extent(is_red(pixels(source)))
    written = mark_it(source, target, mark(shown))
    frame = extent(is_blue(pixels(target)))
    assert frame == pytest.approx((shown[0] - 1, shown[1] - 1, shown[2] + 1, shown[3] + 1), abs=1.0)
    assert extent(is_red(pixels(target))) == pytest.approx(shown, abs=1.0), "the mark itself stays visible"
    assert (pixels(target, annotations=False) == pixels(source)).all()
    assert written.startswith(source.read_bytes())


def test_a_frame_off_its_mark_is_found_when_the_copy_is_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make(tmp_path / "in" / "a.pdf")
    (file,) = list_documents(source)
    place = marked_copies._frame_box
    is_written: list[bool] = []

    def elsewhere(mark: PdfMark, page: Any) -> Any:
        left, top, right, bottom = place(mark, page)
        moved = 0 if is_written else 50
        is_written.append(True)
        return left + moved, top, right + moved, bottom

    monkeypatch.setattr(marked_copies, "_frame_box", elsewhere)
    with pytest.raises(DocumentError, match="1 of 1 frames would not stand where their marks are") as caught:
        write_marked_pdf(file, sha256_file(source), [mark((10, 10, 50, 50))], tmp_path / "out" / "a.pdf")
    assert caught.value.failure.kind is FailureKind.UNSUPPORTED
    assert not list((tmp_path / "out").iterdir())


def test_the_copy_of_a_copy_has_the_new_marks_only(tmp_path: Path) -> None:
    source = make(tmp_path / "in" / "a.pdf", lambda pdf, page: page.add_text_annot((20, 20), "approved"))
    mark_it(source, tmp_path / "once" / "a.pdf", mark((10, 10, 50, 50)), mark((60, 60, 90, 90)))
    mark_it(
        tmp_path / "once" / "a.pdf", tmp_path / "twice" / "a.pdf", mark((20, 20, 60, 60), content="confidence 0.80")
    )
    with pymupdf.open(tmp_path / "twice" / "a.pdf") as pdf:
        assert [annotation.info["content"] for annotation in pdf[0].annots()] == ["approved", "confidence 0.80"]


def test_an_annotation_says_what_was_found(tmp_path: Path) -> None:
    source = make(tmp_path / "in" / "Договор.pdf")
    said = "confidence 0.93\nhttps://example.org/договор/17"
    mark_it(source, tmp_path / "out" / "Договор.pdf", mark((10, 10, 50, 50), "печать", said))
    with pymupdf.open(tmp_path / "out" / "Договор.pdf") as pdf:
        page = pdf[0]
        (annotation,) = page.annots()
        assert annotation.type[1] == "Square"
        assert (annotation.info["title"], annotation.info["content"].replace("\r", "\n")) == ("печать", said)
        assert annotation.colors["stroke"] == pytest.approx([value / 255 for value in BLUE], abs=0.01)
        assert annotation.flags & pymupdf.PDF_ANNOT_IS_PRINT


def test_annotations_that_are_there_stay(tmp_path: Path) -> None:
    source = make(tmp_path / "in" / "a.pdf", lambda pdf, page: page.add_text_annot((20, 20), "approved"))
    mark_it(source, tmp_path / "out" / "a.pdf")
    with pymupdf.open(tmp_path / "out" / "a.pdf") as pdf:
        assert [annotation.info["content"] for annotation in pdf[0].annots()] == ["approved", "confidence 0.93"]


def test_the_same_marks_give_the_same_bytes(tmp_path: Path) -> None:
    source = make(tmp_path / "in" / "a.pdf")
    first = mark_it(source, tmp_path / "one" / "a.pdf")
    assert mark_it(source, tmp_path / "two" / "a.pdf") == first


def test_without_marks_the_copy_is_the_file(tmp_path: Path) -> None:
    source = make(tmp_path / "in" / "a.pdf")
    (file,) = list_documents(source)
    write_marked_pdf(file, sha256_file(source), (), tmp_path / "out" / "a.pdf")
    assert (tmp_path / "out" / "a.pdf").read_bytes() == source.read_bytes()


def test_a_damaged_file_is_written_anew_with_its_streams_as_they_were(tmp_path: Path) -> None:
    whole = make(tmp_path / "whole.pdf", deflate=True)
    damaged = tmp_path / "in" / "a.pdf"
    damaged.parent.mkdir()
    damaged.write_bytes(re.sub(rb"startxref\s+\d+", b"startxref\n7", whole.read_bytes()))
    mark_it(damaged, tmp_path / "out" / "a.pdf")
    assert streams(tmp_path / "out" / "a.pdf") == streams(whole)
    with pymupdf.open(tmp_path / "out" / "a.pdf") as pdf:
        assert not pdf.is_repaired
        assert len(list(pdf[0].annots())) == 1


ENCRYPTED = {"encryption": pymupdf.PDF_ENCRYPT_AES_256, "owner_pw": "owner"}


@pytest.mark.parametrize("user", ["", "user"])
def test_an_encrypted_file_stays_encrypted_as_it_was(tmp_path: Path, user: str) -> None:
    source = make(tmp_path / "in" / "a.pdf", **ENCRYPTED, user_pw=user)
    said = "secret-words-of-a-code"
    written = mark_it(source, tmp_path / "out" / "a.pdf", mark((9, 9, 50, 50), content=said), passwords=("x", user))
    assert written.startswith(source.read_bytes())
    assert said.encode() not in written
    assert streams(tmp_path / "out" / "a.pdf", user) == streams(source, user)
    with pymupdf.open(tmp_path / "out" / "a.pdf") as pdf:
        assert bool(pdf.needs_pass) == bool(user)
        assert pdf.authenticate(user)
        assert pdf.metadata["encryption"]
        page = pdf[0]
        (annotation,) = page.annots()
        assert annotation.info["content"] == said


def failure(path: Path, target: Path) -> tuple[FailureKind, str]:
    with pytest.raises(DocumentError) as caught:
        mark_it(path, target)
    assert not target.exists()
    assert list(target.parent.iterdir()) == []
    return caught.value.failure.kind, caught.value.failure.message


def test_permissions_are_respected(tmp_path: Path) -> None:
    allowed = pymupdf.PDF_PERM_PRINT | pymupdf.PDF_PERM_COPY
    source = make(tmp_path / "in" / "a.pdf", **ENCRYPTED, user_pw="", permissions=allowed)
    expected = (FailureKind.ENCRYPTED, "its permissions forbid annotations")
    assert failure(source, tmp_path / "out" / "a.pdf") == expected


def signed(level: int | None) -> Edit:
    """A signature field with a signature's dictionary; `level` is the P of a certifying one."""

    def edit(pdf: Any, page: Any) -> None:
        field, signature = pdf.get_new_xref(), pdf.get_new_xref()
        changes = "" if level is None else (
            f"/Reference[<</Type/SigRef/TransformMethod/DocMDP/TransformParams<</P {level}/V/1.2>>>>]"
        )  # fmt: skip
        pdf.update_object(signature, f"<</Type/Sig/ByteRange[0 10 20 30]/Contents<00>{changes}>>")
        pdf.update_object(field, f"<</FT/Sig/T(sign)/V {signature} 0 R>>")
        pdf.xref_set_key(pdf.pdf_catalog(), "AcroForm", f"<</SigFlags 3/Fields[{field} 0 R]>>")
        if level is not None:
            pdf.xref_set_key(pdf.pdf_catalog(), "Perms", f"<</DocMDP {signature} 0 R>>")

    return edit


@pytest.mark.parametrize("level", [None, 3])
def test_what_a_signature_covers_stays_byte_for_byte(tmp_path: Path, level: int | None) -> None:
    source = make(tmp_path / "in" / "a.pdf", signed(level))
    written = mark_it(source, tmp_path / "out" / "a.pdf")
    assert written.startswith(source.read_bytes())
    assert len(written) > len(source.read_bytes())


@pytest.mark.parametrize("level", [1, 2])
def test_a_certified_file_that_allows_no_annotations_is_left_alone(tmp_path: Path, level: int) -> None:
    source = make(tmp_path / "in" / "a.pdf", signed(level))
    kind, message = failure(source, tmp_path / "out" / "a.pdf")
    assert kind is FailureKind.UNSUPPORTED
    assert message == "certified by a digital signature that allows no annotations"


def test_a_signed_file_that_could_only_be_written_anew_is_left_alone(tmp_path: Path) -> None:
    whole = make(tmp_path / "whole.pdf", signed(None))
    damaged = tmp_path / "in" / "a.pdf"
    damaged.parent.mkdir()
    damaged.write_bytes(re.sub(rb"startxref\s+\d+", b"startxref\n7", whole.read_bytes()))
    kind, message = failure(damaged, tmp_path / "out" / "a.pdf")
    assert kind is FailureKind.UNSUPPORTED
    assert message.startswith("digitally signed and damaged")


def test_a_file_that_changed_is_not_given_the_marks_of_its_former_self(tmp_path: Path) -> None:
    (file,) = list_documents(make(tmp_path / "in" / "a.pdf"))
    with pytest.raises(DocumentError, match="changed"):
        write_marked_pdf(file, "0" * 64, (mark((10, 10, 50, 50)),), tmp_path / "out" / "a.pdf")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_full_disk_is_an_output_error_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(pdf: Any, *_: Any, **__: Any) -> None:
        raise pymupdf.mupdf.FzErrorSystem(f"cannot fwrite: {os.strerror(errno.ENOSPC)}")

    source = make(tmp_path / "in" / "a.pdf")
    monkeypatch.setattr(pymupdf.Document, "save", full)
    with pytest.raises(OutputError) as caught:
        mark_it(source, tmp_path / "out" / "a.pdf")
    assert "No space left on device" in caught.value.message
    assert caught.value.remedy == "Free some space or choose another folder."
    assert list((tmp_path / "out").iterdir()) == []
