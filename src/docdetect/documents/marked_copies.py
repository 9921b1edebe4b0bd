"""A copy of a PDF with marks as annotations that every viewer lists, the pages themselves untouched.

The annotations are appended to the file as it is (an incremental update), so that what was there stays byte for byte
and digital signatures keep covering it. Only a file whose structure had to be repaired is written anew; its streams
are copied as they are.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymupdf

from docdetect.documents.pdf import PdfDocument, pdf_failure
from docdetect.documents.reader import Opener, document_error, open_document
from docdetect.documents.sources import DocumentFile
from docdetect.files import output_errors
from docdetect.types import FailureKind

_LINE_FRAC = 1 / 500  # of the page's long side
_MIN_LINE_PT = 1.0
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
    box_pt: tuple[float, float, float, float]
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
    copy = target.with_name(f".{sha256[:24]}.tmp")  # of a length that never exceeds what file systems allow
    anew = target.with_name(f".{sha256[:24]}.new.tmp")
    try:
        with output_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
        if _copied(file, copy) != sha256:
            raise document_error(file.path, FailureKind.UNREADABLE, "the file changed while it was read")
        finished = _marked(DocumentFile(copy, file.name, file.kind), anew, marks, opener) if marks else copy
        with output_errors(target):
            with finished.open("rb") as stream:
                os.fsync(stream.fileno())
            finished.replace(target)
    finally:
        copy.unlink(missing_ok=True)
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
            for mark in marks:
                _annotate(pdf[mark.page - 1], mark)
            _save(pdf, copy.path, None if appendable else anew)
        except OSError as error:
            with output_errors(copy.path):
                raise error
        except Exception as error:  # hostile bytes reach unguarded code of the library
            failure = pdf_failure(error)
            raise document_error(copy.path, failure.kind, failure.message) from error
    return copy.path if appendable else anew


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


def _annotate(page: Any, mark: PdfMark) -> None:
    line_pt = max(_MIN_LINE_PT, _LINE_FRAC * max(page.rect.width, page.rect.height))
    left, top, right, bottom = mark.box_pt
    shown = pymupdf.Rect(left - line_pt, top - line_pt, right + line_pt, bottom + line_pt)  # a frame around the mark
    shown = shown & pymupdf.Rect(0, 0, page.rect.width, page.rect.height)
    annotation = page.add_rect_annot(shown * page.derotation_matrix)
    annotation.set_info(title=mark.title, content=mark.content)
    annotation.set_colors(stroke=[value / 255 for value in mark.rgb])
    annotation.set_border(width=line_pt / _user_unit(page))
    annotation.update()


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
