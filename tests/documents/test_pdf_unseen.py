"""What is to be known about a PDF beside its pages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymupdf
import pytest

from docdetect.documents.batches import DocumentOutcome, iter_rendered
from docdetect.documents.reader import open_document
from docdetect.documents.sizes import LongSide
from docdetect.documents.sources import list_documents
from docdetect.types import Note, NoteKind
from docdetect.workers.parts import WorkerSettings

Edit = Callable[[Any], None]


def make(path: Path, *edits: Edit) -> Path:
    with pymupdf.open() as pdf:
        for number in range(3):
            pdf.new_page(width=200, height=300).insert_text((20, 40), f"page {number}")
        for edit in edits:
            edit(pdf)
        pdf.save(path)
    return path


def attach(pdf: Any) -> None:
    pdf.embfile_add(f"contract {pdf.embfile_count()}", b"content", filename="contract.pdf")


def portfolio(pdf: Any) -> None:
    pdf.xref_set_key(pdf.pdf_catalog(), "Collection", "<</View/D>>")


def xfa_form(*, fields: bool, dynamic: bool) -> Edit:
    def edit(pdf: Any) -> None:
        xref = pdf.get_new_xref()
        pdf.update_object(xref, "<<>>")
        pdf.update_stream(xref, b"<xdp/>")
        listed = "[<</FT/Tx/T(a)>>]" if fields else "[]"
        pdf.xref_set_key(pdf.pdf_catalog(), "AcroForm", f"<</XFA {xref} 0 R/Fields{listed}>>")
        if dynamic:
            pdf.xref_set_key(pdf.pdf_catalog(), "NeedsRendering", "true")

    return edit


def notes_of(path: Path, workers: int = 0) -> tuple[Note, ...]:
    files = list_documents(path)
    outcomes = list(iter_rendered(files, LongSide(50), WorkerSettings(workers)))
    assert isinstance(outcomes[-1], DocumentOutcome)
    return outcomes[-1].notes


@pytest.mark.parametrize(
    ("edits", "notes"),
    [
        ((), ()),
        ((attach,), (Note(NoteKind.ATTACHMENTS, 1),)),
        ((attach, attach), (Note(NoteKind.ATTACHMENTS, 2),)),
        ((attach, portfolio), (Note(NoteKind.PORTFOLIO, 1),)),
        ((xfa_form(fields=True, dynamic=False),), ()),
        ((xfa_form(fields=False, dynamic=False),), (Note(NoteKind.XFA_FORM),)),
        ((xfa_form(fields=True, dynamic=True), attach), (Note(NoteKind.XFA_FORM), Note(NoteKind.ATTACHMENTS, 1))),
    ],
)
def test_content_that_is_on_no_page_is_noted(tmp_path: Path, edits: tuple[Edit, ...], notes: tuple[Note, ...]) -> None:
    path = make(tmp_path / "a.pdf", *edits)
    assert notes_of(path) == notes
    with open_document(list_documents(path)[0]) as document:
        assert document.notes == notes


@pytest.mark.parametrize("workers", [0, 1])
def test_a_pdf_that_had_to_be_repaired_says_so(tmp_path: Path, workers: int) -> None:
    path = make(tmp_path / "a.pdf")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 8 // 10])
    make(tmp_path / "sound.pdf")
    assert notes_of(path, workers) == (Note(NoteKind.REPAIRED),)
    outcomes = iter_rendered(list_documents(tmp_path), LongSide(50), WorkerSettings(workers))
    notes = [outcome.notes for outcome in outcomes if isinstance(outcome, DocumentOutcome)]
    assert notes == [(Note(NoteKind.REPAIRED),), ()]


def test_notes_are_sentences() -> None:
    assert Note(NoteKind.ATTACHMENTS, 1).message == "holds 1 attached file that was not opened"
    assert Note(NoteKind.ATTACHMENTS, 3).message == "holds 3 attached files that were not opened"
    assert [kind for kind in NoteKind if not Note(kind).leaves_doubt] == [NoteKind.ATTACHMENTS]
