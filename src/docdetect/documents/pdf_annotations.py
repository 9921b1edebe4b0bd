"""Which annotations of a PDF page are drawn: those that a viewer shows, without the frames that docdetect added itself.

MuPDF draws an arrow of its own, with the word SIGN, over every signature field without a value, in place of the
appearance that the file gives the field; no viewer shows that arrow. And a copy of a PDF that docdetect marked may come
back as a document: its frames would be looked at as if they were part of the page.

All changes are made to the open document in memory; the file stays as it is.
"""

from __future__ import annotations

import re
from typing import Any

import pymupdf

OWN_MARK_NAME = "docdetect-mark-"
"""What the name (`NM`) of every annotation begins with that docdetect adds to a copy of a PDF."""

_CONTENTS_OF_OLD_MARKS = re.compile(r"confidence [01]\.\d\d(\s.*)?", re.DOTALL)
"""What the note of a frame says in copies that were made before annotations had names of their own."""


def show_as_viewers_do(pdf: Any, number: int) -> None:
    """Prepares page `number` (from 1) of PyMuPDF's `pdf` for drawing; to be called before the page is loaded.

    Signature fields without a value are shown with the appearance that the file gives them, or not at all. Frames of
    docdetect's own are taken off the page.

    Raises:
        Whatever PyMuPDF raises for a damaged document.
    """
    low = pymupdf.mupdf
    page = low.pdf_lookup_page_obj(pymupdf._as_pdf_document(pdf), number - 1)
    annotations = low.pdf_dict_gets(page, "Annots")
    for position in reversed(range(low.pdf_array_len(annotations))):
        annotation = low.pdf_array_get(annotations, position)
        if is_own_mark(annotation):
            low.pdf_array_delete(annotations, position)
        elif _is_unsigned_field(annotation):
            # A signature field that has a value is drawn as viewers draw it: with its appearance, or not at all.
            low.pdf_dict_puts(low.pdf_dict_puts_dict(annotation, "V", 1), "Type", low.pdf_new_name("Sig"))


def _is_unsigned_field(annotation: Any) -> bool:
    """Whether an annotation is the widget of a signature field that nobody has signed."""
    low = pymupdf.mupdf
    if low.pdf_to_name(low.pdf_dict_gets(annotation, "Subtype")) != "Widget":
        return False
    if low.pdf_to_name(low.pdf_dict_gets_inheritable(annotation, "FT")) != "Sig":
        return False
    return not low.pdf_is_dict(low.pdf_dict_gets_inheritable(annotation, "V"))


def is_own_mark(annotation: Any) -> bool:
    """Whether an annotation, MuPDF's object, is a frame that docdetect added."""
    low = pymupdf.mupdf
    if low.pdf_to_name(low.pdf_dict_gets(annotation, "Subtype")) != "Square":
        return False
    if low.pdf_to_text_string(low.pdf_dict_gets(annotation, "NM")).startswith(OWN_MARK_NAME):
        return True
    contents = low.pdf_to_text_string(low.pdf_dict_gets(annotation, "Contents"))
    return _CONTENTS_OF_OLD_MARKS.fullmatch(contents) is not None
