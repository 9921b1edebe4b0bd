"""Kinds of documents. Each kind has a function that lays out one page of it on a `draft.Draft`.

The functions are put together from the parts in `blocks.py` and `letterheads.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from docdetect.synth.fonts import FontBook
from docdetect.synth.layouts import certificate, contract, form, letter, manuscript, money, project, survey, tables
from docdetect.synth.layouts.draft import Draft, new_draft
from docdetect.synth.text import Writer


@dataclass(frozen=True)
class DocumentKind:
    """A kind of document.

    Attributes:
        lay_out: lays out a page of this kind on an empty draft.
        p_landscape: probability that the page is wider than high.
        p_a3: probability that the page is A3; other pages are A4, letter or legal.
        sizes_mm: sizes of the paper (width, height) where it has none of these formats, each equally likely.
    """

    lay_out: Callable[[Draft], None]
    p_landscape: float = 0.0
    p_a3: float = 0.0
    sizes_mm: tuple[tuple[float, float], ...] = ()


DOCUMENT_KINDS = {
    "letter": DocumentKind(letter.letter),
    "contract": DocumentKind(contract.contract),
    "act": DocumentKind(contract.act),
    "statute": DocumentKind(contract.statute),
    "invoice": DocumentKind(tables.invoice),
    "estimate": DocumentKind(tables.estimate, p_landscape=0.75),
    "conditions": DocumentKind(tables.conditions, p_landscape=0.05),
    "codes": DocumentKind(tables.code_sheet),
    "form": DocumentKind(form.form),
    "application": DocumentKind(form.application),
    "certificate": DocumentKind(certificate.certificate, p_landscape=0.45),
    "cover": DocumentKind(project.cover),
    "drawing": DocumentKind(project.drawing, p_landscape=0.8, p_a3=0.6),
    "plat": DocumentKind(survey.plat, sizes_mm=survey.SHEETS_MM),
    "cheque": DocumentKind(money.cheque, sizes_mm=money.CHEQUES_MM),
    "receipt": DocumentKind(money.receipt, sizes_mm=money.RECEIPTS_MM),
    "manuscript": DocumentKind(manuscript.manuscript),
    "book": DocumentKind(manuscript.book_page, sizes_mm=manuscript.BOOK_PAGES_MM),
}


def lay_out_page(name: str, writer: Writer, fonts: FontBook) -> Draft:
    """Lays out a page, without marks.

    Args:
        name: kind of document, a key of DOCUMENT_KINDS.
        writer: writes the text, and holds the random generator that decides everything.
        fonts: font faces for the text.
    """
    kind = DOCUMENT_KINDS[name]
    draft = new_draft(writer, fonts, p_landscape=kind.p_landscape, p_a3=kind.p_a3, sizes_mm=kind.sizes_mm)
    kind.lay_out(draft)
    return draft
