"""What a PDF holds that is on none of its pages: attached files, and forms that only Adobe's programs draw."""

from __future__ import annotations

from typing import Any

import pymupdf

from docdetect.types import Note, NoteKind


def unseen_content(pdf: Any) -> tuple[Note, ...]:
    """Notes about content of PyMuPDF's `pdf` that drawing its pages does not show.

    An XFA form counts where its pages are made while it is displayed (the file says that it needs rendering, or its
    form has no fields of its own): what stands in the file is a page that asks for another program. A portfolio is a
    cover page with the real documents attached.
    """
    try:
        return tuple(_notes(pdf))
    except pymupdf.mupdf.FzErrorBase:  # a damaged catalogue: the pages may be sound all the same
        return ()


def _notes(pdf: Any) -> list[Note]:
    low = pymupdf.mupdf
    catalogue = low.pdf_dict_gets(low.pdf_trailer(pymupdf._as_pdf_document(pdf)), "Root")
    form = low.pdf_dict_gets(catalogue, "AcroForm")
    notes = []
    if _is_there(low.pdf_dict_gets(form, "XFA")):
        needs_rendering = low.pdf_to_bool(low.pdf_dict_gets(catalogue, "NeedsRendering"))
        if needs_rendering or not low.pdf_array_len(low.pdf_dict_gets(form, "Fields")):
            notes.append(Note(NoteKind.XFA_FORM))
    attached = int(pdf.embfile_count())
    if low.pdf_is_dict(low.pdf_dict_gets(catalogue, "Collection")):
        notes.append(Note(NoteKind.PORTFOLIO, attached))
    elif attached:
        notes.append(Note(NoteKind.ATTACHMENTS, attached))
    return notes


def _is_there(value: Any) -> bool:
    low = pymupdf.mupdf
    return bool(low.pdf_is_array(value) or low.pdf_is_stream(value))
