"""A copy of a PDF with marks as annotations that every viewer lists, the pages themselves untouched.

The annotations are appended to the file as it is (an incremental update), so that what was there stays byte for byte
and digital signatures keep covering it. Only a file whose structure had to be repaired is written anew; its streams
are copied as they are.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import pymupdf

from docdetect.documents.document import document_error
from docdetect.documents.pdf import PdfDocument, has_utf8_name, pdf_failure
from docdetect.documents.pdf_annotations import OWN_MARK_NAME, is_own_mark
from docdetect.documents.reader import Opener, open_document
from docdetect.documents.sources import DocumentFile
from docdetect.errors import OutputError
from docdetect.files import output_errors, staged_file
from docdetect.types import FailureKind

BoxPt: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom in points of the page as displayed, origin top left."""

# Width of a frame's line as a share of the page's long side.
_LINE_FRAC = 1 / 500
_MIN_LINE_PT = 1.0
# A frame that is read back may differ from the wanted one by this many widths of its line: MuPDF grows its rectangle.
_SLACK_LINES = 1.5
_CHUNK_BYTES = 1 << 20
_ANNOTATIONS_ALLOWED = 3  # DocMDP: 1 allows no change, 2 filling in forms, 3 annotations too; 2 where it does not say


@dataclass(frozen=True)
class PdfMark:
    """One annotation.

    Attributes:
        page: number from 1.
        box_pt: left, top, right, bottom in points of the page as displayed, origin top left.
        title: what viewers show as the author.
        content: the text of the note.
        rgb: of its frame.
    """

    page: int
    box_pt: BoxPt
    title: str
    content: str
    rgb: tuple[int, int, int]


def write_marked_pdf(
    file: DocumentFile, sha256: str, marks: Sequence[PdfMark], target: Path, opener: Opener = open_document
) -> None:
    """Writes a copy of a PDF with marks as Square annotations, atomically; without marks the copy is byte for byte.

    Args:
        file: a PDF.
        sha256: hex digest that its content has to have: marks of another content would be wrong.
        marks: on its pages.
        target: the copy; an older one is replaced.
        opener: opens the PDF, also one that is encrypted; the copy stays encrypted as it was.

    Raises:
        DocumentError: damaged, encrypted, changed, or protected against annotations; `.failure` says which.
        OutputError: disk full, read-only, no permission.
    """
    if not has_utf8_name(target):
        raise OutputError(
            f"{target!r}: PDFs cannot be written below a name that is not UTF-8", "Choose another --output."
        )
    with staged_file(target) as copy:
        if _copied(file, copy) != sha256:
            raise document_error(file.path, FailureKind.UNREADABLE, "the file changed while it was read")
        if marks:
            anew = copy.with_name(f"{copy.name}.new.tmp")
            try:
                if _marked(DocumentFile(copy, file.name, file.kind), anew, marks, opener) == anew:
                    anew.replace(copy)
            finally:
                anew.unlink(missing_ok=True)


def _copied(file: DocumentFile, copy: Path) -> str:
    """Copies the file and returns the hex digest of what was copied."""
    digest = hashlib.sha256()
    try:
        source = file.path.open("rb")
    except OSError as error:
        message = f"cannot be read ({error.strerror or error})"
        raise document_error(file.path, FailureKind.UNREADABLE, message) from error
    with source, output_errors(copy), copy.open("wb") as stream:
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
            stream.write(chunk)
    return digest.hexdigest()


def _marked(copy: DocumentFile, anew: Path, marks: Sequence[PdfMark], opener: Opener) -> Path:
    """Adds the marks to the copy; returns the file that has them: the copy, or `anew` where it was written anew."""
    with opener(copy) as document:
        assert isinstance(document, PdfDocument)
        pdf = document.pdf
        appendable = bool(pdf.can_save_incrementally())
        _refuse_protected(pdf, copy.path, appendable)
        try:
            pages = {number: pdf[number - 1] for number in sorted({mark.page for mark in marks})}
            if pdf.get_sigflags() <= 0:  # a digital signature may cover what is there
                for page in pages.values():
                    _remove_older_marks(page)
            for position, mark in enumerate(marks):
                _annotate(pages[mark.page], mark, f"{OWN_MARK_NAME}{position}")
            _save(pdf, copy.path, None if appendable else anew)
        except OSError as error:
            with output_errors(copy.path):
                raise error
        except Exception as error:  # hostile bytes reach unguarded code of the library
            failure = pdf_failure(error)
            raise document_error(copy.path, failure.kind, failure.message) from error
    finished = copy if appendable else replace(copy, path=anew)
    _check_frames(finished, marks, opener)
    return finished.path


def _check_frames(finished: DocumentFile, marks: Sequence[PdfMark], opener: Opener) -> None:
    """Reads the written file back. Raises DocumentError where a frame does not stand around its mark."""
    with opener(finished) as document:
        assert isinstance(document, PdfDocument)
        try:
            pages = {number: document.pdf[number - 1] for number in {mark.page for mark in marks}}
            framed = {name: box for page in pages.values() for name, box in _frames(page)}
            wrong = [
                mark
                for position, mark in enumerate(marks)
                if not _is_around(framed.get(f"{OWN_MARK_NAME}{position}"), mark, pages[mark.page])
            ]
        except Exception as error:  # hostile bytes reach unguarded code of the library
            failure = pdf_failure(error)
            raise document_error(finished.path, failure.kind, failure.message) from error
    if wrong:
        message = f"{len(wrong)} of {len(marks)} frames would not stand where their marks are (page {wrong[0].page})"
        raise document_error(finished.path, FailureKind.UNSUPPORTED, message)


def _frames(page: Any) -> Iterator[tuple[str, BoxPt]]:
    """Name and box, in points of the displayed page, of every frame that docdetect added to a page."""
    low = pymupdf.mupdf
    for annotation in _annotations(_low_page(page)):
        name = low.pdf_to_text_string(low.pdf_dict_gets(low.pdf_annot_obj(annotation), "NM"))
        if name.startswith(OWN_MARK_NAME):
            box = low.pdf_annot_rect(annotation)  # through the very matrix that draws the page
            yield name, (box.x0, box.y0, box.x1, box.y1)


def _is_around(frame: BoxPt | None, mark: PdfMark, page: Any) -> bool:
    slack = _SLACK_LINES * _line_pt(page)
    return frame is not None and all(
        abs(is_at - should) <= slack for is_at, should in zip(frame, _frame_box(mark, page), strict=True)
    )


def _refuse_protected(pdf: Any, path: Path, appendable: bool) -> None:
    """Raises DocumentError where annotations are forbidden or would break a digital signature."""
    if not pdf.permissions & pymupdf.PDF_PERM_ANNOTATE:
        raise document_error(path, FailureKind.ENCRYPTED, "its permissions forbid annotations")
    if pdf.get_sigflags() > 0 and not appendable:
        message = "digitally signed and damaged: it could only be written anew, which would break the signature"
        raise document_error(path, FailureKind.UNSUPPORTED, message)
    allowed = _certified_for(pdf)
    if allowed is not None and allowed < _ANNOTATIONS_ALLOWED:
        message = "certified by a digital signature that allows no annotations"
        raise document_error(path, FailureKind.UNSUPPORTED, message)


def _certified_for(pdf: Any) -> int | None:
    """Which changes the certifying signature allows (the P of DocMDP, 1 to 3); None where there is none."""
    low = pymupdf.mupdf
    signature = low.pdf_dict_getp(low.pdf_trailer(pymupdf._as_pdf_document(pdf)), "Root/Perms/DocMDP")
    if not low.pdf_is_dict(signature):
        return None
    reference = low.pdf_array_get(low.pdf_dict_gets(signature, "Reference"), 0)
    level = low.pdf_dict_getp(reference, "TransformParams/P")
    return int(low.pdf_to_int(level)) if low.pdf_is_int(level) else _ANNOTATIONS_ALLOWED - 1


def _annotations(page: Any) -> Iterator[Any]:
    """MuPDF's annotations of MuPDF's page; the one that was given last may be deleted."""
    low = pymupdf.mupdf
    annotation = low.pdf_first_annot(page)
    while annotation.m_internal:
        following = low.pdf_next_annot(annotation)
        yield annotation
        annotation = following


def _low_page(page: Any) -> Any:
    """MuPDF's own object of PyMuPDF's page.

    PyMuPDF's functions take milliseconds for each annotation, and its coordinates are wrong on a turned page with a
    UserUnit.
    """
    return pymupdf.mupdf.pdf_page_from_fz_page(page.this)


def _remove_older_marks(page: Any) -> None:
    """Takes the frames of an earlier marked copy off a page: the new frames stand for them."""
    low, low_page = pymupdf.mupdf, _low_page(page)
    for annotation in _annotations(low_page):
        if is_own_mark(low.pdf_annot_obj(annotation)):
            low.pdf_delete_annot(low_page, annotation)


def _annotate(page: Any, mark: PdfMark, name: str) -> None:
    low = pymupdf.mupdf
    annotation = low.pdf_create_annot(_low_page(page), low.PDF_ANNOT_SQUARE)
    low.pdf_set_annot_rect(annotation, low.FzRect(*_frame_box(mark, page)))
    low.pdf_set_annot_flags(annotation, low.PDF_ANNOT_IS_PRINT)
    low.pdf_set_annot_author(annotation, mark.title)
    low.pdf_set_annot_contents(annotation, mark.content)
    low.pdf_set_annot_color(annotation, [value / 255 for value in mark.rgb])
    low.pdf_set_annot_border_width(annotation, _line_pt(page) / _user_unit(page))
    low.pdf_dict_puts(low.pdf_annot_obj(annotation), "NM", low.pdf_new_text_string(name))
    low.pdf_update_annot(annotation)


def _frame_box(mark: PdfMark, page: Any) -> BoxPt:
    """The box of the frame around a mark, in points of the displayed page, within that page."""
    left, top, right, bottom = mark.box_pt
    line_pt = _line_pt(page)
    return (
        max(left - line_pt, 0.0),
        max(top - line_pt, 0.0),
        min(right + line_pt, float(page.rect.width)),
        min(bottom + line_pt, float(page.rect.height)),
    )


def _line_pt(page: Any) -> float:
    return max(_MIN_LINE_PT, _LINE_FRAC * float(max(page.rect.width, page.rect.height)))


def _user_unit(page: Any) -> float:
    """Points of the displayed page that a unit of the page's own coordinates takes."""
    kind, value = page.parent.xref_get_key(page.xref, "UserUnit")
    unit = float(value) if kind in ("int", "real") else 1.0
    return unit if unit > 0 else 1.0


def _save(pdf: Any, copy: Path, anew: Path | None) -> None:
    """Appends to the copy, or writes `anew`. Raises OSError for the disk, and what MuPDF raises for the document."""
    keep = pymupdf.PDF_ENCRYPT_KEEP
    try:
        if anew is None:
            pdf.save(copy, incremental=True, encryption=keep, no_new_id=True)
        else:
            pdf.save(anew, garbage=0, deflate=False, encryption=keep, no_new_id=True)
    except pymupdf.mupdf.FzErrorSystem as error:
        is_full = os.strerror(errno.ENOSPC) in str(error)
        code = errno.ENOSPC if is_full else errno.EIO
        raise OSError(code, os.strerror(code) if is_full else str(error)) from error
