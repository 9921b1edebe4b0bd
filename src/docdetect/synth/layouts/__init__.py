"""Kinds of documents, each a function that lays out one page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from docdetect.synth.fonts import FontBook
from docdetect.synth.layouts import contract, form, letter, showpiece, tables
from docdetect.synth.layouts.draft import Draft, new_draft
from docdetect.synth.text import Writer


@dataclass(frozen=True)
class Layout:
    """A kind of document: who draws it, and how often its sheet is landscape or A3."""

    draw: Callable[[Draft], None]
    landscape: float = 0.0
    large: float = 0.0


LAYOUTS = {
    "letter": Layout(letter.letter),
    "contract": Layout(contract.contract),
    "act": Layout(contract.act),
    "statute": Layout(contract.statute),
    "invoice": Layout(tables.invoice),
    "estimate": Layout(tables.estimate, landscape=0.75),
    "conditions": Layout(tables.conditions, landscape=0.05),
    "codes": Layout(tables.code_sheet),
    "form": Layout(form.form),
    "application": Layout(form.application),
    "certificate": Layout(showpiece.certificate, landscape=0.45),
    "cover": Layout(showpiece.cover),
    "drawing": Layout(showpiece.drawing, landscape=0.8, large=0.6),
}


def lay_out(name: str, writer: Writer, fonts: FontBook) -> Draft:
    """A page of the kind `name` (a key of LAYOUTS), without marks."""
    layout = LAYOUTS[name]
    draft = new_draft(writer, fonts, landscape=layout.landscape, large=layout.large)
    layout.draw(draft)
    return draft
